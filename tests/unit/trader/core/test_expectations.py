"""What a cycle should have seen: missing markets, silent sources, unsound events, each with its subject."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.unit.trader.core import builders as b
from trader.core.cycle import plan_cycle
from trader.core.expectations import cycle_findings
from trader.domain.alarms import AlarmCode as A
from trader.domain.markets import Contract
from trader.domain.plan import RefusedMarket
from trader.domain.types import MarketStatus, MarketType, ReasonCode
from trader.domain.weather import WeatherSnapshot

NYC = (b.CITIES["NYC"],)
TODAY = b.DAY - timedelta(days=1)
KINDS = (MarketType.HIGH, MarketType.LOW)


def event(day: Any, kind: MarketType = MarketType.HIGH) -> tuple[Contract, ...]:
    return tuple(b.contract(lo, hi, day=day, kind=kind) for lo, hi in b.BRACKETS)


def everything() -> tuple[Contract, ...]:
    return tuple(c for kind in KINDS for day in (TODAY, b.DAY) for c in event(day, kind))


def findings(
    contracts: tuple[Contract, ...], weather: WeatherSnapshot | None = None, **changes: Any
) -> set[tuple[A, str]]:
    seen = [weather or b.weather("NYC", b.forecast())]
    inputs = b.inputs(contracts, [b.snapshot(c, None) for c in contracts], seen, cities=NYC, **changes)
    return {(f.code, f.subject) for f in cycle_findings(inputs, plan_cycle(inputs))}


def test_nothing_is_found_when_both_days_of_both_series_are_there() -> None:
    assert findings(everything()) == set()


@pytest.mark.story("4.9")
def test_day_without_markets_is_missed_by_its_event() -> None:
    without = tuple(c for c in everything() if (c.climate_date, c.market_type) != (b.DAY, MarketType.LOW))

    assert findings(without) == {(A.EVENT_MISSING, "KXLOWTNYC-26JUL16")}


def test_series_without_any_market_is_missed_as_a_whole() -> None:
    lows = tuple(c for c in everything() if c.market_type is MarketType.LOW)

    assert findings(lows) == {(A.SERIES_EMPTY, "KXHIGHNY")}


@pytest.mark.parametrize(
    ("now", "missing"),
    [
        (datetime(2026, 7, 15, 16, 59, tzinfo=UTC), set()),
        (datetime(2026, 7, 15, 17, 0, tzinfo=UTC), {"KXHIGHNY-26JUL16", "KXLOWTNYC-26JUL16"}),
        # in the last half hour of the 15th its own markets need not be there any more
        (datetime(2026, 7, 16, 4, 31, tzinfo=UTC), {"KXHIGHNY-26JUL16", "KXLOWTNYC-26JUL16"}),
    ],
)
def test_tomorrow_is_expected_three_hours_after_its_markets_open(now: datetime, missing: set[str]) -> None:
    today = tuple(c for kind in KINDS for c in event(TODAY, kind))

    assert {subject for _, subject in findings(today, now=now)} == missing


def test_closing_day_is_not_missed() -> None:
    tomorrow = tuple(c for kind in KINDS for c in event(b.DAY, kind))

    assert findings(tomorrow, now=datetime(2026, 7, 16, 4, 31, tzinfo=UTC)) == set()
    assert len(findings(tomorrow, now=datetime(2026, 7, 16, 4, 29, tzinfo=UTC))) == 2


def test_refused_markets_are_not_missing_ones() -> None:
    lows = tuple(c for c in everything() if c.market_type is MarketType.LOW)
    refused = tuple(
        RefusedMarket(
            ticker=f"KXHIGHNY-26JUL{day}-T1",
            event_ticker=f"KXHIGHNY-26JUL{day}",
            city_code="NYC",
            reason=ReasonCode.PAYLOAD_MALFORMED,
            detail="a field was renamed",
        )
        for day in (15, 16)
    )

    assert findings(lows, refused=refused) == set()


@pytest.mark.story("4.5")
@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"is_observation_stale": True}, A.OBSERVATION_SILENT, "last report at 2026-07-16 01:30 UTC"),
        ({"is_observation_stale": True, "latest": None}, A.OBSERVATION_SILENT, "no report"),
        (
            {"is_observation_stale": True, "problems": (ReasonCode.OBSERVATION_STALE,)},
            A.OBSERVATION_SILENT,
            "last report at 2026-07-16 01:30 UTC, the same value for hours",
        ),
        ({"is_forecast_stale": True}, A.FORECAST_SILENT, "last issue at 2026-07-15 23:30 UTC"),
        ({"problems": (ReasonCode.GRID_CELL_MISPLACED,)}, A.GRID_CELL_MISPLACED, "its forecast was not used"),
        ({"problems": (ReasonCode.WEATHER_IMPLAUSIBLE,)}, A.WEATHER_REFUSED, "WEATHER_IMPLAUSIBLE"),
        ({"problems": (ReasonCode.PAYLOAD_MALFORMED,)}, A.WEATHER_REFUSED, "PAYLOAD_MALFORMED"),
    ],
)
def test_silent_or_refused_weather_is_found_by_city(changes: dict[str, Any], code: A, words: str) -> None:
    weather = b.weather("NYC", b.forecast(), **changes)
    inputs = b.inputs(everything(), [], [weather], cities=NYC)

    (found,) = cycle_findings(inputs, plan_cycle(inputs))

    assert (found.code, found.subject, found.message) == (code, "NYC", words)


@pytest.mark.story("4.3")
def test_hole_in_the_brackets_wrong_rules_and_unknown_fees_are_found_by_event() -> None:
    event_of = {c.ticker: c for c in everything()}
    hole = dict(list(event_of.items())[1:])
    first = next(iter(event_of.values()))
    wrong = event_of | {first.ticker: first.model_copy(update={"proof": (ReasonCode.RULES_NOT_PROVEN,)})}
    fee = event_of | {first.ticker: first.model_copy(update={"fee_type": "cubic"})}

    assert findings(tuple(hole.values())) == {(A.BRACKETS_NOT_PARTITION, "KXHIGHNY-26JUL15")}
    assert findings(tuple(wrong.values())) == {(A.RULES_NOT_PROVEN, "KXHIGHNY-26JUL15")}
    assert findings(tuple(fee.values())) == {(A.FEE_TYPE_UNKNOWN, "KXHIGHNY-26JUL15")}


@pytest.mark.story("4.3")
def test_a_paused_market_is_found_by_event_until_its_close() -> None:
    first = everything()[0]
    paused = b.snapshot(first, None, status=MarketStatus.INACTIVE)
    over = paused.model_copy(update={"close_time": b.NOW})
    told = []
    for snapshot in (paused, over):
        inputs = b.inputs(everything(), [snapshot], [b.weather("NYC", b.forecast())], cities=NYC)
        told.append([(f.code, f.subject, f.message) for f in cycle_findings(inputs, plan_cycle(inputs))])

    assert told == [[(A.MARKET_PAUSED, first.event_ticker, "1 of 6 markets")], []]
