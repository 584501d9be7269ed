"""Our books against the exchange's: read all, correct from evidence, store what still differs."""

from dataclasses import dataclass
from datetime import timedelta

from trader.app.context import Trader
from trader.app.order_desk import move
from trader.core import ledger
from trader.core.reconcile import (
    BookFill,
    BookSettlement,
    Correction,
    MoveOrder,
    OurBooks,
    Reconciliation,
    RecordForeign,
    VenueBooks,
)
from trader.core.reconcile import reconcile as compare
from trader.domain.errors import InvariantViolation
from trader.domain.orders import Order
from trader.domain.risk import Break, RiskEvent, StateChange
from trader.domain.types import ReasonCode, Severity, TradingState

FILL_OVERLAP = timedelta(hours=1)


@dataclass(frozen=True)
class Reconciled:
    """What a reconciliation did, one sentence a line, and how many fills it booked."""

    lines: tuple[str, ...]
    fills: int
    breaks: int


def reconcile(trader: Trader) -> Reconciled:
    """Bring our rows to what the exchange proves; store, alarm and freeze what remains different.

    A difference counts only when a second complete look shows it too, because the first one's lists were not
    read at one instant. A payout that does not fit its position shows once only, when it is booked.
    Raises TransientError when a list is incomplete: then nothing was concluded.
    """
    lines: list[str] = []
    payouts: list[Break] = []
    fills = 0
    result = _look(trader)
    for _ in range(2):
        for correction in result.corrections:
            lines.append(_apply(trader, correction))
            fills += isinstance(correction, BookFill)
        if not (result.corrections or result.breaks):
            break
        payouts += [found for found in result.breaks if found.kind == "settlement"]
        result = _look(trader)
    breaks = (*payouts, *result.breaks)
    lines += [_store_break(trader, found) for found in breaks]
    _lift_healed(trader, breaks)
    summary = f"{len(lines)} corrections and differences" if lines else "our books equal the exchange's"
    return Reconciled(lines=(*lines, summary), fills=fills, breaks=len(breaks))


def _look(trader: Trader) -> Reconciliation:
    store, mode, exchange = trader.store, trader.mode, trader.exchange
    last = store.fills.last_filled_at(mode)
    since = last - FILL_OVERLAP if last else None
    read_at = trader.clock.now()
    venue = VenueBooks(
        orders=exchange.list_orders(),
        fills=exchange.get_fills(since),
        positions=exchange.get_positions(),
        settlements=exchange.get_settlements(),
        balance=exchange.get_balance(),
        read_at=read_at,
    )
    orders = {o.client_order_id: o for o in store.orders.open_orders(mode)}
    ids = {v.kalshi_order_id for v in venue.orders} | {f.kalshi_order_id for f in venue.fills}
    orders |= {o.client_order_id: o for o in store.orders.get_many(sorted(ids))}
    contracts = {
        v.ticker: store.markets.contract(v.ticker) for v in venue.orders if v.client_order_id not in orders
    }
    ours = OurBooks(
        mode=mode,
        capital_usd=store.capital.total(mode),
        orders=tuple(orders.values()),
        fills=store.fills.get(mode, since),
        positions=store.positions.get_all(mode),
        settlements=store.positions.settlements(mode),
        absences={key: tuple(found) for key, found in trader.absences.items()},
        markets={ticker: (c.event_ticker, c.city_code) for ticker, c in contracts.items() if c},
    )
    result = compare(ours, venue, trader.clock.now())
    trader.absences = {key: [*trader.absences.get(key, []), read_at] for key in result.absent}
    return result


def _apply(trader: Trader, correction: Correction) -> str:
    now, store = trader.clock.now(), trader.store
    match correction:
        case MoveOrder(order=order, to=to, evidence=evidence):
            known = _stored(trader, order)
            changes = {
                name: value
                for name in ("filled_qty", "kalshi_order_id", "reject_code")
                if (value := getattr(correction, name)) is not None
            }
            move(trader, known, to, evidence=evidence, **changes)
            return f"order {known.order_id} {known.ticker}: {known.status} -> {to}, because {evidence}"
        case RecordForeign(order=order):
            store.orders.create_found(order, at=now, epoch=trader.epoch)
            return f"order {order.kalshi_order_id} {order.ticker}: not ours, recorded and counted in exposure"
        case BookFill(fill=fill, order=order):
            known = _stored(trader, order)
            position = ledger.apply_fill(store.positions.get(trader.mode, fill.ticker), fill, known)
            booked = fill.model_copy(update={"order_id": known.order_id})
            store.fills.book(booked, order=known, position=position, at=now, epoch=trader.epoch)
            trader.log.info("fill_booked", ticker=fill.ticker, side=fill.side, qty=fill.qty, price=fill.price)
            return f"fill {fill.fill_id}: {fill.side} {fill.qty} {fill.ticker} at {fill.price}"
        case BookSettlement(settlement=paid):
            held = store.positions.get(trader.mode, paid.ticker)
            after = ledger.apply_settlement(held, paid) if held else None
            store.positions.settle(paid, position=after, at=now, epoch=trader.epoch)
            trader.log.info(
                "position_settled", ticker=paid.ticker, result=paid.result, revenue=paid.revenue_usd
            )
            return f"settlement {paid.ticker}: {paid.result}, paid ${paid.revenue_usd}"


def _stored(trader: Trader, order: Order) -> Order:
    """The order as it stands in our rows now: earlier corrections may have moved it."""
    by_intent = trader.store.orders.get_by_intent_key(order.intent_key)
    if by_intent is None:
        raise InvariantViolation(f"order {order.client_order_id}: expected it in our books, found none")
    return by_intent


def _scope(found: Break) -> str:
    return f"market:{found.key}" if found.kind in ("position", "settlement") else "book"


def _store_break(trader: Trader, found: Break) -> str:
    now = trader.clock.now()
    line = (
        f"{found.kind} {found.key}: ours {found.ours}, exchange {found.theirs}; likely {found.likely_reason}"
    )
    if trader.store.risk.save_break(found, mode=trader.mode, at=now, epoch=trader.epoch):
        event = RiskEvent(
            event_type="RECONCILIATION_BREAK", severity=Severity.CRITICAL, message=line, occurred_at=now
        )
        trader.store.risk.save_event(event, at=now, mode=trader.mode, cycle_id=None)
        change = StateChange(
            scope=_scope(found),
            state=TradingState.HALTED,
            reason=ReasonCode.RECONCILIATION_BREAK,
            note=line[:300],
            set_by=f"rule:{ReasonCode.RECONCILIATION_BREAK}",
            set_at=now,
        )
        trader.store.risk.save_state(change, mode=trader.mode, at=now)
        trader.log.error(
            "reconciliation_break", kind=found.kind, key=found.key, ours=found.ours, theirs=found.theirs
        )
    return line


def _lift_healed(trader: Trader, breaks: tuple[Break, ...]) -> None:
    """Close the differences that are gone and lift their freezes: both sides are equal again.

    The closing row lets the same difference alarm and freeze again when it comes back. A wrong payout is
    never seen to heal: a person lifts its freeze.
    """
    now = trader.clock.now()
    known = trader.store.risk.open_breaks(trader.mode)
    breaks = (*breaks, *(found for found in known if found.kind == "settlement"))
    present = {(found.kind, found.key) for found in breaks}
    for gone in known:
        if (gone.kind, gone.key) not in present:
            update = {"ours": gone.theirs, "likely_reason": "both sides equal again", "found_at": now}
            closed = gone.model_copy(update=update)
            trader.store.risk.save_break(closed, mode=trader.mode, at=now, epoch=trader.epoch)
    broken = {_scope(found) for found in breaks}
    for state in trader.store.risk.states(trader.mode, now):
        if state.reason is ReasonCode.RECONCILIATION_BREAK and state.scope not in broken:
            healed = state.model_copy(
                update={
                    "state": TradingState.ACTIVE,
                    "note": "both sides equal again",
                    "set_by": f"rule:{ReasonCode.RECONCILIATION_BREAK}",
                    "set_at": now,
                    "until": None,
                }
            )
            trader.store.risk.save_state(healed, mode=trader.mode, at=now)
