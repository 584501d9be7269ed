"""Rain and snow of a month: what reports told stays, the rest is drawn from the record, thresholds nest."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.trader.core.builders import CITIES, book, contract, inputs, snapshot, weather
from trader.core.cycle import plan_cycle
from trader.core.strategies.base import EventInputs, Outlook
from trader.core.strategies.extreme import shipped_parameters
from trader.core.strategies.monthly import MonthlyTotal
from trader.domain.amounts import Amount
from trader.domain.markets import Contract
from trader.domain.plan import CyclePlan
from trader.domain.risk import GateLimits
from trader.domain.types import Decision, MarketType, ReasonCode, Side
from trader.domain.weather import MonthToDate, WeatherSnapshot

D = Decimal
R = ReasonCode
RAIN, SNOW = MarketType.RAIN, MarketType.SNOW
NOW = datetime(2026, 7, 21, 16, 0, tzinfo=UTC)
LAST = date(2026, 7, 31)


def told(units: int = 250, *, on: date = date(2026, 7, 20), **changes: Any) -> MonthToDate:
    fields: dict[str, Any] = {
        "location": "NYC", "market_type": RAIN, "climate_date": on, "is_final": True,
        "amount": Amount(units=units), "day": Amount(units=0),
        "issued_at": datetime(on.year, on.month, on.day, 6, 30, tzinfo=UTC) + timedelta(days=1),
    }  # fmt: skip
    return MonthToDate(**fields | changes)


def report(*months: MonthToDate, city: str = "NYC", **changes: Any) -> WeatherSnapshot:
    return weather(city, **{"captured_at": NOW, "fetched_at": NOW, "months": months} | changes)


def event(*months: MonthToDate, city: str = "NYC", kind: MarketType = RAIN, **changes: Any) -> EventInputs:
    fields: dict[str, Any] = {
        "event_ticker": "KXRAINNYCM-26JUL", "city": CITIES[city], "market_type": kind, "climate_date": LAST,
        "now": NOW, "weather": report(*months, city=city), "lately": {}, "min_forecast_pairs": 30,
        "gates": GateLimits(),
    }  # fmt: skip
    return EventInputs(**fields | changes)


def predicted(*months: MonthToDate, **changes: Any) -> Outlook:
    given = event(*months, **changes)
    return MonthlyTotal(given.market_type, shipped_parameters()).predict(given)


def at_least(outlook: Outlook, units: int) -> Decimal:
    assert outlook.prediction is not None
    return outlook.prediction.distribution.between(units, None)


def test_what_a_final_report_told_stays_and_the_rest_may_fall() -> None:
    found = predicted(told(250))

    assert found.reasons == ()
    assert found.prediction is not None
    assert sum(found.prediction.distribution.ppm) == 1_000_000
    assert at_least(found, 250) >= D("0.99")  # a correction keeps half a percent
    assert at_least(found, 251) < D("0.995")
    chances = [at_least(found, units) for units in range(0, 1500, 10)]
    assert chances == sorted(chances, reverse=True)
    assert found.prediction.features["days_left"] == 11
    assert found.evidence == D(str(found.prediction.features["years"]))


def test_more_fallen_and_more_days_left_make_more() -> None:
    assert at_least(predicted(told(300)), 401) > at_least(predicted(told(200)), 401)
    early = predicted(told(250, on=date(2026, 7, 19)))
    assert at_least(early, 401) > at_least(predicted(told(250)), 401)


def test_a_report_that_is_not_final_counts_its_day_once() -> None:
    so_far = told(280, on=date(2026, 7, 21), is_final=False, day=Amount(units=30),
                  issued_at=NOW - timedelta(hours=1))  # fmt: skip

    found = predicted(so_far)

    assert found.prediction is not None
    assert found.prediction.features["days_left"] == 11
    assert found.prediction.features["fallen"] == 280
    assert at_least(found, 280) >= D("0.99")
    assert at_least(found, 401) < at_least(predicted(told(280, on=date(2026, 7, 20))), 401)


def test_a_month_of_nothing_but_traces_is_no_more_than_nothing() -> None:
    trace = told(0, amount=Amount(units=0, is_trace=True), day=Amount(units=0, is_trace=True))

    assert predicted(trace).prediction == predicted(told(0)).prediction


@pytest.mark.parametrize(
    ("months", "changes", "reason"),
    [
        ((), {}, R.OBSERVATION_STALE),
        ((told(on=date(2026, 7, 18)),), {}, R.OBSERVATION_STALE),  # two reports are missing
        ((told(location="LGA"),), {}, R.OBSERVATION_STALE),
        ((told(market_type=SNOW),), {}, R.OBSERVATION_STALE),
        ((told(issued_at=NOW + timedelta(hours=1)),), {}, R.OBSERVATION_STALE),
        ((told(),), {"now": datetime(2026, 8, 1, 12, tzinfo=UTC)}, R.DAY_TOO_ADVANCED),
        ((told(),), {"city": "MIA"}, R.NO_FORECAST),
    ],
)
def test_without_its_report_or_record_a_month_is_not_predicted(
    months: tuple[MonthToDate, ...], changes: dict[str, Any], reason: ReasonCode
) -> None:
    assert predicted(*months, **changes) == Outlook(None, (reason,))


def test_a_month_that_begins_needs_no_report_and_one_ahead_neither() -> None:
    for now in (datetime(2026, 6, 20, tzinfo=UTC), datetime(2026, 7, 2, 12, tzinfo=UTC)):
        found = predicted(now=now)
        assert found.prediction is not None
        assert found.prediction.features["days_left"] == 31


def test_chicagos_rain_is_that_of_ohare_and_its_short_record_is_not_traded() -> None:
    ohare, midway = told(310, location="ORD"), told(120, location="MDW")

    found = predicted(ohare, midway, city="CHI")

    assert found.prediction is not None
    assert found.prediction.features["fallen"] == 310
    assert found.prediction.source == "record of KMDW"
    assert found.reasons == (R.FORECAST_PAIRS_TOO_FEW,)
    assert predicted(midway, city="CHI").reasons == (R.OBSERVATION_STALE,)


def ladder() -> tuple[Contract, ...]:
    return tuple(
        contract(
            100 * inches + 1, None, kind=RAIN, day=LAST, ticker=f"KXRAINNYCM-26JUL-{inches}",
            event_ticker="KXRAINNYCM-26JUL", open_time=NOW - timedelta(days=20),
            close_time=datetime(2026, 8, 1, 4, tzinfo=UTC),
            rules_text=f"If the total precipitation at Central Park, New York City in Jul 2026 is strictly "
            f"greater than {inches} inches, then the market resolves to Yes. The official and final value "
            "used to determine this market as reported by the Weather Company.",
        )
        for inches in (2, 3, 4, 5)
    )  # fmt: skip


def planned(bid: str, ask: str) -> CyclePlan:
    rungs = ladder()
    quoted = [snapshot(c, book(bid, ask, at=NOW)) for c in rungs]
    return plan_cycle(inputs(rungs, quoted, [report(told(250))], now=NOW, min_forecast_pairs=30))


def test_a_ladder_is_traded_like_any_event_one_order_at_a_time() -> None:
    plan = planned("0.10", "0.12")

    signals = {s.ticker[-1]: s for s in plan.signals}
    chances = [signals[rung].p_yes or D(0) for rung in "2345"]
    assert chances == sorted(chances, reverse=True)
    assert chances[0] > D("0.99")
    assert signals["2"].reasons == (R.EDGE_IMPLAUSIBLE,)
    assert {s.strategy_name for s in plan.signals} == {"monthly_rain"}
    (intent,) = plan.intents
    assert (intent.ticker[-1], intent.side) == ("5", Side.YES)
    assert signals["5"].decision is Decision.BUY


def test_snow_in_july_is_no_surprise() -> None:
    found = predicted(told(0, market_type=SNOW), kind=SNOW)

    assert at_least(found, 1) < D("0.01")
