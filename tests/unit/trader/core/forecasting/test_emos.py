import numpy as np
import pytest

from tests.unit.trader.core.forecasting.synthetic import noise
from trader.core.forecasting import emos


def table(days: int) -> tuple[emos.Array, emos.Array]:
    x = np.column_stack((np.ones(days), noise(11, days, 1.0)))
    return x, np.column_stack((np.ones(days), noise(12, days, 1.0)))


def test_known_location_and_spread_are_found_again() -> None:
    x, z = table(2000)
    error = np.rint(x @ [2.0, 0.7] + np.exp(z @ [0.9, 0.3]) * noise(13, 2000, 1.0))

    found = emos.fit(x, z, error, np.full(2000, -np.inf), np.ones(2000))

    assert found.pairs == 2000
    assert found.location == pytest.approx((2.0, 0.7), abs=0.15)
    assert found.log_scale[1] == pytest.approx(0.3, abs=0.06)
    location, sd = found.at(np.array([1.0, 0.0]), np.array([1.0, 0.0]))
    assert location == pytest.approx(2.0, abs=0.15)
    assert sd == pytest.approx(np.exp(0.9), abs=0.35)


def test_what_had_been_observed_does_not_bias_the_location() -> None:
    x, z = np.ones((3000, 1)), np.ones((3000, 1))
    drawn = np.rint(2.5 * noise(14, 3000, 1.0))
    floor = np.full(3000, 0.0)
    kept = drawn >= floor  # days whose high had not been passed

    knowing = emos.fit(x[kept], z[kept], drawn[kept], floor[kept], np.ones(kept.sum()))
    ignorant = emos.fit(x[kept], z[kept], drawn[kept], np.full(kept.sum(), -np.inf), np.ones(kept.sum()))

    assert abs(knowing.location[0]) < 0.7
    assert ignorant.location[0] > 1.5


def test_old_pairs_count_less() -> None:
    x, z = np.ones((200, 1)), np.ones((200, 1))
    error = np.where(np.arange(200) < 100, -5.0, 5.0)

    found = emos.fit(x, z, error, np.full(200, -np.inf), np.where(np.arange(200) < 100, 0.02, 1.0))

    assert found.location[0] > 4.0


def test_rows_that_disagree_are_refused() -> None:
    with pytest.raises(ValueError, match="expected equally many rows"):
        emos.fit(np.ones((3, 1)), np.ones((3, 1)), np.ones(2), np.ones(3), np.ones(3))
    with pytest.raises(ValueError, match="expected equally many rows"):
        emos.fit(np.ones((0, 1)), np.ones((0, 1)), np.ones(0), np.ones(0), np.ones(0))
