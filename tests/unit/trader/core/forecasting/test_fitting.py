"""The fits find the parameters that made the data."""

import math

import numpy as np
import pytest

from tests.unit.trader.core.forecasting.synthetic import BIAS_F, FIRST, archive
from trader.core.forecasting.archive import DAY_S, EPOCH, Settled
from trader.core.forecasting.expert import MIN_PAIRS
from trader.core.forecasting.fitting import Errors, fit_normal, fit_sources, fit_spread, instant_of
from trader.domain.cities import load_cities
from trader.domain.types import MarketType

CITIES = load_cities()


def made(n: int = 12_000, df: float = 6.0, newer: float = 0.7) -> Errors:
    rng = np.random.default_rng(7)
    lead = rng.integers(0, 7, n).astype(float)
    day = rng.integers(1, 366, n).astype(float)
    era = (np.arange(n) % 5 == 0).astype(float)
    factor = np.array([0.8, 1.25] * (n // 2))
    sd = (3.0 + 0.5 * lead) * (1 + 0.2 * np.cos(2 * math.pi * (day - 40) / 365.25)) * factor * newer**era
    error = rng.standard_t(df, n) * sd * math.sqrt((df - 2) / df)
    return Errors(error, lead, day, np.array(["MIA", "DEN"] * (n // 2)), era)


def test_the_fit_recovers_lead_season_city_era_and_tails_from_errors_made_with_them() -> None:
    found = fit_spread(made())

    assert found["a"] == pytest.approx(3.0, abs=0.2)
    assert found["b"] == pytest.approx(0.5, abs=0.06)
    assert found["c"] == pytest.approx(0.2, abs=0.04)
    assert found["phase_day"] == pytest.approx(40, abs=12)
    assert found["df"] == pytest.approx(6.0, abs=1.2)
    assert found["newer_era"] == pytest.approx(0.7, abs=0.04)
    assert found["city_factor"]["DEN"] / found["city_factor"]["MIA"] == pytest.approx(1.25 / 0.8, rel=0.05)


def test_the_calendar_is_found_again_in_degrees_as_reported_also_for_lows() -> None:
    day = np.arange(FIRST - 8 * 365, FIRST)
    value = np.rint(
        60 - 20 * np.cos(2 * np.pi * day / 365.2425) + 4 * np.random.default_rng(3).normal(size=len(day))
    )
    settled = Settled(day, (day - EPOCH + 2) * DAY_S, -value)

    found = fit_normal("NYC", MarketType.LOW, settled, FIRST)

    assert found is not None
    assert found.mean[0] == pytest.approx(60, abs=0.5)
    assert math.hypot(*found.mean[1:3]) == pytest.approx(20, abs=0.6)
    assert found.sd[0] == pytest.approx(4, abs=0.3)
    assert fit_normal("NYC", MarketType.LOW, settled, FIRST - 8 * 365 + 300) is None  # less than a year


def test_sources_are_fitted_by_lead_on_what_was_known_before() -> None:
    full = archive(120)

    found = fit_sources(full, MarketType.HIGH, CITIES, FIRST + 100)

    assert {(f.source, f.lead_days) for f in found} == {("test", 0), ("test", 1), ("test", 2)}
    assert all(f.pairs <= 100 for f in found)
    assert all(f.location[0] == pytest.approx(BIAS_F, abs=1.0) for f in found)
    assert fit_sources(full, MarketType.HIGH, CITIES, FIRST + MIN_PAIRS - 1) == ()


def test_a_source_is_paired_in_the_morning_of_the_day_and_in_the_evenings_before() -> None:
    new_york = CITIES["NYC"]  # standard time is five hours behind

    assert [instant_of(lead, new_york).offset_h for lead in (0, 1, 2)] == [15, 0, -24]
