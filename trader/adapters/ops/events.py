"""Risk events, halts, breaks and health: what an operator may have to know."""

from datetime import UTC, datetime

from trader.adapters.book_rules import aware
from trader.adapters.ops.pool import Database
from trader.adapters.ops.rows import Connection, fetch_models, fetch_value
from trader.domain.canonical import canonical_json
from trader.domain.risk import Break, HealthStatus, RiskEvent, StateChange
from trader.domain.types import Component, ComponentStatus, ReasonCode, TradingMode, TradingState

_INSERT_EVENT = """
insert into ops.risk_events (
    event_type, severity, message, payload, mode, cycle_id, occurred_at, recorded_at
) values (
    %(event_type)s, %(severity)s, %(message)s, %(payload)s, %(mode)s, %(cycle_id)s, %(occurred_at)s, %(at)s
)
"""
_RECENT_EVENTS = """
select event_type, severity, message, occurred_at, payload from ops.risk_events
order by occurred_at desc, risk_event_id desc limit %(limit)s
"""
_INSERT_STATE = """
insert into ops.trading_state (
    mode, scope, state, reason, note, set_by, set_at, until, recorded_at
) values (
    %(mode)s, %(scope)s, %(state)s, %(reason)s, %(note)s, %(set_by)s, %(set_at)s, %(until)s, %(at)s
) returning trading_state_id
"""
_UPSERT_HALT = """
insert into ops.halts (
    mode, scope, reason, trading_state_id, state, note, set_by, set_at, until, lifted_at
) values (
    %(mode)s, %(scope)s, %(reason)s, %(trading_state_id)s, %(state)s, %(note)s, %(set_by)s, %(set_at)s,
    %(until)s, %(lifted_at)s
) on conflict (mode, scope, reason) do update set
    trading_state_id = excluded.trading_state_id, state = excluded.state, note = excluded.note,
    set_by = excluded.set_by, set_at = excluded.set_at, until = excluded.until,
    lifted_at = coalesce(excluded.lifted_at, halts.lifted_at)
"""
_STATES = """
select scope, state, reason, note, set_by, set_at, until from ops.halts
where mode = %(mode)s and state <> 'ACTIVE' and (until is null or until > %(now)s)
order by trading_state_id
"""
_LIFTED = """
select lifted_at from ops.halts where mode = %(mode)s and scope = 'book' and reason = %(reason)s
"""
_INSERT_BREAK = """
insert into ops.reconciliation_breaks (
    epoch, mode, kind, key, ticker, ours, theirs, likely_reason, found_at, recorded_at
)
select
    %(epoch)s, %(mode)s, %(kind)s, %(key)s, %(ticker)s, %(ours)s, %(theirs)s, %(likely_reason)s,
    %(found_at)s, %(at)s
where not exists (
    select 1 from (
        select b.ours, b.theirs from ops.reconciliation_breaks as b
        where b.mode = %(mode)s and b.kind = %(kind)s and b.key = %(key)s
        order by b.break_id desc limit 1
    ) as newest
    where newest.ours = %(ours)s and newest.theirs = %(theirs)s
)
returning break_id
"""
_BREAKS = """
select kind, key, ticker, ours, theirs, likely_reason, found_at
from ops.reconciliation_breaks where mode = %(mode)s order by break_id
"""
_OPEN_BREAKS = """
select b.kind, b.key, b.ticker, b.ours, b.theirs, b.likely_reason, b.found_at
from ops.reconciliation_breaks as b
where b.mode = %(mode)s and b.ours <> b.theirs
    and not exists (
        select 1 from ops.reconciliation_breaks as newer
        where newer.mode = b.mode and newer.kind = b.kind and newer.key = b.key
            and newer.break_id > b.break_id
    )
order by b.break_id
"""
_INSERT_HEALTH = """
insert into ops.health_status (component, status, last_ok, message, checked_at, recorded_at)
values (%(component)s, %(status)s, %(last_ok)s, %(message)s, %(checked_at)s, %(at)s)
"""
# one step down the index per component, whatever the history holds
_LATEST_HEALTH = """
select h.component, h.status, h.last_ok, h.message, h.checked_at
from unnest(enum_range(cast(null as ops.component))) as known (component)
cross join lateral (
    select * from ops.health_status as s where s.component = known.component
    order by s.checked_at desc, s.health_status_id desc limit 1
) as h
order by h.component
"""


class PostgresRiskRepository:
    """``ports.ops_store.RiskRepository`` on Postgres."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save_event(
        self, event: RiskEvent, *, at: datetime, mode: TradingMode | None, cycle_id: int | None
    ) -> None:
        row = event.model_dump() | {"payload": canonical_json(event.payload)}
        with self._database.connection() as connection:
            connection.execute(_INSERT_EVENT, row | {"mode": mode, "cycle_id": cycle_id, "at": aware(at)})

    def recent_events(self, limit: int = 50) -> tuple[RiskEvent, ...]:
        with self._database.connection() as connection:
            return fetch_models(connection, RiskEvent, _RECENT_EVENTS, {"limit": limit})

    def save_state(self, change: StateChange, *, mode: TradingMode, at: datetime) -> None:
        row = change.model_dump() | {"mode": mode, "at": aware(at)}
        row["lifted_at"] = change.set_at if change.state is TradingState.ACTIVE else None
        with self._database.connection() as connection:
            row["trading_state_id"] = fetch_value(connection, _INSERT_STATE, row)
            connection.execute(_UPSERT_HALT, row)

    def states(self, mode: TradingMode, now: datetime) -> tuple[StateChange, ...]:
        with self._database.connection() as connection:
            return fetch_models(connection, StateChange, _STATES, {"mode": mode, "now": aware(now)})

    def lifted_at(self, mode: TradingMode, reason: ReasonCode) -> datetime | None:
        with self._database.connection() as connection:
            found: datetime | None = fetch_value(connection, _LIFTED, {"mode": mode, "reason": reason})
        return None if found is None else found.astimezone(UTC)

    def save_break(self, found: Break, *, mode: TradingMode, at: datetime, epoch: int) -> bool:
        row = found.model_dump() | {"mode": mode, "at": aware(at), "epoch": epoch}
        with self._database.connection() as connection:
            return fetch_value(connection, _INSERT_BREAK, row) is not None

    def breaks(self, mode: TradingMode) -> tuple[Break, ...]:
        with self._database.connection() as connection:
            return fetch_models(connection, Break, _BREAKS, {"mode": mode})

    def open_breaks(self, mode: TradingMode) -> tuple[Break, ...]:
        with self._database.connection() as connection:
            return fetch_models(connection, Break, _OPEN_BREAKS, {"mode": mode})

    def save_health(self, status: HealthStatus, *, at: datetime) -> None:
        with self._database.connection() as connection:
            _insert_health(connection, status, at=at)

    def latest_health(self) -> tuple[HealthStatus, ...]:
        with self._database.connection() as connection:
            return fetch_models(connection, HealthStatus, _LATEST_HEALTH, {})

    def probe_write(self, *, at: datetime) -> None:
        """The row written is a true one: the database did confirm a write at that instant."""
        status = HealthStatus(
            component=Component.DATABASE,
            status=ComponentStatus.OK,
            last_ok=aware(at),
            message="probe write committed",
            checked_at=at,
        )
        self.save_health(status, at=at)
        self._database.unconfirmed = None


def _insert_health(connection: Connection, status: HealthStatus, *, at: datetime) -> None:
    connection.execute(_INSERT_HEALTH, status.model_dump() | {"at": aware(at)})
