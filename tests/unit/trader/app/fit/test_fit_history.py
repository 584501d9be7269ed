"""``milkbot fit`` on a small history folder."""

from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.unit.trader.app.evaluate.folder import FIRST, write
from trader.app.fit import records
from trader.app.fit.run import fit_history
from trader.core.forecasting.predictors import WITHOUT_REPORT
from trader.domain.cities import load_cities
from trader.domain.errors import ConfigurationError
from trader.domain.types import MarketType

CITIES = load_cities()
UNTIL = FIRST + timedelta(days=90)


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write(tmp_path_factory.mktemp("history") / "h")
    for what, day, variable in (("highs", "target_date", "tmax_f"), ("lows", "low_date", "tmin_f")):
        rows = [
            (
                place,
                station,
                "2015-01-01",
                f"2015-{month:02d}-10",
                lead,
                80.0,
                80.0 + shift + (3.0 if n % 2 else -3.0),
            )
            for shift, (place, station) in enumerate(records.PLACES.values())
            for month in range(1, 13)
            for lead in range(3)
            for n in range(2)
        ]
        names = ("place", "obs_station", "issue_date", day, "lead_days", f"fc_{variable}", f"obs_{variable}")
        columns = dict(zip(names, zip(*rows, strict=True), strict=True))
        pq.write_table(
            pa.table({n: pa.array(list(c)) for n, c in columns.items()}),
            folder / "forecasts" / f"nws_2014_2017_{what}.parquet",
        )
    lines = ["city,date,gfs_seamless_f", "NYC,2030-03-01,40", "NYC,2030-03-02,41", "LAX,2030-03-01,0"]
    (folder / "forecasts" / "openmeteo_models_lead0_2030.csv").write_text("\n".join(lines) + "\n")
    return folder


def test_errors_are_centred_by_city_and_lead(history: Path) -> None:
    found = records.errors(history, CITIES, MarketType.HIGH)

    assert sorted(set(found.error.tolist())) == [-3.0, 3.0]  # where a place lies is no part of its spread
    assert (len(found.error), set(found.lead.tolist())) == (720, {0.0, 1.0, 2.0})
    assert set(found.city.tolist()) == set(CITIES)


def test_a_set_has_both_spreads_the_sources_and_where_it_comes_from(history: Path) -> None:
    general = fit_history(history, UNTIL, with_sources=False, name="general")
    full = fit_history(history, UNTIL, with_sources=True, name="full")

    assert general.fits == ()
    assert set(general.spreads) == {MarketType.HIGH, MarketType.LOW}
    assert general.spreads[MarketType.HIGH].sd(6.0, FIRST, "NYC") == pytest.approx(3.0, rel=0.05)
    assert {(f.source, f.variable, f.lead_days) for f in full.fits} == {
        ("open_meteo", kind, lead) for kind in ("HIGH", "LOW") for lead in (0, 1, 2)
    }
    assert all(len(f.location) == len(WITHOUT_REPORT) and f.pairs >= 30 for f in full.fits)
    assert full.provenance["until"] == UNTIL.isoformat()
    assert len(full.provenance["inputs_sha256"]) == 64
    assert fit_history(history, UNTIL, with_sources=True, name="full") == full


def test_the_bias_is_that_of_cities_whose_point_is_the_station(history: Path) -> None:
    assert records.bias_sd(history, CITIES) < 40  # Los Angeles, whose point is elsewhere, would make it 60


def test_a_missing_record_is_named(tmp_path: Path) -> None:
    folder = write(tmp_path / "h", days=3)

    with pytest.raises(ConfigurationError, match=r"expected forecasts/nws_2014_2017_highs\.parquet"):
        records.errors(folder, CITIES, MarketType.HIGH)
    with pytest.raises(ConfigurationError, match="expected forecasts/openmeteo_models_lead0"):
        fit_history(folder, UNTIL, with_sources=False, name="x")
