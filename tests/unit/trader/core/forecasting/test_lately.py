"""How forecasts erred lately, by source and together."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.trader.core.forecasting.synthetic import BIAS_F, FIRST, archive
from trader.core.forecasting.archive import Archive
from trader.core.forecasting.fitting import fit_sources
from trader.core.forecasting.lately import PRIOR, PRIOR_DAYS, Errors, correlations, residuals
from trader.core.strategies.extreme import shipped_parameters
from trader.domain.cities import load_cities
from trader.domain.types import MarketType

CITIES = load_cities()
SHIPPED = shipped_parameters()
FULL = archive(120)
TODAY = FIRST + 119
HIGH = MarketType.HIGH


def test_a_source_without_a_fit_leaves_its_whole_bias_and_a_spread_below_the_general_one() -> None:
    found = {r.lead_days: r for r in residuals(FULL, HIGH, SHIPPED, "s", CITIES, TODAY)}

    assert set(found) == {0, 1, 2}
    assert found[1].bias_f == pytest.approx(BIAS_F, abs=0.5)
    assert found[1].count == 120
    assert found[1].weight == pytest.approx(sum(0.5 ** (age / 30) for age in range(120)), abs=0.5)
    spread = SHIPPED.spreads[HIGH].sd(20.0, date.fromordinal(TODAY - 20), "NYC")
    assert found[1].square == pytest.approx((2.1 / spread) ** 2, rel=0.3)


def test_a_fit_leaves_no_bias_and_its_own_spread() -> None:
    fits = fit_sources(FULL, HIGH, CITIES, TODAY)
    fitted = SHIPPED.model_copy(update={"fits": fits})

    found = {r.lead_days: r for r in residuals(FULL, HIGH, fitted, "s", CITIES, TODAY)}

    assert abs(found[1].bias_f) < 0.6
    assert found[1].square == pytest.approx(1.0, abs=0.35)


def test_one_pair_moves_little_and_is_no_proof_of_a_narrow_spread() -> None:
    first = archive(1)

    (one,) = (r for r in residuals(first, HIGH, SHIPPED, "s", CITIES, FIRST + 2) if r.lead_days == 1)

    assert one.count == 1
    spread = SHIPPED.spreads[HIGH].sd(17.0, date.fromordinal(FIRST), "NYC")
    assert one.square == pytest.approx((one.bias_f / (1 + one.weight) / spread) ** 2, rel=0.05)


def test_lows_and_highs_are_the_same_with_the_sign_turned() -> None:
    errors: Errors = {}
    residuals(FULL, HIGH, SHIPPED, "s", CITIES, TODAY, errors)

    assert set(errors) == {"NYC"}
    assert np.mean([e for row in errors["NYC"].values() for e in row]) > 0  # highs ended above the forecast


def brute_correlation(x: list[float], y: list[float]) -> float:
    return float(np.corrcoef(x, y)[0, 1])


@given(
    st.lists(st.tuples(st.floats(-5, 5), st.floats(-5, 5)), min_size=4, max_size=40).filter(
        lambda rows: all(np.std([r[i] for r in rows]) > 0.01 for i in (0, 1))
    )
)
def test_the_correlation_is_the_sample_one_shrunk_by_days_to_the_prior(
    rows: list[tuple[float, float]],
) -> None:
    errors: Errors = {
        "NYC": {day: [a] for day, (a, _) in enumerate(rows)},
        "PHL": {day: [b] for day, (_, b) in enumerate(rows)} | {999: [4.0]},  # a day New York lacks
    }

    found = {(c.city_a, c.city_b): c for c in correlations(errors, CITIES)}

    n, prior = len(rows), PRIOR["NYC", "PHL"]
    measured = brute_correlation([a for a, _ in rows], [b for _, b in rows])
    expected = (n * measured + PRIOR_DAYS * prior) / (n + PRIOR_DAYS)
    assert found["NYC", "PHL"].rho == pytest.approx(expected, abs=1e-5)
    assert found["NYC", "PHL"].days == n
    assert len(found) == 45
    assert all(-1 <= c.rho <= 1 for c in found.values())


def test_without_pairs_the_prior_stands() -> None:
    found = {(c.city_a, c.city_b): c.rho for c in correlations({}, CITIES)}

    assert found["BOS", "NYC"] == 0.5
    assert found["LAX", "SFO"] == 0.3
    assert found["AUS", "DEN"] == 0.1
    assert residuals(Archive(), HIGH, SHIPPED, "s", CITIES, TODAY) == ()
    constant: Errors = {code: {day: [1.0] for day in range(9)} for code in ("BOS", "NYC")}
    unmoved = {(c.city_a, c.city_b): c.rho for c in correlations(constant, CITIES)}
    assert unmoved["BOS", "NYC"] == 0.5
