"""What a visitor, the operator and the exchange see, second by second, each by the way they have in life."""

import asyncio
import json
import re
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx

from tests.chaos.machine import Machine
from tests.chaos.table import NOTHING
from tests.integration.deploy.proxy import DOMAIN
from tests.performance import viewer

VISIT_S = 3.0
WELL = "page 200: All systems OK"


@dataclass
class Seen:
    """Rows of (monotonic seconds, what was seen); of visitor and health a row only where it changed."""

    visitor: list[tuple[float, str]] = field(default_factory=list)
    health: list[tuple[float, str]] = field(default_factory=list)
    creates: list[tuple[float, int]] = field(default_factory=list)
    cycles: list[tuple[float, str | None]] = field(default_factory=list)
    traces: list[str] = field(default_factory=list)


@contextmanager
def watching(on: Machine) -> Iterator[Seen]:
    """Look once a second (health, ledger, log) and as often as a visit takes, until the block ends."""
    seen, stop = Seen(), threading.Event()
    log = (on.folder / "log" / "trader.log").open("rb")
    half = [b""]

    def every(pause_s: float, look: Callable[[], None]) -> threading.Thread:
        def loop() -> None:
            while not stop.is_set():
                look()
                stop.wait(pause_s)

        thread = threading.Thread(target=loop, daemon=True)
        thread.start()
        return thread

    def cycles() -> None:
        *lines, half[0] = (half[0] + log.read()).split(b"\n")
        for line in lines:
            if b'"cycle_finished"' in line:
                seen.cycles.append((time.monotonic(), json.loads(line)["error"]))

    def look() -> None:
        cycles()
        seen.creates.append((time.monotonic(), len(on.ledger()["orders"])))
        _changed(seen.health, _health(on))

    def visit() -> None:
        _changed(seen.visitor, _visit(on, seen))

    threads = [every(1.0, look), every(1.0, visit)]
    try:
        yield seen
    finally:
        stop.set()
        for thread in threads:
            thread.join(30)
        log.close()


def _changed(rows: list[tuple[float, str]], words: str) -> None:
    if not rows or rows[-1][1] != words:
        rows.append((time.monotonic(), words))


def _health(on: Machine) -> str:
    """The API's health: ``ok``, or each component that is not with its message; or why there is none."""
    try:
        answer = httpx.get(f"http://127.0.0.1:{on.ports['api']}/v1/health", timeout=8)
    except httpx.HTTPError as error:
        return f"no answer ({type(error).__name__})"
    said = answer.json()
    if "components" not in said:
        return f"{answer.status_code}: {said['detail']}"
    bad = [c for c in said["components"] if c["status"] != "ok"]
    return "; ".join(f"{c['component']} {c['status']}: {c['message']}" for c in bad) or "ok"


def _visit(on: Machine, seen: Seen) -> str:
    """A new visitor comes through the proxy, opens the page and its socket; the top line in words."""
    tls = ssl.create_default_context(cafile=str(on.folder / "nginx" / "cert.pem"))
    tls.check_hostname = False
    target = viewer.Target("127.0.0.1", on.ports["https"], DOMAIN, tls)
    crowd = asyncio.run(viewer.come(target, 1, spread_s=0, stay_s=VISIT_S))
    seen.traces += crowd.traces
    if crowd.errors:
        return f"no page: {_plain(next(iter(crowd.errors)))}"
    head = _plain(crowd.heads[0]) if crowd.heads else ""
    return f"page 200: {head or NOTHING}"


def _plain(html: str) -> str:
    """Words alone: no tags, no clock, no port, none of the sentence that stands there on every good day."""
    text = re.sub(r"<[^>]+>", " ", html)
    text = re.sub(r"\b\d\d:\d\d(:\d\d)?( [A-Z]{3})?\b|\b[A-Z]{2,3}T\b|UTC|\('127\.0\.0\.1', \d+\)", "", text)
    text = text.replace("Practice exchange Orders go to Kalshi’s practice market. No real money.", "")
    return " ".join(re.sub(r"\s+([.,])", r"\1", text).split())
