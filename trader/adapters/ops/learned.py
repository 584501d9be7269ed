"""Forecast issues, outcomes, parameter sets and their roles."""

from datetime import UTC, date, datetime
from typing import Any

from trader.adapters.book_rules import aware
from trader.adapters.ops.pool import Database
from trader.adapters.ops.rows import fetch_rows, fetch_value
from trader.domain.canonical import canonical_json, content_hash
from trader.domain.learned import ParameterSet
from trader.domain.signals import Distribution
from trader.domain.types import MarketType
from trader.ports.ops_store import IssuedForecast, Outcome, StoredSet

_MARKER = """
select
    coalesce((
        select max(climate_report_id) from ops.climate_reports
        where status in ('final_first', 'final_revised')
    ), 0) as report,
    coalesce((select max(parameter_role_id) from ops.parameter_roles), 0) as role
"""
_ISSUES = """
select city_code, source, variable, climate_date, issued_at, value_f from ops.forecast_issues
where climate_date >= coalesce(%(climate_date)s, cast('-infinity' as date))
    and issued_at >= coalesce(%(issued_at)s, cast('-infinity' as timestamptz))
order by city_code, source, variable, climate_date, issued_at
"""
_OUTCOMES = """
select distinct on (r.city_code, d.variable, r.climate_date)
    r.city_code, d.variable, r.climate_date, r.issued_at, d.value
from ops.climate_reports as r
inner join ops.cities as c on c.city_code = r.city_code
cross join lateral (values ('HIGH', r.high_f), ('LOW', r.low_f)) as d(variable, value)
where r.climate_date >= %(climate_date)s and r.status in ('final_first', 'final_revised')
    and r.pil = 'CLI' || substr(c.settlement_station, 2) and d.value is not null
order by r.city_code, d.variable, r.climate_date, r.issued_at, r.climate_report_id
"""
_INSERT_SET = """
insert into ops.parameter_sets (sha256, name, body, recorded_at)
values (%(sha256)s, %(name)s, %(body)s, %(at)s) on conflict (sha256) do nothing
"""
_INSERT_ROLE = """
insert into ops.parameter_roles (sha256, role, set_by, note, recorded_at)
values (%(sha256)s, %(role)s, %(set_by)s, %(note)s, %(at)s)
"""
_SETS = """
with newest as (
    select distinct on (sha256) sha256, role, set_by, note, recorded_at, parameter_role_id
    from ops.parameter_roles order by sha256, parameter_role_id desc
)
select n.sha256, cast(s.body as text) as body, n.role, n.set_by, n.note, n.recorded_at
from newest as n inner join ops.parameter_sets as s on s.sha256 = n.sha256
order by n.parameter_role_id desc
"""
_CURRENT_BEFORE = """
with newest as (
    select distinct on (sha256) sha256, role from ops.parameter_roles order by sha256, parameter_role_id desc
),
was_current as (
    select r.sha256, r.parameter_role_id,
        rank() over (order by r.parameter_role_id desc) as back
    from ops.parameter_roles as r
    inner join newest as n on n.sha256 = r.sha256
    where r.role = 'CURRENT' and n.role <> 'WITHDRAWN'
)
select sha256 from was_current
where sha256 <> (select sha256 from was_current where back = 1)
order by parameter_role_id desc limit 1
"""
_PREDICTIONS = """
select distinct on (p.city_code, p.market_type, p.climate_date)
    p.city_code, p.market_type, p.climate_date, p.distribution
from ops.predictions as p
inner join ops.cities as c on c.city_code = p.city_code
where p.climate_date >= %(climate_date)s and p.strategy_version like %(version)s
    and p.decided_at < cast(p.climate_date as timestamp) at time zone 'UTC'
        - make_interval(hours => c.std_utc_offset_hours)
order by p.city_code, p.market_type, p.climate_date, p.decided_at desc, p.prediction_id desc
"""


class PostgresLearnedRepository:
    """``ports.ops_store.LearnedRepository`` on Postgres."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def _rows(self, sql: str, params: dict[str, Any]) -> list[dict[str, Any]]:
        with self._database.connection() as connection:
            return fetch_rows(connection, sql, params)

    def marker(self) -> tuple[int, int]:
        row = self._rows(_MARKER, {})[0]
        return int(row["report"]), int(row["role"])

    def issues(
        self, *, climate_date: date | None = None, issued_at: datetime | None = None
    ) -> tuple[IssuedForecast, ...]:
        params = {"climate_date": climate_date, "issued_at": None if issued_at is None else aware(issued_at)}
        with self._database.connection() as connection:
            rows = connection.execute(_ISSUES.encode(), params).fetchall()
        return tuple(
            IssuedForecast(city, source, MarketType(variable), day, at.astimezone(UTC), value)
            for city, source, variable, day, at, value in rows
        )

    def outcomes(self, climate_date: date) -> tuple[Outcome, ...]:
        with self._database.connection() as connection:
            rows = connection.execute(_OUTCOMES.encode(), {"climate_date": climate_date}).fetchall()
        return tuple(
            Outcome(city, MarketType(variable), day, at.astimezone(UTC), value)
            for city, variable, day, at, value in rows
        )

    def save_set(self, parameters: ParameterSet, *, role: str, set_by: str, note: str, at: datetime) -> str:
        sha256 = content_hash(parameters)
        stored = {"sha256": sha256, "name": parameters.name, "body": canonical_json(parameters)}
        given = {"sha256": sha256, "role": role, "set_by": set_by, "note": note}
        with self._database.connection() as connection:
            connection.execute(_INSERT_SET, stored | {"at": aware(at)})
            connection.execute(_INSERT_ROLE, given | {"at": aware(at)})
        return sha256

    def sets(self) -> tuple[StoredSet, ...]:
        return tuple(
            StoredSet(
                sha256=row["sha256"],
                parameters=ParameterSet.model_validate_json(row["body"]),
                role=row["role"],
                set_by=row["set_by"],
                note=row["note"],
                set_at=row["recorded_at"].astimezone(UTC),
            )
            for row in self._rows(_SETS, {})
        )

    def current_before(self) -> str | None:
        with self._database.connection() as connection:
            found = fetch_value(connection, _CURRENT_BEFORE, {})
        return None if found is None else str(found)

    def predictions(
        self, climate_date: date, version_end: str
    ) -> tuple[tuple[str, MarketType, date, Distribution], ...]:
        rows = self._rows(_PREDICTIONS, {"climate_date": climate_date, "version": f"%-{version_end}"})
        return tuple(
            (
                row["city_code"],
                MarketType(row["market_type"]),
                row["climate_date"],
                Distribution.model_validate(row["distribution"], strict=False),
            )
            for row in rows
        )
