import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import stdtr

from tests.unit.trader.core.forecasting.synthetic import noise
from trader.core.forecasting import leads


@pytest.mark.parametrize("value", [55.0, 60.0, 66.5])
def test_crps_of_a_t_equals_the_integral_of_its_definition(value: float) -> None:
    scale = 3.0 * np.sqrt(6 / 8)

    def squared(v: float) -> float:
        return float((stdtr(8.0, (v - 60.0) / scale) - (v >= value)) ** 2)

    expected = quad(squared, -60, value, limit=400)[0] + quad(squared, value, 180, limit=400)[0]

    assert leads.crps_t(np.array([value]), np.array([60.0]), np.array([3.0]))[0] == pytest.approx(
        expected, rel=1e-5
    )


def test_a_constant_bias_is_taken_out_and_the_interval_covers() -> None:
    days, places = 700, 6
    truth = (
        60 + 10 * np.sin(np.arange(days) / 58)[:, None] + noise(3, days * places, 3.0).reshape(days, places)
    )
    forecast = truth - 4.0 + noise(4, days * places, 2.0).reshape(days, places)

    found = leads.score(forecast, truth, lead=1)

    count = found.count.sum()
    assert count > 1500
    assert found.calibrated.sum() / count < 0.5 * found.raw.sum() / count
    assert found.calibrated.sum() / count == pytest.approx(0.564 * 2.0, rel=0.12)  # calibrated: 0.564 x sd
    assert 0.77 < found.covered.sum() / count < 0.85


def test_scores_of_a_day_do_not_change_with_what_comes_later() -> None:
    truth = 60 + noise(5, 900 * 3, 5.0).reshape(900, 3)
    forecast = truth + noise(6, 900 * 3, 3.0).reshape(900, 3)
    other_truth, other_forecast = truth.copy(), forecast.copy()
    other_truth[800:] += 30.0
    other_forecast[800:] -= 9.0

    before, after = leads.score(forecast, truth, 2), leads.score(other_forecast, other_truth, 2)

    same = len(before.count) - 100
    assert (before.calibrated[:same] == after.calibrated[:same]).all()
    assert (before.climatology[:same] == after.climatology[:same]).all()
    assert before.calibrated[same + 5] != after.calibrated[same + 5]
