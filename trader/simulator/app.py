"""The server's application: one ASGI callable that routes, verifies, injects faults, counts and logs."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import replace
from datetime import datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from trader.simulator.control import Control, RequestLog
from trader.simulator.ensemble import Ensemble
from trader.simulator.exchange import Exchange
from trader.simulator.faults import FaultKind
from trader.simulator.http import Answer, Request, Route, Router, answer
from trader.simulator.limits import Buckets
from trader.simulator.market_data import BASE, MarketData
from trader.simulator.mischief import Mischief
from trader.simulator.portfolio import Portfolio
from trader.simulator.refusals import Refused, not_found, too_many_requests
from trader.simulator.signatures import KEY_HEADER, PublicKey, verify
from trader.simulator.spoiled import NoReply, spoil
from trader.simulator.weather import Weather

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

HANG_S, TRICKLE_S = 60.0, 0.2
"""Longest real time a timed-out call is left waiting before its connection is cut; between two bytes."""

TRANSPORTS: dict[tuple[str, int, int], asyncio.Transport] = {}
"""Open connections by the peer's address and our port, so that a fault can cut one."""


class Simulator:
    """The whole service on one world, one account, one clock; one event loop owns all state.

    ``elapsed`` is the clock of the request budget in seconds; without one, requests are not limited.
    """

    def __init__(
        self,
        exchange: Exchange,
        keys: Mapping[str, PublicKey],
        log_file: Path | None = None,
        elapsed: Callable[[], float] | None = None,
    ) -> None:
        self.exchange, self._keys, self._log_file = exchange, keys, log_file
        self.faults, self._log = exchange.faults, RequestLog()
        self._buckets = Buckets(elapsed)
        world = exchange.world
        parts = (
            MarketData(exchange),
            Portfolio(exchange, Mischief(exchange)),
            Weather(world, exchange.clock.now, self.faults),
            Ensemble(world, lambda: self.faults.known_at("weather_ensemble", exchange.clock.now())),
            Control(exchange, self.faults, self._log),
        )
        self._router = Router(tuple(route for part in parts for route in part.routes()))
        self._log_stream = log_file.open("a", encoding="utf-8", buffering=1) if log_file else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._lifespan(receive, send)
            return
        request = Request(
            method=scope["method"],
            path=scope["path"],
            query=dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)),
            headers={name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]},
            body=await _body(receive),
        )
        reply = self.respond(request)
        if isinstance(reply, NoReply):
            await _abandon(scope, receive, send, reply)
        else:
            await self._send(send, reply)

    def respond(self, request: Request) -> Answer | NoReply:
        """Do what one request asks, or what a planned fault makes of it; counted and logged."""
        found = self._router.find(request.method, request.path)
        if found is None:
            self._record(request, 404)
            return self._dated(_refusal(not_found()))
        route, params = found
        fault = self.faults.next(route.operation, self.exchange.clock.now())
        if fault is None:
            reply: Answer | NoReply = self._dated(self._handle(route, _with(request, params)))
        else:
            is_done = fault.kind.is_applied_first
            right = self._dated(self._handle(route, _with(request, params))) if is_done else None
            reply = spoil(fault.kind, right, self.faults.random)
            reply = reply if isinstance(reply, NoReply) else self._dated(reply)
        self._log.add(route, KEY_HEADER in request.headers)
        self._record(request, 0 if isinstance(reply, NoReply) else reply.status)
        return reply

    def _now_there(self) -> datetime:
        """The exchange's own clock, which may differ from the world's."""
        now = self.exchange.clock.now()
        offset = self.faults.on(FaultKind.CLOCK_OFFSET, "*", now)
        if offset is None:
            return now
        offset.fired += 1
        return now + timedelta(seconds=offset.value)

    def _dated(self, reply: Answer) -> Answer:
        """Add the exchange's date, because clients measure their skew by it."""
        if reply.headers and reply.headers[0][0] == "date":
            return reply
        return replace(
            reply, headers=(("date", format_datetime(self._now_there(), usegmt=True)), *reply.headers)
        )

    def _handle(self, route: Route, request: Request) -> Answer:
        try:
            if route.is_signed or (KEY_HEADER in request.headers and request.path.startswith(BASE)):
                verify(self._keys, request.method, request.path, request.headers, self._now_there())
                if not self._buckets.take(route.operation, is_write=request.method != "GET"):
                    raise too_many_requests()
            return route.handler(request)
        except Refused as refused:
            return _refusal(refused)

    async def _send(self, send: Send, reply: Answer) -> None:
        length = str(len(reply.body))
        headers = [("content-type", reply.content_type), ("content-length", length), *reply.headers]
        if reply.status == 204:
            headers = [*reply.headers]
        encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        await send({"type": "http.response.start", "status": reply.status, "headers": encoded})
        await send({"type": "http.response.body", "body": reply.body})

    def _record(self, request: Request, status: int) -> None:
        if self._log_stream is not None:
            at = self.exchange.clock.now().isoformat()
            row = {"method": request.method, "path": request.path, "status": status, "at": at}
            self._log_stream.write(json.dumps(row) + "\n")

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                if self._log_stream is not None:
                    self._log_stream.close()
                return

    @property
    def operations(self) -> frozenset[str]:
        """Names by which a fault file can address the calls of outside clients."""
        return frozenset(
            route.operation for route in self._router.routes if not route.template.startswith("/sim/")
        )


async def _body(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


def _with(request: Request, params: Mapping[str, str]) -> Request:
    return Request(request.method, request.path, request.query, request.headers, request.body, params)


def _refusal(refused: Refused) -> Answer:
    return answer(refused.status, refused.body)


async def _abandon(scope: Scope, receive: Receive, send: Send, reply: NoReply) -> None:
    """Never answer, or not to the end: cut the connection at once, or when the caller waited long enough."""
    transport = TRANSPORTS.get((*scope["client"], scope["server"][1]))

    async def gone() -> None:
        while (await receive())["type"] != "http.disconnect":
            await asyncio.sleep(0)

    async def trickle(body: bytes) -> None:
        for byte in body:
            await send({"type": "http.response.body", "body": bytes([byte]), "more_body": True})
            await asyncio.sleep(TRICKLE_S)

    if reply.begun is not None:
        head = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % (len(reply.begun.body) + 1)),
        ]
        await send({"type": "http.response.start", "status": reply.begun.status, "headers": head})
        half = reply.begun.body[: len(reply.begun.body) // 2] if reply.at_once else b""
        await send({"type": "http.response.body", "body": half, "more_body": True})
    at_once = reply.at_once
    if not at_once:
        slow = asyncio.ensure_future(trickle(reply.begun.body)) if reply.begun else None
        try:
            await asyncio.wait_for(gone(), HANG_S)
        except TimeoutError:
            at_once = True
        if slow is not None:
            slow.cancel()
    if at_once and transport is not None:
        if reply.begun is not None:
            await asyncio.sleep(0.01)  # what was sent leaves before the cut
        transport.abort()
        await gone()
