"""Distributions over whole degrees: exact sums, half-degree edges, and nothing impossible but by logic."""

import math
from decimal import Decimal
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import gamma
from scipy.stats import t as student_t

from trader.core import probability as pr
from trader.domain.signals import MILLION

means = st.floats(-40, 120)
sds = st.floats(0.3, 12)
dfs = st.floats(2.5, 60)


@pytest.mark.story("4.1")
@pytest.mark.parametrize(
    ("threshold", "mean", "sd", "p"),
    [
        (85, 84.5, 3.0, "0.5"),  # the edge lies at 84.5
        (85, 85.0, 3.0, "0.566184"),  # 1 - Phi(-1/6)
        (90, 85.0, 3.0, "0.066807"),  # 1 - Phi(1.5)
        (60, 85.0, 3.0, "1"),
    ],
)
def test_probability_at_least_is_the_normal_tail_above_the_half_degree(
    threshold: int, mean: float, sd: float, p: str
) -> None:
    assert pr.probability_at_least(threshold, mean, sd) == Decimal(p)
    expected = 1 - NormalDist(mean, sd).cdf(threshold - 0.5)
    assert math.isclose(float(pr.probability_at_least(threshold, mean, sd)), expected, abs_tol=1e-6)


@pytest.mark.parametrize(("sd", "df"), [(0.0, 5.0), (-1.0, 5.0), (3.0, 2.0), (float("nan"), 5.0)])
def test_a_spread_that_is_none_is_refused(sd: float, df: float) -> None:
    with pytest.raises(ValueError, match="expected"):
        pr.student(85.0, sd, df)
    if df > 2:
        with pytest.raises(ValueError, match="expected a positive spread"):
            pr.probability_at_least(85, 85.0, sd)


@given(means, sds, dfs)
def test_the_whole_degrees_sum_to_exactly_one_and_none_in_reach_is_impossible(
    mean: float, sd: float, df: float
) -> None:
    quantised = pr.quantise(*pr.student(mean, sd, df), mean_f=mean, sd_f=sd)

    assert sum(quantised.ppm) == MILLION
    assert min(quantised.ppm) >= 1
    assert quantised.between(None, None) == 1
    assert abs(quantised.start + int(np.argmax(quantised.ppm)) - mean) <= 1


@given(st.integers(1, 8000), st.floats(0.2, 40), st.floats(1, 400))
def test_a_ladder_of_thousands_of_values_sums_to_one_and_stays_what_it_was(
    count: int, shape: float, scale: float
) -> None:
    """A month's rain in hundredths: what roundings leave over can be more than the likeliest value has."""
    edges = gamma.cdf((np.arange(count) + 0.5) / scale, shape)
    edges[-1] = 1.0
    weights = np.diff(np.concatenate(([0.0], edges)))

    ppm = np.array(pr.quantise(0, weights, mean_f=0.0, sd_f=0.0).ppm)

    assert ppm.sum() == MILLION
    assert ppm.min() >= 1
    excess = np.maximum(0, 1 - weights * MILLION).sum()  # what the least of one adds
    away = np.abs(np.cumsum(ppm) - np.cumsum(weights) * MILLION).max()
    assert away <= excess + count / 2 + 1
    mode = int(weights.argmax())
    assert abs(ppm[mode] - weights[mode] * MILLION) <= weights[mode] * MILLION / 10 + 2


def test_values_that_were_alike_stay_alike_when_the_mode_cannot_bear_the_remainder() -> None:
    weights = np.full(3000, 0.4 / MILLION)  # each rounds to nothing and keeps one
    weights[:800] = (1 - 2200 * 0.4 / MILLION) / 800

    ppm = pr.quantise(0, weights, mean_f=0.0, sd_f=0.0).ppm

    assert sum(ppm) == MILLION
    assert set(ppm[800:]) == {1}
    assert max(ppm) - min(ppm[:800]) <= 1


def test_more_values_than_millionths_are_refused() -> None:
    with pytest.raises(ValueError, match="at most 1000000 values"):
        pr.quantise(0, np.ones(MILLION + 1), mean_f=0.0, sd_f=0.0)


@given(means, sds, dfs, st.integers(-8, 8))
def test_each_degree_has_the_t_probability_between_its_half_degree_edges(
    mean: float, sd: float, df: float, away: int
) -> None:
    start, weights = pr.student(mean, sd, df)
    value = round(mean) + away
    scale = sd * math.sqrt((df - 2) / df)

    expected = student_t.cdf((value + 0.5 - mean) / scale, df) - student_t.cdf(
        (value - 0.5 - mean) / scale, df
    )

    assert math.isclose(weights[value - start], expected, abs_tol=1e-9)


@given(means, sds, dfs, st.integers(-60, 60))
def test_an_observation_leaves_what_it_excludes_a_small_remainder(
    mean: float, sd: float, df: float, away: int
) -> None:
    prior = pr.student(mean, sd, df)
    observed = round(mean) + away
    start, weights = pr.condition_at_least(*prior, observed)
    below = float(weights[: max(0, observed - start)].sum())

    assert math.isclose(float(weights.sum()), 1.0, abs_tol=1e-9)
    assert below <= pr.EXCLUDED_SHARE + 1e-9
    if observed > start:
        assert pr.quantise(start, weights, mean_f=mean, sd_f=sd).between(None, observed - 1) > 0


def test_an_observation_that_excludes_next_to_nothing_does_not_inflate_it() -> None:
    start, weights = pr.student(85.0, 2.0, 8.0)
    excluded = float(weights[: 75 - start].sum())

    _, after = pr.condition_at_least(start, weights, 75)

    assert excluded < pr.EXCLUDED_SHARE
    assert math.isclose(float(after[: 75 - start].sum()), excluded, rel_tol=1e-9)


def test_far_above_every_forecast_the_observation_itself_stands() -> None:
    start, weights = pr.condition_at_least(*pr.student(60.0, 1.0, 30.0), 120)
    locked = pr.quantise(start, weights, mean_f=60.0, sd_f=1.0)

    assert locked.between(120, 120) == Decimal("0.447750")  # 0.45 x 0.995
    assert locked.between(120, None) == Decimal("0.995")
    assert locked.between(None, 119) > 0


@given(st.floats(0, 1))
def test_a_mixture_lies_between_its_parts(weight: float) -> None:
    first, second = pr.student(85.0, 3.0, 8.0), pr.locked(88)

    start, mixed = pr.mix(first, second, weight)

    at_88 = [part[1][88 - part[0]] for part in (first, second)]
    assert math.isclose(float(mixed.sum()), 1.0, abs_tol=1e-9)
    assert min(at_88) - 1e-9 <= mixed[88 - start] <= max(at_88) + 1e-9
