"""Positions as they stand, and the exchange's payouts."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

from trader.adapters.book_rules import aware
from trader.adapters.ops.pool import Database
from trader.adapters.ops.rows import Connection, fetch_model, fetch_models, fetch_value
from trader.domain.orders import Settlement
from trader.domain.positions import Position
from trader.domain.types import TradingMode

_UPSERT = """
with before as (
    select realized_pnl_usd from ops.positions where mode = %(mode)s and ticker = %(ticker)s
),

total as (
    insert into ops.profit_totals (mode, realized_pnl_usd, updated_at)
    values (
        %(mode)s,
        %(realized_pnl_usd)s - coalesce((select before.realized_pnl_usd from before), 0),
        %(at)s
    )
    on conflict (mode) do update set
        realized_pnl_usd = profit_totals.realized_pnl_usd + excluded.realized_pnl_usd,
        updated_at = excluded.updated_at
)

insert into ops.positions (
    mode, ticker, event_ticker, city_code, side, qty, avg_entry, avg_exit, cost_usd, realized_pnl_usd,
    fees_usd, status, opened_at, closed_at, updated_at
) values (
    %(mode)s, %(ticker)s, %(event_ticker)s, %(city_code)s, %(side)s, %(qty)s, %(avg_entry)s, %(avg_exit)s,
    %(cost_usd)s, %(realized_pnl_usd)s, %(fees_usd)s, %(status)s, %(opened_at)s, %(closed_at)s, %(at)s
) on conflict (mode, ticker) do update set
    side = excluded.side, qty = excluded.qty, avg_entry = excluded.avg_entry, avg_exit = excluded.avg_exit,
    cost_usd = excluded.cost_usd, realized_pnl_usd = excluded.realized_pnl_usd, fees_usd = excluded.fees_usd,
    status = excluded.status, opened_at = excluded.opened_at, closed_at = excluded.closed_at,
    updated_at = excluded.updated_at
"""
_POSITIONS = """
select ticker, event_ticker, city_code, mode, side, qty, avg_entry, avg_exit, cost_usd, realized_pnl_usd,
    fees_usd, status, opened_at, closed_at
from ops.positions where mode = %(mode)s
"""
_HELD = _POSITIONS + " and status = 'OPEN' order by ticker collate \"C\""
_MANY = _POSITIONS + ' and ticker = any(%(tickers)s) order by ticker collate "C"'
_REALIZED = "select realized_pnl_usd from ops.profit_totals where mode = %(mode)s"
_ONE = _POSITIONS + " and ticker = %(ticker)s"
_INSERT_SETTLEMENT = """
insert into ops.settlements (
    mode, ticker, event_ticker, result, value_usd, yes_qty, no_qty, revenue_usd, settled_at, recorded_at,
    epoch
)
select
    %(mode)s, %(ticker)s, %(event_ticker)s, %(result)s, %(value_usd)s, %(yes_qty)s, %(no_qty)s,
    %(revenue_usd)s, %(settled_at)s, %(at)s, %(epoch)s
where %(is_correction)s
    or not exists (select 1 from ops.settlements where mode = %(mode)s and ticker = %(ticker)s)
returning ticker
"""
_SETTLEMENTS = """
select ticker, event_ticker, result, value_usd, yes_qty, no_qty, revenue_usd, settled_at, mode
from ops.settlements
where mode = %(mode)s and (cast(%(tickers)s as text[]) is null or ticker = any(%(tickers)s))
order by settled_at, ticker, recorded_at
"""
_LAST_SETTLED = "select max(settled_at) from ops.settlements where mode = %(mode)s"


def upsert_position(connection: Connection, position: Position, *, at: datetime) -> None:
    """Store the position as it now stands."""
    connection.execute(_UPSERT, position.model_dump() | {"at": aware(at)})


class PostgresPositionRepository:
    """``ports.ops_store.PositionRepository`` on Postgres."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get_all(self, mode: TradingMode) -> tuple[Position, ...]:
        with self._database.connection() as connection:
            found = fetch_models(connection, Position, _POSITIONS, {"mode": mode})
        return tuple(sorted(found, key=lambda position: position.ticker))  # by code point in any locale

    def held(self, mode: TradingMode) -> tuple[Position, ...]:
        with self._database.connection() as connection:
            return fetch_models(connection, Position, _HELD, {"mode": mode})

    def realized(self, mode: TradingMode) -> Decimal:
        with self._database.connection() as connection:
            return Decimal(fetch_value(connection, _REALIZED, {"mode": mode}) or 0)

    def get(self, mode: TradingMode, ticker: str) -> Position | None:
        with self._database.connection() as connection:
            return fetch_model(connection, Position, _ONE, {"mode": mode, "ticker": ticker})

    def get_many(self, mode: TradingMode, tickers: Sequence[str]) -> tuple[Position, ...]:
        with self._database.connection() as connection:
            return fetch_models(connection, Position, _MANY, {"mode": mode, "tickers": list(tickers)})

    def settle(
        self,
        settlement: Settlement,
        *,
        position: Position | None,
        at: datetime,
        epoch: int,
        is_correction: bool = False,
    ) -> bool:
        row = settlement.model_dump() | {"at": aware(at), "epoch": epoch, "is_correction": is_correction}
        with self._database.connection() as connection:
            if fetch_value(connection, _INSERT_SETTLEMENT, row) is None:
                return False
            if position is not None:
                upsert_position(connection, position, at=at)
        return True

    def settlements(self, mode: TradingMode, tickers: Sequence[str] | None = None) -> tuple[Settlement, ...]:
        params = {"mode": mode, "tickers": None if tickers is None else list(tickers)}
        with self._database.connection() as connection:
            return fetch_models(connection, Settlement, _SETTLEMENTS, params)

    def last_settled_at(self, mode: TradingMode) -> datetime | None:
        with self._database.connection() as connection:
            found = fetch_value(connection, _LAST_SETTLED, {"mode": mode})
        return None if found is None else found.astimezone(UTC)
