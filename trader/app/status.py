"""Status in plain words."""

from trader.app.clock import SystemClock
from trader.app.config import Settings
from trader.app.halt import HaltFile, book_state, with_file
from trader.app.wiring import world_clock_from_rows
from trader.domain.types import MEANINGS, TradingState
from trader.ports.ops_store import OpsStore

WORDS = {
    TradingState.ACTIVE: "trading is allowed",
    TradingState.REDUCE_ONLY: "only orders that reduce risk are sent",
    TradingState.HALTED: "no new risk is taken; cancels and settlement go on",
}


def status_lines(store: OpsStore, settings: Settings) -> tuple[list[str], bool]:
    """Return what Milkbot does, what it does not and why, and whether the book is halted."""
    clock = world_clock_from_rows(store) or SystemClock()
    mode = settings.mode
    states = with_file(store.risk.states(mode, clock.now()), HaltFile(settings.halt_file), clock)
    book = book_state(states)
    lines = [f"mode {mode}: {book}: {WORDS[book]}"]
    for state in states:
        until = f", until {state.until:%Y-%m-%d %H:%M UTC}" if state.until else ""
        lines.append(
            f"  {state.scope} {state.state} since {state.set_at:%Y-%m-%d %H:%M UTC}{until}, "
            f"set by {state.set_by}: {MEANINGS[state.reason]} {state.note}".rstrip()
        )
    cycles = store.cycles.list()
    lines.append(
        f"cycles {len(cycles)}" + (f", last {cycles[-1].started_at:%Y-%m-%d %H:%M UTC}" if cycles else "")
    )
    open_orders = store.orders.open_orders(mode)
    held = [p for p in store.positions.get_all(mode) if p.qty > 0]
    lines.append(
        f"open orders {len(open_orders)}, positions {len(held)}, cost ${sum(p.cost_usd for p in held):,.2f}"
    )
    lines += [
        f"  {order.status} {order.side} {order.qty} {order.ticker} since {order.created_at:%m-%d %H:%M}"
        for order in open_orders
    ]
    breaks = store.risk.open_breaks(mode)
    lines.append(f"breaks {len(breaks)}" + ("" if not breaks else ", newest: " + breaks[-1].likely_reason))
    lines += [f"  {h.component:<11}{h.status:<9}{h.message}" for h in store.risk.latest_health()]
    return lines, book is TradingState.HALTED
