"""Status in plain words: what it does, what it does not and why, what is at risk, what needs a person."""

from collections import Counter
from datetime import datetime, timedelta
from decimal import Decimal

from trader.app.clock import SystemClock
from trader.app.conditions import SEVERITIES
from trader.app.config import Settings
from trader.app.halt import HaltFile, book_state, with_file
from trader.app.health import INTERVALS
from trader.app.money import eastern_day_start
from trader.app.wiring import world_clock_from_rows
from trader.core.edge import worst_unit_cost
from trader.domain.alarms import MEANINGS as ALARMS
from trader.domain.risk import StateChange
from trader.domain.signals import Signal
from trader.domain.types import MEANINGS, Decision, ReasonCode, TradingMode, TradingState
from trader.ports.ops_store import LastCycle, OpsStore

WORDS = {
    TradingState.ACTIVE: "trading is allowed",
    TradingState.REDUCE_ONLY: "only orders that reduce risk are sent",
    TradingState.HALTED: "no new risk is taken; cancels and settlement go on",
}
SILENT = "  no cycle in time: OPERATIONS_RUNBOOK.md, section 'The trader does not run'"
MAX_REASONS = 6
LIFT_THEMSELVES = frozenset({*SEVERITIES, ReasonCode.RECONCILIATION_BREAK})


def status_lines(store: OpsStore, settings: Settings) -> tuple[list[str], bool]:
    """Return the status, one sentence a line, and whether the book is halted. Writes nothing."""
    clock = world_clock_from_rows(store) or SystemClock()
    mode, now = settings.mode, clock.now()
    states = with_file(store.risk.states(mode, now), HaltFile(settings.halt_file), clock)
    book = book_state(states)
    last = store.cycles.newest(mode)
    if last is not None:
        now = max(now, last.started_at)  # a running world may be ahead of its row
    lines = [f"mode {mode}: {book}: {WORDS[book]}"]
    lines += [_state(state) for state in states]
    lines += _last_cycle(last, now)
    lines += _reasons(store.signals.get_for_cycle(last.cycle_id)) if last is not None else []
    lines += _money(store, mode, now)
    lines += _risk(store, mode)
    limit = timedelta(seconds=INTERVALS * settings.cycle_interval_s)
    silent = last is None or now - last.started_at > limit
    lines += _needs_you(store, mode, states, is_silent=silent)
    lines += [f"  {h.component:<11}{h.status:<9}{h.message}" for h in store.risk.latest_health()]
    return lines, book is TradingState.HALTED


def _state(state: StateChange) -> str:
    until = f", until {state.until:%Y-%m-%d %H:%M UTC}" if state.until else ""
    return (
        f"  {state.scope} {state.state} since {state.set_at:%Y-%m-%d %H:%M UTC}{until}, "
        f"set by {state.set_by}: {MEANINGS[state.reason]} {state.note}".rstrip()
    )


def _last_cycle(last: LastCycle | None, now: datetime) -> list[str]:
    if last is None:
        return ["no cycle yet"]
    ago = _ago(now - last.started_at)
    head = f"last cycle {ago} ago ({last.started_at:%Y-%m-%d %H:%M UTC}), number {last.cycle_id}"
    if last.summary is None:
        return [f"{head}: not finished"]
    did = last.summary
    if did.error is not None:
        return [f"{head}: failed: {did.error}"]
    return [f"{head}: {did.snapshots} markets, {did.signals} signals, {did.orders} orders, {did.fills} fills"]


def _reasons(signals: tuple[Signal, ...]) -> list[str]:
    """Why nothing was wanted, most frequent first; the first reason of each signal counts."""
    held = Counter(s.reasons[0] for s in signals if s.decision is Decision.HOLD)
    if not held:
        return []
    shown = sorted(held.items(), key=lambda item: (-item[1], item[0]))
    lines = [f"  {count:>4} {reason}: {MEANINGS[reason]}" for reason, count in shown[:MAX_REASONS]]
    if rest := sum(count for _, count in shown[MAX_REASONS:]):
        lines.append(f"  {rest:>4} for other reasons")
    return ["not wanted, and why:", *lines]


def _money(store: OpsStore, mode: TradingMode, now: datetime) -> list[str]:
    point = store.cycles.last_equity(mode)
    if point is None:
        return []
    before = store.cycles.last_equity(mode, eastern_day_start(now))
    today = point.profit_usd - (before.profit_usd if before is not None else Decimal(0))
    profit = f"today {_signed(today)}, since the start {_signed(point.profit_usd)}"
    return [f"equity ${point.equity_usd:,.2f}, {profit}"]


def _risk(store: OpsStore, mode: TradingMode) -> list[str]:
    orders, held = store.orders.open_orders(mode), store.positions.held(mode)
    cost = sum((p.cost_usd for p in held), Decimal(0))
    # the fee multiplier of all our series is 1; a worst case for a person, not for the caps
    pending = sum((o.open_qty * worst_unit_cost(o.limit_price, Decimal(1)) for o in orders), Decimal(0))
    lines = [
        f"open orders {len(orders)}, at worst ${pending:,.2f}",
        f"positions {len(held)}, cost ${cost:,.2f}",
    ]
    lines[1:1] = [
        f"  {order.status} {order.side} {order.qty} {order.ticker} since {order.created_at:%m-%d %H:%M}"
        for order in orders
    ]
    return lines


def _needs_you(
    store: OpsStore, mode: TradingMode, states: tuple[StateChange, ...], *, is_silent: bool
) -> list[str]:
    """No cycle in time, breaks, halts that only a person lifts, open alarms with what to look at first."""
    breaks = store.risk.open_breaks(mode)
    found = [SILENT] if is_silent else []
    found += [
        f"  break {b.kind} {b.key}: ours {b.ours}, exchange {b.theirs}; {b.likely_reason}" for b in breaks
    ]
    found += [
        f"  {state.scope} stays {state.state} ({state.reason}) until `milkbot resume --by NAME --reason WHY`"
        for state in states
        if state.reason not in LIFT_THEMSELVES and state.until is None
    ]
    for alarm in store.alarms.open_alarms(mode):
        since = f"{alarm.opened_at:%m-%d %H:%M}"
        found.append(
            f"  {alarm.code} {alarm.subject} since {since}: {alarm.message}. {ALARMS[alarm.code].do}"
        )
    return ["needs you:", *found] if found else ["nothing needs you"]


def _ago(span: timedelta) -> str:
    minutes = max(0, int(span.total_seconds() // 60))
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} days"


def _signed(usd: Decimal) -> str:
    return f"{'-' if usd < 0 else '+'}${abs(usd):,.2f}"
