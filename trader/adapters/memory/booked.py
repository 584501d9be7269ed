"""Orders, fills, positions and capital, in memory."""

# ruff: noqa: ARG002 (the protocol names columns that only a database keeps)

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from trader.adapters.book_rules import aware, booked, fill_of, first_steps, moved, order_of
from trader.adapters.memory.decided import MemorySignalRepository
from trader.adapters.memory.journal import Journal
from trader.domain.errors import InvariantViolation, PersistenceError
from trader.domain.intents import complete_intent
from trader.domain.orders import Fill, Order, OrderMove, Settlement
from trader.domain.positions import CapitalEvent, Position
from trader.domain.signals import OrderIntent
from trader.domain.types import Instant, OrderStatus, PositionStatus, TradingMode

Event = tuple[OrderStatus | None, OrderStatus, str, Instant]


class MemoryOrderRepository:
    """``ports.ops_store.OrderRepository`` in memory. ``account_of`` names the account of a known epoch."""

    def __init__(
        self, journal: Journal, signals: MemorySignalRepository, account_of: Callable[[int], str]
    ) -> None:
        self._journal = journal
        self._signals, self._account_of = signals, account_of
        self._orders: dict[int, Order] = {}
        self._events: dict[int | None, list[Event]] = {}
        self._rejects: list[tuple[TradingMode, datetime, str | None]] = []
        self._by_intent: dict[str, int] = {}
        self._by_client_id: dict[str, int] = {}
        self._by_kalshi_id: dict[str, int] = {}
        self._by_slot: dict[tuple[TradingMode, str], list[str]] = {}
        self._live: dict[int, None] = {}

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
        intent = complete_intent(intent, self._account_of(epoch))
        order = order_of(intent, at=at, denied=denied, is_sent=is_sent)
        known = self.get_by_intent_key(intent.intent_key)
        known = known or self._orders.get(self._by_client_id.get(intent.client_order_id, 0))
        if known is not None:
            return known, False
        strategy = (intent.strategy_name, intent.strategy_version)
        order = self._insert(
            order.model_copy(update={"signal_id": self._signals.link(cycle_id, intent.ticker, strategy)})
        )
        slot = self._by_slot.setdefault((intent.mode, intent.slot), [])
        self._journal.append(slot, intent.intent_key)
        for step in first_steps(order):
            self._append(order, *step, at)
        return order, True

    def create_found(self, order: Order, *, at: datetime, epoch: int) -> Order:
        self._account_of(epoch)
        if (known := self.get_by_intent_key(order.intent_key)) is not None:
            return known
        order = self._insert(order.model_copy(update={"updated_at": aware(at)}))
        self._append(order, None, order.status, "found at the exchange", at)
        return order

    def get_by_intent_key(self, intent_key: str) -> Order | None:
        return self._orders.get(self._by_intent.get(intent_key, 0))

    def get_by_kalshi_id(self, kalshi_order_id: str) -> Order | None:
        return self._orders.get(self._by_kalshi_id.get(kalshi_order_id, 0))

    def get_many(self, kalshi_order_ids: Sequence[str]) -> tuple[Order, ...]:
        ids = {self._by_kalshi_id[key] for key in kalshi_order_ids if key in self._by_kalshi_id}
        return tuple(self._orders[order_id] for order_id in sorted(ids))

    def transition(
        self, order_id: int, to: OrderStatus, *, evidence: str, at: datetime, epoch: int, **changes: Any
    ) -> Order:
        move = OrderMove(order_id=order_id, to=to, evidence=evidence, **changes)
        return self.move_all([move], at=at, epoch=epoch)[0]

    def move_all(self, moves: Sequence[OrderMove], *, at: datetime, epoch: int) -> tuple[Order, ...]:
        self._account_of(epoch)
        after: dict[int, Order] = {}
        steps = []
        for move in moves:
            before = after.get(move.order_id) or self._orders.get(move.order_id)
            if before is None:
                raise InvariantViolation(
                    f"order {move.order_id}: expected a stored order, found none; nothing was changed"
                )
            after[move.order_id] = order = moved(before, move, at=at)
            steps.append((order, before.status, move))
        for order, before_status, move in steps:
            self._store(move.order_id, order)
            self._append(order, before_status, move.to, move.evidence, at)
        return tuple(order for order, _, _ in steps)

    def open_orders(self, mode: TradingMode) -> tuple[Order, ...]:
        return tuple(order for order in self.live_orders(mode) if not order.status.is_closed)

    def live_orders(self, mode: TradingMode) -> tuple[Order, ...]:
        found = (self._orders[order_id] for order_id in sorted(self._live))
        return tuple(order for order in found if order.mode is mode)

    def book(self, order_id: int, fill: Fill) -> None:
        """Count one more booked fill on its order."""
        self._store(order_id, booked(self._orders[order_id], fill))

    def of_signal(self, signal_id: int) -> tuple[Order, ...]:
        return tuple(order for order in self._orders.values() if order.signal_id == signal_id)

    def taken_intents(self, mode: TradingMode, slot: str) -> tuple[str, ...]:
        return tuple(sorted(self._by_slot.get((mode, slot), ())))

    def count(self, mode: TradingMode) -> dict[OrderStatus, int]:
        return dict(Counter(order.status for order in self._orders.values() if order.mode is mode))

    def rejects_since(self, mode: TradingMode, since: datetime, *, without: Collection[str] = ()) -> int:
        aware(since)
        return sum(found is mode and at >= since and code not in without for found, at, code in self._rejects)

    def events(self, order_id: int) -> tuple[Event, ...]:
        return tuple(self._events.get(order_id, ()))

    def _insert(self, order: Order) -> Order:
        order_id = len(self._orders) + 1
        order = order.model_copy(update={"order_id": order_id})
        if order.client_order_id in self._by_client_id:
            raise PersistenceError(
                f"client order id {order.client_order_id}: expected a new one, found it stored"
            )
        self._store(order_id, order)
        self._journal.put(self._by_intent, order.intent_key, order_id)
        self._journal.put(self._by_client_id, order.client_order_id, order_id)
        return order

    def _store(self, order_id: int, order: Order) -> None:
        if order.kalshi_order_id is not None:
            if self._by_kalshi_id.get(order.kalshi_order_id, order_id) != order_id:
                raise PersistenceError(
                    f"exchange order id {order.kalshi_order_id}: expected one order, found another one stored"
                )
            self._journal.put(self._by_kalshi_id, order.kalshi_order_id, order_id)
        self._journal.put(self._orders, order_id, order)
        if order.pending_qty or not order.status.is_closed:
            self._journal.put(self._live, order_id, None)
        else:
            self._journal.drop(self._live, order_id)

    def _append(
        self, order: Order, before: OrderStatus | None, to: OrderStatus, evidence: str, at: datetime
    ) -> None:
        self._journal.append(self._events.setdefault(order.order_id, []), (before, to, evidence, at))
        if to is OrderStatus.REJECTED:
            self._journal.append(self._rejects, (order.mode, at, order.reject_code))


class MemoryPositionRepository:
    """``ports.ops_store.PositionRepository`` in memory."""

    def __init__(self, journal: Journal, account_of: Callable[[int], str]) -> None:
        self._journal, self._account_of = journal, account_of
        self._positions: dict[tuple[TradingMode, str], Position] = {}
        self._held: dict[tuple[TradingMode, str], Position] = {}
        self._realized: dict[TradingMode, Decimal] = {}
        self._settlements: dict[tuple[TradingMode, str], tuple[Settlement, ...]] = {}

    def get_all(self, mode: TradingMode) -> tuple[Position, ...]:
        return tuple(p for (found, _), p in sorted(self._positions.items()) if found is mode)

    def get(self, mode: TradingMode, ticker: str) -> Position | None:
        return self._positions.get((mode, ticker))

    def held(self, mode: TradingMode) -> tuple[Position, ...]:
        return tuple(p for (found, _), p in sorted(self._held.items()) if found is mode)

    def realized(self, mode: TradingMode) -> Decimal:
        return self._realized.get(mode, Decimal(0))

    def get_many(self, mode: TradingMode, tickers: Sequence[str]) -> tuple[Position, ...]:
        found = (self._positions.get((mode, ticker)) for ticker in sorted(set(tickers)))
        return tuple(position for position in found if position is not None)

    def put(self, position: Position) -> None:
        """Store the position as it now stands."""
        key, mode = (position.mode, position.ticker), position.mode
        before = self._positions[key].realized_pnl_usd if key in self._positions else Decimal(0)
        realized = self.realized(mode) + position.realized_pnl_usd - before
        self._journal.put(self._realized, mode, realized)
        self._journal.put(self._positions, key, position)
        if position.status is PositionStatus.OPEN:
            self._journal.put(self._held, key, position)
        else:
            self._journal.drop(self._held, key)

    def settle(
        self,
        settlement: Settlement,
        *,
        position: Position | None,
        at: datetime,
        epoch: int,
        is_correction: bool = False,
    ) -> bool:
        aware(at)
        self._account_of(epoch)
        key = (settlement.mode, settlement.ticker)
        known = self._settlements.get(key, ())
        if known and not is_correction:
            return False
        self._journal.put(self._settlements, key, (*known, settlement))
        if position is not None:
            self.put(position)
        return True

    def settlements(self, mode: TradingMode, tickers: Sequence[str] | None = None) -> tuple[Settlement, ...]:
        wanted = None if tickers is None else set(tickers)
        kept = [
            paid
            for (found, ticker), rows in self._settlements.items()
            if found is mode and (wanted is None or ticker in wanted)
            for paid in rows
        ]
        return tuple(sorted(kept, key=lambda s: (s.settled_at, s.ticker)))

    def last_settled_at(self, mode: TradingMode) -> datetime | None:
        return max((paid.settled_at for paid in self.settlements(mode)), default=None)


class MemoryFillRepository:
    """``ports.ops_store.FillRepository`` in memory."""

    def __init__(
        self,
        journal: Journal,
        orders: MemoryOrderRepository,
        positions: MemoryPositionRepository,
        account_of: Callable[[int], str],
    ) -> None:
        self._journal, self._orders = journal, orders
        self._positions, self._account_of = positions, account_of
        self._fills: dict[str, Fill] = {}
        self._filled: dict[int | None, Decimal] = {}

    def book(self, fill: Fill, *, order: Order, position: Position, at: datetime, epoch: int) -> bool:
        aware(at)
        self._account_of(epoch)
        fill = fill_of(fill, order)
        if fill.fill_id in self._fills:
            return False
        self._orders.book(fill.order_id or 0, fill)
        self._journal.put(self._fills, fill.fill_id, fill)
        filled = self._filled.get(fill.order_id, Decimal(0)) + fill.qty
        self._journal.put(self._filled, fill.order_id, filled)
        self._positions.put(position)
        return True

    def get(self, mode: TradingMode, since: datetime | None = None) -> tuple[Fill, ...]:
        if since is not None:
            aware(since)
        found = [
            f for f in self._fills.values() if f.mode is mode and (since is None or f.filled_at >= since)
        ]
        return tuple(sorted(found, key=lambda f: (f.filled_at, f.fill_id)))

    def known(self, fill_ids: Sequence[str]) -> frozenset[str]:
        return frozenset(fill_id for fill_id in fill_ids if fill_id in self._fills)

    def filled_qty(self, order_id: int) -> Decimal:
        return self._filled.get(order_id, Decimal(0))

    def last_filled_at(self, mode: TradingMode) -> datetime | None:
        return max((f.filled_at for f in self._fills.values() if f.mode is mode), default=None)


class MemoryCapitalRepository:
    """``ports.ops_store.CapitalRepository`` in memory."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._events: list[CapitalEvent] = []

    def save(self, event: CapitalEvent, *, set_by: str, at: datetime) -> bool:
        aware(at)
        known = [e for e in self._events if e.mode is event.mode]
        if any(e.kind == event.kind == "START" or (e.ref is not None and e.ref == event.ref) for e in known):
            return False
        self._journal.append(self._events, event)
        return True

    def events(self, mode: TradingMode) -> tuple[CapitalEvent, ...]:
        found = (e for e in self._events if e.mode is mode)
        return tuple(sorted(found, key=lambda e: e.occurred_at))

    def total(self, mode: TradingMode) -> Decimal:
        return sum((e.amount_usd for e in self._events if e.mode is mode), Decimal(0))
