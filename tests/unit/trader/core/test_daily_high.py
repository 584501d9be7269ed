"""The daily high: location from the ensemble, spread from the fit, and what an observation or the clock
changes.
"""

import math
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
from trader.core.strategies.base import EventInputs, Outlook
from trader.core.strategies.daily_high import DailyHigh, HighParameters, shipped_parameters
from trader.domain.plan import ForecastPairs
from trader.domain.risk import GateLimits
from trader.domain.types import Decision, MarketType, ReasonCode, Side
from trader.domain.weather import Forecast, WeatherSnapshot

R = ReasonCode
D = Decimal
KNOWN = HighParameters(
    a=3.0, b=0.0, c=0.0, phase_day=0.0, df=1000.0, bias_sd_f=0.0, max_lead_days=6.0, city_factor={},
    provenance={},
)  # fmt: skip
STRATEGY = DailyHigh(KNOWN)
NOON = datetime(2026, 7, 16, 17, 0, tzinfo=UTC)
"""Noon local standard time in New York on the climate day itself."""


def event(
    *forecasts: Forecast, now: datetime = NOW, seen: WeatherSnapshot | None = None, **changes: Any
) -> EventInputs:
    fields: dict[str, Any] = {
        "event_ticker": "KXHIGHNY-26JUL16",
        "city": CITIES["NYC"],
        "market_type": MarketType.HIGH,
        "climate_date": DAY,
        "now": now,
        "weather": seen or weather("NYC", *forecasts),
        "pairs": (),
        "min_forecast_pairs": 0,
        "gates": GateLimits(),
    }
    return EventInputs(**(fields | changes))


def p_of(outlook: Outlook, lo: int | None, hi: int | None) -> Decimal:
    assert outlook.prediction is not None
    return outlook.prediction.distribution.between(lo, hi)


@pytest.mark.story("4.2")
def test_known_inputs_give_the_known_probability_of_high_at_least_a_threshold() -> None:
    outlook = STRATEGY.predict(event(forecast(85.0)))

    assert outlook.reasons == ()
    for threshold in range(78, 93):
        exact = pr.probability_at_least(threshold, 85.0, 3.0)
        assert abs(p_of(outlook, threshold, None) - exact) < D("0.0005")


@pytest.mark.story("4.2")
def test_the_location_is_the_mean_of_the_members_and_a_wider_ensemble_widens() -> None:
    narrow = STRATEGY.predict(event(forecast(70.0, members=[84.0, 85.0, 86.0]))).prediction
    wide = STRATEGY.predict(event(forecast(70.0, members=[75.0, 85.0, 95.0]))).prediction

    assert narrow is not None and wide is not None  # noqa: PT018
    assert (narrow.distribution.mean_f, narrow.distribution.sd_f) == (85.0, 3.0)
    assert (wide.distribution.mean_f, wide.distribution.sd_f) == (85.0, 10.0)
    assert narrow.features == {
        "members": 3.0, "member_sd_f": 1.0, "fitted_sd_f": 3.0, "forecast_weight": 1.0,
    }  # fmt: skip


def test_one_member_is_a_forecast_without_a_spread() -> None:
    single = STRATEGY.predict(event(forecast(70.0, members=[84.0]))).prediction

    assert single is not None
    assert (single.distribution.mean_f, single.features["member_sd_f"]) == (84.0, None)


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
    assert (found.distribution.mean_f, found.issued_at, found.lead_h) == (85.0, newest.issued_at, 19.5)


def refused(outlook: Outlook) -> tuple[ReasonCode, ...]:
    assert outlook.prediction is not None
    return outlook.reasons


@pytest.mark.story("4.2")
@pytest.mark.parametrize(("limit", "reasons"), [(3.0, ()), (2.99, (R.UNCERTAINTY_TOO_HIGH,))])
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
    pairs = (
        ForecastPairs(city_code="NYC", source="openmeteo_gfs_ensemble", lead_days=1, count=count),
        ForecastPairs(city_code="NYC", source="openmeteo_gfs_ensemble", lead_days=2, count=99),
        ForecastPairs(city_code="CHI", source="openmeteo_gfs_ensemble", lead_days=1, count=99),
    )

    assert refused(STRATEGY.predict(event(forecast(85.0), pairs=pairs, min_forecast_pairs=needed))) == reasons


def on_the_day(hour: float, high: float | None = 88.0, **changes: Any) -> EventInputs:
    now = datetime(2026, 7, 16, 5, tzinfo=UTC) + timedelta(hours=hour)
    issued = forecast(85.0, issued_at=datetime(2026, 7, 16, 4, tzinfo=UTC))
    seen = weather("NYC", issued, climate_date=DAY, high_so_far_f=high, **changes)
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


def test_through_the_day_the_weight_moves_to_what_was_observed() -> None:
    at_88 = [p_of(STRATEGY.predict(on_the_day(hour)), 88, 88) for hour in (9, 12, 15, 19, 23)]

    assert at_88 == sorted(at_88)
    assert at_88[-1] == at_88[-2]
    assert abs(at_88[-1] - D("0.547250")) < D("0.0001")  # all weight on the observation: 0.55 x 0.995


def test_the_shipped_spread_grows_with_lead_and_differs_by_season_and_city() -> None:
    shipped = shipped_parameters()
    summer, winter = date(2026, 7, 16), date(2026, 2, 1)

    assert 2.0 < shipped.sd(20.0, summer, "NYC") < 4.5
    assert shipped.sd(6.0, summer, "NYC") < shipped.sd(30.0, summer, "NYC") < shipped.sd(78.0, summer, "NYC")
    assert shipped.sd(30.0, winter, "NYC") > shipped.sd(30.0, summer, "NYC")
    assert shipped.sd(30.0, summer, "MIA") < shipped.sd(30.0, summer, "DEN")
    assert shipped.sd(1e6, summer, "NYC") == shipped.sd(150.0, summer, "NYC")  # clipped to what was fitted
    assert shipped.sd(-5.0, summer, "NYC") == shipped.sd(6.0, summer, "NYC")
    assert set(shipped.city_factor) == set(CITIES)
    assert shipped.provenance["last_target"] < "2017"
    assert shipped.df > 2


def test_the_version_names_the_parameters() -> None:
    other = DailyHigh(KNOWN.model_copy(update={"a": 3.1}))

    assert STRATEGY.version != other.version
    assert DailyHigh().version == DailyHigh(shipped_parameters()).version


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
    assert signal.uncertainty == 3.0
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
