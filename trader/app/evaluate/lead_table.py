"""CRPS by lead over the 113 places of 2014-2016: what calibration is worth against the raw forecast and
the calendar."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trader.app.evaluate.tables import find, ordinals, read
from trader.core.forecasting import leads, scores
from trader.core.forecasting.scores import Estimate


@dataclass(frozen=True, slots=True)
class LeadRow:
    """One lead in days: mean CRPS in degrees with intervals, share inside the 80 % interval, counts."""

    lead_days: int
    raw: Estimate
    calibrated: Estimate
    climatology: Estimate
    calibrated_minus_raw: Estimate
    coverage80: float
    days: int
    values: int


def lead_table(history: Path) -> list[LeadRow]:
    """Return a row a lead from ``nws_2014_2017_highs``, none when the folder lacks the file."""
    rows = []
    for path in find(history, "forecasts", "nws_2014_2017_highs.parquet"):
        table = read(path, ["place", "state", "target_date", "lead_days", "fc_tmax_f", "obs_tmax_f"])
        names = np.array([f"{p}, {s}" for p, s in zip(table["place"], table["state"], strict=True)])
        places, column = np.unique(names, return_inverse=True)
        day = ordinals(table["target_date"])
        first, count = int(day.min()), int(day.max() - day.min()) + 1
        observed = np.full((count, len(places)), np.nan)
        has = np.isfinite(table["obs_tmax_f"])
        observed[day[has] - first, column[has]] = table["obs_tmax_f"][has]
        for lead in sorted({int(v) for v in table["lead_days"].tolist()}):
            forecast = np.full((count, len(places)), np.nan)
            mine = table["lead_days"] == lead
            forecast[day[mine] - first, column[mine]] = table["fc_tmax_f"][mine]
            found = leads.score(forecast, observed, lead)
            if len(found.count):
                rows.append(_row(lead, found))
    return rows


def _row(lead: int, found: leads.LeadScores) -> LeadRow:
    return LeadRow(
        lead_days=lead,
        raw=scores.bootstrap(found.raw, found.count),
        calibrated=scores.bootstrap(found.calibrated, found.count),
        climatology=scores.bootstrap(found.climatology, found.count),
        calibrated_minus_raw=scores.bootstrap(found.calibrated - found.raw, found.count),
        coverage80=float(found.covered.sum() / found.count.sum()),
        days=len(found.count),
        values=int(found.count.sum()),
    )
