"""The fit finds the parameters that made the errors, and refuses records it cannot use."""

import math
from pathlib import Path

import numpy as np
import pytest

from trader.app.fit import PLACES, bias_sd, centred_errors, fit_daily_high, fit_spread
from trader.domain.errors import ConfigurationError


def test_the_fit_recovers_lead_season_city_and_tails_from_errors_made_with_them() -> None:
    rng = np.random.default_rng(7)
    n, df = 12_000, 6.0
    leads = rng.integers(0, 7, n).astype(float)
    days = rng.integers(1, 366, n).astype(float)
    cities = [("MIA", "DEN")[i % 2] for i in range(n)]
    factor = np.array([0.8, 1.25] * (n // 2))
    sd = (3.0 + 0.5 * leads) * (1 + 0.2 * np.cos(2 * math.pi * (days - 40) / 365.25)) * factor
    errors = rng.standard_t(df, n) * sd * math.sqrt((df - 2) / df)

    found = fit_spread(errors, leads, days, cities)

    assert found["a"] == pytest.approx(3.0, abs=0.2)
    assert found["b"] == pytest.approx(0.5, abs=0.06)
    assert found["c"] == pytest.approx(0.2, abs=0.04)
    assert found["phase_day"] == pytest.approx(40, abs=12)
    assert found["df"] == pytest.approx(df, abs=1.2)
    assert found["city_factor"]["DEN"] / found["city_factor"]["MIA"] == pytest.approx(1.25 / 0.8, rel=0.05)


def _row(city: str, error: float | None, lead: int = 1) -> dict[str, object]:
    place, station = PLACES[city]
    observed = None if error is None else 80.0 + error
    return {
        "place": place, "obs_station": station, "target_date": "2015-07-01", "lead_days": lead,
        "fc_tmax_f": 80.0, "obs_tmax_f": observed,
    }  # fmt: skip


def test_errors_are_centred_by_city_and_lead_and_defects_left_out() -> None:
    rows = [_row(city, error) for city in PLACES for error in (1.0, 3.0)]
    rows += [_row("NYC", None), _row("NYC", float("nan")), _row("NYC", 9.0, lead=9)]
    rows += [{**_row("NYC", 5.0), "place": "Elsewhere"}]

    errors, leads, days, cities, targets = centred_errors(rows)

    assert sorted(set(errors.tolist())) == [-1.0, 1.0]
    assert (len(errors), set(leads.tolist()), set(days.tolist())) == (20, {1.0}, {182.0})
    assert (set(cities), len(targets)) == (set(PLACES), 20)
    wild, *_ = centred_errors([*rows, _row("NYC", 90.0)])
    assert max(abs(wild)) <= 60


def test_bias_is_the_root_mean_square_of_monthly_means_of_the_cities_that_count() -> None:
    observed = [
        {"city": city, "date": date, "tmax_f": high}
        for city in ("NYC", "LAX")
        for date, high in (
            ("2024-01-01", "50"),
            ("2024-01-02", "52"),
            ("2024-02-01", "60"),
            ("2024-02-02", ""),
        )
    ]
    model = [{"city": row["city"], "date": row["date"], "gfs_seamless_f": "48"} for row in observed]
    model.append({"city": "NYC", "date": "2024-03-01", "gfs_seamless_f": ""})

    # January: mean of 2 and 4 is 3; February: 12
    assert bias_sd(model, observed) == pytest.approx(math.sqrt((9 + 144) / 2))


def test_a_missing_record_or_city_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="found none"):
        fit_daily_high(tmp_path)
    with pytest.raises(ConfigurationError, match="found none for AUS"):
        centred_errors([_row(city, 1.0) for city in PLACES if city != "AUS"])
