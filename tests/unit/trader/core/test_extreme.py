"""Daily high and low: sources combined, and what an observation, the hour or the books' memory changes."""

import math
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.trader.core.builders import (
    BRACKETS,
    CITIES,
    DAY,
    NOW,
    book,
    contract,
    event_contracts,
    forecast,
    snapshot,
    weather,
)
from trader.core import probability as pr
from trader.core.forecasting.voice import Known
from trader.core.strategies.base import EventInputs, Outlook
from trader.core.strategies.extreme import DailyExtreme, shipped_parameters
from trader.domain.learned import ParameterSet, Residuals, Share, Spread
from trader.domain.risk import GateLimits
from trader.domain.types import Decision, MarketType, ReasonCode, Side
from trader.domain.weather import Forecast, HourlyForecast, Observation, WeatherSnapshot

R = ReasonCode
D = Decimal
HIGH, LOW = MarketType.HIGH, MarketType.LOW
NORMAL_3 = Spread(
    a=3.0, b=0.0, c=0.0, phase_day=0.0, df=1000.0, bias_sd_f=0.0, max_lead_days=6.0, city_factor={}
)
KNOWN = ParameterSet(
    name="known", spreads={HIGH: NORMAL_3, LOW: NORMAL_3}, open_until_h={HIGH: 10.0, LOW: 2.0}
)
"""A normal error of three degrees, no bias and no calendar: probabilities can be computed by hand."""
STRATEGY, LOWS = DailyExtreme(HIGH, KNOWN), DailyExtreme(LOW, KNOWN)
GEFS = "openmeteo_gfs_ensemble"


def event(
    *forecasts: Forecast, now: datetime = NOW, seen: WeatherSnapshot | None = None, **changes: Any
) -> EventInputs:
    fields: dict[str, Any] = {
        "event_ticker": "KXHIGHNY-26JUL16",
        "city": CITIES["NYC"],
        "market_type": HIGH,
        "climate_date": DAY,
        "now": now,
        "weather": seen or weather("NYC", *forecasts),
        "lately": {},
        "min_forecast_pairs": 0,
        "gates": GateLimits(),
    }
    return EventInputs(**(fields | changes))


def lately(
    count: int, *, city: str = "NYC", source: str = GEFS, lead: int = 1, weight: float = 0.0,
    bias_f: float = 0.0, square: float = 1.0, variable: MarketType = HIGH,
) -> Residuals:  # fmt: skip
    return Residuals(
        parameters="", city_code=city, source=source, variable=variable, lead_days=lead, count=count,
        weight=weight, bias_f=bias_f, square=square,
    )  # fmt: skip


def known_of(*found: Residuals) -> dict[tuple[str, str, MarketType, int], Residuals]:
    return {(r.city_code, r.source, r.variable, r.lead_days): r for r in found}


def p_of(outlook: Outlook, lo: int | None, hi: int | None) -> Decimal:
    assert outlook.prediction is not None
    return outlook.prediction.distribution.between(lo, hi)


def mean_of(outlook: Outlook) -> float:
    assert outlook.prediction is not None
    return outlook.prediction.distribution.mean_f


def sd_of(outlook: Outlook) -> float:
    assert outlook.prediction is not None
    return outlook.prediction.distribution.sd_f


@pytest.mark.story("4.2")
def test_known_inputs_give_the_known_probability_of_high_at_least_a_threshold() -> None:
    outlook = STRATEGY.predict(event(forecast(85.0)))

    assert outlook.reasons == ()
    for threshold in range(78, 93):
        exact = pr.probability_at_least(threshold, 85.0, 3.0)
        assert abs(p_of(outlook, threshold, None) - exact) < D("0.0005")


def test_a_low_is_the_high_of_minus_the_temperature() -> None:
    low = LOWS.predict(event(forecast(65.0, variable=LOW), market_type=LOW))
    high = STRATEGY.predict(event(forecast(65.0)))

    assert mean_of(low) == pytest.approx(65.0, abs=1e-4)
    for degree in range(55, 76):
        assert abs(p_of(low, degree, degree) - p_of(high, 130 - degree, 130 - degree)) <= D("0.000002")


@pytest.mark.story("4.2")
def test_the_location_is_the_mean_of_the_members_and_a_wider_ensemble_widens() -> None:
    narrow = STRATEGY.predict(event(forecast(70.0, members=[84.0, 85.0, 86.0])))
    wide = STRATEGY.predict(event(forecast(70.0, members=[75.0, 85.0, 95.0])))

    assert [mean_of(narrow), mean_of(wide)] == pytest.approx([85.0, 85.0], abs=1e-3)
    assert sd_of(narrow) == pytest.approx(math.hypot(3.0, 0.29), abs=0.02)  # whole degrees add 1/12
    assert sd_of(wide) == pytest.approx(10.0, abs=0.1)


def test_one_member_is_a_forecast_without_a_spread() -> None:
    assert mean_of(STRATEGY.predict(event(forecast(70.0, members=[84.0])))) == pytest.approx(84.0, abs=1e-3)


def test_two_sources_are_weighed_by_their_shares_and_named() -> None:
    both = event(forecast(80.0, source="a"), forecast(90.0, source="b"))
    shares = (Share(variable=HIGH, source="a", share=3.0), Share(variable=HIGH, source="b", share=1.0))

    even = STRATEGY.predict(both)
    weighed = DailyExtreme(HIGH, KNOWN.model_copy(update={"shares": shares})).predict(both)
    sharper = DailyExtreme(HIGH, KNOWN.model_copy(update={"sharpening": {HIGH: 2.0}})).predict(both)

    assert mean_of(even) == pytest.approx(85.0, abs=1e-3)
    assert mean_of(weighed) == pytest.approx(82.5, abs=1e-3)
    assert sd_of(sharper) < sd_of(even)
    assert even.prediction is not None
    assert even.prediction.source == "a+b"


def test_what_a_source_erred_lately_moves_and_scales_it_by_the_amount_of_evidence() -> None:
    unsure = DailyExtreme(HIGH, KNOWN.model_copy(update={"spreads": {
        HIGH: NORMAL_3.model_copy(update={"bias_sd_f": 3.0}), LOW: NORMAL_3}}))  # fmt: skip
    told = [
        unsure.predict(event(forecast(85.0), lately=known_of(lately(n, weight=float(n), bias_f=-4.0))))
        for n in (0, 1, 9, 99)
    ]

    # the unknown bias is worth one pair: (3 / 3)^2
    expected = [85.0, 85 - 4 * 1 / 2, 85 - 4 * 9 / 10, 85 - 4 * 99 / 100]
    assert [mean_of(o) for o in told] == pytest.approx(expected, abs=0.01)
    assert sd_of(told[0]) == pytest.approx(math.sqrt(9 + 9 + 1 / 12), abs=0.02)
    assert sd_of(told[0]) > sd_of(told[1]) > sd_of(told[2]) > sd_of(told[3])
    wild = unsure.predict(event(forecast(85.0), lately=known_of(lately(80, weight=80.0, square=4.0))))
    assert sd_of(wild) == pytest.approx(3 * math.sqrt((20 + 80 * 4) / 100), abs=0.15)


def test_the_calendar_keeps_a_hundredth_of_what_ships() -> None:
    far = DailyExtreme(HIGH).predict(event(forecast(130.0)))  # nobody has seen this in New York

    assert p_of(far, None, 100) == pytest.approx(D("0.01"), abs=D("0.001"))


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ((), R.NO_FORECAST),
        ((forecast(85.0, day=DAY + timedelta(days=1)),), R.NO_FORECAST),
        ((forecast(85.0, variable=MarketType.LOW),), R.NO_FORECAST),
        ((forecast(85.0, issued_at=NOW + timedelta(seconds=1)),), R.WEATHER_FROM_FUTURE),
    ],
)
def test_without_a_forecast_that_could_be_known_there_is_no_prediction(
    given: tuple[Forecast, ...], reason: ReasonCode
) -> None:
    assert STRATEGY.predict(event(*given)) == Outlook(None, (reason,))


def test_without_weather_there_is_no_forecast() -> None:
    assert STRATEGY.predict(event(weather=None)) == Outlook(None, (R.NO_FORECAST,))


def test_the_newest_forecast_known_by_now_is_used() -> None:
    older = forecast(80.0, issued_at=NOW - timedelta(hours=8))
    newest = forecast(85.0, issued_at=NOW - timedelta(hours=1))
    unborn = forecast(99.0, issued_at=NOW + timedelta(hours=1))

    found = STRATEGY.predict(event(newest, unborn, older)).prediction

    assert found is not None
    assert found.distribution.mean_f == pytest.approx(85.0, abs=1e-3)
    assert (found.issued_at, found.lead_h) == (newest.issued_at, 19.5)


def refused(outlook: Outlook) -> tuple[ReasonCode, ...]:
    assert outlook.prediction is not None
    return outlook.reasons


@pytest.mark.story("4.2")
@pytest.mark.parametrize(("limit", "reasons"), [(3.1, ()), (2.99, (R.UNCERTAINTY_TOO_HIGH,))])
def test_above_the_configured_uncertainty_nothing_is_opened(
    limit: float, reasons: tuple[ReasonCode, ...]
) -> None:
    gates = GateLimits(max_uncertainty_f=limit)

    assert refused(STRATEGY.predict(event(forecast(85.0), gates=gates))) == reasons


@pytest.mark.parametrize(("age_h", "reasons"), [(12.0, ()), (12.01, (R.FORECAST_STALE,))])
def test_an_old_forecast_is_stale(age_h: float, reasons: tuple[ReasonCode, ...]) -> None:
    old = forecast(85.0, issued_at=NOW - timedelta(hours=age_h))

    assert refused(STRATEGY.predict(event(old))) == reasons


@pytest.mark.parametrize(
    ("count", "needed", "reasons"), [(30, 30, ()), (29, 30, (R.FORECAST_PAIRS_TOO_FEW,)), (0, 0, ())]
)
def test_a_source_without_enough_pairs_at_this_lead_is_not_traded(
    count: int, needed: int, reasons: tuple[ReasonCode, ...]
) -> None:
    pairs = known_of(lately(count), lately(99, lead=2), lately(99, city="CHI"), lately(99, variable=LOW))

    assert (
        refused(STRATEGY.predict(event(forecast(85.0), lately=pairs, min_forecast_pairs=needed))) == reasons
    )


def test_a_source_without_enough_pairs_is_left_out_while_another_has_them() -> None:
    both = (forecast(80.0, source="new"), forecast(85.0, source="old"))

    found = STRATEGY.predict(event(*both, lately=known_of(lately(40, source="old")), min_forecast_pairs=30))

    assert found.reasons == ()
    assert found.prediction is not None
    assert (found.prediction.source, round(mean_of(found), 2)) == ("old", 85.0)


def on_the_day(
    hour: float, high: float | None = 88.0, *, latest_f: float | None = None, **changes: Any
) -> EventInputs:
    now = datetime(2026, 7, 16, 5, tzinfo=UTC) + timedelta(hours=hour)
    if latest_f is not None:
        changes["latest"] = Observation(station="KNYC", observed_at=now, temp_f=latest_f)
    issued = forecast(85.0, issued_at=datetime(2026, 7, 16, 4, tzinfo=UTC))
    seen = weather("NYC", issued, climate_date=DAY, high_so_far_f=high, **{"fetched_at": now} | changes)
    return event(now=now, seen=seen, gates=GateLimits(max_forecast_age_s=48 * 3600))


@pytest.mark.parametrize(("hour", "reasons"), [(0.0, ()), (9.99, ()), (10.0, (R.DAY_TOO_ADVANCED,))])
def test_nothing_is_opened_from_ten_local_standard_time_on_the_day_itself(
    hour: float, reasons: tuple[ReasonCode, ...]
) -> None:
    assert refused(STRATEGY.predict(on_the_day(hour, None))) == reasons


def test_a_stale_station_matters_only_while_its_day_runs() -> None:
    today = on_the_day(5.0, is_observation_stale=True)
    tomorrow = event(seen=weather("NYC", forecast(85.0), is_observation_stale=True))

    assert refused(STRATEGY.predict(today)) == (R.OBSERVATION_STALE,)
    assert refused(STRATEGY.predict(tomorrow)) == ()


def test_the_high_of_another_day_is_not_an_observation_of_this_one() -> None:
    outlook = STRATEGY.predict(event(forecast(85.0)))  # yesterday reached 88

    assert outlook.prediction is not None
    assert outlook.prediction.observed_extreme_f is None
    ended = STRATEGY.predict(on_the_day(25.0))
    assert ended.prediction is not None
    assert ended.prediction.observed_extreme_f is None


def test_an_observed_high_moves_all_but_a_remainder_above_it() -> None:
    before, after = STRATEGY.predict(on_the_day(5.0, None)), STRATEGY.predict(on_the_day(5.0, 87.6))

    assert p_of(before, None, 87) > D("0.7")
    assert abs(p_of(after, None, 87) - D("0.005")) < D("0.0001")  # 87.6 is reported as 88
    assert p_of(after, 88, 88) > p_of(before, 88, 88)


def test_once_the_usual_hour_has_passed_the_ladder_closes_in_on_what_was_observed() -> None:
    at_88 = [p_of(STRATEGY.predict(on_the_day(hour)), 88, 88) for hour in (9, 16, 18, 20, 23)]

    assert at_88 == sorted(at_88)
    assert abs(at_88[-1] - D("0.447750")) < D("0.0001")  # all on the observation: 0.45 x 0.995


def hourly(temps: Iterable[float], start: datetime, source: str = GEFS) -> HourlyForecast:
    return HourlyForecast(source=source, issued_at=NOW, starts_at=start, temps_f=tuple(temps))


def test_an_hourly_forecast_tells_what_the_rest_of_the_day_can_still_do() -> None:
    start = datetime(2026, 7, 16, 5, tzinfo=UTC)
    rising = hourly([70 + h for h in range(16)] + [85 - 2 * h for h in range(8)], start)
    falling = hourly([85 - 2 * h for h in range(8)], start + timedelta(hours=16))

    morning = STRATEGY.predict(on_the_day(6, 76.0, hourly=rising, latest_f=76.0))
    evening = STRATEGY.predict(on_the_day(21, 88.0, hourly=falling))

    assert abs(mean_of(morning) - 85.0) < 0.8
    assert p_of(evening, 88, 91) > D("0.98")
    warmer = STRATEGY.predict(on_the_day(12, 84.0, hourly=rising, latest_f=86.0))  # 4 above what was said
    colder = STRATEGY.predict(on_the_day(12, 78.0, hourly=rising, latest_f=78.0))
    assert mean_of(warmer) > mean_of(colder) + 4
    assert sd_of(warmer) < sd_of(morning)


def test_a_low_has_two_chances_at_dawn_and_before_midnight() -> None:
    start = datetime(2026, 7, 16, 5, tzinfo=UTC)
    mild = [66.0] * 5 + [65.0] + [75.0] * 12 + [70.0] * 6
    front = [66.0] * 5 + [65.0] + [75.0] * 12 + [70.0, 69.0, 68.0, 67.0, 66.0, 65.0]

    def low(temps: list[float]) -> Outlook:
        said = forecast(65.0, variable=LOW, issued_at=NOW)
        return LOWS.predict(event(seen=weather("NYC", said, hourly=hourly(temps, start)), market_type=LOW))

    assert mean_of(low(front)) < mean_of(low(mild)) - 0.7  # the lower of two equal chances is lower
    assert sd_of(low(front)) < sd_of(low(mild))


def test_the_versions_name_the_parameters() -> None:
    other = DailyExtreme(HIGH, KNOWN.model_copy(update={"name": "other"}))

    assert STRATEGY.version != other.version
    assert DailyExtreme(HIGH).version == DailyExtreme(HIGH, shipped_parameters()).version
    assert {DailyExtreme(kind).name for kind in (HIGH, LOW)} == {"daily_high", "daily_low"}


def test_the_shipped_spread_grows_with_lead_and_differs_by_season_city_and_source() -> None:
    shipped, low = (shipped_parameters().spreads[kind] for kind in (HIGH, LOW))
    summer, winter = date(2026, 7, 16), date(2026, 2, 1)

    assert 2.0 < shipped.sd(20.0, summer, "NYC") < 4.5
    assert shipped.sd(6.0, summer, "NYC") < shipped.sd(30.0, summer, "NYC") < shipped.sd(78.0, summer, "NYC")
    assert shipped.sd(30.0, winter, "NYC") > shipped.sd(30.0, summer, "NYC")
    assert shipped.sd(30.0, summer, "MIA") < shipped.sd(30.0, summer, "DEN")
    assert shipped.sd(30.0, summer, "NYC", "nws_grid") < shipped.sd(30.0, summer, "NYC", GEFS)
    assert low.sd(30.0, winter, "DEN") > low.sd(30.0, summer, "DEN")
    assert shipped.sd(1e6, summer, "NYC") == shipped.sd(150.0, summer, "NYC")  # clipped to what was fitted
    assert shipped.sd(-5.0, summer, "NYC") == shipped.sd(6.0, summer, "NYC")
    assert set(shipped.city_factor) == set(low.city_factor) == set(CITIES)
    assert shipped_parameters().provenance["until"] == "2026-01-01"  # the demo's world is later


def test_the_shipped_calendar_knows_summer_from_winter() -> None:
    normals = Known.of(shipped_parameters()).normals

    for kind, january, july in ((HIGH, 40.0, 84.0), (LOW, 28.0, 70.0)):
        assert normals["NYC", kind].at(date(2026, 1, 15))[0] == pytest.approx(january, abs=2.5)
        assert normals["NYC", kind].at(date(2026, 7, 15))[0] == pytest.approx(july, abs=2.5)
        assert normals["NYC", kind].at(date(2026, 1, 15))[1] > normals["NYC", kind].at(date(2026, 7, 15))[1]


@pytest.mark.story("4.1")
@pytest.mark.parametrize(
    ("bid", "ask", "decision", "side", "reasons"),
    [
        ("0.20", "0.21", Decision.BUY, Side.YES, (R.EDGE_FOUND,)),
        ("0.40", "0.41", Decision.SELL, Side.NO, (R.EDGE_FOUND,)),
        ("0.25", "0.26", Decision.HOLD, Side.YES, (R.EDGE_TOO_SMALL,)),
    ],
)
def test_evaluate_reads_one_contract_from_the_events_distribution(
    bid: str, ask: str, decision: Decision, side: Side, reasons: tuple[ReasonCode, ...]
) -> None:
    terms = contract(84, 85)  # P = Phi(1/6) - Phi(-1/2) = 0.257625

    signal = STRATEGY.evaluate(event(forecast(85.0)), terms, snapshot(terms, book(bid, ask)))

    assert (signal.decision, signal.side, signal.reasons) == (decision, side, reasons)
    assert signal.p_yes is not None
    assert math.isclose(signal.p_yes, 0.257625, abs_tol=2e-4)
    assert signal.uncertainty == pytest.approx(3.0, abs=0.05)
    assert signal.price is not None and signal.fee is not None  # noqa: PT018
    p_win = signal.p_yes if side is Side.YES else 1 - signal.p_yes
    assert signal.edge == p_win - signal.price - signal.fee
    assert signal.price == (D(ask) if side is Side.YES else 1 - D(bid))


def test_the_events_contracts_share_one_distribution_that_sums_to_one() -> None:
    outlook = STRATEGY.predict(event(forecast(85.0)))
    signals = [STRATEGY.read(outlook, event(forecast(85.0)), c, None) for c in event_contracts()]

    assert sum(s.p_yes or 0 for s in signals) == 1
    assert {s.decision for s in signals} == {Decision.HOLD}
    assert {s.reasons for s in signals} == {(R.BOOK_MISSING,)}
    assert len(signals) == len(BRACKETS)
