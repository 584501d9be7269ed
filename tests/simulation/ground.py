"""What a trial of ``make crash`` stands on: processes forked after import, one simulator, one database.

A trader trades one cycle in this process and without sockets; the simulator as it then stands is what
children serve over HTTP, the database as it then stands is what each trial copies.
"""

import contextlib
import json
import os
import signal
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.simulation.episode import NoScheduler
from tests.simulation.quiet_log import QuietLog
from tests.simulation.resting import rest_one
from tests.simulation.strike import Striker, StruckWire, strike_writes
from tests.simulation.witness import Log
from tests.simulation.worlds import construct
from trader.adapters.http import HttpClient
from trader.adapters.ops.pool import Database
from trader.adapters.ops.store import PostgresOpsStore
from trader.adapters.wire import Sockets, Wire
from trader.app import postgres
from trader.app.clock import SteppedClock
from trader.app.config import Settings, load_settings
from trader.app.context import Trader
from trader.app.jobs import Schedule
from trader.app.notify import Notifier
from trader.app.wiring import start_trader
from trader.domain.errors import LostWriterLock
from trader.domain.plan import CycleInputs
from trader.domain.risk import StateChange
from trader.domain.types import ReasonCode, TradingState
from trader.ports.clock import Clock
from trader.rehearsal.door import Door, SharedClock
from trader.rehearsal.stage import ORIGIN
from trader.simulator.app import Simulator
from trader.simulator.clock import WorldClock
from trader.simulator.exchange import Exchange
from trader.simulator.faults import Fault, FaultKind, Faults
from trader.simulator.server import GENERATED_KEY_ID, listen, serve_on
from trader.simulator.signatures import make_key

CITIES, DAY, SEED = ("CHI", "LAX", "NYC"), date(2026, 7, 16), 7
FIRST = datetime(2026, 7, 16, 14, 0, 30, tzinfo=UTC)
PLACED = datetime(2026, 7, 16, 14, 4, 0, tzinfo=UTC)
RESTING = 8


class VenueClock(SteppedClock):
    """The trader's clock and the simulator's, stepped together over HTTP."""

    def __init__(self, start: datetime, origin: str) -> None:
        self._http = httpx.Client(base_url=origin, timeout=20, trust_env=False)
        there = datetime.fromisoformat(self._http.get("/sim/clock").raise_for_status().json()["now"])
        super().__init__(max(start, there))
        self._tell()

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        self._tell()

    def step_to(self, instant: datetime) -> None:
        super().step_to(instant)
        self._tell()

    def ledger(self) -> dict[str, Any]:
        found: dict[str, Any] = self._http.get("/sim/ledger").raise_for_status().json()
        return found

    def _tell(self) -> None:
        self._http.post("/sim/clock", json={"now": self.now().isoformat()}).raise_for_status()


@dataclass(frozen=True)
class Ground:
    """What every trial starts from: a simulator and a database that both stand at the same instant."""

    folder: Path
    server: postgres.Server
    template: str
    simulator: Simulator

    def settings(self, origin: str, url: str) -> Settings:
        return load_settings(
            {
                "TRADING_MODE": "DEMO",
                "KALSHI_BASE_URL": f"{origin}/trade-api/v2",
                "NWS_BASE_URL": origin,
                "OPENMETEO_BASE_URL": origin,
                "KALSHI_DEMO_KEY_ID": GENERATED_KEY_ID,
                "KALSHI_DEMO_KEY_FILE": str(self.folder / "key.pem"),
                "DATABASE_URL": url,
                "MILKBOT_DATA_DIR": str(self.folder),
                "MIN_FORECAST_PAIRS": "0",
            }
        )


@dataclass(frozen=True)
class Told:
    """What a process said before it ended. ``problem``: what was not equal; ``at``: where it was killed."""

    code: int
    at: str = ""
    problem: str = ""
    names: tuple[str, ...] = ()
    facts: tuple[tuple[str, int], ...] = ()


def forked(work: Callable[[Callable[..., None]], None], timeout_s: float = 120.0) -> Told:
    """Run ``work`` in a child and return what it told; one that takes longer is killed, and that is told."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)

        def tell(**facts: object) -> None:
            os.write(writer, (json.dumps(facts) + "\n").encode())

        try:
            signal.alarm(round(timeout_s))
            work(tell)
        except BaseException:  # noqa: BLE001  whatever it is, the parent is to hear it
            tell(problem=traceback.format_exc(limit=-4))
            os._exit(1)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        lines = [json.loads(line) for line in stream.read().splitlines() if line.endswith(b"}")]
    _, status = os.waitpid(child, 0)
    found: dict[str, Any] = {key: value for line in lines for key, value in line.items()}
    told = Told(
        os.waitstatus_to_exitcode(status),
        at=found.get("at", ""),
        problem=found.get("problem", ""),
        names=tuple(found.get("names", ())),
        facts=tuple(sorted(found.get("facts", {}).items())),
    )
    if told.code == -signal.SIGALRM:
        return replace(told, problem=f"expected it to end within {timeout_s:.0f} s, found it still running")
    return told


@contextlib.contextmanager
def venue(ground: Ground) -> Iterator[str]:
    """A process that serves the simulator as it stands, and its origin."""
    with listen(0) as listener:
        listener.listen(128)
        child = os.fork()
        if child == 0:
            try:
                serve_on(listener, ground.simulator)
            finally:
                os._exit(0)
        origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
    try:
        yield origin
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


@contextlib.contextmanager
def process(settings: Settings, clock: Clock, wire: Wire) -> Iterator[Schedule]:
    """A trader with its schedule, as ``milkbot run`` has it; the schedule is stepped by the caller."""
    assert settings.database_url is not None
    url = settings.database_url.get_secret_value()
    with (
        Database(url, max_size=2, timeout_s=settings.db_timeout_s) as database,
        HttpClient(clock=clock, wire=wire) as http,
    ):
        store = PostgresOpsStore(database, lock_url=url)
        trader = _started(settings, store, http, clock)
        trader.cities = {code: trader.cities[code] for code in CITIES}
        trader.log = QuietLog(Log(clock))  # type: ignore[assignment,arg-type]  # the same words, kept
        schedule = Schedule(trader, Notifier(None))
        schedule.scheduler = NoScheduler()
        yield schedule
        store.close()


def _started(settings: Settings, store: PostgresOpsStore, http: HttpClient, clock: Clock) -> Trader:
    """Start, again for two seconds while the server has not noticed that the one before is dead."""
    for wait_s in (0.05,) * 40:
        try:
            return start_trader(
                settings,
                store=store,
                http=http,
                clock=clock,
                command="run",
                world="constructed",
                weather_workers=1,
            )
        except LostWriterLock:
            time.sleep(wait_s)
    raise AssertionError("expected the writer lock of a killed process to be free within 2 s, found it held")


@contextlib.contextmanager
def struck(ground: Ground, origin: str, url: str, at: datetime, striker: Striker) -> Iterator[Schedule]:
    """A trader over real sockets that dies where the striker says."""
    settings = ground.settings(origin, url)
    strike_writes(striker)
    wire = StruckWire(Sockets(timeout_s=settings.http_timeout_s), striker)
    with process(settings, VenueClock(at, origin), wire) as schedule:
        yield schedule


def trade_first(ground: Ground, url: str) -> None:
    """Trade one cycle, let orders rest, and halt New York: the next cycle creates, cancels and books.

    In this process and without sockets, so that the simulator here is the one that later children serve.
    """
    clock = SharedClock(ground.simulator.exchange.clock)
    settings = ground.settings(ORIGIN, url)
    door = Door(ground.simulator, clock, timeout_s=settings.http_timeout_s)
    with process(settings, clock, door) as schedule:
        trader, seen = schedule.trader, list[CycleInputs]()
        save = trader.store.cycles.save_inputs

        def kept(cycle_id: int, inputs: CycleInputs, *, at: datetime) -> str:
            seen.append(inputs)
            return save(cycle_id, inputs, at=at)

        trader.store.cycles.save_inputs = kept  # type: ignore[method-assign]
        schedule.run_now("cycle")
        clock.step_to(PLACED)
        random = Random("crash")
        for _ in range(RESTING):
            rest_one(trader, seen[0], random)
            clock.sleep(0.05)  # the key of an order by hand holds its instant
        halt = StateChange(
            scope="city:NYC",
            state=TradingState.HALTED,
            reason=ReasonCode.OPERATOR_HALT,
            note="so that a cycle cancels",
            set_by="ann",
            set_at=clock.now(),
        )
        trader.store.risk.save_state(halt, mode=trader.mode, at=clock.now())
        require_clean(schedule)


def require_clean(schedule: Schedule) -> None:
    errors = schedule.trader.log.errors  # type: ignore[attr-defined]
    if schedule.failure is not None or errors:
        raise AssertionError(f"expected cycles without an error, found {schedule.failure!r} {errors}")


@contextlib.contextmanager
def database(server: postgres.Server, template: str) -> Iterator[str]:
    """A copy of a database, as the trader's URL."""
    name = f"crash_{os.getpid()}_{time.monotonic_ns()}"
    urls = postgres.create_database(server, name, is_test=True, template=template)
    try:
        yield urls.trader
    finally:
        postgres.drop_database(server, name)


@contextlib.contextmanager
def grounds(server: postgres.Server, template: str, folder: Path) -> Iterator[Ground]:
    """Trade up to the cycle that is struck. ``template`` is a migrated database."""
    world = construct(SEED, CITIES, DAY)
    faults = Faults((Fault("*", 0, FaultKind.DRIP_FILLS, value=40.0),), SEED)
    exchange = Exchange(world, WorldClock(FIRST, world.end, 0, lambda: 0.0), Decimal(5000), SEED, faults)
    keys = {GENERATED_KEY_ID: make_key(folder / "key.pem")}
    with database(server, template) as url:
        name = urlsplit(url).path.removeprefix("/")
        ground = Ground(folder, server, name, Simulator(exchange, keys))
        trade_first(ground, url)
        yield ground
