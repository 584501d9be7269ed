"""How fast an order leaves and a trader restarts, on a durable Postgres and real sockets.

Ratios compare the quickest runs, because a busy machine or disk slows single ones.
The first byte is seen where httpcore writes it. Primitive of a send: the two commits and four reads without
which nothing may leave, alone. Primitive of a restart: reading the same 10,000 rows and writing one row each.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg

from tests.integration.world import EVENING, settings_for
from tests.performance.measured import Measured
from trader.adapters import wire
from trader.app import postgres
from trader.app.clock import SteppedClock
from trader.app.context import Trader
from trader.app.cycle import act
from trader.app.gather import gather
from trader.app.logs import configure
from trader.app.migrate import up
from trader.app.wiring import open_trader
from trader.app.world import SimulatorProcess
from trader.core.cycle import plan_cycle
from trader.domain.plan import CycleInputs

SEND_LIMIT_S = 0.05
SENDS, OPEN_ROWS = 120, 10_000
NO_CAPS = {
    f"MAX_{name}_{unit}": value
    for name in ("OPEN_RISK", "TRADE_RISK", "CITY_EXPOSURE", "CLUSTER_EXPOSURE", "DAILY_LOSS")
    for unit, value in (("USD", "1000000"), ("FRACTION", "1"))
}
_TABLE = "create table public.bench_rows (id bigint generated always as identity, note text)"
_ROW = "insert into public.bench_rows (note) values ('x')"
_OPEN_ROWS = """
insert into ops.orders (
    client_order_id, intent_key, epoch, mode, ticker, event_ticker, city_code, side, action, status, qty,
    limit_price, worst_usd, time_in_force, slot, attempt, created_at, sent_at, updated_at
)
select
    'open-' || n, 'open-' || n, 1, 'DEMO', %(ticker)s, %(event)s, 'NYC', 'YES', 'OPEN', 'UNKNOWN', 1,
    0.01, 0.02, 'immediate_or_cancel', 'bench', 1, %(at)s, %(at)s, %(at)s
from generate_series(1, %(rows)s) as n
"""


def on_a_server(folder: Path, measure: Callable[[postgres.Server, Path], list[Measured]]) -> list[Measured]:
    """Measure on a durable server of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    configure(level="ERROR", fmt="json", secrets=())
    server = postgres.ensure_server(folder)
    try:
        return measure(server, folder)
    finally:
        postgres.stop_server(folder)


def measure(server: postgres.Server, folder: Path) -> list[Measured]:
    """Return both sends (from the plan, from the stored plan) and the restart."""
    return [*_sends(server, folder), _restart(server, folder)]


def fresh_database(server: postgres.Server, name: str) -> postgres.Urls:
    postgres.drop_database(server, name)
    urls = postgres.create_database(server, name, is_test=True)
    up(urls.owner)
    return urls


@contextmanager
def _first_bytes() -> Iterator[list[float]]:
    """Collect the instants at which the first byte of each POST was written."""
    seen: list[float] = []
    real = wire._Call._before_sending

    def spy(call: wire._Call, event: str, info: object) -> None:
        real(call, event, info)
        if event.endswith("send_request_headers.started") and call._request[0] == "POST":
            seen.append(time.perf_counter())

    wire._Call._before_sending = spy  # type: ignore[method-assign, assignment]
    try:
        yield seen
    finally:
        wire._Call._before_sending = real  # type: ignore[method-assign]


@contextmanager
def simulator_at_evening(folder: Path) -> Iterator[SimulatorProcess]:
    with SimulatorProcess(folder, world="july2026") as simulator:
        simulator.step_to(EVENING)
        yield simulator


def _sends(server: postgres.Server, folder: Path) -> list[Measured]:
    urls = fresh_database(server, "bench_sends")
    planned, stored, primitive = [], [], []
    with (
        simulator_at_evening(folder) as simulator,
        open_trader(
            settings_for(simulator, urls.trader, folder, **NO_CAPS),
            clock=SteppedClock(EVENING),
            command="bench",
            world="july2026",
        ) as trader,
        psycopg.connect(urls.owner) as plain,
        _first_bytes() as seen,
    ):
        plain.execute(_TABLE)
        plain.commit()
        inputs = gather(trader, "bench", tuple(trader.cities))
        for number in range(SENDS):
            begun, kept, sent = _send(trader, inputs, f"bench-{number}", seen)
            planned.append(sent - begun)
            stored.append(sent - kept)
            primitive.append(_two_commits(plain))
    least = min(primitive)
    notes = tuple(
        f"{what}: median {statistics.median(times) * 1e3:.1f} ms, p99 {_p99(times) * 1e3:.1f} ms"
        for what, times in (("whole", planned), ("primitive", primitive))
    )
    return [
        Measured("plan to first order byte", min(planned), least, _p99(planned), SEND_LIMIT_S, notes=notes),
        Measured("stored plan to first order byte", min(stored), least, _p99(stored)),
    ]


def _send(trader: Trader, inputs: CycleInputs, slot: str, seen: list[float]) -> tuple[float, float, float]:
    """Plan one slot, send its first order; return when it was planned, when stored, when its byte left."""
    store, now = trader.store.cycles, trader.clock.now()
    cycle_id = store.begin(epoch=trader.epoch, mode=trader.mode, slot=slot, at=now)
    mine = inputs.model_copy(update={"slot": slot})
    store.save_inputs(cycle_id, mine, at=now)
    plan = plan_cycle(mine)
    one = plan.model_copy(update={"intents": plan.intents[:1]})
    seen.clear()
    begun = time.perf_counter()
    store.save_plan(cycle_id, one, at=now)
    kept = time.perf_counter()
    act(trader, cycle_id, mine, one)
    return begun, kept, seen[0]


def _two_commits(connection: psycopg.Connection[Any]) -> float:
    begun = time.perf_counter()
    for _ in range(2):
        connection.execute("select 1")
        connection.execute("select 1")
        connection.execute(_ROW)
        connection.commit()
    return time.perf_counter() - begun


def _p99(times: list[float]) -> float:
    return sorted(times)[int(len(times) * 0.99) - 1]


def _restart(server: postgres.Server, folder: Path) -> Measured:
    """From the start of a process with 10,000 orders of unknown fate to a trader that may trade."""
    with simulator_at_evening(folder) as simulator:
        return _restart_on(simulator, fresh_database(server, "bench_restart"), folder)


def _restart_on(simulator: SimulatorProcess, urls: postgres.Urls, folder: Path) -> Measured:
    settings = settings_for(simulator, urls.trader, folder)
    clock = SteppedClock(EVENING)
    with open_trader(settings, clock=clock, command="bench", world="july2026") as trader:
        contract = gather(trader, "bench", ("NYC",)).contracts[0]
        trader.store.markets.save_contracts([contract], at=EVENING)
    at = EVENING - timedelta(minutes=10)
    row = {"ticker": contract.ticker, "event": contract.event_ticker, "at": at, "rows": OPEN_ROWS}
    with psycopg.connect(urls.owner) as plain:
        plain.execute(_OPEN_ROWS, row)
        plain.execute(_TABLE)
        plain.commit()
        begun = time.perf_counter()
        found = plain.execute("select * from ops.orders where mode = 'DEMO'").fetchall()
        for _ in found:
            plain.execute(_ROW)
        plain.commit()
        primitive = time.perf_counter() - begun
    begun = time.perf_counter()
    with open_trader(settings, clock=clock, command="bench", world="july2026") as trader:
        took = time.perf_counter() - begun
        assert len(trader.store.orders.open_orders(trader.mode)) == OPEN_ROWS
    return Measured("restart with 10,000 open rows to ready", took, primitive)
