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


def lead_table(history: Path, what: str = "highs") -> list[LeadRow]:
    """Return a row a lead from ``nws_*_highs`` or ``nws_*_lows``, none when the folder lacks the file.

    A low belongs to the calendar day whose morning is meant (``low_date``), not to the label of the raw file.
    """
    day_column, variable = ("low_date", "tmin_f") if what == "lows" else ("target_date", "tmax_f")
    rows = []
    for path in find(history, "forecasts", f"nws_*_{what}.parquet"):
        said, seen = f"fc_{variable}", f"obs_{variable}"
        table = read(path, ["place", "state", day_column, "lead_days", said, seen])
        names = np.array([f"{p}, {s}" for p, s in zip(table["place"], table["state"], strict=True)])
        places, column = np.unique(names, return_inverse=True)
        day = ordinals(table[day_column])
        first, count = int(day.min()), int(day.max() - day.min()) + 1
        observed = np.full((count, len(places)), np.nan)
        has = np.isfinite(table[seen])
        observed[day[has] - first, column[has]] = table[seen][has]
        for lead in sorted({int(v) for v in table["lead_days"].tolist()}):
            forecast = np.full((count, len(places)), np.nan)
            mine = table["lead_days"] == lead
            forecast[day[mine] - first, column[mine]] = table[said][mine]
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
