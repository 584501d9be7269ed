"""The rest of a month: the number of wet days and the sum of their amounts, against other ways to count."""

import math
from datetime import date, timedelta
from itertools import product
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.core.forecasting.totals import (
    SAID_DAYS,
    SAID_SHARE,
    SCALES,
    SHARES,
    UNPROVEN,
    Said,
    Trust,
    _counts,
    _summed,
    fit_depths,
    last_day,
    likelihoods,
    rest_as_said,
    rest_of_month,
    trust_of,
    wet_days,
)
from trader.domain.learned import WetDays
from trader.domain.types import MarketType

chances = st.floats(0.02, 0.98)
JULY = WetDays(after_dry=0.25, after_wet=0.5, shape=0.6, scale=60.0)


@given(chances, chances, st.integers(0, 7), st.sampled_from([None, True, False]))
def test_wet_days_are_counted_as_if_every_order_of_days_were_written_down(
    dry: float, wet: float, days: int, was_wet: bool | None
) -> None:
    chain = WetDays(after_dry=dry, after_wet=wet, shape=1, scale=1)
    often = dry / (1 + dry - wet)
    before = {True: often, False: 1 - often} if was_wet is None else {was_wet: 1.0}

    expected = np.zeros(days + 1)
    for (start, share), order in product(before.items(), product((True, False), repeat=days)):
        p, last = share, start
        for day in order:
            rises = wet if last else dry
            p, last = p * (rises if day else 1 - rises), day
        expected[sum(order)] += p
    assert _counts(chain, days, was_wet) == pytest.approx(expected)


def test_the_distribution_is_that_of_months_drawn_day_by_day() -> None:
    dice, drawn = Random(4), []  # noqa: S311  repeatable luck is the point
    for _ in range(20_000):
        wet, total = False, 0.0
        for _ in range(12):
            wet = dice.random() < (JULY.after_wet if wet else JULY.after_dry)
            total += dice.gammavariate(JULY.shape, JULY.scale) if wet else 0.0
        drawn.append(total)

    said = np.cumsum(rest_of_month(JULY, 12, False))

    for units in (0, 20, 100, 250, 500):
        share = sum(t < units + 0.5 for t in drawn) / len(drawn)
        assert said[units] == pytest.approx(share, abs=4 * math.sqrt(0.25 / len(drawn)))
    assert said[-1] == pytest.approx(1.0)


def test_without_days_left_nothing_more_falls() -> None:
    assert rest_of_month(JULY, 0, True).tolist() == [1.0]


def record(years: int = 20) -> tuple[np.ndarray, np.ndarray]:
    """Days drawn from JULY's chain all year."""
    dice, wet, units = Random(7), False, []  # noqa: S311  repeatable luck is the point
    days = np.arange(date(2000, 1, 1).toordinal(), date(2000 + years, 1, 1).toordinal())
    for _ in days:
        wet = dice.random() < (JULY.after_wet if wet else JULY.after_dry)
        units.append(max(1, round(dice.gammavariate(JULY.shape, JULY.scale))) if wet else 0)
    return days, np.array(units)


def test_a_fit_finds_the_chain_its_record_was_drawn_from() -> None:
    days, units = record()

    found = fit_depths("NYC", MarketType.RAIN, days, units, int(days[-1]) + 1, "KNYC")

    assert found is not None
    assert found.years == 20
    for month in found.months:
        assert month.after_dry == pytest.approx(JULY.after_dry, abs=0.05)
        assert month.after_wet == pytest.approx(JULY.after_wet, abs=0.07)
        assert month.shape * month.scale == pytest.approx(JULY.shape * JULY.scale, rel=0.2)


def test_a_fit_sees_nothing_of_the_month_it_is_for_and_a_planted_leak_is_caught() -> None:
    days, units = record()
    cut = date(2015, 7, 1).toordinal()
    later = units.copy()
    later[days >= cut] = 900

    assert wet_days(days, units, cut, 7) == wet_days(days, later, cut, 7)
    assert wet_days(days, units, cut + 1, 7) != wet_days(days, later, cut + 1, 7)  # one day too many


def test_a_short_record_gives_nothing() -> None:
    days, units = record(years=4)

    assert fit_depths("NYC", MarketType.RAIN, days, units, int(days[-1]) + 1, "KNYC") is None


def test_the_last_day_of_every_month() -> None:
    for n in range(1500):
        day = date(2023, 1, 1) + timedelta(days=n)
        assert (last_day(day) + timedelta(days=1)).day == 1
        assert last_day(day).month == day.month


def mean(weights: np.ndarray) -> float:
    return float((weights * np.arange(len(weights))).sum())


@pytest.mark.parametrize(("before", "units"), [(0, 0.0), (1, 0.4), (2, 80.0), (3, 400.0)])
def test_half_of_the_rest_is_drawn_as_the_forecast_says_and_half_as_the_record(
    before: int, units: float
) -> None:
    dice, drawn, days = Random(9), [], 10  # noqa: S311  repeatable luck is the point
    often = JULY.after_dry / (1 + JULY.after_dry - JULY.after_wet)

    def chain(count: int, wet: bool) -> float:
        total = 0.0
        for _ in range(count):
            wet = dice.random() < (JULY.after_wet if wet else JULY.after_dry)
            total += dice.gammavariate(JULY.shape, JULY.scale) if wet else 0.0
        return total

    for _ in range(20_000):
        if dice.random() < SAID_SHARE:
            told = dice.gammavariate(units / JULY.scale, JULY.scale) if units else 0.0
            parts = chain(before, False), told, chain(days - before - 3, dice.random() < often)
            drawn.append(sum(round(part) for part in parts))  # each part is in whole units
        else:
            drawn.append(round(chain(days, False)))

    said = np.cumsum(rest_as_said(JULY, days, False, Said(before, 3, units)))

    for edge in (0, 20, 100, 250, 500, 800):
        share = sum(total <= edge for total in drawn) / len(drawn)
        assert said[edge] == pytest.approx(share, abs=0.015)
    assert said[-1] == pytest.approx(1.0)


@given(st.integers(0, 20), st.integers(1, 3), st.floats(0, 900), st.sampled_from([None, True, False]))
def test_a_forecast_moves_the_mean_half_way_and_loses_no_probability(
    after: int, days: int, units: float, was_wet: bool | None
) -> None:
    record, said = rest_of_month(JULY, after + days, was_wet), Said(0, days, round(units, 2))

    found = rest_as_said(JULY, after + days, was_wet, said)

    around = mean(rest_of_month(JULY, after, None))
    assert found.sum() == pytest.approx(1.0)
    assert (found >= 0).all()
    assert mean(found) == pytest.approx((mean(record) + around + units) / 2, rel=0.002, abs=0.3)


def test_a_sum_has_the_same_bytes_in_either_order_and_is_that_of_every_pair() -> None:
    one, other = rest_of_month(JULY, 3, None), rest_of_month(JULY, 9, None)

    found = _summed(one, other)

    assert found.tobytes() == _summed(other, one).tobytes()
    pairs = np.zeros(len(one) + len(other) - 1)
    for n, p in enumerate(one.tolist()):
        for m, q in enumerate(other.tolist()):
            pairs[n + m] += p * q
    assert found[:-1] == pytest.approx(pairs[: len(found) - 1])
    assert pairs[len(found) :].sum() < 1e-5


@pytest.mark.parametrize(("units", "outcome"), [(0.0, 0), (0.0, 12), (3.0, 0), (120.0, 95), (120.0, 0)])
def test_likelihoods_are_those_of_the_distributions_that_would_be_said(units: float, outcome: int) -> None:
    found = likelihoods(JULY, units, outcome)

    for row, share in enumerate(SHARES):
        for column, scale in enumerate(SCALES):
            trust = Trust(float(share), float(scale))
            said = rest_as_said(JULY, SAID_DAYS, None, Said(0, SAID_DAYS, units), trust)
            assert np.exp(found[row, column]) == pytest.approx(max(said[outcome], 1e-7), rel=1e-3)


def test_nothing_seen_leaves_a_source_as_unproven_as_it_is() -> None:
    assert trust_of(np.zeros((len(SHARES), len(SCALES)))) == UNPROVEN


@pytest.mark.parametrize("truth", [Trust(0.9, 0.25), Trust(0.3, 1.0), Trust(0.6, 0.5)])
def test_trust_is_found_where_windows_were_drawn_with_it(truth: Trust) -> None:
    dice = np.random.default_rng(3)
    learnt = np.zeros((len(SHARES), len(SCALES)))
    for _ in range(1500):
        units = round(float(dice.gamma(0.7, 90.0)), 2) if dice.random() < 0.7 else 0.0
        said = rest_as_said(JULY, SAID_DAYS, None, Said(0, SAID_DAYS, units), truth)
        learnt += likelihoods(JULY, units, int(dice.choice(len(said), p=said / said.sum())))

    found = trust_of(learnt)

    assert found.share == pytest.approx(truth.share, abs=0.1)
    assert abs(np.log(found.scale / truth.scale)) < 0.5
    few = trust_of(learnt / 500)  # one window's worth
    assert abs(few.share - SAID_SHARE) <= abs(found.share - SAID_SHARE)
