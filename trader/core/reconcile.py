"""Compare our books with the exchange's: what evidence corrects, and what remains a break.

Pure: the shell reads both sides completely, applies the corrections in the given order and stores the breaks.
Rules: fault-model ground rules 3 to 9. An unknown order is adopted when a listing has its client id; it
counts as refused only after its end (expiry, or send deadline) plus skew, and two complete listings after
that lack it.
"""

from datetime import datetime, timedelta
from decimal import Decimal

from trader.core import ledger
from trader.core.order_state import status_after
from trader.domain.orders import Balance, Fill, Order, Settlement, VenueOrder, VenuePosition
from trader.domain.positions import Position
from trader.domain.risk import Break
from trader.domain.types import Action, Frozen, OrderStatus, PositionStatus, Side, TimeInForce, TradingMode

SEND_DEADLINE_S = 30
"""Seconds after which an immediate order that was sent can no longer reach the exchange; valid 10 to 120."""
SKEW_S = 30
"""Allowance for clocks that differ, seconds; the exchange accepts at most about 15."""
ABSENCE_READS = 2
PROVEN_ABSENT = "PROVEN_ABSENT"


class MoveOrder(Frozen):
    """Move one order. ``order`` is as it stands before this correction; None leaves a field alone."""

    order: Order
    to: OrderStatus
    evidence: str
    filled_qty: Decimal | None = None
    kalshi_order_id: str | None = None
    reject_code: str | None = None


class RecordForeign(Frozen):
    """An order of the account that we never placed: recorded, counted, never cancelled by us."""

    order: Order


class BookFill(Frozen):
    """A fill not yet in our books, with the order it belongs to as it stands by then.

    ``order.order_id`` is None for a foreign order recorded just before: look it up by exchange id.
    """

    fill: Fill
    order: Order


class BookSettlement(Frozen):
    """A payout not yet in our books."""

    settlement: Settlement


Correction = MoveOrder | RecordForeign | BookFill | BookSettlement


class OurBooks(Frozen):
    """Our side, one mode. ``orders``: all that are open and all that a venue order or fill may refer to.

    ``absences`` are instants of complete listings that lacked a client id, as earlier results told;
    ``markets`` tells event ticker and city of a market ticker.
    """

    mode: TradingMode
    capital_usd: Decimal
    orders: tuple[Order, ...]
    fills: tuple[Fill, ...]
    positions: tuple[Position, ...]
    settlements: tuple[Settlement, ...]
    absences: dict[str, tuple[datetime, ...]] = {}
    markets: dict[str, tuple[str, str]] = {}


class VenueBooks(Frozen):
    """The exchange's side, every list complete, all read no earlier than ``read_at``."""

    orders: tuple[VenueOrder, ...]
    fills: tuple[Fill, ...]
    positions: tuple[VenuePosition, ...]
    settlements: tuple[Settlement, ...]
    balance: Balance | None
    read_at: datetime


class Reconciliation(Frozen):
    """Corrections in the order in which to apply them, breaks that remain, and client ids this listing
    lacked.
    """

    corrections: tuple[Correction, ...]
    breaks: tuple[Break, ...]
    absent: tuple[str, ...]


def reconcile(ours: OurBooks, venue: VenueBooks, now: datetime) -> Reconciliation:
    """Return what evidence corrects in our books and the differences it leaves; nothing is guessed."""
    work = _Work(ours, venue, now)
    work.match_orders()
    work.find_foreign()
    work.match_fills()
    work.match_settlements()
    work.compare_positions()
    work.compare_cash()
    return Reconciliation(
        corrections=tuple(work.corrections), breaks=tuple(work.breaks), absent=tuple(work.absent)
    )


class _Work:
    """The books as they stand while corrections accumulate."""

    def __init__(self, ours: OurBooks, venue: VenueBooks, now: datetime) -> None:
        self.ours, self.venue, self.now = ours, venue, now
        self.corrections: list[Correction] = []
        self.breaks: list[Break] = []
        self.absent: list[str] = []
        self.orders = {o.client_order_id: o for o in ours.orders}
        self.positions = {p.ticker: p for p in ours.positions}
        self.listed = {v.client_order_id: v for v in venue.orders if v.client_order_id}
        self.listed_by_id = {v.kalshi_order_id: v for v in venue.orders}

    def move(self, order: Order, to: OrderStatus, evidence: str, **changes: object) -> Order:
        self.corrections.append(MoveOrder(order=order, to=to, evidence=evidence, **changes))  # type: ignore[arg-type]
        update = {name: value for name, value in changes.items() if value is not None}
        moved = order.model_copy(update={"status": to, "updated_at": self.now} | update)
        self.orders[order.client_order_id] = moved
        return moved

    def differ(self, kind: str, key: str, ours: object, theirs: object, why: str) -> None:
        self.breaks.append(
            Break(
                kind=kind,  # type: ignore[arg-type]
                key=key,
                ours=_plain(ours),
                theirs=_plain(theirs),
                likely_reason=why,
                found_at=self.now,
            )
        )

    # ---- orders

    def match_orders(self) -> None:
        for order in sorted(self.ours.orders, key=lambda o: (o.created_at, o.client_order_id)):
            known_id = order.kalshi_order_id or ""
            found = self.listed_by_id.get(known_id) or self.listed.get(order.client_order_id)
            if found is not None:
                self.adopt(order, found)
            elif not order.status.is_closed:
                self.miss(order)

    def adopt(self, order: Order, found: VenueOrder) -> None:
        """Take over what the listing proves; a listing that lags never lowers a filled quantity."""
        if found.filled_qty > order.qty:
            why = "the exchange filled more than we ordered"
            self.differ("order", order.client_order_id, order.qty, found.filled_qty, why)
            return
        to = status_after(order, found, self.now)
        filled = max(order.filled_qty, found.filled_qty)
        is_news = (to, filled, found.kalshi_order_id) != (
            order.status,
            order.filled_qty,
            order.kalshi_order_id,
        )
        if not is_news:
            return
        if order.status is OrderStatus.CREATED:
            order = self.move(order, OrderStatus.UNKNOWN, "left over from an earlier run")
        self.move(
            order,
            to,
            f"exchange lists it as {found.status}",
            filled_qty=filled,
            kalshi_order_id=found.kalshi_order_id,
        )

    def miss(self, order: Order) -> None:
        self.absent.append(order.client_order_id)
        if order.status in (OrderStatus.CREATED, OrderStatus.SUBMITTING):
            self.move(order, OrderStatus.UNKNOWN, "left over from an earlier run, not listed yet")
            return
        reads = (*self.ours.absences.get(order.client_order_id, ()), self.venue.read_at)
        late = sorted({read for read in reads if read >= hard_end(order)})
        if len(late) < ABSENCE_READS:
            return
        if order.status is OrderStatus.UNKNOWN:
            evidence = f"absent from {len(late)} complete listings after its end"
            self.move(order, OrderStatus.REJECTED, evidence, reject_code=PROVEN_ABSENT)
        else:
            why = "the exchange accepted this order and no longer lists it"
            self.differ("order", order.client_order_id, order.status, "not listed", why)

    def find_foreign(self) -> None:
        known = {o.kalshi_order_id for o in self.orders.values()}
        for found in sorted(self.venue.orders, key=lambda v: v.kalshi_order_id):
            if found.kalshi_order_id in known or found.client_order_id in self.orders:
                continue
            if found.status == "canceled" and not found.filled_qty:
                continue
            market = self.ours.markets.get(found.ticker)
            if market is None or not found.qty:
                why = "an order we never placed, in a market we do not know"
                self.differ("order", found.kalshi_order_id, "none", found.ticker, why)
                continue
            order = self.foreign(found, *market)
            self.orders[order.client_order_id] = order
            self.corrections.append(RecordForeign(order=order))

    def foreign(self, found: VenueOrder, event_ticker: str, city_code: str) -> Order:
        order = Order(
            client_order_id=found.client_order_id or f"foreign:{found.kalshi_order_id}",
            intent_key=f"foreign:{found.kalshi_order_id}",
            kalshi_order_id=found.kalshi_order_id,
            mode=self.ours.mode,
            ticker=found.ticker,
            event_ticker=event_ticker,
            city_code=city_code,
            side=found.side,
            action=Action.OPEN,
            status=OrderStatus.RESTING,
            qty=found.qty,
            filled_qty=found.filled_qty,
            limit_price=found.limit_price,
            time_in_force=TimeInForce.GTC,
            expires_at=found.expires_at,
            created_at=found.created_at or self.now,
            updated_at=self.now,
            is_foreign=True,
        )
        return order.model_copy(update={"status": status_after(order, found, self.now)})

    # ---- fills, settlements

    def match_fills(self) -> None:
        known = {f.fill_id for f in self.ours.fills}
        filled: dict[str, Decimal] = {}
        for fill in self.ours.fills:
            filled[fill.kalshi_order_id] = filled.get(fill.kalshi_order_id, ledger.ZERO) + fill.qty
        by_id = {o.kalshi_order_id: o.client_order_id for o in self.orders.values() if o.kalshi_order_id}
        new = {f.fill_id: f for f in self.venue.fills if f.fill_id not in known}
        for fill in sorted(new.values(), key=lambda f: (f.filled_at, f.fill_id)):
            client_id = by_id.get(fill.kalshi_order_id)
            if client_id is None:
                why = "orphan: its order is not known yet; it is held, not lost"
                self.differ("fill", fill.fill_id, "none", f"{fill.ticker} {_plain(fill.qty)}", why)
                continue
            order = self.orders[client_id]
            total = filled.get(fill.kalshi_order_id, ledger.ZERO) + fill.qty
            filled[fill.kalshi_order_id] = total
            if total > order.qty:
                why = "fills add up to more than we ordered"
                self.differ("fill", fill.fill_id, order.qty, total, why)
                continue
            if total > order.filled_qty:
                order = self.move(order, _status_filled(order, total), "fill reported", filled_qty=total)
            self.corrections.append(BookFill(fill=fill, order=order))
            self.positions[fill.ticker] = ledger.apply_fill(self.positions.get(fill.ticker), fill, order)

    def match_settlements(self) -> None:
        known = {s.ticker for s in self.ours.settlements}
        for paid in sorted(self.venue.settlements, key=lambda s: (s.settled_at, s.ticker)):
            if paid.ticker in known:
                continue
            known.add(paid.ticker)
            self.corrections.append(BookSettlement(settlement=paid))
            position = self.positions.get(paid.ticker)
            held = position.qty if position is not None else ledger.ZERO
            wins = position is not None and (position.side is Side.YES) == (paid.result == "yes")
            expected = held if wins else ledger.ZERO
            # the exchange tells whole cents; a fraction of a contract may hide less than one
            if abs(expected - paid.revenue_usd) >= Decimal("0.01"):
                why = "a fill is missing on one side, or the result was revised"
                self.differ("settlement", paid.ticker, expected, paid.revenue_usd, why)
            if position is not None:
                self.positions[paid.ticker] = ledger.apply_settlement(position, paid)

    # ---- what must be equal in the end

    def compare_positions(self) -> None:
        ours = {t: ledger.signed_qty(p) for t, p in self.positions.items() if p.qty}
        theirs = {p.ticker: p.position for p in self.venue.positions if p.position}
        for ticker in sorted(ours.keys() | theirs.keys()):
            mine, seen = ours.get(ticker, ledger.ZERO), theirs.get(ticker, ledger.ZERO)
            if mine != seen:
                why = "a settlement is not listed yet" if not seen else "a fill is missing on one side"
                self.differ("position", ticker, mine, seen, why)

    def compare_cash(self) -> None:
        if self.venue.balance is None:
            return
        held = [p for p in self.positions.values() if p.status is PositionStatus.OPEN]
        realized = sum((p.realized_pnl_usd for p in self.positions.values()), ledger.ZERO)
        mine = self.ours.capital_usd + realized - sum((p.cost_usd for p in held), ledger.ZERO)
        resting = (v for v in self.venue.orders if v.status == "resting")
        reserved = sum((v.remaining_qty * v.limit_price for v in resting), ledger.ZERO)
        # whether the exchange's balance is net of resting orders is not documented: both are accepted
        if self.venue.balance.cash_usd not in (mine, mine - reserved):
            why = "deposit, fee or payout not in our books"
            self.differ("cash", "account", mine, self.venue.balance.cash_usd, why)


def hard_end(order: Order) -> datetime:
    """Return the instant from which a complete listing without the order is evidence of its absence."""
    sent = order.sent_at or order.created_at
    return (order.expires_at or sent + timedelta(seconds=SEND_DEADLINE_S)) + timedelta(seconds=SKEW_S)


def _status_filled(order: Order, total: Decimal) -> OrderStatus:
    if order.status.is_closed:
        return order.status
    if total >= order.qty:
        return OrderStatus.FILLED
    if order.status is OrderStatus.PENDING_CANCEL:
        return OrderStatus.PENDING_CANCEL
    return OrderStatus.PARTIALLY_FILLED


def _plain(value: object) -> str:
    if isinstance(value, Decimal):
        text = format(value.normalize(), "f")
        return "0" if text == "-0" else text
    return str(value)
