"""Alarms: what was noticed, open or closed."""

from datetime import datetime

from trader.adapters.book_rules import aware
from trader.adapters.ops.pool import Database
from trader.adapters.ops.rows import fetch_models, fetch_value
from trader.domain.alarms import Alarm, AlarmCode
from trader.domain.types import TradingMode

_OPEN = """
select code, subject, severity, message, opened_at, closed_at from ops.alarms
where mode = %(mode)s and closed_at is null order by opened_at, code, subject
"""
_SAVE = """
insert into ops.alarms (mode, code, subject, severity, message, opened_at, closed_at, recorded_at)
values (%(mode)s, %(code)s, %(subject)s, %(severity)s, %(message)s, %(opened_at)s, null, %(at)s)
on conflict (mode, code, subject) do update set
    severity = excluded.severity, message = excluded.message, opened_at = excluded.opened_at,
    closed_at = null, recorded_at = excluded.recorded_at
"""
_CLOSE = """
update ops.alarms set closed_at = greatest(opened_at, %(at)s), recorded_at = %(at)s
where mode = %(mode)s and code = %(code)s and subject = %(subject)s and closed_at is null
returning code
"""


class PostgresAlarmRepository:
    """``ports.ops_store.AlarmRepository`` on Postgres."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open_alarms(self, mode: TradingMode) -> tuple[Alarm, ...]:
        with self._database.connection() as connection:
            return fetch_models(connection, Alarm, _OPEN, {"mode": mode})

    def save(self, alarm: Alarm, *, mode: TradingMode, at: datetime) -> None:
        with self._database.connection() as connection:
            connection.execute(_SAVE, alarm.model_dump() | {"mode": mode, "at": aware(at)})

    def close(self, code: AlarmCode, subject: str, *, mode: TradingMode, at: datetime) -> bool:
        params = {"mode": mode, "code": code, "subject": subject, "at": aware(at)}
        with self._database.connection() as connection:
            return fetch_value(connection, _CLOSE, params) is not None
