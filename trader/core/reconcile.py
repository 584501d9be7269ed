"""Compare our books with the exchange's: what evidence corrects, and what remains a break.

Pure: the shell reads both sides completely, applies the corrections in the given order, all or none, and
stores the breaks. Rules: fault-model ground rules 3 to 9. An unknown order is adopted when a listing has its
client id; it counts as refused only after its end (expiry, or send deadline) plus skew, and two complete
listings after that lack it.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

from trader.core import ledger
from trader.core.corrections import (
    BookFill,
    BookSettlement,
    Correction,
    MoveOrder,
    OurBooks,
    Reconciliation,
    RecordFound,
    VenueBooks,
)
from trader.core.order_state import status_after
from trader.domain.intents import is_our_client_order_id
from trader.domain.orders import Fill, Order, Settlement, VenueOrder
from trader.domain.positions import Position
from trader.domain.risk import Break
from trader.domain.types import Action, OrderStatus, TimeInForce

Kind = Literal["cash", "position", "order", "fill", "settlement", "writer"]
SEND_DEADLINE_S = 30
"""Seconds after which an immediate order that was sent can no longer reach the exchange; valid 10 to 120."""
SKEW_S = 30
"""Allowance for clocks that differ, seconds; the exchange accepts at most about 15."""
_NEVER_THERE = frozenset({OrderStatus.REJECTED, OrderStatus.DENIED})
PROVEN_ABSENT = "PROVEN_ABSENT"
LATCHED = frozenset({"settlement", "writer"})
"""Kinds of break that show once and never heal by themselves: a person judges them."""


def reconcile(ours: OurBooks, venue: VenueBooks, now: datetime) -> Reconciliation:
    """Return what evidence corrects in our books and the differences it leaves; nothing is guessed."""
    work = _Work(ours, venue, now)
    work.match_orders()
    work.find_unknown()
    work.match_fills()
    work.match_settlements()
    work.find_missing()
    work.compare_positions()
    work.compare_cash()
    return Reconciliation(corrections=tuple(work.corrections), breaks=tuple(work.breaks))


class _Work:
    """The books as they stand while corrections accumulate."""

    def __init__(self, ours: OurBooks, venue: VenueBooks, now: datetime) -> None:
        self.ours, self.venue, self.now = ours, venue, now
        self.corrections: list[Correction] = []
        self.breaks: list[Break] = []
        self.orders = {o.client_order_id: o for o in ours.orders}
        self.positions = {p.ticker: p for p in ours.positions}
        self.realized = ours.realized_usd
        self.listed = {v.client_order_id: v for v in venue.orders if v.client_order_id}
        self.listed_by_id = {v.kalshi_order_id: v for v in venue.orders}
        self.missing: list[str] = []
        self.unexplained: set[str] = set()
        """Markets with a fill of an order that no listing has."""

    def move(self, order: Order, to: OrderStatus, evidence: str, **changes: object) -> Order:
        self.corrections.append(MoveOrder(order=order, to=to, evidence=evidence, **changes))  # type: ignore[arg-type]
        update = {name: value for name, value in changes.items() if value is not None}
        moved = order.model_copy(update={"status": to, "updated_at": self.now} | update)
        self.orders[order.client_order_id] = moved
        return moved

    def hold(self, position: Position) -> None:
        """Let the position stand as it is after a fill or payout."""
        before = self.positions.get(position.ticker)
        self.realized += position.realized_pnl_usd - (before.realized_pnl_usd if before else ledger.ZERO)
        self.positions[position.ticker] = position

    def differ(
        self, kind: Kind, key: str, ours: object, theirs: object, why: str, *, ticker: str | None
    ) -> None:
        self.breaks.append(
            Break(
                kind=kind,
                key=key,
                ticker=ticker,
                ours=_plain(ours),
                theirs=_plain(theirs),
                likely_reason=why,
                found_at=self.now,
            )
        )

    def is_before(self, instant: datetime | None) -> bool:
        """Whether something that is not known as ours happened before our books began."""
        begun = self.ours.begun_at
        return begun is not None and instant is not None and instant < begun

    # ---- orders

    def match_orders(self) -> None:
        for order in sorted(self.ours.orders, key=lambda o: (o.created_at, o.client_order_id)):
            known_id = order.kalshi_order_id or ""
            found = self.listed_by_id.get(known_id) or self.listed.get(order.client_order_id)
            if found is not None:
                self.adopt(order, found)
            else:
                self.missing.append(order.client_order_id)

    def adopt(self, order: Order, found: VenueOrder) -> None:
        """Take over what the listing proves; a listing that lags never lowers a filled quantity."""
        side, price = order.buys
        theirs = (found.ticker, found.side, found.limit_price, found.qty)
        if theirs != (order.ticker, side, price, order.qty) or found.filled_qty > order.qty:
            asked = f"{side} {_plain(order.qty)} {order.ticker} at {_plain(price)}"
            listed = f"{found.side} {_plain(found.qty)} {found.ticker} at {_plain(found.limit_price)}"
            why = "the exchange lists another order under our id, or one that was changed by hand"
            listed += f", {_plain(found.filled_qty)} filled"
            self.differ("order", order.client_order_id, asked, listed, why, ticker=order.ticker)
            return
        if order.status in _NEVER_THERE and (found.filled_qty or found.status == "resting"):
            why = "it was held for proven that the exchange never had it; it may still fill until it expires"
            key = order.client_order_id
            self.differ("order", key, order.status, found.status, why, ticker=order.ticker)
        to = status_after(order, found, self.now)
        filled = max(order.filled_qty, found.filled_qty)
        known = (order.status, order.filled_qty, order.kalshi_order_id)
        if (to, filled, found.kalshi_order_id) == known:
            return
        if order.status is OrderStatus.CREATED:
            order = self.move(order, OrderStatus.UNKNOWN, "it was sent after all")
        self.move(
            order,
            to,
            f"exchange lists it as {found.status}",
            filled_qty=filled,
            kalshi_order_id=found.kalshi_order_id,
        )

    def find_missing(self) -> None:
        """Judge the orders that the listing lacks, after everything else the same look has shown."""
        doubtful = self.unexplained | self.unequal().keys()
        for client_id in self.missing:
            if not self.orders[client_id].status.is_closed:
                self.miss(self.orders[client_id], doubtful)

    def miss(self, order: Order, doubtful: set[str]) -> None:
        """Note that a complete listing lacks the order; the second one after its end proves it.

        In a ``doubtful`` market the same look shows contracts no order explains: the listing was not whole.
        """
        read_at = self.venue.read_at
        if order.status in (OrderStatus.CREATED, OrderStatus.SUBMITTING):
            self.move(order, OrderStatus.UNKNOWN, "no answer was written down, and it is not listed yet")
        elif read_at < hard_end(order) or order.ticker in doubtful:
            return
        elif order.absent_at is None:
            evidence = f"the complete listing of {read_at:%H:%M:%S} lacks it, past its end"
            self.move(order, order.status, evidence, absent_at=read_at)
        elif read_at <= order.absent_at:
            return
        elif order.status is OrderStatus.UNKNOWN:
            evidence = "a second complete listing past its end lacks it"
            self.move(order, OrderStatus.REJECTED, evidence, reject_code=PROVEN_ABSENT)
        else:
            why = "the exchange accepted this order and no longer lists it"
            key, status = order.client_order_id, order.status
            self.differ("order", key, status, "not listed", why, ticker=order.ticker)

    def find_unknown(self) -> None:
        """Record every listed order that our books lack, unless nothing of it ever happened."""
        known = {o.kalshi_order_id for o in self.orders.values()}
        for found in sorted(self.venue.orders, key=lambda v: v.kalshi_order_id):
            if found.kalshi_order_id in known or found.client_order_id in self.orders:
                continue
            is_ours = is_our_client_order_id(found.client_order_id)
            if self.is_before(found.created_at) and not is_ours:
                continue
            began = self.ours.epoch_started_at
            if (
                is_ours
                and began
                and found.created_at
                and found.created_at > began + timedelta(seconds=SKEW_S)
            ):
                why = "a second Milkbot trades this account; stop one of them, then resume"
                self.differ("writer", found.kalshi_order_id, "none", found.ticker, why, ticker=None)
            if found.status == "canceled" and not found.filled_qty:
                continue
            market = self.ours.markets.get(found.ticker)
            if market is None or not found.qty:
                why = "an order we never placed, in a market we do not know"
                key = found.kalshi_order_id
                self.differ("order", key, "none", found.ticker, why, ticker=found.ticker)
                continue
            order = self.found(found, *market, is_foreign=not is_ours)
            self.orders[order.client_order_id] = order
            self.corrections.append(RecordFound(order=order))

    def found(self, found: VenueOrder, event_ticker: str, city_code: str, *, is_foreign: bool) -> Order:
        """Return the order as our books would have it. It is told by what it buys, which is all that is
        known of it.
        """
        rests = is_foreign or found.expires_at is not None  # what we send without an expiry is immediate
        order = Order(
            client_order_id=found.client_order_id or f"foreign:{found.kalshi_order_id}",
            intent_key=f"{'foreign' if is_foreign else 'adopted'}:{found.kalshi_order_id}",
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
            time_in_force=TimeInForce.GTC if rests else TimeInForce.IOC,
            expires_at=found.expires_at,
            created_at=found.created_at or self.now,
            updated_at=self.now,
            is_foreign=is_foreign,
        )
        return order.model_copy(update={"status": status_after(order, found, self.now)})

    # ---- fills, settlements

    def match_fills(self) -> None:
        booked = {o.client_order_id: o.booked_qty for o in self.orders.values()}
        by_id = {o.kalshi_order_id: o.client_order_id for o in self.orders.values() if o.kalshi_order_id}
        new = {
            f.fill_id: f
            for f in self.venue.fills
            if f.fill_id not in self.ours.known_fills
            and (f.kalshi_order_id in by_id or not self.is_before(f.filled_at))
        }
        for fill in sorted(new.values(), key=lambda f: (f.filled_at, f.fill_id)):
            client_id = by_id.get(fill.kalshi_order_id)
            if client_id is None:
                self.hold_orphan(fill)
                continue
            order = self.orders[client_id]
            total = booked[client_id] + fill.qty
            if total > order.qty or fill.ticker != order.ticker:
                why = "fills add up to more than we ordered, or name another market"
                self.differ("fill", fill.fill_id, order.qty, total, why, ticker=fill.ticker)
                continue
            booked[client_id] = total
            if total > order.filled_qty:
                order = self.move(order, _status_filled(order, total), "fill reported", filled_qty=total)
            told = ledger.in_order_terms(fill, order)
            self.corrections.append(BookFill(fill=told, order=order))
            self.hold(ledger.apply_fill(self.positions.get(fill.ticker), told, order))

    def hold_orphan(self, fill: Fill) -> None:
        """A fill whose order is not known yet is not booked and not lost: its market waits for the order.

        What it did to position and cash is known, so these are compared as if it were booked.
        """
        self.unexplained.add(fill.ticker)
        why = "its order is not known yet; the fill is held, not lost"
        self.differ(
            "fill", fill.fill_id, "none", f"{fill.ticker} {_plain(fill.qty)}", why, ticker=fill.ticker
        )
        event_ticker, city_code = self.ours.markets.get(fill.ticker, ("", ""))
        order = Order(
            client_order_id=f"orphan:{fill.fill_id}",
            intent_key=f"orphan:{fill.fill_id}",
            mode=fill.mode,
            ticker=fill.ticker,
            event_ticker=event_ticker,
            city_code=city_code,
            side=fill.side,
            action=Action.OPEN,
            status=OrderStatus.FILLED,
            qty=fill.qty,
            limit_price=fill.price,
            time_in_force=TimeInForce.IOC,
            created_at=fill.filled_at,
            updated_at=self.now,
        )
        self.hold(ledger.apply_fill(self.positions.get(fill.ticker), fill, order))

    def match_settlements(self) -> None:
        paid_before: dict[str, Decimal] = {}
        for paid in self.ours.settlements:
            paid_before[paid.ticker] = paid_before.get(paid.ticker, ledger.ZERO) + paid.revenue_usd
        for paid in sorted(self.venue.settlements, key=lambda s: (s.settled_at, s.ticker)):
            before = paid_before.get(paid.ticker)
            position = self.positions.get(paid.ticker)
            if before == paid.revenue_usd or (position is None and self.is_before(paid.settled_at)):
                continue
            paid_before[paid.ticker] = paid.revenue_usd
            if before is None:
                self.check_payout(paid, position)
                booked = paid
            else:
                why = "the exchange corrected its payout; the difference is booked"
                self.differ("settlement", paid.ticker, before, paid.revenue_usd, why, ticker=paid.ticker)
                booked = paid.model_copy(update={"revenue_usd": paid.revenue_usd - before})
            correction = BookSettlement(settlement=booked, is_correction=before is not None)
            self.corrections.append(correction)
            if position is not None:
                self.hold(ledger.apply_settlement(position, booked))

    def check_payout(self, paid: Settlement, position: Position | None) -> None:
        """A payout must be what the position won, where the exchange says what a contract is worth."""
        each = ledger.unit_payout(position.side, paid) if position is not None else ledger.ZERO
        if each is None:
            return
        expected = each * (position.qty if position is not None else ledger.ZERO)
        # the exchange tells whole cents; a fraction of a contract may hide less than one
        if abs(expected - paid.revenue_usd) >= Decimal("0.01"):
            why = "a fill is missing on one side, or the result was revised"
            self.differ("settlement", paid.ticker, expected, paid.revenue_usd, why, ticker=paid.ticker)

    # ---- what must be equal in the end

    def unequal(self) -> dict[str, tuple[Decimal, Decimal]]:
        """Return the markets whose contracts differ: ours and theirs, signed, YES positive."""
        ours = {t: ledger.signed_qty(p) for t, p in self.positions.items() if p.qty}
        theirs = {p.ticker: p.position for p in self.venue.positions if p.position}
        pairs = {
            t: (ours.get(t, ledger.ZERO), theirs.get(t, ledger.ZERO)) for t in ours.keys() | theirs.keys()
        }
        return {ticker: pairs[ticker] for ticker in sorted(pairs) if pairs[ticker][0] != pairs[ticker][1]}

    def compare_positions(self) -> None:
        for ticker, (mine, seen) in self.unequal().items():
            why = "a settlement is not listed yet" if not seen else "a fill is missing on one side"
            self.differ("position", ticker, mine, seen, why, ticker=ticker)

    def compare_cash(self) -> None:
        if self.venue.balance is None:
            return
        cost = sum((p.cost_usd for p in self.positions.values() if p.qty), ledger.ZERO)
        mine = self.ours.capital_usd + self.realized - cost
        # whether the balance is net of what rests, and of what closes a position, is not documented
        if self.venue.balance.cash_usd not in (mine, *(mine - usd for usd in self.collateral())):
            why = "deposit, fee or payout not in our books"
            self.differ("cash", "account", mine, self.venue.balance.cash_usd, why, ticker=None)

    def collateral(self) -> tuple[Decimal, Decimal]:
        """Return dollars tied up by what rests, where an order that closes a position ties up nothing, and
        where it does.
        """
        netted = plain = ledger.ZERO
        closable = {(p.ticker, p.side.other): p.qty for p in self.positions.values() if p.qty}
        resting = [v for v in self.venue.orders if v.status == "resting"]
        for order in sorted(resting, key=lambda v: (-v.limit_price, v.created_at or self.now)):
            closing = min(order.remaining_qty, closable.get((order.ticker, order.side), ledger.ZERO))
            if closing:
                closable[order.ticker, order.side] -= closing
            netted += (order.remaining_qty - closing) * order.limit_price
            plain += order.remaining_qty * order.limit_price
        return netted, plain


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
