"""Bad input, one thing wrong at a time, through the real adapters, sockets and database.

The recorded world's answers pass through a proxy that changes one of them. Each time: no order, and a trace
in our books that says what was wrong.
"""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.loopback import Asked, Loopback, Reply, serving
from tests.integration.world import EVENING, settings_for
from trader.app.clock import SteppedClock
from trader.app.context import Trader
from trader.app.cycle import run_cycle
from trader.app.postgres import Urls
from trader.app.wiring import open_trader
from trader.app.world import SimulatorProcess
from trader.domain.plan import CycleSummary
from trader.domain.signals import Signal
from trader.domain.types import Decision, MarketType, ReasonCode, TradingMode

R = ReasonCode
CITY = "NYC"
MARKETS, BOOKS = "/markets", "/markets/orderbooks"
STATUS, OBSERVATIONS, ENSEMBLE = "/exchange/status", "/observations", "/v1/ensemble"
Body = dict[str, Any]
Damage = Callable[[Body], None]
pytestmark = [pytest.mark.story("4.8")]


class Proxy:
    """Passes everything on to the simulator; ``damage`` changes JSON bodies of paths that end in ``path``."""

    def __init__(self) -> None:
        self.upstream = ""
        self.http = httpx.Client()
        self.path = ""
        self.damage: Damage | None = None
        self.status: int | None = None
        self.date: datetime | None = None
        self.hits = 0

    def __call__(self, asked: Asked) -> Reply:
        headers = {name: text for name, text in asked.headers.items() if name not in ("host", "connection")}
        found = self.http.request(
            asked.method, self.upstream + asked.path, params=asked.query, headers=headers, content=asked.body
        )
        kept = {name: found.headers[name] for name in ("content-type", "date") if name in found.headers}
        body = found.content
        if self.damage is not None and asked.path.endswith(self.path):
            value = json.loads(body)
            self.damage(value)
            body = json.dumps(value).encode()
            self.hits += 1
            if self.status is not None:  # an answer in the place of an error
                return Reply(self.status, body, kept | {"content-type": "application/geo+json"})
        if self.date is not None and asked.path.endswith(STATUS):
            kept["date"] = format_datetime(self.date, usegmt=True)
            self.hits += 1
        return Reply(found.status_code, body, kept)


class World:
    """One simulator behind the proxy; every look is the first cycle of one city in SHADOW, on new books.

    Terms remembered from a damaged look would freeze the market in the next one, as they should.
    """

    def __init__(
        self, simulator: SimulatorProcess, proxy: Proxy, server: Loopback, new_database: Callable[..., Urls]
    ) -> None:
        self.simulator, self.proxy = simulator, proxy
        self._server, self._new_database = server, new_database
        self._number = 0
        self.events: list[tuple[str, str]] = []
        self.plan_reasons: set[ReasonCode] = set()
        self.problems: tuple[ReasonCode, ...] = ()

    @staticmethod
    def _decided(trader: Trader) -> set[ReasonCode]:
        """Why the risk engine refused what was worth an order, as stored."""
        row = trader.store.cycles.list()[-1]
        if row.plan_hash is None:
            return set()
        return {r for d in trader.store.cycles.load_plan(row.cycle_id).risk_decisions for r in d.reasons}

    def look(self, folder: Path) -> tuple[CycleSummary, list[Signal]]:
        self._number += 1
        origin = self.simulator.origin
        self.simulator.origin = self._server.origin
        try:
            url = self._new_database().trader
            settings = settings_for(self.simulator, url, folder, TRADING_MODE="SHADOW")
        finally:
            self.simulator.origin = origin
        clock = SteppedClock(EVENING)
        with open_trader(settings, clock=clock, command="test", world="july2026") as trader:
            before = len(trader.store.risk.recent_events(10_000))
            summary = run_cycle(trader, slot=f"{self._number}", codes=[CITY])
            signals = trader.store.signals.get_for_cycle(trader.store.cycles.list()[-1].cycle_id)
            found = trader.store.risk.recent_events(10_000)
            self.plan_reasons = self._decided(trader)
            weather = trader.store.weather.get_latest(CITY)
            self.problems = weather.problems if weather else ()
            self.events = [(e.event_type, e.message) for e in found[: len(found) - before]]
            assert trader.store.orders.open_orders(TradingMode.SHADOW) == ()
        return summary, list(signals)


@pytest.fixture(scope="module")
def world(new_database: Callable[..., Urls], tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    proxy = Proxy()
    folder = tmp_path_factory.mktemp("bad_input")
    with SimulatorProcess(folder, world="july2026") as simulator, proxy.http, serving(proxy) as server:
        proxy.upstream = simulator.origin
        simulator.step_to(EVENING)
        yield World(simulator, proxy, server, new_database)


@pytest.fixture
def damaged(world: World) -> Iterator[Callable[[str, Damage], World]]:
    def damage(path: str, change: Damage) -> World:
        world.proxy.path, world.proxy.damage = path, change
        return world

    yield damage
    world.proxy.damage = world.proxy.date = None
    world.proxy.hits = 0


def each(name: str, change: Damage) -> Damage:
    """Change every row of a list."""

    def apply(body: Body) -> None:
        for row in body[name]:
            change(row)

    return apply


def set_to(name: str, value: object) -> Damage:
    return lambda row: row.update({name: value})


def renamed(name: str) -> Damage:
    return lambda row: row.update({f"{name}_v2": row.pop(name)})


def without(name: str) -> Damage:
    def apply(row: Body) -> None:
        row.pop(name)

    return apply


def replaced(name: str, old: str, new: str) -> Damage:
    return lambda row: row.update({name: row[name].replace(old, new)})


def reasons(signals: list[Signal]) -> set[ReasonCode]:
    return {reason for signal in signals for reason in signal.reasons}


def assert_no_order(world: World, summary: CycleSummary, signals: list[Signal]) -> None:
    assert world.proxy.hits > 0, "the damage was never served"
    assert summary.orders == 0
    assert all(signal.qty == 0 or signal.decision is not Decision.HOLD for signal in signals)
    assert world.simulator.get("/sim/requests")["order_path"] == 0


MARKET_DAMAGE: list[tuple[str, Damage, ReasonCode]] = [
    ("missing field", without("close_time"), R.PAYLOAD_MALFORMED),
    ("renamed field", renamed("yes_bid_dollars"), R.PAYLOAD_MALFORMED),
    ("retyped field", set_to("yes_ask_dollars", 0.42), R.PAYLOAD_MALFORMED),
    ("unknown status", set_to("status", "resolving"), R.PAYLOAD_MALFORMED),
    ("text instead of a strike", set_to("floor_strike", "83"), R.PAYLOAD_MALFORMED),
    ("no rules", set_to("rules_primary", ""), R.PAYLOAD_MALFORMED),
    ("rules about nothing", set_to("rules_primary", "The market resolves."), R.RULES_NOT_PROVEN),
    ("another city's rules", replaced("rules_primary", "Central Park", "Miami"), R.RULES_NOT_PROVEN),
    ("another variable", replaced("rules_primary", "highest", "lowest"), R.RULES_NOT_PROVEN),
    ("another day", replaced("rules_primary", "2026", "2025"), R.RULES_NOT_PROVEN),
    ("another source", replaced("rules_primary", "National Weather Service", "almanac"), R.RULES_NOT_PROVEN),
    ("closed market", set_to("status", "inactive"), R.MARKET_NOT_OPEN),
]


@pytest.mark.parametrize(
    ("change", "reason"), [row[1:] for row in MARKET_DAMAGE], ids=[row[0] for row in MARKET_DAMAGE]
)
def test_a_market_that_cannot_be_read_or_proven_is_held_with_its_reason(
    damaged: Callable[[str, Damage], World], tmp_path: Path, change: Damage, reason: ReasonCode
) -> None:
    world = damaged(MARKETS, each("markets", change))

    summary, signals = world.look(tmp_path)

    assert_no_order(world, summary, signals)
    highs = [s for s in signals if s.market_type is MarketType.HIGH]  # a low has no forecast in this world
    assert highs
    assert all(reason in s.reasons and s.decision is Decision.HOLD for s in highs), reasons(highs)
    if reason is R.PAYLOAD_MALFORMED:
        assert {kind for kind, _ in world.events} == {"PAYLOAD_MALFORMED"}
        assert all("expected" in message for _, message in world.events)


def test_brackets_that_do_not_partition_the_degrees_hold_the_whole_event(
    damaged: Callable[[str, Damage], World], tmp_path: Path
) -> None:
    world = damaged(MARKETS, lambda body: body["markets"].pop(2))

    summary, signals = world.look(tmp_path)

    assert_no_order(world, summary, signals)
    broken = {s.event_ticker for s in signals if R.BRACKETS_NOT_PARTITION in s.reasons}
    assert broken
    assert all(R.BRACKETS_NOT_PARTITION in s.reasons for s in signals if s.event_ticker in broken)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda body: body["orderbooks"].clear(), R.BOOK_MISSING),
        (each("orderbooks", lambda row: row["orderbook_fp"].update(yes_dollars=[])), R.BOOK_MISSING),
        (
            each("orderbooks", lambda row: row["orderbook_fp"].update(yes_dollars=[["0.9900", "50.00"]])),
            R.BOOK_CROSSED,
        ),
    ],
    ids=["no book", "one side", "crossed"],
)
def test_a_book_that_cannot_be_traded_is_an_answer(
    damaged: Callable[[str, Damage], World], tmp_path: Path, change: Damage, reason: ReasonCode
) -> None:
    world = damaged(BOOKS, change)

    summary, signals = world.look(tmp_path)

    assert_no_order(world, summary, signals)
    assert summary.error is None
    assert reason in reasons(signals)


@pytest.mark.parametrize(
    "change",
    [renamed("trading_active"), without("exchange_active"), set_to("exchange_active", "yes")],
    ids=["renamed", "missing", "retyped"],
)
def test_a_status_that_cannot_be_read_ends_the_cycle_with_an_event(
    damaged: Callable[[str, Damage], World], tmp_path: Path, change: Damage
) -> None:
    world = damaged(STATUS, change)

    summary, signals = world.look(tmp_path)

    assert_no_order(world, summary, signals)
    assert summary.error is not None
    assert "expected" in summary.error
    assert world.events == [("CYCLE_FAILED", summary.error)]


def test_a_paused_exchange_is_a_halt_with_its_reason(
    damaged: Callable[[str, Damage], World], tmp_path: Path
) -> None:
    world = damaged(STATUS, set_to("trading_active", False))

    summary, signals = world.look(tmp_path)

    assert_no_order(world, summary, signals)
    assert world.plan_reasons == {R.EXCHANGE_PAUSED}


@pytest.mark.parametrize("hours", [-1, 1], ids=["past", "future"])
def test_an_exchange_whose_clock_differs_is_not_traded_with(
    damaged: Callable[[str, Damage], World], tmp_path: Path, hours: int
) -> None:
    world = damaged(STATUS, lambda _: None)
    world.proxy.date = EVENING.astimezone(UTC) + timedelta(hours=hours)

    summary, signals = world.look(tmp_path)

    assert_no_order(world, summary, signals)
    assert world.plan_reasons == {R.CLOCK_SKEW_TOO_LARGE}


def shifted(delta: timedelta) -> Damage:
    def apply(feature: Body) -> None:
        properties = feature["properties"]
        at = datetime.fromisoformat(properties["timestamp"]) + delta
        properties["timestamp"] = at.isoformat()

    return apply


def warmed(feature: Body) -> None:
    feature["properties"]["temperature"]["value"] = 90.0  # Celsius


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (shifted(timedelta(hours=6)), R.WEATHER_FROM_FUTURE),
        (warmed, R.WEATHER_IMPLAUSIBLE),
        (lambda row: row["properties"]["temperature"].update(unitCode="wmoUnit:K"), R.WEATHER_IMPLAUSIBLE),
    ],
    ids=["future", "impossible temperature", "another unit"],
)
def test_a_station_report_that_cannot_be_true_is_refused(
    damaged: Callable[[str, Damage], World], tmp_path: Path, change: Damage, reason: ReasonCode
) -> None:
    world = damaged(OBSERVATIONS, each("features", change))

    summary, signals = world.look(tmp_path)

    assert_no_order(world, summary, signals)
    assert reason in reasons(signals)
    assert reason in world.problems


def daily(change: Damage) -> Damage:
    return lambda body: change(body["daily"])


def hot(columns: Body) -> None:
    for name in columns:
        if name.startswith("temperature"):
            columns[name] = [190.0 for _ in columns[name]]


@pytest.mark.parametrize(
    "change",
    [
        daily(without("time")),
        daily(renamed("time")),
        daily(hot),
        daily(set_to("fetched_utc", "2026-07-16T18:00:00Z")),
        lambda body: body.clear(),
    ],
    ids=["missing", "renamed", "impossible temperature", "retyped time", "empty"],
)
def test_a_forecast_that_cannot_be_read_prices_nothing(
    damaged: Callable[[str, Damage], World], tmp_path: Path, change: Damage
) -> None:
    world = damaged(ENSEMBLE, change)

    summary, signals = world.look(tmp_path)

    assert_no_order(world, summary, signals)
    assert R.NO_FORECAST in reasons(signals)
    assert R.PAYLOAD_MALFORMED in world.problems
    assert all(s.p_yes is None for s in signals)


@pytest.mark.parametrize(
    ("delta", "allowed"),
    [
        (timedelta(hours=-13), {R.FORECAST_STALE}),
        (timedelta(hours=2), {R.WEATHER_FROM_FUTURE, R.NO_FORECAST}),
    ],
    ids=["stale", "future"],
)
def test_a_forecast_of_another_time_prices_nothing(
    damaged: Callable[[str, Damage], World], tmp_path: Path, delta: timedelta, allowed: set[ReasonCode]
) -> None:
    at = (EVENING + delta).isoformat()

    def apply(columns: Body) -> None:
        columns["fetched_utc"] = [at for _ in columns["time"]]

    world = damaged(ENSEMBLE, daily(apply))

    summary, signals = world.look(tmp_path)

    assert_no_order(world, summary, signals)
    assert allowed & reasons(signals), reasons(signals)


def test_the_same_world_without_damage_is_traded(world: World, tmp_path: Path) -> None:
    """What stopped the others was their damage alone."""
    summary, signals = world.look(tmp_path)

    assert summary.error is None
    assert summary.orders > 0
    assert R.EDGE_FOUND in reasons(signals)
