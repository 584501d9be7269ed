"""Status in plain words, and the operator's switches."""

from collections.abc import Mapping

from trader.app.clock import SystemClock
from trader.app.config import Settings, load_settings
from trader.app.halt import HaltFile, book_state, resume, with_file
from trader.app.wiring import open_store, world_clock_from_rows
from trader.domain.errors import MilkbotError
from trader.domain.risk import StateChange
from trader.domain.types import MEANINGS, ReasonCode, TradingMode, TradingState
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


def halt_now(env: Mapping[str, str], reason: str, *, by: str, reduce_only: bool) -> list[str]:
    """Halt, first by the file (which needs no database), then by a stored row; a database that is away is
    said.
    """
    settings = load_settings(env)
    said = []
    if not reduce_only:
        HaltFile(settings.halt_file).write(f"{by}: {reason}")
        said.append(f"halt file written: {settings.halt_file}")
    try:
        with open_store(env) as store:
            clock = world_clock_from_rows(store) or SystemClock()
            change = StateChange(
                scope="book",
                state=TradingState.REDUCE_ONLY if reduce_only else TradingState.HALTED,
                reason=ReasonCode.OPERATOR_HALT,
                note=reason,
                set_by=by,
                set_at=clock.now(),
            )
            for mode in TradingMode:  # whoever halts means all of it, whatever mode his shell has set
                store.risk.save_state(change, mode=mode, at=clock.now())
            said.append(f"{change.state} stored for every mode: {reason}")
    except MilkbotError as error:
        if reduce_only:
            raise
        said.append(f"database away ({error}); the halt file alone halts trading")
    return said


def resume_now(env: Mapping[str, str], *, by: str, reason: str) -> list[str]:
    """Lift what a person may lift. The operator's own halt file is removed; one put there by hand stays."""
    settings = load_settings(env)
    halt_file = HaltFile(settings.halt_file)
    with open_store(env) as store:
        clock = world_clock_from_rows(store) or SystemClock()
        states = [s for mode in TradingMode for s in store.risk.states(mode, clock.now())]
        if halt_file.is_present() and any(s.reason is ReasonCode.OPERATOR_HALT for s in states):
            halt_file.path.unlink()
        lifted = {
            f"{mode} {item}"
            for mode in TradingMode
            for item in resume(store, halt_file, mode, clock, by=by, reason=reason)
        }
    said = [f"lifted: {item}" for item in sorted(lifted)] or ["nothing was halted"]
    if halt_file.is_present():
        said.append(f"still halted: the halt file {halt_file.path} is there; remove it, then resume again")
    return said
