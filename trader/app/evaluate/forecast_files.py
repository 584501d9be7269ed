"""Forecasts and observations of a history folder, each with the instant from which it could be known.

Where a file does not say when a value appeared, the latest plausible instant is taken: a forecast that
comes late costs a little skill, one that comes early is look-ahead. What each file means is told by the
folder's README.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from trader.app.evaluate.tables import Table, find, groups, ordinals, read
from trader.core.forecasting.archive import DAY_S, EPOCH, REPORT_DELAY_S, Floats, Highs, Ints, Issues, Midday
from trader.domain.cities import CityConfig

Rows = dict[tuple[str, str], list[tuple[Ints, Ints, Floats]]]

MIDDAY_KNOWN_H = 14
"""Wall clock hour at which the 13:00 report of Central Park counts as known. The file's value covers every
report whose HOUR is at most 13, so also that of 13:51: prices of brackets it rules out fall at 13:51, not
at 12:51."""
EMAIL_COLUMNS = {"forecast_hi_2_prev_PM": -1, "forecast_hi_prev_AM": -1, "forecast_hi_prev_PM": 0,
                 "forecast_hi_current_AM": 0}  # fmt: skip
EMAIL_KNOWN_H = {"forecast_hi_2_prev_PM": 3, "forecast_hi_prev_AM": 15, "forecast_hi_prev_PM": 3,
                 "forecast_hi_current_AM": 15}  # fmt: skip
"""Days from the target and UTC hour at which an e-mail counts as sent: mornings by 15 h, evenings by 03 h."""
EMAIL_CITIES = {"NEW_YORK_CITY": "NYC", "AUSTIN": "AUS", "DENVER": "DEN", "PHILADELPHIA": "PHL",
                "BOSTON": "BOS", "SEATTLE": "SEA", "SAN_FRANCISCO": "SFO"}  # fmt: skip
"""Chicago there is O'Hare, Los Angeles downtown, Miami the beach: not settlement stations, so left out."""
HRRR_KNOWN_H = 7
"""UTC hour of the target day at which the previous-day run counts as complete: it is stitched from the
values forecast 24 hours before each hour, and the day's last hour is 05 or 08 UTC of the day after."""


def load_issues(history: Path, cities: dict[str, CityConfig]) -> dict[tuple[str, str], Issues]:
    """Return the forecast highs by (city, source). Tables stitched from first hours (lead0) are not
    forecasts."""
    rows: Rows = {}
    _open_meteo(history, rows)
    _point_log(history, rows, cities)
    _emails(history, rows)
    _nws_archive(history, rows, cities)
    _previous_day_runs(history, rows)
    _ensembles(history, rows)
    return {
        key: _sorted(*(np.concatenate(part) for part in zip(*parts, strict=True)))
        for key, parts in rows.items()
        if key[0] in cities
    }


def load_highs(history: Path, cities: dict[str, CityConfig]) -> dict[str, Highs]:
    """Return official highs by city: the chosen daily record, then recent settlements, then Central Park's
    record."""
    found: dict[str, dict[int, float]] = {}
    for path in find(history, "observations", "daily_obs.csv*"):
        _add_highs(found, read(path, ["city", "date", "tmax_f"]), "tmax_f")
    for path in find(history, "kalshi", "settled_high_low_*.csv*"):
        _add_highs(found, read(path, ["city", "date", "cli_high_f"]), "cli_high_f")
    for path in find(history, "observations", "knyc_ghcn_daily_*.parquet"):
        table = read(path, ["date", "tmax_f"])
        table["city"] = np.full(len(table["date"]), "NYC", dtype=object)
        _add_highs(found, table, "tmax_f")
    out = {}
    for code, values in found.items():
        if code in cities:
            day = np.array(sorted(values), dtype=np.int64)
            end_h = 24 - cities[code].std_utc_offset_hours
            known = (day - EPOCH) * DAY_S + end_h * 3600 + REPORT_DELAY_S
            out[code] = Highs(day, known, np.array([values[int(d)] for d in day]))
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


def _open_meteo(history: Path, rows: Rows) -> None:
    for path in find(history, "forecasts", "openmeteo_nyc_issues_*.parquet"):
        table = read(path, ["issued_utc", "target_date", "tmax_f"])
        _add(
            rows, ("NYC", "open_meteo"), ordinals(table["target_date"]), table["issued_utc"], table["tmax_f"]
        )


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


def _emails(history: Path, rows: Rows) -> None:
    for path in find(history, "forecasts", "nws_email_*.csv*"):
        table = read(path, ["date", "city", *EMAIL_COLUMNS])
        for name, i in groups(table["city"]):
            if name not in EMAIL_CITIES:
                continue
            day = ordinals(table["date"][i])
            for column, offset in EMAIL_COLUMNS.items():
                known = (day - EPOCH + offset) * DAY_S + EMAIL_KNOWN_H[column] * 3600
                _add(rows, (EMAIL_CITIES[name], "nws_email"), day, known, table[column][i])


def _nws_archive(history: Path, rows: Rows, cities: dict[str, CityConfig]) -> None:
    """Only places observed at a settlement station; the issue's hour is unknown, so it counts from the
    next day."""
    stations = {city.settlement_station: code for code, city in cities.items()}
    for path in find(history, "forecasts", "nws_2014_2017_highs.parquet"):
        table = read(path, ["obs_station", "issue_date", "target_date", "fc_tmax_f"])
        for station, i in groups(table["obs_station"]):
            if station in stations:
                known = (ordinals(table["issue_date"][i]) - EPOCH + 1) * DAY_S
                day = ordinals(table["target_date"][i])
                _add(rows, (stations[station], "nws_archive"), day, known, table["fc_tmax_f"][i])


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
            known = [_utc_second(text) for text in table["fetched_utc"][i].tolist()]
            day = ordinals(table["target_date"][i])
            _add(rows, (code, "gefs_mean"), day, np.array(known), table["fc_tmax_f"][i])


def _add(rows: Rows, key: tuple[str, str], day: Ints, known: Ints, value: Floats) -> None:
    good = np.isfinite(value) & (np.abs(value) < 150)  # beyond any record: a fault of the source
    part = (day[good].astype(np.int64), known[good].astype(np.int64), value[good].astype(np.float64))
    rows.setdefault(key, []).append(part)


def _add_highs(found: dict[str, dict[int, float]], table: Table, column: str) -> None:
    """The first value of a day stays: earlier files are the better chosen ones."""
    values = zip(
        table["city"].tolist(), ordinals(table["date"]).tolist(), table[column].tolist(), strict=True
    )
    for code, day, value in values:
        if np.isfinite(value):
            found.setdefault(code, {}).setdefault(day, float(np.floor(value + 0.5)))


def _sorted(day: Ints, known: Ints, value: Floats) -> Issues:
    order = np.lexsort((known, day))
    return Issues(day[order], known[order], value[order])


def _wall_clock(day: Ints, time_of_day: timedelta, zone: ZoneInfo) -> Ints:
    moments = [datetime.fromordinal(int(d)).replace(tzinfo=zone) + time_of_day for d in day]
    return np.array([int(m.timestamp()) for m in moments], dtype=np.int64)


def _local_second(text: str, zone: ZoneInfo) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp())


def _utc_second(text: str) -> int:
    moment = datetime.fromisoformat(text)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
