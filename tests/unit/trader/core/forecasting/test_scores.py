import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.core import probability as pr
from trader.core.forecasting import scores
from trader.core.forecasting.chance import uniforms
from trader.domain.signals import MILLION, Distribution

outcomes = st.integers(20, 110)


@given(outcomes, outcomes)
def test_crps_of_certainty_is_the_absolute_error(said: int, outcome: int) -> None:
    sure = Distribution(start=said, ppm=(MILLION,), mean_f=said, sd_f=0.0)

    assert scores.crps(sure, outcome) == pytest.approx(abs(said - outcome))


@given(st.floats(50, 80), st.floats(1, 5), outcomes)
def test_crps_equals_the_mean_distance_minus_half_the_mean_spread(
    mean: float, sd: float, outcome: int
) -> None:
    d = pr.quantise(*pr.student(mean, sd, 8.0), mean_f=mean, sd_f=sd)
    p = np.array(d.ppm) / MILLION
    v = np.arange(d.start, d.start + len(p))

    expected = p @ np.abs(v - outcome) - 0.5 * p @ np.abs(v[:, None] - v[None, :]) @ p

    assert scores.crps(d, outcome) == pytest.approx(expected, abs=1e-6)


@given(st.floats(0, 0.999), outcomes)
def test_pit_lies_inside_the_step_of_the_outcome(uniform: float, outcome: int) -> None:
    d = pr.quantise(*pr.student(65.0, 3.0, 8.0), mean_f=65.0, sd_f=3.0)

    pit = scores.randomised_pit(d, outcome, uniform)

    below = float(d.between(None, outcome - 1))
    assert below - 1e-9 <= pit <= below + float(d.between(outcome, outcome)) + 1e-9


def test_pit_of_draws_from_the_forecast_is_flat_and_covers_within_its_band() -> None:
    start, weights = pr.student(65.0, 3.0, 8.0)
    d = pr.quantise(start, weights, mean_f=65.0, sd_f=3.0)
    drawn = np.searchsorted(np.cumsum(weights), uniforms(99, 1000)) + start

    pairs = zip(drawn.tolist(), uniforms(98, 1000).tolist(), strict=True)
    pit = np.array([scores.randomised_pit(d, y, u) for y, u in pairs])

    lo, hi = scores.coverage_band(1000)
    assert lo <= ((pit >= 0.1) & (pit < 0.9)).mean() <= hi
    assert (np.histogram(pit, bins=5, range=(0, 1))[0] > 150).all()


@pytest.mark.parametrize("days", [30, 100, 366])
def test_the_band_holds_a_calibrated_count_in_95_of_100_cases(days: int) -> None:
    chance = [math.comb(days, k) * 0.8**k * 0.2 ** (days - k) for k in range(days + 1)]

    lo, hi = (round(edge * days) for edge in scores.coverage_band(days))

    assert sum(chance[:lo]) < 0.025 <= sum(chance[: lo + 1])
    assert sum(chance[:hi]) < 0.975 <= sum(chance[: hi + 1])


def test_width_is_between_the_tenth_and_ninetieth_percent() -> None:
    d = Distribution(start=60, ppm=(100_000, 400_000, 400_000, 100_000), mean_f=61.5, sd_f=0.8)

    assert scores.width80(d) == 2


def test_resampling_keeps_the_markets_of_a_day_together_and_repeats() -> None:
    total, count = np.array([1.0, 0.0, 2.0, 1.0] * 10), np.array([6.0, 6.0, 6.0, 3.0] * 10)

    found = scores.bootstrap(total, count)

    assert found.value == pytest.approx(4 / 21)
    assert found.lo < found.value < found.hi
    assert found == scores.bootstrap(total, count)
    with pytest.raises(ValueError, match="at least one day"):
        scores.bootstrap(np.zeros(0))


def test_the_interval_of_a_mean_has_the_width_that_theory_gives() -> None:
    values = uniforms(5, 400)

    found = scores.bootstrap(values)

    half = 1.96 * values.std() / np.sqrt(400)
    assert (found.hi - found.lo) / 2 == pytest.approx(half, rel=0.1)


def test_reliability_bins_hold_every_market_once() -> None:
    p, won = np.array([0.05, 0.05, 0.55, 1.0]), np.array([0.0, 1.0, 1.0, 1.0])

    bins = scores.reliability(p, won)

    assert [(b.lo, b.won, b.count) for b in bins] == [(0.0, 0.5, 2), (0.5, 1.0, 1), (0.9, 1.0, 1)]
