"""A ten-city cycle, highs and lows, on real sockets and a durable Postgres, against what it cannot spare.

Primitives, measured right after the cycle they belong to, each done bare and once: the requests it sent (a
plain httpx client, one after the other, body read as JSON), the statements it ran (an empty round trip each;
the bytes of their values written in as many commits), its inputs and plan as JSON (json.dumps and sha256),
and the decision itself, which is a function of its inputs.
"""

import hashlib
import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

import httpx
import psycopg

from tests.integration.world import EVENING, settings_for, step
from tests.performance.measured import Measured
from tests.performance.orders import fresh_database, simulator_at_evening
from trader.adapters import wire
from trader.app import postgres
from trader.app.clock import SteppedClock
from trader.app.context import Trader
from trader.app.cycle import run_cycle
from trader.app.wiring import open_trader
from trader.core.cycle import plan_cycle
from trader.domain.canonical import canonical_json
from trader.simulator.limits import Buckets

MAX_RATIO = 4.0
CYCLES, WARM = 12, 2
INTERVAL = timedelta(minutes=5)
_EXCHANGE = "/trade-api/v2"
_TABLE = "create table if not exists public.bench_bytes (id bigint generated always as identity, body text)"


@dataclass
class Spent:
    """What one cycle asked of the world: requests as sent, statements, commits, characters of values.

    ``beyond`` counts requests that the exchange's own account of its budget would have refused.
    """

    buckets: Buckets
    beyond: int = 0
    requests: list[tuple[Any, ...]] = field(default_factory=list)
    statements: int = 0
    commits: int = 0
    size: int = 0

    def ask(self, request: tuple[Any, ...]) -> None:
        """Note one request; those of the exchange are paid for, each at the dearest price of a call."""
        self.requests.append(request)
        if _EXCHANGE in str(request[1]):
            self.beyond += not self.buckets.take("dearest", is_write=request[0] != "GET")

    def kinds(self) -> str:
        """Requests by what they asked for, most first."""
        paths = (urlsplit(str(request[1])).path.removeprefix(_EXCHANGE) for request in self.requests)
        named = Counter("/".join(p for p in path.strip("/").split("/")[:2] if p.islower()) for path in paths)
        return ", ".join(f"{name} {count}" for name, count in named.most_common())


@contextmanager
def watched(spent: Spent) -> Iterator[None]:
    """Note every request and statement of the block, whichever thread makes it."""
    carry, execute, commit = wire.Sockets.carry, psycopg.Cursor.execute, psycopg.Connection.commit
    executemany, write_row = psycopg.Cursor.executemany, psycopg.Copy.write_row

    def seen_carry(self: Any, *request: Any) -> Any:
        spent.ask(request)
        return carry(self, *request)

    def seen_execute(self: Any, query: Any, params: Any = None, **more: Any) -> Any:
        spent.statements += bool(query)  # the pool's own check of a connection is empty
        spent.size += len(str(params))
        return execute(self, query, params, **more)

    def seen_many(self: Any, query: Any, rows: Any, **more: Any) -> Any:
        rows = list(rows)
        spent.statements += len(rows) > 0
        spent.size += sum(len(str(row)) for row in rows)
        return executemany(self, query, rows, **more)

    def seen_row(self: Any, row: Any) -> Any:
        spent.size += len(str(row))
        return write_row(self, row)

    def seen_commit(self: Any) -> None:
        spent.commits += self.info.transaction_status == psycopg.pq.TransactionStatus.INTRANS
        commit(self)

    with (
        mock.patch.object(wire.Sockets, "carry", seen_carry),
        mock.patch.object(psycopg.Cursor, "execute", seen_execute),
        mock.patch.object(psycopg.Cursor, "executemany", seen_many),
        mock.patch.object(psycopg.Copy, "write_row", seen_row),
        mock.patch.object(psycopg.Connection, "commit", seen_commit),
    ):
        yield


def measure(server: postgres.Server, folder: Path) -> list[Measured]:
    """Return the cycle against its primitives, with a note of what it asked for.

    Waiting for the exchange's budget passes on the world's clock, so it is no part of the time.
    """
    urls = fresh_database(server, "bench_cycle")
    times, sums, all_spent = [], [], []
    with (
        simulator_at_evening(folder) as simulator,
        open_trader(
            settings_for(simulator, urls.trader, folder),
            clock=SteppedClock(EVENING),
            command="bench",
            world="july2026",
        ) as trader,
        httpx.Client(trust_env=False, timeout=10) as web,
        psycopg.connect(urls.owner) as plain,
    ):
        plain.execute(_TABLE)
        plain.commit()
        # a billionth ahead, because the rounding of floats is no debt
        buckets = Buckets(lambda: trader.clock.monotonic() * (1 + 1e-9))
        for number in range(1, WARM + CYCLES + 1):  # the start took some of the first instant
            step(simulator, trader, EVENING + number * INTERVAL)
            spent, begun = Spent(buckets), time.perf_counter()
            with watched(spent):
                summary = run_cycle(trader, slot=f"bench-{number}")
            times.append(time.perf_counter() - begun)
            sums.append(primitives(trader, spent, web, plain))
            all_spent.append(spent)
            assert summary.error is None, summary.error
            assert summary.cities == len(trader.cities), summary
    requests = [len(spent.requests) for spent in all_spent]
    beyond = sum(spent.beyond for spent in all_spent)
    stored = [_span([getattr(s, name) for s in all_spent]) for name in ("statements", "commits")]
    notes = (
        f"{summary.cities} cities, {summary.snapshots} markets, {stored[0]} statements, {stored[1]} commits",
        f"{_span(requests)} requests a cycle, {beyond} beyond the exchange's budget",
        f"first: {all_spent[0].kinds()}",
        f"last: {all_spent[-1].kinds()}",
    )
    took, least = (min(found[WARM:]) for found in (times, sums))  # a busy machine hits both
    return [Measured("ten-city cycle", took, least, max_ratio=MAX_RATIO, notes=notes)]


def primitives(trader: Trader, spent: Spent, web: httpx.Client, plain: psycopg.Connection[Any]) -> float:
    """Seconds of what the cycle could not do without, done once more and bare."""
    cycle = trader.store.cycles.list()[-1].cycle_id
    inputs, plan = trader.store.cycles.load_inputs(cycle), trader.store.cycles.load_plan(cycle)
    texts = [json.loads(canonical_json(one)) for one in (inputs, plan)]
    reads = [request for request in spent.requests if request[0] == "GET"]
    begun = time.perf_counter()
    for _, url, params, headers, _ in reads:
        web.get(url, params=params, headers=headers).json()
    for _ in range(spent.statements):
        plain.execute("select 1").fetchone()
    for _ in range(spent.commits):
        plain.execute(
            "insert into public.bench_bytes (body) values (%s)", ["x" * (spent.size // spent.commits)]
        )
        plain.commit()
    plan_cycle(inputs)
    for text in texts:
        hashlib.sha256(json.dumps(text).encode()).hexdigest()
    return time.perf_counter() - begun


def _span(numbers: list[int]) -> str:
    return f"{min(numbers)} to {max(numbers)}"
