"""Forecasts and observations of a history folder, each with the instant from which it could be known; lows
negated, as ``Archive`` wants them.

Where a file does not say when a value appeared, the latest plausible instant is taken: a forecast that
comes late costs a little skill, one that comes early is look-ahead. What each file means is told by the
folder's README.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from trader.app.evaluate.tables import Table, find, groups, ordinals, read
from trader.core.forecasting.archive import (
    DAY_S,
    EPOCH,
    REPORT_DELAY_S,
    Floats,
    Ints,
    Issues,
    Midday,
    Settled,
)
from trader.domain.cities import CityConfig
from trader.domain.types import MarketType

Rows = dict[tuple[str, str], list[tuple[Ints, Ints, Floats]]]

MIDDAY_KNOWN_H = 14
"""Wall clock hour at which the 13:00 report of Central Park counts as known. The file's value covers every
report whose HOUR is at most 13, so also that of 13:51: prices of brackets it rules out fall at 13:51, not
at 12:51."""
EMAIL_HIGHS = {"forecast_hi_2_prev_PM": (-1, 3), "forecast_hi_prev_AM": (-1, 15),
               "forecast_hi_prev_PM": (0, 3), "forecast_hi_current_AM": (0, 15)}  # fmt: skip
EMAIL_LOWS = {"forecast_lo_prev_AM": (-1, 15), "forecast_lo_prev_PM": (0, 3),
              "forecast_lo_current_AM": (0, 15), "forecast_lo_current_PM": (1, 3)}  # fmt: skip
"""Days from the row's date and UTC hour at which an e-mail counts as sent: mornings by 15 h, evenings by 03.
A low there is that of the night after the row's date, so of the next climate day."""
EMAIL_CITIES = {"NEW_YORK_CITY": "NYC", "AUSTIN": "AUS", "DENVER": "DEN", "PHILADELPHIA": "PHL",
                "BOSTON": "BOS", "SEATTLE": "SEA", "SAN_FRANCISCO": "SFO"}  # fmt: skip
"""Chicago there is O'Hare, Los Angeles downtown, Miami the beach: not settlement stations, so left out."""
HRRR_KNOWN_H = 7
"""UTC hour of the target day at which the previous-day run counts as complete: it is stitched from the
values forecast 24 hours before each hour, and the day's last hour is 05 or 08 UTC of the day after."""


@dataclass(frozen=True, slots=True)
class Extreme:
    """Where highs or lows stand in the files, and the sign they are loaded with."""

    sign: float
    column: str
    report: str
    archive: str
    target: str
    email: Mapping[str, tuple[int, int]]
    email_days: int
    has_models: bool


EXTREMES = {
    MarketType.HIGH: Extreme(1.0, "tmax_f", "cli_high_f", "highs", "target_date", EMAIL_HIGHS, 0, True),
    MarketType.LOW: Extreme(-1.0, "tmin_f", "cli_low_f", "lows", "low_date", EMAIL_LOWS, 1, False),
}
"""Point logs, previous-day runs and ensembles were recorded for highs only."""


def load_issues(
    history: Path, cities: dict[str, CityConfig], extreme: Extreme
) -> dict[tuple[str, str], Issues]:
    """Return the forecasts by (city, source). Tables stitched from first hours (lead0) are not forecasts."""
    rows: Rows = {}
    _open_meteo(history, rows, extreme)
    _emails(history, rows, extreme)
    _nws_archive(history, rows, cities, extreme)
    if extreme.has_models:
        _point_log(history, rows, cities)
        _previous_day_runs(history, rows)
        _ensembles(history, rows)
    return {key: _sorted(parts, extreme.sign) for key, parts in rows.items() if key[0] in cities}


def load_settled(history: Path, cities: dict[str, CityConfig], extreme: Extreme) -> dict[str, Settled]:
    """Return official extremes by city: the chosen daily record, then recent settlements, then Central Park's
    record."""
    found: dict[str, dict[int, float]] = {}
    for path in find(history, "observations", "daily_obs.csv*"):
        _add_settled(found, read(path, ["city", "date", extreme.column]), extreme.column)
    for path in find(history, "kalshi", "settled_high_low_*.csv*"):
        _add_settled(found, read(path, ["city", "date", extreme.report]), extreme.report)
    for path in find(history, "observations", "knyc_ghcn_daily_*.parquet"):
        table = read(path, ["date", extreme.column])
        table["city"] = np.full(len(table["date"]), "NYC", dtype=object)
        _add_settled(found, table, extreme.column)
    out = {}
    for code, values in found.items():
        if code in cities:
            day = np.array(sorted(values), dtype=np.int64)
            end_h = 24 - cities[code].std_utc_offset_hours
            known = (day - EPOCH) * DAY_S + end_h * 3600 + REPORT_DELAY_S
            out[code] = Settled(day, known, extreme.sign * np.array([values[int(d)] for d in day]))
    return out


def load_midday(history: Path, cities: dict[str, CityConfig]) -> dict[str, Midday]:
    """Return Central Park's midday reports, where recorded."""
    parts = []
    for path in find(history, "observations", "knyc_13h_obs.csv*"):
        table = read(path, ["date", "temp_f", "max_so_far_f"])
        good = np.isfinite(table["temp_f"]) & np.isfinite(table["max_so_far_f"])
        day = ordinals(table["date"])[good]
        known = _wall_clock(day, timedelta(hours=MIDDAY_KNOWN_H), cities["NYC"].zone)
        parts.append((day, known, table["temp_f"][good], table["max_so_far_f"][good]))
    if not parts:
        return {}
    columns = [np.concatenate(part) for part in zip(*parts, strict=True)]
    order = np.lexsort((columns[1], columns[0]))
    return {"NYC": Midday(*(column[order] for column in columns))}


def _open_meteo(history: Path, rows: Rows, extreme: Extreme) -> None:
    for path in find(history, "forecasts", "openmeteo_nyc_issues_*.parquet"):
        table = read(path, ["issued_utc", "target_date", extreme.column])
        day = ordinals(table["target_date"])
        _add(rows, ("NYC", "open_meteo"), day, table["issued_utc"], table[extreme.column])


def _point_log(history: Path, rows: Rows, cities: dict[str, CityConfig]) -> None:
    for path in find(history, "forecasts", "nws_point_log_*.csv*"):
        table = read(path, ["city", "retrieved_local", "target_date", "fc_tmax_f"])
        for code, i in groups(table["city"]):
            if code in cities:
                known = [
                    _local_second(text, cities[code].zone) for text in table["retrieved_local"][i].tolist()
                ]
                day = ordinals(table["target_date"][i])
                _add(rows, (code, "nws_point"), day, np.array(known), table["fc_tmax_f"][i])


def _emails(history: Path, rows: Rows, extreme: Extreme) -> None:
    for path in find(history, "forecasts", "nws_email_*.csv*"):
        table = read(path, ["date", "city", *extreme.email])
        for name, i in groups(table["city"]):
            if name not in EMAIL_CITIES:
                continue
            day = ordinals(table["date"][i])
            for column, (offset, hour) in extreme.email.items():
                known = (day - EPOCH + offset) * DAY_S + hour * 3600
                target = day + extreme.email_days
                _add(rows, (EMAIL_CITIES[name], "nws_email"), target, known, table[column][i])


def _nws_archive(history: Path, rows: Rows, cities: dict[str, CityConfig], extreme: Extreme) -> None:
    """Only places observed at a settlement station; the issue's hour is unknown, so it counts from the
    next day."""
    stations = {city.settlement_station: code for code, city in cities.items()}
    for path in find(history, "forecasts", f"nws_2014_2017_{extreme.archive}.parquet"):
        said = f"fc_{extreme.column}"
        table = read(path, ["obs_station", "issue_date", extreme.target, said])
        for station, i in groups(table["obs_station"]):
            if station in stations:
                known = (ordinals(table["issue_date"][i]) - EPOCH + 1) * DAY_S
                day = ordinals(table[extreme.target][i])
                _add(rows, (stations[station], "nws_archive"), day, known, table[said][i])


def _previous_day_runs(history: Path, rows: Rows) -> None:
    for path in find(history, "forecasts", "model_highs_*.csv*"):
        table = read(path, ["city", "date", "hrrr_prev_day_run_f"])
        for code, i in groups(table["city"]):
            day = ordinals(table["date"][i])
            known = (day - EPOCH) * DAY_S + HRRR_KNOWN_H * 3600
            _add(rows, (code, "hrrr_previous_day"), day, known, table["hrrr_prev_day_run_f"][i])


def _ensembles(history: Path, rows: Rows) -> None:
    for path in find(history, "forecasts", "ensemble_highs_*.csv*"):
        table = read(path, ["city", "target_date", "fetched_utc", "fc_tmax_f"])
        for code, i in groups(table["city"]):
            known = [utc_second(text) for text in table["fetched_utc"][i].tolist()]
            day = ordinals(table["target_date"][i])
            _add(rows, (code, "gefs_mean"), day, np.array(known), table["fc_tmax_f"][i])


def _add(rows: Rows, key: tuple[str, str], day: Ints, known: Ints, value: Floats) -> None:
    good = np.isfinite(value) & (np.abs(value) < 150)  # beyond any record: a fault of the source
    part = (day[good].astype(np.int64), known[good].astype(np.int64), value[good].astype(np.float64))
    rows.setdefault(key, []).append(part)


def _add_settled(found: dict[str, dict[int, float]], table: Table, column: str) -> None:
    """The first value of a day stays: earlier files are the better chosen ones."""
    values = zip(
        table["city"].tolist(), ordinals(table["date"]).tolist(), table[column].tolist(), strict=True
    )
    for code, day, value in values:
        if np.isfinite(value):
            found.setdefault(code, {}).setdefault(day, float(np.floor(value + 0.5)))


def _sorted(parts: list[tuple[Ints, Ints, Floats]], sign: float) -> Issues:
    day, known, value = (np.concatenate(part) for part in zip(*parts, strict=True))
    order = np.lexsort((known, day))
    return Issues(day[order], known[order], sign * value[order])


def _wall_clock(day: Ints, time_of_day: timedelta, zone: ZoneInfo) -> Ints:
    moments = [datetime.fromordinal(int(d)).replace(tzinfo=zone) + time_of_day for d in day]
    return np.array([int(m.timestamp()) for m in moments], dtype=np.int64)


def _local_second(text: str, zone: ZoneInfo) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp())


def utc_second(text: str) -> int:
    moment = datetime.fromisoformat(text)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
