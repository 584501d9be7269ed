"""Orders and the transitions they went through."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any

from trader.adapters.book_rules import aware, first_steps, moved, order_of
from trader.adapters.ops.pool import Database
from trader.adapters.ops.rows import fetch_model, fetch_models, fetch_rows, fetch_value
from trader.domain.canonical import canonical_json
from trader.domain.errors import InvariantViolation
from trader.domain.intents import complete_intent
from trader.domain.orders import Order, OrderMove
from trader.domain.signals import OrderIntent
from trader.domain.types import Instant, OrderStatus, TradingMode

_ACCOUNT = "select account from ops.epochs where epoch = %(epoch)s"
# The order points at the signal it came from: its strategy's where several spoke, else the newest.
_INSERT = """
insert into ops.orders (
    client_order_id, intent_key, kalshi_order_id, epoch, cycle_id, mode, ticker, event_ticker, city_code,
    side, action, status, qty, filled_qty, limit_price, worst_usd, time_in_force, is_post_only, expires_at,
    slot, attempt,
    strategy_name, strategy_version, signal_id, signal_at, is_foreign, reject_code, created_at, sent_at,
    updated_at
)
select
    %(client_order_id)s, %(intent_key)s, %(kalshi_order_id)s, %(epoch)s, cast(%(cycle_id)s as bigint),
    %(mode)s, %(ticker)s, %(event_ticker)s, %(city_code)s, %(side)s, %(action)s, %(status)s, %(qty)s,
    %(filled_qty)s, %(limit_price)s, %(worst_usd)s, %(time_in_force)s, %(is_post_only)s, %(expires_at)s,
    %(slot)s, %(attempt)s,
    cast(%(strategy_name)s as text), cast(%(strategy_version)s as text), found.signal_id, found.decided_at,
    %(is_foreign)s, %(reject_code)s, %(created_at)s, %(sent_at)s, %(updated_at)s
from (values (1)) as one (row)
left join lateral (
    select s.signal_id, s.decided_at from ops.signals as s
    where s.cycle_id = %(cycle_id)s and s.ticker = %(ticker)s
    order by (s.strategy_name, s.strategy_version) = (%(strategy_name)s, %(strategy_version)s) desc,
        s.signal_id desc
    limit 1
) as found on true
on conflict do nothing
returning order_id, signal_id
"""
_ORDERS = """
select order_id, client_order_id, intent_key, kalshi_order_id, mode, ticker, event_ticker, city_code, side,
    action, status, qty, filled_qty, booked_qty, limit_price, time_in_force, is_post_only, expires_at,
    absent_at, created_at, updated_at, sent_at, signal_id, is_foreign, reject_code
from ops.orders
"""
_BY_IDS = _ORDERS + " where order_id = any(%(ids)s) order by order_id for update"
_BY_INTENT_KEY = _ORDERS + " where intent_key = %(intent_key)s"
_BY_EITHER_KEY = _BY_INTENT_KEY + " or client_order_id = %(client_order_id)s"
_BY_KALSHI_ID = _ORDERS + " where kalshi_order_id = %(kalshi_order_id)s"
_BY_KALSHI_IDS = _ORDERS + " where kalshi_order_id = any(%(ids)s) order by order_id"
_OF_SIGNAL = _ORDERS + " where signal_id = %(signal_id)s order by order_id"
_LIVE = (
    _ORDERS
    + """
where mode = %(mode)s
    and (status not in ('DENIED', 'FILLED', 'CANCELED', 'EXPIRED', 'REJECTED') or filled_qty > booked_qty)
order by order_id
"""
)
_UPDATE = """
update ops.orders set
    status = %(status)s, kalshi_order_id = %(kalshi_order_id)s, filled_qty = %(filled_qty)s,
    sent_at = %(sent_at)s, absent_at = %(absent_at)s, reject_code = %(reject_code)s,
    updated_at = %(updated_at)s
where order_id = %(order_id)s
"""
_INSERT_EVENT = """
insert into ops.order_events (
    order_id, epoch, from_status, to_status, evidence, detail, occurred_at, recorded_at
) values (
    %(order_id)s, %(epoch)s, %(from_status)s, %(to_status)s, %(evidence)s, %(detail)s, %(at)s, %(at)s
)
"""
_EVENTS = """
select from_status, to_status, evidence, occurred_at from ops.order_events
where order_id = %(order_id)s order by order_event_id
"""
_TAKEN = "select intent_key from ops.orders where mode = %(mode)s and slot = %(slot)s order by intent_key"
_COUNT = "select status, count(*) as orders from ops.orders where mode = %(mode)s group by status"
_REJECTS = """
select count(*) from ops.order_events as e
inner join ops.orders as o on o.order_id = e.order_id
where e.to_status = 'REJECTED' and e.occurred_at >= %(since)s and o.mode = %(mode)s
    and coalesce(o.reject_code, '') <> all(%(without)s)
"""


class PostgresOrderRepository:
    """``ports.ops_store.OrderRepository`` on Postgres."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(
        self,
        intent: OrderIntent,
        *,
        at: datetime,
        epoch: int,
        cycle_id: int | None,
        denied: str | None = None,
        is_sent: bool = False,
    ) -> tuple[Order, bool]:
        with self._database.connection() as connection:
            if not (intent.intent_key and intent.client_order_id):
                account = fetch_value(connection, _ACCOUNT, {"epoch": epoch})
                intent = complete_intent(intent, account or "")
            order = order_of(intent, at=at, denied=denied, is_sent=is_sent)
            row = order.model_dump() | {
                "epoch": epoch,
                "cycle_id": cycle_id,
                "worst_usd": intent.worst_usd,
                "slot": intent.slot,
                "attempt": intent.attempt,
                "strategy_name": intent.strategy_name,
                "strategy_version": intent.strategy_version,
            }
            inserted = connection.execute(_INSERT.encode(), row).fetchone()
            if inserted is None:
                known = fetch_model(connection, Order, _BY_EITHER_KEY, row)
                return _found(known, f"intent {intent.intent_key}"), False
            order_id, signal_id = inserted
            with connection.cursor() as cursor:
                events = [_event(order_id, epoch, *step, at) for step in first_steps(order)]
                cursor.executemany(_INSERT_EVENT, events)
        return order.model_copy(update={"order_id": order_id, "signal_id": signal_id}), True

    def create_found(self, order: Order, *, at: datetime, epoch: int) -> Order:
        row = order.model_dump() | {
            "epoch": epoch,
            "cycle_id": None,
            "worst_usd": order.qty * order.limit_price,
            "slot": "",
            "attempt": 1,
            "strategy_name": None,
            "strategy_version": None,
            "updated_at": aware(at),
        }
        with self._database.connection() as connection:
            if (order_id := fetch_value(connection, _INSERT, row)) is not None:
                event = _event(order_id, epoch, None, order.status, "found at the exchange", at)
                connection.execute(_INSERT_EVENT, event)
            found = fetch_model(connection, Order, _BY_INTENT_KEY, {"intent_key": order.intent_key})
        return _found(found, f"order {order.kalshi_order_id}")

    def get_by_intent_key(self, intent_key: str) -> Order | None:
        with self._database.connection() as connection:
            return fetch_model(connection, Order, _BY_INTENT_KEY, {"intent_key": intent_key})

    def get_by_kalshi_id(self, kalshi_order_id: str) -> Order | None:
        with self._database.connection() as connection:
            return fetch_model(connection, Order, _BY_KALSHI_ID, {"kalshi_order_id": kalshi_order_id})

    def get_many(self, kalshi_order_ids: Sequence[str]) -> tuple[Order, ...]:
        with self._database.connection() as connection:
            return fetch_models(connection, Order, _BY_KALSHI_IDS, {"ids": list(kalshi_order_ids)})

    def transition(
        self, order_id: int, to: OrderStatus, *, evidence: str, at: datetime, epoch: int, **changes: Any
    ) -> Order:
        move = OrderMove(order_id=order_id, to=to, evidence=evidence, **changes)
        return self.move_all([move], at=at, epoch=epoch)[0]

    def move_all(self, moves: Sequence[OrderMove], *, at: datetime, epoch: int) -> tuple[Order, ...]:
        events, after = [], []
        with self._database.connection() as connection, connection.cursor() as cursor:
            ids = {"ids": sorted({move.order_id for move in moves})}
            found = {order.order_id: order for order in fetch_models(connection, Order, _BY_IDS, ids)}
            for move in moves:
                before = _found(found.get(move.order_id), f"order {move.order_id}")
                found[move.order_id] = order = moved(before, move, at=at)
                after.append(order)
                events.append(
                    _event(move.order_id, epoch, before.status, move.to, move.evidence, at, move.detail)
                )
            cursor.executemany(_UPDATE, [order.model_dump() for order in found.values()])
            cursor.executemany(_INSERT_EVENT, events)
        return tuple(after)

    def open_orders(self, mode: TradingMode) -> tuple[Order, ...]:
        return tuple(order for order in self.live_orders(mode) if not order.status.is_closed)

    def live_orders(self, mode: TradingMode) -> tuple[Order, ...]:
        with self._database.connection() as connection:
            return fetch_models(connection, Order, _LIVE, {"mode": mode})

    def of_signal(self, signal_id: int) -> tuple[Order, ...]:
        with self._database.connection() as connection:
            return fetch_models(connection, Order, _OF_SIGNAL, {"signal_id": signal_id})

    def taken_intents(self, mode: TradingMode, slot: str) -> tuple[str, ...]:
        with self._database.connection() as connection:
            rows = fetch_rows(connection, _TAKEN, {"mode": mode, "slot": slot})
        return tuple(sorted(row["intent_key"] for row in rows))

    def count(self, mode: TradingMode) -> dict[OrderStatus, int]:
        with self._database.connection() as connection:
            rows = fetch_rows(connection, _COUNT, {"mode": mode})
        return {OrderStatus(row["status"]): row["orders"] for row in rows}

    def rejects_since(self, mode: TradingMode, since: datetime, *, without: Collection[str] = ()) -> int:
        params = {"mode": mode, "since": aware(since), "without": sorted(without)}
        with self._database.connection() as connection:
            return int(fetch_value(connection, _REJECTS, params))

    def events(self, order_id: int) -> tuple[tuple[OrderStatus | None, OrderStatus, str, Instant], ...]:
        with self._database.connection() as connection:
            rows = fetch_rows(connection, _EVENTS, {"order_id": order_id})
        return tuple(
            (
                None if row["from_status"] is None else OrderStatus(row["from_status"]),
                OrderStatus(row["to_status"]),
                row["evidence"],
                row["occurred_at"].astimezone(UTC),
            )
            for row in rows
        )


def _event(
    order_id: int,
    epoch: int,
    before: OrderStatus | None,
    after: OrderStatus,
    evidence: str,
    at: datetime,
    detail: dict[str, Any] | None = None,
) -> dict[str, Any]:
    return {
        "order_id": order_id,
        "epoch": epoch,
        "from_status": before,
        "to_status": after,
        "evidence": evidence,
        "detail": canonical_json(detail or {}),
        "at": aware(at),
    }


def _found(order: Order | None, name: str) -> Order:
    if order is None:
        raise InvariantViolation(f"{name}: expected a stored order, found none; nothing was changed")
    return order
