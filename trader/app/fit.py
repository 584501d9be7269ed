"""Fit the parameters that ship with Milkbot on public records of other years; never part of trading."""

import csv
import gzip
import hashlib
import math
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.stats import t as student_t

from trader.domain.errors import ConfigurationError

Floats = NDArray[np.float64]

INPUT = "forecasts/nws_2014_2017_highs.parquet"
MODEL_INPUT = "forecasts/openmeteo_models_lead0_2022_2026.csv.gz"
MODEL_COLUMN = "gfs_seamless_f"
OBSERVED_INPUT = "observations/daily_obs.csv.gz"
NO_BIAS = ("LAX",)
"""Cities left out of the bias: the archive's Los Angeles lies downtown, as its README says."""
# The place whose forecasts stand for each city: exact for NYC PHL BOS, the nearest public point elsewhere
# (the bias of a point that is not the station is removed, its spread is kept). Austin, Texas is not in the
# record.
PLACES = {
    "NYC": ("New York", "KNYC"),
    "CHI": ("Chicago", "KMDW"),
    "LAX": ("Los Angeles", "KCQT"),
    "MIA": ("Miami", "KMIA"),
    "AUS": ("San Antonio", "KSKF"),
    "DEN": ("Denver", "KBJC"),
    "PHL": ("Philadelphia", "KPHL"),
    "BOS": ("Boston", "KBOS"),
    "SEA": ("Seattle", "KBFI"),
    "SFO": ("San Francisco", "KSFO"),
}
MAX_LEAD_DAYS = 6
MAX_ERROR_F = 25.0
"""Centred errors beyond this are defects of the observation record (the README names a day 50 F off), not
weather.
"""


def fit_daily_high(history_dir: Path) -> dict[str, Any]:
    """Return the content of ``core/params/daily_high.json`` fitted by maximum likelihood of a Student t.

    ``history_dir`` holds ``forecasts/nws_2014_2017_highs.parquet`` (forecast and observed highs, whole
    degrees Fahrenheit, lead in days). Raises ConfigurationError when the file is missing or lacks a city's
    place.
    """
    path = history_dir / INPUT
    for needed in (path, history_dir / MODEL_INPUT, history_dir / OBSERVED_INPUT):
        if not needed.is_file():
            raise ConfigurationError(f"fit: expected the record {needed}, found none; nothing was fitted")
    from pyarrow import parquet

    columns = ["place", "obs_station", "target_date", "lead_days", "fc_tmax_f", "obs_tmax_f"]
    rows = parquet.read_table(path, columns=columns).to_pylist()
    errors, leads, days, cities, targets = centred_errors(rows)
    fitted = fit_spread(errors, leads, days, cities)
    return fitted | {
        "bias_sd_f": round(bias_sd(_rows(history_dir / MODEL_INPUT), _rows(history_dir / OBSERVED_INPUT)), 4),
        "provenance": {
            "what": "observed minus forecast daily high, National Weather Service forecasts, ten places",
            "source_file": INPUT,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "first_target": min(targets).isoformat(),
            "last_target": max(targets).isoformat(),
            "n": len(errors),
            "method": "maximum likelihood of a Student t; mean of each place and lead removed first",
            "bias": f"root mean square of monthly mean errors, {MODEL_COLUMN}, nine cities, 2022 to 2025",
            "left_out": f"centred errors above {MAX_ERROR_F} F",
            "proxies": "AUS San Antonio KSKF, DEN KBJC, LAX KCQT, SEA KBFI; CHI MIA SFO forecasts downtown",
        },
    }


def bias_sd(model: list[dict[str, str]], observed: list[dict[str, str]]) -> float:
    """Return how far a model's own grid point is off a station on average: root mean square over city and
    month of the mean error, degrees Fahrenheit.
    """
    truth = {(r["city"], r["date"]): float(r["tmax_f"]) for r in observed if r["tmax_f"]}
    groups: dict[tuple[str, str], list[float]] = {}
    for row in model:
        high = truth.get((row["city"], row["date"]))
        if high is not None and row[MODEL_COLUMN] and row["city"] not in NO_BIAS:
            groups.setdefault((row["city"], row["date"][5:7]), []).append(high - float(row[MODEL_COLUMN]))
    means = [math.fsum(found) / len(found) for found in groups.values()]
    return math.sqrt(math.fsum(mean**2 for mean in means) / len(means))


def _rows(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def centred_errors(rows: list[dict[str, Any]]) -> tuple[Floats, Floats, Floats, list[str], list[date]]:
    """Return error, lead, day of year, city code and target date of each usable row.

    The mean error of each (city, lead) is removed: where the forecast's own point lies is no part of its
    spread.
    """
    city_of = {names: code for code, names in PLACES.items()}
    kept = [
        (float(r["obs_tmax_f"] - r["fc_tmax_f"]), int(r["lead_days"]), city_of[key], r["target_date"])
        for r in rows
        if (key := (r["place"], r["obs_station"])) in city_of
        and None not in (r["obs_tmax_f"], r["fc_tmax_f"])
        and not math.isnan(r["obs_tmax_f"] - r["fc_tmax_f"])
        and 0 <= r["lead_days"] <= MAX_LEAD_DAYS
    ]
    missing = sorted(set(PLACES) - {city for _, _, city, _ in kept})
    if missing:
        raise ConfigurationError(f"fit: expected rows for ten cities, found none for {' '.join(missing)}")
    groups: dict[tuple[str, int], list[float]] = {}
    for error, lead, city, _ in kept:
        groups.setdefault((city, lead), []).append(error)
    means = {key: math.fsum(found) / len(found) for key, found in groups.items()}
    rest = [(e - means[c, lead], lead, c, date.fromisoformat(str(day)[:10])) for e, lead, c, day in kept]
    rest = [row for row in rest if abs(row[0]) <= MAX_ERROR_F]
    return (
        np.array([row[0] for row in rest]),
        np.array([row[1] for row in rest], dtype=np.float64),
        np.array([row[3].timetuple().tm_yday for row in rest], dtype=np.float64),
        [row[2] for row in rest],
        [row[3] for row in rest],
    )


def fit_spread(errors: Floats, leads: Floats, days: Floats, cities: list[str]) -> dict[str, Any]:
    """Return a, b, c, phase_day, df and the city factors that maximise the likelihood of the errors.

    The factors' geometric mean is one, so that an unknown city gets the average spread.
    """
    codes = sorted(set(cities))
    index = np.array([codes.index(city) for city in cities])

    def split(theta: Floats) -> tuple[Floats, float]:
        a, b, df = math.exp(theta[0]), math.exp(theta[1]), 2 + math.exp(theta[4])
        factors = np.exp(theta[5:] - theta[5:].mean())
        angle = 2 * math.pi * days / 365.25
        season = 1 + theta[2] * np.cos(angle) + theta[3] * np.sin(angle)
        sd = np.maximum(0.1, (a + b * leads) * np.maximum(0.05, season) * factors[index])
        return sd, df

    def loss(theta: Floats) -> float:
        sd, df = split(theta)
        scale = sd * math.sqrt((df - 2) / df)
        return -float(np.mean(student_t.logpdf(errors / scale, df) - np.log(scale)))

    start = np.concatenate(([math.log(3.0), math.log(0.4), 0.0, 0.0, math.log(4.0)], np.zeros(len(codes))))
    found = minimize(loss, start, method="L-BFGS-B", options={"maxiter": 500})
    theta = found.x
    _, df = split(theta)
    amplitude = math.hypot(theta[2], theta[3])
    phase = math.atan2(theta[3], theta[2]) / (2 * math.pi) * 365.25 % 365.25
    factors = np.exp(theta[5:] - theta[5:].mean())
    return {
        "a": round(math.exp(theta[0]), 4),
        "b": round(math.exp(theta[1]), 4),
        "c": round(amplitude, 4),
        "phase_day": round(phase, 1),
        "df": round(df, 2),
        "max_lead_days": float(MAX_LEAD_DAYS),
        "city_factor": {code: round(float(f), 4) for code, f in zip(codes, factors, strict=True)},
    }
