"""Weather snapshots, climate reports, and how many forecasts met their outcome."""

from datetime import date, datetime
from typing import Any

from trader.adapters.book_rules import aware
from trader.adapters.ops.payloads import insert_payloads, month_of
from trader.adapters.ops.pool import Database
from trader.adapters.ops.rows import fetch_models, fetch_value
from trader.domain.canonical import canonical_json
from trader.domain.plan import ForecastPairs
from trader.domain.weather import WeatherSnapshot
from trader.ports.exchange import RawPayload

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
_LATEST = """
select cast(snapshot as text) from ops.weather_snapshots where city_code = %(city_code)s
order by captured_at desc, weather_snapshot_id desc limit 1
"""
_INSERT_REPORT = """
insert into ops.climate_reports (
    pil, city_code, climate_date, issued_at, status, high_f, low_f, refusal, text_sha256, text_month,
    recorded_at
) values (
    %(pil)s, %(city_code)s, %(climate_date)s, %(issued_at)s, %(status)s, %(high_f)s, %(low_f)s, %(refusal)s,
    %(sha256)s, %(month)s, %(at)s
) on conflict (pil, issued_at, text_sha256) do nothing returning climate_report_id
"""
_FIRST_FINAL = """
select high_f, low_f from ops.climate_reports
where city_code = %(city_code)s and climate_date = %(climate_date)s
    and status in ('final_first', 'final_revised')
order by issued_at, climate_report_id limit 1
"""
_NEWEST_FINAL = """
select max(climate_report_id) from ops.climate_reports where status in ('final_first', 'final_revised')
"""
# A lead counts whole climate days between issue and target. HIGH and LOW are counted apart and the smaller
# count stands for both, because the pair has one number and too few must win.
_PAIRS = """
with final as (
    select distinct on (city_code, climate_date) city_code, climate_date, high_f, low_f
    from ops.climate_reports
    where status in ('final_first', 'final_revised') and city_code is not null
    order by city_code, climate_date, issued_at, climate_report_id
),
known as (
    select distinct w.city_code, f.source, f.variable, f.climate_date,
        f.climate_date - cast(
            f.issued_at at time zone 'UTC' + make_interval(hours => c.std_utc_offset_hours) as date
        ) as lead_days
    from ops.weather_snapshots as w
    inner join ops.cities as c on c.city_code = w.city_code
    cross join lateral jsonb_to_recordset(w.forecasts)
        as f(source text, variable text, climate_date date, issued_at timestamptz)
),
counted as (
    select k.city_code, k.source, k.lead_days, k.variable, count(*) as pairs
    from known as k
    inner join final as o on o.city_code = k.city_code and o.climate_date = k.climate_date
    where k.lead_days >= 0
        and case k.variable when 'HIGH' then o.high_f when 'LOW' then o.low_f end is not null
    group by k.city_code, k.source, k.lead_days, k.variable
)
select city_code, source, lead_days, min(pairs) as count from counted
group by city_code, source, lead_days order by city_code, source, lead_days
"""


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


class PostgresWeatherRepository:
    """``ports.ops_store.WeatherRepository`` on Postgres."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._pairs: tuple[int | None, tuple[ForecastPairs, ...]] = (None, ())

    def save_snapshot(self, snapshot: WeatherSnapshot, *, at: datetime, cycle_id: int | None = None) -> int:
        with self._database.connection() as connection:
            row = snapshot_row(snapshot, at=at, cycle_id=cycle_id)
            return int(fetch_value(connection, INSERT_SNAPSHOT, row))

    def get_latest(self, city_code: str) -> WeatherSnapshot | None:
        with self._database.connection() as connection:
            text = fetch_value(connection, _LATEST, {"city_code": city_code})
        return None if text is None else WeatherSnapshot.model_validate_json(text)

    def save_climate_report(
        self,
        *,
        pil: str,
        city_code: str | None,
        climate_date: date | None,
        issued_at: datetime,
        status: str,
        high_f: int | None,
        low_f: int | None,
        refusal: str | None,
        payload: RawPayload,
        at: datetime,
    ) -> bool:
        row = {
            "pil": pil,
            "city_code": city_code,
            "climate_date": climate_date,
            "issued_at": aware(issued_at),
            "status": status,
            "high_f": high_f,
            "low_f": low_f,
            "refusal": refusal,
            "sha256": payload.sha256,
            "month": month_of(payload),
            "at": aware(at),
        }
        with self._database.connection() as connection:
            insert_payloads(connection, [payload])
            return fetch_value(connection, _INSERT_REPORT, row) is not None

    def first_final(self, city_code: str, climate_date: date) -> tuple[int | None, int | None] | None:
        params = {"city_code": city_code, "climate_date": climate_date}
        with self._database.connection() as connection:
            return connection.execute(_FIRST_FINAL, params).fetchone()

    def forecast_pairs(self) -> tuple[ForecastPairs, ...]:
        """Count anew only when a final report came: until then no pair can have been added."""
        with self._database.connection() as connection:
            newest = fetch_value(connection, _NEWEST_FINAL, {})
            if newest != self._pairs[0]:
                self._pairs = (newest, fetch_models(connection, ForecastPairs, _PAIRS, {}))
        return self._pairs[1]
