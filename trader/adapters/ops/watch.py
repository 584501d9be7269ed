"""What the watch reads of our books. Used with the watch's role, which can change nothing."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from trader.adapters.book_rules import aware
from trader.adapters.ops.pool import Database
from trader.adapters.ops.rows import fetch_models, fetch_rows, fetch_value
from trader.domain.alerts import CriticalEvent, Evening
from trader.domain.types import TradingMode

EVENT_WINDOW = timedelta(hours=1)
UNKNOWN_AFTER = timedelta(minutes=10)

_MODE = "select mode from ops.epochs order by epoch desc limit 1"
# a running world may be ahead of its row: its newest decision is not later than its now
_WORLD_NOW = """
select greatest(world_now, (select max(decided_at) from ops.cycles)) from ops.world_clock
"""
_EVENTS = """
select event_type, max(message) as message from ops.risk_events
where severity = 'CRITICAL' and occurred_at > %(since)s and occurred_at <= %(now)s
group by event_type order by event_type
"""
_UNKNOWN = """
select client_order_id || ' ' || ticker as name from ops.orders
where status = 'UNKNOWN' and updated_at < %(before)s order by order_id
"""
_CYCLES = """
select count(*) as cycles, count(*) filter (where finished_at is null or error is not null) as failed
from ops.cycles where mode = %(mode)s and started_at > %(since)s and started_at <= %(now)s
"""
_ORDERS = """
select cast(status as text) as status, count(*) as count from ops.orders
where mode = %(mode)s and created_at > %(since)s and created_at <= %(now)s group by status
"""
_FILLS = """
select count(*) as fills, coalesce(sum(qty), 0) as contracts, coalesce(sum(fee), 0) as fees_usd
from ops.fills where mode = %(mode)s and filled_at > %(since)s and filled_at <= %(now)s
"""
_EQUITY = """
select equity_usd from ops.cycles
where mode = %(mode)s and equity_usd is not null and started_at <= %(at)s and started_at > %(floor)s
order by started_at desc limit 1
"""
_REASONS = """
select reason, count(*) as count from ops.signals as s, unnest(s.reasons) as reason
where s.mode = %(mode)s and s.decision = 'HOLD' and s.decided_at > %(since)s and s.decided_at <= %(now)s
group by reason order by count(*) desc, reason limit 5
"""
_POSITIONS = """
select count(*) as positions, coalesce(sum(cost_usd), 0) as cost_usd
from ops.positions where mode = %(mode)s and status = 'OPEN'
"""
_WORST = """
select coalesce(sum(worst_usd), 0) from ops.orders
where mode = %(mode)s and status not in ('DENIED', 'FILLED', 'CANCELED', 'EXPIRED', 'REJECTED')
"""
_MODEL_COST = "select coalesce(sum(cost_usd), 0) from ops.advisor_calls where called_at > %(since)s"


class WatchRepository:
    """Every method raises PersistenceError when the database is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def mode(self) -> TradingMode | None:
        """The mode of the newest process that traded."""
        with self._database.connection() as connection:
            found = fetch_value(connection, _MODE, {})
        return None if found is None else TradingMode(found)

    def world_now(self) -> datetime | None:
        with self._database.connection() as connection:
            found: datetime | None = fetch_value(connection, _WORLD_NOW, {})
        return None if found is None else found.astimezone(UTC)

    def critical_events(self, now: datetime) -> tuple[CriticalEvent, ...]:
        """One for each type within the last hour."""
        params = {"since": aware(now) - EVENT_WINDOW, "now": aware(now)}
        with self._database.connection() as connection:
            return fetch_models(connection, CriticalEvent, _EVENTS, params)

    def unknown_orders(self, now: datetime) -> tuple[str, ...]:
        with self._database.connection() as connection:
            rows = fetch_rows(connection, _UNKNOWN, {"before": aware(now) - UNKNOWN_AFTER})
        return tuple(row["name"] for row in rows)

    def evening(self, mode: TradingMode, now: datetime) -> Evening:
        """The 24 hours before ``now``."""
        day = timedelta(hours=24)
        span = {"mode": mode, "since": aware(now) - day, "now": aware(now)}
        with self._database.connection() as connection:
            (cycles,) = fetch_rows(connection, _CYCLES, span)
            (fills,) = fetch_rows(connection, _FILLS, span)
            (held,) = fetch_rows(connection, _POSITIONS, {"mode": mode})
            orders = fetch_rows(connection, _ORDERS, span)
            reasons = fetch_rows(connection, _REASONS, span)
            equity = [
                fetch_value(connection, _EQUITY, {"mode": mode, "at": at, "floor": at - 7 * day})
                for at in (aware(now), aware(now) - day)
            ]
            worst = fetch_value(connection, _WORST, {"mode": mode})
            model_cost = fetch_value(connection, _MODEL_COST, span)
        return Evening(
            mode=mode,
            cycles=cycles["cycles"],
            cycles_failed=cycles["failed"],
            orders={row["status"]: row["count"] for row in orders},
            fills=fills["fills"],
            contracts=fills["contracts"],
            fees_usd=fills["fees_usd"],
            equity_usd=equity[0],
            equity_before_usd=equity[1],
            reasons=tuple((row["reason"], row["count"]) for row in reasons),
            positions=held["positions"],
            cost_usd=held["cost_usd"],
            worst_usd=worst,
            llm_cost_usd=Decimal(model_cost),
        )
