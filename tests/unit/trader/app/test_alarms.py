"""Alarms are raised once, closed when over, told both times, and survive a restart."""

from datetime import timedelta
from typing import Any

import pytest

from tests.fakes.desk import MODE, Desk
from tests.unit.trader.core import builders as b
from trader.app.alarms import judge
from trader.app.cycle import run_cycle
from trader.app.discovery import CELL_MOVED
from trader.app.silence import notice_hourly
from trader.domain.alarms import MEANINGS, AlarmCode, Finding
from trader.domain.orders import MarketResult
from trader.domain.types import MarketType, ReasonCode, Severity, TradingState
from trader.domain.weather import CellCheck
from trader.ports.exchange import Notice

A = AlarmCode
ALL = frozenset(AlarmCode)
SILENT = Finding(code=A.OBSERVATION_SILENT, subject="NYC", message="no report")


def opened(desk: Desk) -> set[tuple[A, str]]:
    return {(alarm.code, alarm.subject) for alarm in desk.store.alarms.open_alarms(MODE)}


def changes(desk: Desk, code: A) -> list[str]:
    events = reversed(desk.store.risk.recent_events(1000))
    return [event.payload["change"] for event in events if event.event_type == code]


def test_every_code_has_a_meaning_and_something_to_do() -> None:
    assert set(MEANINGS) == ALL
    assert all(m.meaning.endswith(".") and m.do.endswith(".") for m in MEANINGS.values())


def test_alarm_is_told_once_when_it_opens_and_once_when_it_closes(desk: Desk) -> None:
    for found in ([SILENT], [SILENT], [], [], [SILENT]):
        judge(desk.trader, ALL, found)

    assert changes(desk, A.OBSERVATION_SILENT) == ["OPENED", "CLOSED", "OPENED"]
    newest = desk.store.risk.recent_events(1)[0]
    assert (newest.severity, newest.message) == (Severity.WARNING, "NYC: no report")


def test_only_the_codes_that_were_looked_for_are_closed(desk: Desk) -> None:
    judge(desk.trader, ALL, [SILENT])

    judge(desk.trader, {A.FORECAST_SILENT}, [])

    assert opened(desk) == {(A.OBSERVATION_SILENT, "NYC")}


@pytest.mark.parametrize(("code", "times"), [(A.OBSERVATION_SILENT, 1), (A.VENUE_NOTICE, 2)])
def test_other_words_are_told_again_only_where_the_words_are_the_point(
    desk: Desk, code: A, times: int
) -> None:
    for words in ("first", "second", "second"):
        judge(desk.trader, ALL, [Finding(code=code, subject="x", message=words)])

    assert changes(desk, code) == ["OPENED"] * times


def whole(desk: Desk) -> None:
    """Every city with weather, highs and lows of both days."""
    for city in b.CITIES.values():
        for kind in (MarketType.HIGH, MarketType.LOW):
            for day in (b.DAY - timedelta(days=1), b.DAY):
                contracts = tuple(
                    b.contract(lo, hi, city=city.code, day=day, kind=kind) for lo, hi in b.BRACKETS
                )
                desk.markets.contracts += contracts
        desk.weather.snapshots[city.code] = b.weather(city.code, b.forecast(85.0))
    desk.markets.contracts = tuple({c.ticker: c for c in desk.markets.contracts}.values())


def cycle(desk: Desk, minutes: int = 5) -> None:
    run_cycle(desk.trader, slot=f"{desk.clock.now().timestamp()}")
    desk.clock.advance(60 * minutes)


@pytest.mark.story("4.9")
def test_cycle_over_all_cities_raises_and_closes_alarms_and_one_over_some_knows_nothing(desk: Desk) -> None:
    whole(desk)
    cycle(desk)
    assert opened(desk) == set()
    gone = tuple(c for c in desk.markets.contracts if c.series_ticker == "KXHIGHTBOS")
    desk.markets.contracts = tuple(c for c in desk.markets.contracts if c not in gone)
    desk.markets.notices = (Notice(key="notice 7", text="rules change on Monday"),)

    cycle(desk)
    run_cycle(desk.trader, slot="NYC alone", codes=["NYC"])
    assert opened(desk) == {(A.SERIES_EMPTY, "KXHIGHTBOS"), (A.VENUE_NOTICE, "notice 7")}

    desk.markets.contracts += gone
    desk.markets.notices = ()
    cycle(desk)
    assert opened(desk) == set()
    assert changes(desk, A.SERIES_EMPTY) == ["OPENED", "CLOSED"]


@pytest.mark.story("4.9")
def test_hourly_look_misses_reports_results_prices_and_wishes(desk: Desk) -> None:
    whole(desk)
    cycle(desk)
    notice_hourly(desk.trader)
    assert {code for code, _ in opened(desk)} == {A.REPORT_MISSING}  # of the 14th, for want of any report

    desk.clock.advance(timedelta(days=3).total_seconds())
    notice_hourly(desk.trader)
    found = opened(desk)
    assert {(A.RESULT_MISSING, "KXHIGHNY-26JUL15"), (A.DECISION_SILENT, "NYC")} <= found
    assert (A.NO_EDGE_FOR_A_WEEK, "book") not in found

    paid = tuple(
        MarketResult(
            ticker=c.ticker,
            event_ticker=c.event_ticker,
            climate_date=c.climate_date,
            result="no",
            value=85,
            determined_at=desk.clock.now(),
        )
        for c in desk.markets.contracts
    )
    for result in paid:
        desk.store.markets.save_result(result, our_value=None, our_result=None, at=desk.clock.now())
    notice_hourly(desk.trader)
    assert not any(code is A.RESULT_MISSING for code, _ in opened(desk))


def test_week_without_a_wish_is_told_while_markets_are_priced(desk: Desk) -> None:
    desk.clock.advance(timedelta(days=8).total_seconds())
    desk.trader.seen.is_seeded = True
    desk.trader.seen.priced_at = {"NYC": desk.clock.now()}

    notice_hourly(desk.trader)

    assert (A.NO_EDGE_FOR_A_WEEK, "book") in opened(desk)


def test_what_an_earlier_process_priced_is_remembered(desk: Desk) -> None:
    run_cycle(desk.trader, slot="one", codes=["NYC"])
    assert desk.trader.seen.priced_at
    desk.trader.seen = type(desk.trader.seen)()

    notice_hourly(desk.trader)

    assert "NYC" in desk.trader.seen.priced_at
    assert desk.trader.seen.wanted_at is not None


@pytest.mark.parametrize(
    ("change", "is_frozen"),
    [
        ({"rules_hash": "9" * 64, "rules_text": "other words"}, True),
        ({"close_time": b.NOW + timedelta(hours=9)}, True),
        ({"hi": 86}, True),
        ({"fee_multiplier": b.D(2)}, False),
        ({"tick": b.D("0.001")}, False),
    ],
)
@pytest.mark.story("3.1")
def test_changed_terms_are_told_once_and_what_may_be_another_bet_is_frozen(
    desk: Desk, change: dict[str, Any], is_frozen: bool
) -> None:
    run_cycle(desk.trader, slot="before", codes=["NYC"])
    old = desk.markets.contracts[2]
    new = old.model_copy(update={**change, "terms_hash": "e" * 64})
    desk.markets.contracts = tuple(new if c is old else c for c in desk.markets.contracts)

    for slot in ("after", "again"):
        run_cycle(desk.trader, slot=slot, codes=["NYC"])
    desk.trader.terms.clear()  # as after a restart
    run_cycle(desk.trader, slot="restarted", codes=["NYC"])

    (told,) = desk.events(ReasonCode.TERMS_CHANGED)
    assert next(iter(change)) in told
    states = desk.store.risk.states(MODE, desk.clock.now())
    frozen = [s for s in states if s.reason is ReasonCode.TERMS_CHANGED]
    assert [s.scope for s in frozen] == ([f"market:{old.ticker}"] if is_frozen else [])
    assert all(s.state is TradingState.HALTED for s in frozen)


@pytest.mark.story("3.5")
def test_cell_that_moved_is_stored_and_told_once(desk: Desk) -> None:
    def check(x: int, minute: int = 0) -> CellCheck:
        at = b.NOW + timedelta(minutes=minute)
        return CellCheck(city_code="NYC", office="OKX", grid_x=x, grid_y=38, distance_km=0, resolved_at=at)

    for found in (check(34), check(34), check(35, 5), check(35, 5)):
        desk.weather.checks["NYC"] = found
        run_cycle(desk.trader, slot=f"{found.grid_x} {desk.clock.now()}", codes=["NYC"])
        desk.clock.advance(1)
    desk.trader.cells.clear()  # as after a restart
    run_cycle(desk.trader, slot="restarted", codes=["NYC"])

    assert desk.events(CELL_MOVED) == ["NYC: OKX/34,38 -> OKX/35,38, 0 km from the station"]
    assert desk.store.cells.newest() == (check(35, 5),)
