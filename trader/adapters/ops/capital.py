"""Cash that is not trading."""

from datetime import datetime
from decimal import Decimal

from trader.adapters.book_rules import aware
from trader.adapters.ops.pool import Database
from trader.adapters.ops.rows import fetch_models, fetch_value
from trader.domain.positions import CapitalEvent
from trader.domain.types import TradingMode

_INSERT = """
insert into ops.capital_events (mode, kind, amount_usd, occurred_at, note, ref, set_by, recorded_at)
values (%(mode)s, %(kind)s, %(amount_usd)s, %(occurred_at)s, %(note)s, %(ref)s, %(set_by)s, %(at)s)
on conflict do nothing returning capital_event_id
"""
_EVENTS = """
select kind, amount_usd, occurred_at, mode, note, ref from ops.capital_events
where mode = %(mode)s order by occurred_at, capital_event_id
"""
_TOTAL = "select coalesce(sum(amount_usd), 0) from ops.capital_events where mode = %(mode)s"


class PostgresCapitalRepository:
    """``ports.ops_store.CapitalRepository`` on Postgres."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(self, event: CapitalEvent, *, set_by: str, at: datetime) -> bool:
        row = event.model_dump() | {"set_by": set_by, "at": aware(at)}
        with self._database.connection() as connection:
            return fetch_value(connection, _INSERT, row) is not None

    def events(self, mode: TradingMode) -> tuple[CapitalEvent, ...]:
        with self._database.connection() as connection:
            return fetch_models(connection, CapitalEvent, _EVENTS, {"mode": mode})

    def total(self, mode: TradingMode) -> Decimal:
        with self._database.connection() as connection:
            return Decimal(fetch_value(connection, _TOTAL, {"mode": mode}))
