from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from trader.app.evaluate import report
from trader.app.evaluate.lead_table import lead_table
from trader.core.forecasting.chance import uniforms


def test_leads_are_scored_against_raw_and_calendar(tmp_path: Path) -> None:
    (tmp_path / "forecasts").mkdir()
    days, places = 560, ("A", "B")
    drawn = uniforms(1, days * 2 * 2)
    rows = []
    for d in range(days):
        for p, place in enumerate(places):
            for lead in (0, 3):
                truth, miss = 70 + 10 * drawn[2 * d + p], (2 + lead) * (drawn[-2 * d - p - 1] - 0.5)
                rows.append((place, str(date(2031, 1, 1) + timedelta(days=d)), lead, truth - 3, truth + miss))
    names = ("place", "target_date", "lead_days", "fc_tmax_f", "obs_tmax_f")
    columns = dict(zip(names, zip(*rows, strict=True), strict=True))
    table = pa.table({**{k: list(v) for k, v in columns.items()}, "state": ["X"] * len(rows)})
    pq.write_table(table, tmp_path / "forecasts" / "nws_2014_2017_highs.parquet")

    found = lead_table(tmp_path)

    assert [r.lead_days for r in found] == [0, 3]
    assert all(r.calibrated.value < r.raw.value < r.climatology.value + 2 for r in found)
    assert all(r.calibrated_minus_raw.hi < 0 for r in found)
    page = report.page([], {"highs": found, "lows": []}, date(2031, 1, 1), date(2031, 2, 1))
    assert "CRPS of highs by lead" in page
    assert page.count("<svg") == 1


def test_a_folder_without_the_old_forecasts_gives_no_table(tmp_path: Path) -> None:
    assert lead_table(tmp_path, "lows") == []
