"""What a person has to hear of: each is refused with its reason, alarmed once, and visible in ``status``.

The recorded world of ten cities passes through a proxy that damages one thing; the trader looks twice.
"""

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest

from tests.fakes.loopback import Asked, Reply, serving
from tests.integration.test_bad_input import Body, Damage, Proxy, each, replaced, set_to
from tests.integration.world import EVENING, settings_for
from trader.app.clock import SteppedClock
from trader.app.cycle import run_cycle
from trader.app.postgres import Urls
from trader.app.status import status_lines
from trader.app.wiring import open_trader
from trader.app.world import SimulatorProcess
from trader.domain.alarms import AlarmCode
from trader.domain.types import Decision, ReasonCode

A, R = AlarmCode, ReasonCode
SERIES, EVENT = "KXHIGHNY", "KXHIGHNY-26JUL17"
NIGHT = datetime.fromisoformat("2026-07-17T05:30:00+00:00")
"""The climate day of July 17 has begun in New York: from now on its station is needed. The last case."""

GRID = Path(__file__).parents[1] / "resources/nws_samples/api/weathergov_gridpoint_OKX_32_36_2026-03-04.json"
pytestmark = [pytest.mark.story("4.8"), pytest.mark.story("8.6")]


class SeriesProxy(Proxy):
    """Damages what is answered about one place only: its path, and its series where the query names one."""

    def __call__(self, asked: Asked) -> Reply:
        damage = self.damage
        if asked.query.get("series_ticker", SERIES) != SERIES:
            self.damage = None
        try:
            return super().__call__(asked)
        finally:
            self.damage = damage


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[SimulatorProcess, Proxy, str]]:
    proxy = SeriesProxy()
    folder = tmp_path_factory.mktemp("refused")
    with SimulatorProcess(folder, world="july2026") as simulator, proxy.http, serving(proxy) as server:
        proxy.upstream = simulator.origin
        simulator.step_to(EVENING)
        yield simulator, proxy, server.origin


def elsewhere(body: Body) -> None:
    """The recorded grid of New York's office, its cell moved by a degree of latitude."""
    grid = json.loads(GRID.read_text(encoding="utf-8"))
    (ring,) = grid["geometry"]["coordinates"]
    grid["geometry"]["coordinates"] = [[[lon, lat + 1] for lon, lat in ring]]
    body.clear()
    body.update(grid)


def first_of_the_event(change: Damage) -> Damage:
    """Change one market of the event."""
    return lambda body: change(next(row for row in body["markets"] if row["event_ticker"] == EVENT))


def without_one(body: Body) -> None:
    body["markets"].remove([row for row in body["markets"] if row["event_ticker"] == EVENT][2])


CASES: list[tuple[str, str, Damage, AlarmCode, str, ReasonCode | None]] = [
    ("a moved cell", "/gridpoints/OKX/34,38", elsewhere, A.GRID_CELL_MISPLACED, "NYC", R.NO_FORECAST),
    (
        "wrong rules",
        "/markets",
        each("markets", replaced("rules_primary", "highest", "lowest")),
        A.RULES_NOT_PROVEN,
        EVENT,
        R.RULES_NOT_PROVEN,
    ),
    ("a hole", "/markets", without_one, A.BRACKETS_NOT_PARTITION, EVENT, R.BRACKETS_NOT_PARTITION),
    (
        "a paused market",
        "/markets",
        first_of_the_event(set_to("status", "inactive")),
        A.MARKET_PAUSED,
        EVENT,
        R.MARKET_NOT_OPEN,
    ),
    ("a renamed series", "/markets", lambda body: body["markets"].clear(), A.SERIES_EMPTY, SERIES, None),
    (
        "a silent station",
        "/stations/KNYC/observations",
        lambda body: body["features"].clear(),
        A.OBSERVATION_SILENT,
        "NYC",
        R.OBSERVATION_STALE,
    ),
]


@pytest.mark.parametrize(
    ("path", "damage", "code", "subject", "reason"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_it_is_refused_with_its_reason_alarmed_once_and_visible_in_status(
    world: tuple[SimulatorProcess, Proxy, str],
    new_database: Callable[..., Urls],
    tmp_path: Path,
    path: str,
    damage: Damage,
    code: AlarmCode,
    subject: str,
    reason: ReasonCode | None,
) -> None:
    simulator, proxy, origin = world
    proxy.path, proxy.damage, proxy.hits = path, damage, 0
    is_grid = code is A.GRID_CELL_MISPLACED
    proxy.status = 200 if is_grid else None
    now = NIGHT if code is A.OBSERVATION_SILENT else EVENING
    simulator.step_to(now)
    settings = settings_for(
        simulator,
        new_database().trader,
        tmp_path,
        TRADING_MODE="SHADOW",
        KALSHI_BASE_URL=f"{origin}/trade-api/v2",
        NWS_BASE_URL=origin,
        OPENMETEO_BASE_URL="" if is_grid else origin,  # then the cell is the only forecast
    )
    with open_trader(settings, clock=SteppedClock(now), command="test", world="july2026") as trader:
        for slot in ("one", "two"):
            assert run_cycle(trader, slot=slot).error is None
        newest = trader.store.cycles.list()[-1].cycle_id
        signals = [s for s in trader.store.signals.get_for_cycle(newest) if s.city_code == "NYC"]
        opened = [
            event
            for event in trader.store.risk.recent_events(1000)
            if event.event_type == code and event.payload == {"subject": subject, "change": "OPENED"}
        ]
        said, _ = status_lines(trader.store, settings)

    assert proxy.hits > 0
    touched = [s for s in signals if s.ticker.startswith(SERIES) and (reason is None or reason in s.reasons)]
    assert bool(touched) is (reason is not None), {(s.event_ticker, s.reasons) for s in signals}
    assert all(s.decision is Decision.HOLD for s in touched)
    assert len(opened) == 1
    assert any(line.startswith(f"  {code} {subject} since ") for line in said), said
