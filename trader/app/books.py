"""Our books against the exchange's: read all, correct from evidence, store what still differs."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby

from trader.app.cash import collect_transfers, is_told_surplus, settle_surplus
from trader.app.context import Reconciled, Trader
from trader.app.order_desk import say_moved
from trader.core import ledger, order_state
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
from trader.core.reconcile import LATCHED, SEND_DEADLINE_S, SKEW_S
from trader.core.reconcile import reconcile as compare
from trader.domain.errors import ConfigurationError, InvariantViolation, TransientError
from trader.domain.orders import Order, OrderMove
from trader.domain.positions import CapitalEvent
from trader.domain.risk import Break, RiskEvent, StateChange
from trader.domain.types import OrderStatus, ReasonCode, Severity, TradingMode, TradingState

OVERLAP = timedelta(hours=1)
"""How far behind the newest row we know a list is read again: rows may be listed late."""

PAYOUT_OVERLAP = timedelta(days=3)
PAUSES_S = (0, 1, 4)
"""Waits before each look while differences remain. The lists are not read at one instant and lag the matching
engine by fractions of a second; what is still there after five seconds is a break.
"""


def start(trader: Trader) -> Reconciled:
    """Reconcile for the first time in this epoch and commit that it was done: from here on orders may go out.

    An order that an earlier process left on its way may still arrive: its signature was made before this
    epoch began, so until it is too old for the exchange (30 s) nothing new is sent, and the sends of two
    epochs never overlap. Raises TransientError when a list is incomplete, ConfigurationError when books would
    begin on an account that is not flat.
    """
    store, now = trader.store, trader.clock.now()
    trader.begun_at = _begin(trader)
    if any(o.status is OrderStatus.SUBMITTING for o in store.orders.live_orders(trader.mode)):
        reason = ReasonCode.SEND_IN_FLIGHT
        hold = StateChange(
            scope="book",
            state=TradingState.HALTED,
            reason=reason,
            note="an earlier run ended during a send",
            set_by=f"rule:{reason}",
            set_at=now,
            until=trader.started_at + timedelta(seconds=SEND_DEADLINE_S),
        )
        store.risk.save_state(hold, mode=trader.mode, at=now)
    done = reconcile(trader)
    store.mark_reconciled(trader.epoch, at=trader.clock.now())
    trader.started = done
    return done


def _begin(trader: Trader) -> datetime:
    """Return when the mode's books began: with the account's cash, or the configured sum in SHADOW.

    What the account did before is not ours, so it has to be flat then: nothing of it may fill or pay later.
    """
    store, mode, now = trader.store, trader.mode, trader.clock.now()
    begun = [event.occurred_at for event in store.capital.events(mode) if event.kind == "START"]
    if begun:
        return begun[0]
    cash = trader.settings.starting_capital_usd
    if mode is not TradingMode.SHADOW:
        cash, now = _first_cash(trader)
    first = CapitalEvent(kind="START", amount_usd=cash, occurred_at=now, mode=mode, note="first start")
    store.capital.save(first, set_by=f"rule:first start of {trader.account}", at=trader.clock.now())
    return now


def _first_cash(trader: Trader) -> tuple[Decimal, datetime]:
    """Return the account's cash and an instant that no transfer inside it is younger than.

    Read before and after the account was seen to be flat, because nothing else can be held against it. Raises
    TransientError when money moves meanwhile, which would count twice or never, and when one of the answers
    is wrong; ConfigurationError when the account is not flat.
    """
    now, exchange = trader.clock.now(), trader.exchange
    before, cash = exchange.get_transfers(), exchange.get_balance().cash_usd
    held = sum(1 for p in exchange.get_positions() if p.position)
    listed = (*exchange.list_orders(None), *exchange.list_orders(now))  # a row may be missing from one list
    resting = {o.kalshi_order_id for o in listed if o.status == "resting"}
    if held or resting:
        raise ConfigurationError(
            f"{trader.mode}: expected an account without positions and resting orders, because this database "
            f"knows none, found {held} positions and {len(resting)} resting orders; nothing was traded. "
            "Close them by hand, or give the database that knows them."
        )
    again, cash_again = exchange.get_transfers(), exchange.get_balance().cash_usd
    if (again, cash_again) != (before, cash):
        raise TransientError(
            f"first balance: expected the same cash and transfers twice, found ${cash} with {len(before)} "
            f"transfers, then ${cash_again} with {len(again)}; start again"
        )
    return cash, max([now, *(transfer.applied_at for transfer in before)])


def reconcile(trader: Trader) -> Reconciled:
    """Bring our rows to what the exchange proves; store, alarm and freeze what remains different.

    The first look of an epoch, and every look after a difference, reads all that the exchange lists; others
    read what can have changed. Raises TransientError when a list is incomplete: then nothing was concluded.
    """
    lines: list[str] = []
    latched: list[Break] = []
    standing: list[Break] = []
    fills, is_whole = 0, trader.started is None
    for pause_s in PAUSES_S:
        if pause_s:
            trader.clock.sleep(pause_s)
        result = _look(trader, is_whole=is_whole)
        lines += _apply_all(trader, result.corrections)
        fills += sum(isinstance(c, BookFill) for c in result.corrections)
        latched += [found for found in result.breaks if found.kind in LATCHED]
        standing = [found for found in result.breaks if found.kind not in LATCHED]
        if not standing or is_told_surplus(trader, standing):
            break
        is_whole = True
    breaks = (*latched, *settle_surplus(trader, standing))
    lines += [_store_break(trader, found) for found in breaks]
    _lift_healed(trader, breaks)
    summary = f"{len(lines)} corrections and differences" if lines else "our books equal the exchange's"
    return Reconciled(lines=(*lines, summary), fills=fills, breaks=len(breaks))


def _look(trader: Trader, *, is_whole: bool) -> Reconciliation:
    store, mode, exchange, now = trader.store, trader.mode, trader.exchange, trader.clock.now()
    if is_whole:
        collect_transfers(trader)
    live = store.orders.live_orders(mode)
    since = None if is_whole else _earliest(now - OVERLAP, [o.created_at for o in live])
    venue = VenueBooks(
        read_at=min(now, exchange.data_as_of() or now),
        orders=exchange.list_orders(since),
        fills=exchange.get_fills(_back(since, store.fills.last_filled_at(mode), OVERLAP)),
        positions=exchange.get_positions(),
        settlements=exchange.get_settlements(
            _back(since, store.positions.last_settled_at(mode), PAYOUT_OVERLAP)
        ),
        balance=exchange.get_balance(),
    )
    orders = {o.client_order_id: o for o in live}
    ids = {v.kalshi_order_id for v in venue.orders} | {f.kalshi_order_id for f in venue.fills}
    orders |= {o.client_order_id: o for o in store.orders.get_many(sorted(ids))}
    known_ids = {o.kalshi_order_id for o in orders.values()}
    named = {v.ticker for v in venue.orders if v.client_order_id not in orders}
    named |= {f.ticker for f in venue.fills if f.kalshi_order_id not in known_ids}
    contracts = {ticker: store.markets.contract(ticker) for ticker in sorted(named)}
    touched = {f.ticker for f in venue.fills} | {s.ticker for s in venue.settlements}
    positions = {p.ticker: p for p in store.positions.held(mode)}
    positions |= {p.ticker: p for p in store.positions.get_many(mode, sorted(touched - set(positions)))}
    ours = OurBooks(
        mode=mode,
        capital_usd=store.capital.total(mode),
        realized_usd=store.positions.realized(mode),
        orders=tuple(orders.values()),
        known_fills=store.fills.known([f.fill_id for f in venue.fills]),
        positions=tuple(positions.values()),
        settlements=store.positions.settlements(mode, sorted({s.ticker for s in venue.settlements})),
        markets={ticker: (c.event_ticker, c.city_code) for ticker, c in contracts.items() if c},
        epoch_started_at=trader.started_at,
        begun_at=trader.begun_at,
    )
    return compare(ours, venue, trader.clock.now())


def _earliest(instant: datetime, others: list[datetime]) -> datetime:
    """Clocks differ by up to the skew that the exchange accepts."""
    return min([instant, *others]) - timedelta(seconds=SKEW_S)


def _back(since: datetime | None, newest: datetime | None, overlap: timedelta) -> datetime | None:
    """Where a list begins that was read up to its newest known row; None reads all of it."""
    if since is None or newest is None:
        return since
    return min(since, newest - overlap)


def _apply_all(trader: Trader, corrections: tuple[Correction, ...]) -> list[str]:
    """Write the corrections of one look, all or none; return a sentence for each."""
    if not corrections:
        return []
    with trader.store.transaction():
        lines = [
            line
            for is_move, group in groupby(corrections, key=lambda c: isinstance(c, MoveOrder))
            for line in (_move_all(trader, group) if is_move else [_apply(trader, c) for c in group])
        ]
    for correction in corrections:
        match correction:
            case MoveOrder(order=order, to=to, evidence=evidence):
                say_moved(trader, order, to, evidence)
            case BookFill(fill=fill):
                trader.log.info(
                    "fill_booked", ticker=fill.ticker, side=fill.side, qty=fill.qty, price=fill.price
                )
            case BookSettlement(settlement=paid):
                trader.log.info(
                    "position_settled", ticker=paid.ticker, result=paid.result, revenue=paid.revenue_usd
                )
            case RecordFound(order=order):
                trader.log.warning("order_found", ticker=order.ticker, is_foreign=order.is_foreign)
    return lines


def _move_all(trader: Trader, corrections: Iterable[Correction]) -> list[str]:
    """Move orders together: thousands may be open after a long outage."""
    moves, lines = [], []
    for found in corrections:
        if isinstance(found, MoveOrder):
            order = found.order
            order_state.advance(order.status, found.to)
            order_id = order.order_id or _stored(trader, order).order_id or 0
            moves.append(
                OrderMove(
                    order_id=order_id,
                    to=found.to,
                    evidence=found.evidence,
                    expected=order.status,
                    filled_qty=found.filled_qty,
                    kalshi_order_id=found.kalshi_order_id,
                    absent_at=found.absent_at,
                    reject_code=found.reject_code,
                )
            )
            lines.append(
                f"order {order_id} {order.ticker}: {order.status} -> {found.to}, because {found.evidence}"
            )
    trader.store.orders.move_all(moves, at=trader.clock.now(), epoch=trader.epoch)
    return lines


def _apply(trader: Trader, correction: Correction) -> str:
    now, store = trader.clock.now(), trader.store
    match correction:
        case MoveOrder():
            return _move_all(trader, [correction])[0]
        case RecordFound(order=order):
            store.orders.create_found(order, at=now, epoch=trader.epoch)
            whose = "not ours" if order.is_foreign else "ours, but our books had forgotten it"
            return f"order {order.kalshi_order_id} {order.ticker}: {whose}; recorded, counted in exposure"
        case BookFill(fill=fill, order=order):
            known = _stored(trader, order)
            position = ledger.apply_fill(store.positions.get(trader.mode, fill.ticker), fill, known)
            booked = fill.model_copy(update={"order_id": known.order_id})
            store.fills.book(booked, order=known, position=position, at=now, epoch=trader.epoch)
            return f"fill {fill.fill_id}: {known.action} {fill.side} {fill.qty} {fill.ticker} at {fill.price}"
        case BookSettlement(settlement=paid, is_correction=is_correction):
            held = store.positions.get(trader.mode, paid.ticker)
            after = ledger.apply_settlement(held, paid) if held else None
            store.positions.settle(
                paid, position=after, at=now, epoch=trader.epoch, is_correction=is_correction
            )
            return f"settlement {paid.ticker}: {paid.result}, paid ${paid.revenue_usd}"


def _stored(trader: Trader, order: Order) -> Order:
    """The order as it stands in our rows now: earlier corrections may have made or moved it."""
    by_intent = trader.store.orders.get_by_intent_key(order.intent_key)
    if by_intent is None:
        raise InvariantViolation(f"order {order.client_order_id}: expected it in our books, found none")
    return by_intent


def _scope(found: Break) -> str:
    return "book" if found.ticker is None else f"market:{found.ticker}"


def _store_break(trader: Trader, found: Break) -> str:
    now = trader.clock.now()
    line = (
        f"{found.kind} {found.key}: ours {found.ours}, exchange {found.theirs}; likely {found.likely_reason}"
    )
    with trader.store.transaction():
        is_new = trader.store.risk.save_break(found, mode=trader.mode, at=now, epoch=trader.epoch)
        if is_new:
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
    if is_new:
        trader.log.error(
            "reconciliation_break", kind=found.kind, about=found.key, ours=found.ours, theirs=found.theirs
        )
    return line


def _lift_healed(trader: Trader, breaks: tuple[Break, ...]) -> None:
    """Close the differences that are gone and lift their freezes: both sides are equal again.

    The closing row lets the same difference alarm and freeze again when it comes back. What shows once only
    is never seen to heal: a person lifts its freeze.
    """
    now, risk = trader.clock.now(), trader.store.risk
    known = risk.open_breaks(trader.mode)
    remaining = (*breaks, *(found for found in known if found.kind in LATCHED))
    present = {(found.kind, found.key) for found in remaining}
    broken = {_scope(found) for found in remaining}
    healed = [found for found in known if (found.kind, found.key) not in present]
    if not healed:
        return
    with trader.store.transaction():
        for gone in healed:
            update = {"ours": gone.theirs, "likely_reason": "both sides equal again", "found_at": now}
            risk.save_break(gone.model_copy(update=update), mode=trader.mode, at=now, epoch=trader.epoch)
        for state in risk.states(trader.mode, now):
            if state.reason is ReasonCode.RECONCILIATION_BREAK and state.scope not in broken:
                lifted = {
                    "state": TradingState.ACTIVE,
                    "note": "both sides equal again",
                    "set_by": f"rule:{ReasonCode.RECONCILIATION_BREAK}",
                    "set_at": now,
                    "until": None,
                }
                risk.save_state(state.model_copy(update=lifted), mode=trader.mode, at=now)
