"""Weather snapshots, the forecasts in them, climate reports."""

from collections.abc import Sequence, Set
from datetime import date, datetime
from typing import Any

from trader.adapters.book_rules import aware
from trader.adapters.ops.payloads import insert_payloads, month_of
from trader.adapters.ops.pool import Database
from trader.adapters.ops.rows import Connection, fetch_rows, fetch_value
from trader.domain.amounts import UNIT_IN, Amount, parse_amount
from trader.domain.canonical import canonical_json
from trader.domain.types import MarketType
from trader.domain.weather import MonthToDate, WeatherSnapshot
from trader.ports.weather import ClimateReport

INSERT_SNAPSHOT = """
insert into ops.weather_snapshots (
    captured_at, cycle_id, city_code, fetched_at, climate_date, observed_at, temp_f, high_so_far_f,
    high_so_far_at, low_so_far_f, low_so_far_at, forecasts, is_fetch_stale, is_observation_stale,
    is_forecast_stale, problems, payload_hashes, snapshot, recorded_at
) values (
    %(captured_at)s, %(cycle_id)s, %(city_code)s, %(fetched_at)s, %(climate_date)s, %(observed_at)s,
    %(temp_f)s, %(high_so_far_f)s, %(high_so_far_at)s, %(low_so_far_f)s, %(low_so_far_at)s, %(forecasts)s,
    %(is_fetch_stale)s, %(is_observation_stale)s, %(is_forecast_stale)s, %(problems)s, %(payload_hashes)s,
    %(snapshot)s, %(recorded_at)s
) returning weather_snapshot_id
"""
_INSERT_ISSUE = """
insert into ops.forecast_issues (
    city_code, source, variable, climate_date, block, issued_at, value_f, recorded_at
) values (
    %(city_code)s, %(source)s, %(variable)s, %(climate_date)s, %(block)s, %(issued_at)s, %(value_f)s, %(at)s
) on conflict do nothing
"""
_LATEST = """
select cast(snapshot as text) from ops.weather_snapshots where city_code = %(city_code)s
order by captured_at desc, weather_snapshot_id desc limit 1
"""
_INSERT_REPORT = """
insert into ops.climate_reports (
    pil, city_code, climate_date, issued_at, status, high_f, low_f, high_at, low_at, rain, rain_month, snow,
    snow_month, oddities, refusal, text_sha256, text_month, recorded_at
) values (
    %(pil)s, %(city_code)s, %(climate_date)s, %(issued_at)s, %(status)s, %(high_f)s, %(low_f)s, %(high_at)s,
    %(low_at)s, %(rain)s, %(rain_month)s, %(snow)s, %(snow_month)s, %(oddities)s, %(refusal)s, %(sha256)s,
    %(month)s, %(at)s
) on conflict (pil, issued_at, text_sha256) do nothing returning climate_report_id
"""
_FIRST_FINAL = """
select case %(market_type)s
    when 'HIGH' then cast(high_f as text) when 'LOW' then cast(low_f as text)
    when 'RAIN' then rain_month when 'SNOW' then snow_month end as value
from ops.climate_reports
where pil = %(pil)s and climate_date = %(climate_date)s and status in ('final_first', 'final_revised')
    and case %(market_type)s
        when 'HIGH' then cast(high_f as text) when 'LOW' then cast(low_f as text)
        when 'RAIN' then rain_month when 'SNOW' then snow_month end is not null
order by issued_at, climate_report_id limit 1
"""
_MONTHS = """
with told as (
    select r.pil, r.climate_date, r.status, r.issued_at, r.climate_report_id, d.market_type, d.month, d.day
    from ops.climate_reports as r
    cross join lateral (values ('RAIN', r.rain_month, r.rain), ('SNOW', r.snow_month, r.snow))
        as d(market_type, month, day)
    where r.climate_date >= %(since)s and d.month is not null
)
select distinct on (pil, market_type) pil, market_type, climate_date, status, month, day, issued_at from told
order by pil, market_type, climate_date desc, issued_at desc, climate_report_id desc
"""
_DEPTHS = {
    "rain": MarketType.RAIN,
    "rain_month": MarketType.RAIN,
    "snow": MarketType.SNOW,
    "snow_month": MarketType.SNOW,
}


def snapshot_row(snapshot: WeatherSnapshot, *, at: datetime, cycle_id: int | None) -> dict[str, Any]:
    """Return the parameters of ``INSERT_SNAPSHOT``."""
    latest = snapshot.latest
    row = {name: getattr(snapshot, name) for name in WeatherSnapshot.model_fields}
    return row | {
        "cycle_id": cycle_id,
        "observed_at": latest.observed_at if latest else None,
        "temp_f": latest.temp_f if latest else None,
        "forecasts": canonical_json(snapshot.forecasts),
        "problems": [str(reason) for reason in snapshot.problems],
        "payload_hashes": list(snapshot.payload_hashes),
        "snapshot": canonical_json(snapshot),
        "recorded_at": aware(at),
    }


IssueKey = tuple[str, str, MarketType, date, datetime]


def insert_issues(
    connection: Connection, snapshots: Sequence[WeatherSnapshot], known: Set[IssueKey], *, at: datetime
) -> set[IssueKey]:
    """Store the first forecast of each block that is not in ``known``; return the keys stored."""
    rows: dict[IssueKey, dict[str, Any]] = {}
    for snapshot in snapshots:
        for f in snapshot.forecasts:
            key = (snapshot.city_code, f.source, f.variable, f.climate_date, f.block)
            if key not in known and (key not in rows or f.issued_at < rows[key]["issued_at"]):
                row = f.model_dump(include={"source", "variable", "climate_date", "issued_at"})
                rows[key] = row | {
                    "city_code": snapshot.city_code,
                    "block": f.block,
                    "value_f": f.anchor_f,
                    "at": aware(at),
                }
    if rows:
        with connection.cursor() as cursor:
            cursor.executemany(_INSERT_ISSUE, list(rows.values()))
    return set(rows)


def _written(amount: Amount | None, kind: MarketType) -> str | None:
    return None if amount is None else amount.text(kind)


class PostgresWeatherRepository:
    """``ports.ops_store.WeatherRepository`` on Postgres."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save_snapshot(self, snapshot: WeatherSnapshot, *, at: datetime, cycle_id: int | None = None) -> int:
        with self._database.connection() as connection:
            insert_issues(connection, [snapshot], frozenset(), at=at)
            row = snapshot_row(snapshot, at=at, cycle_id=cycle_id)
            return int(fetch_value(connection, INSERT_SNAPSHOT, row))

    def get_latest(self, city_code: str) -> WeatherSnapshot | None:
        with self._database.connection() as connection:
            text = fetch_value(connection, _LATEST, {"city_code": city_code})
        return None if text is None else WeatherSnapshot.model_validate_json(text)

    def save_climate_report(self, report: ClimateReport, *, at: datetime) -> bool:
        row = report.model_dump(exclude={"payload", *_DEPTHS}) | {
            **{name: _written(getattr(report, name), kind) for name, kind in _DEPTHS.items()},
            "oddities": list(report.oddities),
            "sha256": report.payload.sha256,
            "month": month_of(report.payload),
            "at": aware(at),
        }
        with self._database.connection() as connection:
            insert_payloads(connection, [report.payload])
            return fetch_value(connection, _INSERT_REPORT, row) is not None

    def first_final(self, pil: str, climate_date: date, market_type: MarketType) -> int | None:
        params = {"pil": pil, "climate_date": climate_date, "market_type": market_type.value}
        with self._database.connection() as connection:
            text = fetch_value(connection, _FIRST_FINAL, params)
        if text is None:
            return None
        return parse_amount(text, market_type).units if market_type in UNIT_IN else int(text)

    def months(self, since: date) -> tuple[MonthToDate, ...]:
        with self._database.connection() as connection:
            rows = fetch_rows(connection, _MONTHS, {"since": since})
        return tuple(
            MonthToDate(
                location=row["pil"].removeprefix("CLI"),
                market_type=(kind := MarketType(row["market_type"])),
                climate_date=row["climate_date"],
                is_final=row["status"] != "preliminary",
                amount=parse_amount(row["month"], kind),
                day=None if row["day"] is None else parse_amount(row["day"], kind),
                issued_at=row["issued_at"],
            )
            for row in rows
        )
