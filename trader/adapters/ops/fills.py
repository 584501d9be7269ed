"""Executions, each booked once together with the position that follows from it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

from trader.adapters.book_rules import aware, fill_of
from trader.adapters.ops.pool import Database
from trader.adapters.ops.positions import upsert_position
from trader.adapters.ops.rows import fetch_models, fetch_rows, fetch_value
from trader.domain.orders import Fill, Order
from trader.domain.positions import Position
from trader.domain.types import TradingMode

_INSERT = """
insert into ops.fills (
    fill_id, order_id, kalshi_order_id, epoch, mode, ticker, side, action, qty, price, fee, is_taker,
    filled_at, recorded_at
) values (
    %(fill_id)s, %(order_id)s, %(kalshi_order_id)s, %(epoch)s, %(mode)s, %(ticker)s, %(side)s, %(action)s,
    %(qty)s, %(price)s, %(fee)s, %(is_taker)s, %(filled_at)s, %(at)s
) on conflict (fill_id) do nothing returning fill_id
"""
_COUNT = """
update ops.orders set
    booked_qty = booked_qty + %(qty)s, filled_qty = greatest(filled_qty, booked_qty + %(qty)s)
where order_id = %(order_id)s
"""
_FILLS = """
select fill_id, kalshi_order_id, order_id, ticker, side, qty, price, fee, is_taker, filled_at, mode
from ops.fills where mode = %(mode)s and filled_at >= coalesce(%(since)s, cast('-infinity' as timestamptz))
order by filled_at, fill_id
"""
_KNOWN = "select fill_id from ops.fills where fill_id = any(%(ids)s)"
_FILLED_QTY = "select coalesce(sum(qty), 0) from ops.fills where order_id = %(order_id)s"
_LAST = "select max(filled_at) from ops.fills where mode = %(mode)s"


class PostgresFillRepository:
    """``ports.ops_store.FillRepository`` on Postgres."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def book(self, fill: Fill, *, order: Order, position: Position, at: datetime, epoch: int) -> bool:
        row = fill_of(fill, order).model_dump() | {"epoch": epoch, "action": order.action, "at": aware(at)}
        with self._database.connection() as connection:
            if fetch_value(connection, _INSERT, row) is None:
                return False
            connection.execute(_COUNT, row)
            upsert_position(connection, position, at=at)
        return True

    def get(self, mode: TradingMode, since: datetime | None = None) -> tuple[Fill, ...]:
        params = {"mode": mode, "since": None if since is None else aware(since)}
        with self._database.connection() as connection:
            return fetch_models(connection, Fill, _FILLS, params)

    def known(self, fill_ids: Sequence[str]) -> frozenset[str]:
        with self._database.connection() as connection:
            rows = fetch_rows(connection, _KNOWN, {"ids": list(fill_ids)})
        return frozenset(row["fill_id"] for row in rows)

    def filled_qty(self, order_id: int) -> Decimal:
        with self._database.connection() as connection:
            return Decimal(fetch_value(connection, _FILLED_QTY, {"order_id": order_id}))

    def last_filled_at(self, mode: TradingMode) -> datetime | None:
        with self._database.connection() as connection:
            found = fetch_value(connection, _LAST, {"mode": mode})
        return None if found is None else found.astimezone(UTC)
