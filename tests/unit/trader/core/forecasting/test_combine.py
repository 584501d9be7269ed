import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.trader.core.forecasting.synthetic import noise
from trader.core import probability as pr
from trader.core.forecasting import combine


def test_the_expert_that_gave_more_to_what_happened_gets_the_larger_share() -> None:
    shares = combine.shares(np.tile([0.3, 0.1], (60, 1)))

    assert shares.sum() == pytest.approx(1.0)
    assert shares[0] > 0.85


def test_without_evidence_shares_are_equal_and_nothing_is_sharpened() -> None:
    assert combine.shares(np.zeros((0, 3))).tolist() == pytest.approx([1 / 3] * 3)
    assert combine.sharpening(np.zeros(0), np.zeros(0)) == 1.0


@given(st.floats(30, 110), st.floats(0.5, 6))
def test_the_transform_with_one_changes_nothing_and_always_keeps_the_sum(mean: float, sd: float) -> None:
    start, weights = pr.student(mean, sd, 8.0)

    same, narrow = combine.transform((start, weights), 1.0), combine.transform((start, weights), 2.0)

    assert same[1] == pytest.approx(weights, abs=1e-9)
    assert narrow[1].sum() == pytest.approx(1.0)
    assert narrow[1].max() >= weights.max() - 1e-12


def test_a_distribution_twice_too_wide_is_narrowed_and_one_too_narrow_widened() -> None:
    outcomes = np.rint(noise(5, 400, 2.0)).astype(int)
    parameters = []
    for sd in (4.0, 2.0, 1.2):
        start, weights = pr.student(0.0, sd, 1e6)
        cumulative = np.concatenate(([0.0], np.cumsum(weights)))
        parameters.append(combine.sharpening(cumulative[outcomes - start], cumulative[outcomes - start + 1]))

    too_wide, right, too_narrow = parameters
    assert too_wide > 1.5
    assert 0.85 < right < 1.15
    assert too_narrow < 0.75


def test_a_mixture_is_the_weighted_sum_of_its_parts() -> None:
    first, second, third = ((50, np.array([1.0])), (51, np.array([0.5, 0.5])), (49, np.array([1.0])))

    start, weights = combine.mixture([(first, 0.2), (second, 0.3), (third, 0.5)])

    assert start == 49
    assert weights.tolist() == pytest.approx([0.5, 0.2, 0.15, 0.15])
