"""The server's application: one ASGI callable that routes, verifies, injects faults, counts and logs."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, replace
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from trader.simulator.control import Control, RequestLog
from trader.simulator.ensemble import Ensemble
from trader.simulator.exchange import Exchange
from trader.simulator.faults import Fault, FaultKind, Faults
from trader.simulator.http import Answer, Request, Route, Router, answer
from trader.simulator.market_data import BASE, MarketData
from trader.simulator.portfolio import Portfolio
from trader.simulator.refusals import Refused, not_found, too_many_requests
from trader.simulator.signatures import KEY_HEADER, PublicKey, verify
from trader.simulator.weather import Weather

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

HANG_S = 60.0
"""Longest real time a timed-out call is left waiting before its connection is cut."""

TRANSPORTS: dict[tuple[str, int, int], asyncio.Transport] = {}
"""Open connections by the peer's address and our port, so that a fault can cut one."""


@dataclass(frozen=True, slots=True)
class NoReply:
    """The caller gets nothing: its connection is cut at once, or after it waited as long as it would."""

    at_once: bool


class Simulator:
    """The whole service on one world, one account, one clock; one event loop owns all state."""

    def __init__(
        self, exchange: Exchange, keys: Mapping[str, PublicKey], faults: list[Fault], log_file: Path | None
    ) -> None:
        self.exchange, self._keys, self._log_file = exchange, keys, log_file
        self._faults, self._log = Faults(faults), RequestLog()
        world, now = exchange.world, exchange.clock.now
        control = Control(exchange, self._faults, self._log)
        parts = (
            MarketData(exchange),
            Portfolio(exchange),
            Weather(world, now),
            Ensemble(world, now),
            control,
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
            await _abandon(scope, receive, at_once=reply.at_once)
        else:
            await self._send(send, reply)

    def respond(self, request: Request) -> Answer | NoReply:
        """Do what one request asks, or what a planned fault makes of it; counted and logged."""
        found = self._router.find(request.method, request.path)
        if found is None:
            self._record(request, 404)
            return self._dated(_refusal(not_found()))
        route, params = found
        fault = self._faults.next(route.operation)
        reply: Answer | None = None
        if fault is None or fault.is_applied_first:
            reply = self._handle(route, _with(request, params))
        if fault is not None:
            reply = _spoiled(fault)
        self._log.add(route, KEY_HEADER in request.headers)
        self._record(request, reply.status if reply else 0)
        return NoReply(at_once=fault is FaultKind.DROP_CONNECTION) if reply is None else self._dated(reply)

    def _dated(self, reply: Answer) -> Answer:
        """Add the world's date, because clients measure their skew by it."""
        date = format_datetime(self.exchange.clock.now(), usegmt=True)
        return replace(reply, headers=(("date", date), *reply.headers))

    def _handle(self, route: Route, request: Request) -> Answer:
        try:
            if route.is_signed or (KEY_HEADER in request.headers and request.path.startswith(BASE)):
                verify(self._keys, request.method, request.path, request.headers, self.exchange.clock.now())
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

    def plan(self, faults: list[Fault]) -> None:
        """Add faults before the first request."""
        self._faults.planned.extend(faults)


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


def _spoiled(fault: FaultKind) -> Answer | None:
    """Return the wrong answer of a fault, or None when there is none at all."""
    if fault in (FaultKind.HTTP_500, FaultKind.HTTP_500_AFTER_ACCEPT):
        return answer(500, {"error": {"code": "internal_server_error", "message": "internal server error"}})
    if fault is FaultKind.HTTP_429:
        return _refusal(too_many_requests())
    if fault is FaultKind.HTML_BODY:
        return Answer(200, b"<html><body>upstream gateway</body></html>", "text/html")
    return None


async def _abandon(scope: Scope, receive: Receive, at_once: bool) -> None:
    """Never answer: cut the connection at once, or when the caller gave up or waited too long."""
    transport = TRANSPORTS.get((*scope["client"], scope["server"][1]))

    async def gone() -> None:
        while (await receive())["type"] != "http.disconnect":
            await asyncio.sleep(0)

    if not at_once:
        try:
            await asyncio.wait_for(gone(), HANG_S)
        except TimeoutError:
            at_once = True
    if at_once and transport is not None:
        transport.abort()
        await gone()
