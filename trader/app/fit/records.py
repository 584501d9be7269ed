"""Errors of public forecasts from the recorded history: what the general spread is fitted on."""

import math
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trader.app.evaluate.forecast_files import EXTREMES, Extreme, load_settled
from trader.app.evaluate.loading import load_archive
from trader.app.evaluate.tables import find, groups, has_column, ordinals, read
from trader.core.forecasting.archive import Floats, Ints
from trader.core.forecasting.fitting import LEAD_DAYS, Errors, tables_of
from trader.core.forecasting.totals import fit_depths
from trader.domain.amounts import UNIT_IN
from trader.domain.cities import CityConfig
from trader.domain.errors import ConfigurationError
from trader.domain.learned import Depths
from trader.domain.types import MarketType

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
"""The place whose forecasts stand for each city: exact for NYC PHL BOS, the nearest public point elsewhere
(the bias of a point that is not the station is removed, its spread kept). Austin is not among them."""
LIVE_SOURCE = "nws_grid"
"""The live source whose own product the point log of 2025 recorded: its spread is that of the newer era."""
MAX_LEAD_DAYS = 6
MAX_ERROR_F = 25.0
"""Centred errors beyond this are defects of the observation record (the README names a day 50 F off), not
weather."""
MODEL_FILES, MODEL_COLUMN = "openmeteo_models_lead0_*.csv*", "gfs_seamless_f"
NO_BIAS = ("LAX",)
"""Cities left out of the bias: the archive's Los Angeles lies downtown, as its README says."""


def errors(history: Path, cities: dict[str, CityConfig], variable: MarketType) -> Errors:
    """Return every usable error, the mean of each city, lead and era removed: where a forecast's own point
    lies is no part of its spread.

    Raises ConfigurationError when the record is missing or lacks a city's place.
    """
    extreme = EXTREMES[variable]
    parts = [_archive(history, extreme)]
    if variable is MarketType.HIGH:
        parts.append(_point_log(history, cities))
    found = Errors(*(np.concatenate([getattr(p, name) for p in parts]) for name in Errors.__slots__))
    missing = sorted(set(PLACES) - set(found.city.tolist()))
    if missing:
        raise ConfigurationError(
            f"fit: expected errors of ten cities, found none for {' '.join(missing)}; nothing was fitted"
        )
    return found


def _archive(history: Path, extreme: Extreme) -> Errors:
    """Forecasts of 2014 to 2016, one issue a day, lead in whole days."""
    said, seen = f"fc_{extreme.column}", f"obs_{extreme.column}"
    paths = find(history, "forecasts", f"nws_2014_2017_{extreme.archive}.parquet")
    if not paths:
        raise ConfigurationError(
            f"fit: expected forecasts/nws_2014_2017_{extreme.archive}.parquet in {history}, found none; "
            "nothing was fitted"
        )
    table = read(paths[0], ["place", "obs_station", extreme.target, "lead_days", said, seen])
    city_of = {names: code for code, names in PLACES.items()}
    pairs = zip(table["place"].tolist(), table["obs_station"].tolist(), strict=True)
    city = np.array([city_of.get(pair, "") for pair in pairs])
    error, lead = table[seen] - table[said], table["lead_days"]
    usable = (city != "") & np.isfinite(error) & (lead >= 0) & (lead <= MAX_LEAD_DAYS)
    return _centred(error[usable], lead[usable], ordinals(table[extreme.target][usable]), city[usable], 0)


def _point_log(history: Path, cities: dict[str, CityConfig]) -> Errors:
    """Highs of the weather service's point forecast of 2025, paired as fits are; none without the log."""
    archive = load_archive(history)
    rows: list[tuple[float, float, int, str]] = []
    for code, lead in ((code, lead) for code in sorted(cities) for lead in LEAD_DAYS):
        table = tables_of(archive, code, lead, cities[code]).get("nws_point")
        if table is not None and code in archive.settled:
            settled = archive.settled[code]
            _, here, there = np.intersect1d(table.day, settled.day, assume_unique=True, return_indices=True)
            error = settled.value[there] - table.anchor[here]
            rows += [
                (e, lead, d, code) for e, d in zip(error.tolist(), table.day[here].tolist(), strict=True)
            ]
    error, lead_days, day, city = (
        (np.array(column) for column in zip(*rows, strict=True))
        if rows
        else (np.zeros(0), np.zeros(0), np.zeros(0, np.int64), np.zeros(0, "U3"))
    )
    return _centred(error, lead_days.astype(np.float64), day, city, 1)


def _centred(error: Floats, lead: Floats, day: NDArray[Any], city: NDArray[Any], era: int) -> Errors:
    rest = error.copy()
    for code in sorted(set(city.tolist())):
        for value in sorted(set(lead.tolist())):
            rows = (city == code) & (lead == value)
            if rows.any():
                rest[rows] -= math.fsum(error[rows].tolist()) / int(rows.sum())
    keep = np.abs(rest) <= MAX_ERROR_F
    of_year = np.array([date.fromordinal(int(d)).timetuple().tm_yday for d in day[keep]], dtype=np.float64)
    return Errors(rest[keep], lead[keep], of_year, city[keep], np.full(int(keep.sum()), float(era)))


def bias_sd(history: Path, cities: dict[str, CityConfig]) -> float:
    """Return how far a model's own grid point is off a station on average: root mean square over city and
    month of the mean error of daily highs, degrees Fahrenheit. Raises ConfigurationError without the record.
    """
    settled = load_settled(history, cities, EXTREMES[MarketType.HIGH])
    found: dict[tuple[str, str], list[float]] = {}
    for path in find(history, "forecasts", MODEL_FILES):
        table = read(path, ["city", "date", MODEL_COLUMN])
        for code, i in groups(table["city"]):
            if code in NO_BIAS or code not in settled:
                continue
            truth = dict(zip(settled[code].day.tolist(), settled[code].value.tolist(), strict=True))
            rows = zip(
                ordinals(table["date"][i]).tolist(), table["date"][i], table[MODEL_COLUMN][i], strict=True
            )
            for day, text, said in rows:
                if day in truth and np.isfinite(said):
                    found.setdefault((code, text[5:7]), []).append(truth[day] - float(said))
    if not found:
        raise ConfigurationError(
            f"fit: expected forecasts/{MODEL_FILES} and highs in {history}, found none; nothing was fitted"
        )
    means = [math.fsum(errors) / len(errors) for errors in found.values()]
    return math.sqrt(math.fsum(mean**2 for mean in means) / len(means))


DEPTH_COLUMNS = {MarketType.RAIN: "precip_in", MarketType.SNOW: "snow_in"}


def depths(history: Path, variable: MarketType) -> dict[str, tuple[str, Ints, Ints]]:
    """Return the recorded days of rain or snow by city: the record's station, ordinals, whole units."""
    found: dict[str, dict[int, tuple[str, int]]] = {}
    unit, column = float(UNIT_IN[variable]), DEPTH_COLUMNS[variable]
    for path in find(history, "observations", "daily_obs.csv*"):
        if not has_column(path, column):
            continue  # a record of temperatures alone is one too
        table = read(path, ["city", "station", "date", column])
        good = np.isfinite(table[column])
        rows = (table[name][good].tolist() for name in ("city", "station", "date", column))
        for code, station, day, inches in zip(*rows, strict=True):
            of_city = found.setdefault(code, {})
            of_city[date.fromisoformat(day).toordinal()] = (station, round(inches / unit))
    return {
        code: (
            days[max(days)][0],
            np.array(sorted(days), dtype=np.int64),
            np.array([days[d][1] for d in sorted(days)], dtype=np.int64),
        )
        for code, days in sorted(found.items())
    }


def totals(history: Path, cities: dict[str, CityConfig], until: date) -> tuple[Depths, ...]:
    """Return the wet days of every city with a record long enough, before ``until``."""
    found = []
    for variable in DEPTH_COLUMNS:
        for code, (station, days, units) in depths(history, variable).items():
            fitted = fit_depths(code, variable, days, units, until.toordinal(), station)
            found += [fitted] if code in cities and fitted is not None else []
    return tuple(found)
