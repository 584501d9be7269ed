"""The operator's switches: halt, reduce-only, resume, flatten. They need no writer lock; the trader obeys."""

from collections.abc import Mapping

from trader.app.clock import SystemClock
from trader.app.config import load_settings
from trader.app.halt import HaltFile, resume
from trader.app.wiring import open_store, world_clock_from_rows
from trader.core import ledger
from trader.domain.errors import MilkbotError
from trader.domain.risk import StateChange
from trader.domain.types import ReasonCode, TradingMode, TradingState
from trader.ports.ops_store import OpsStore


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


def flatten_preview(store: OpsStore) -> list[str]:
    """Return what selling every position would bring at the last quotes, a line each, then a sum by mode."""
    lines = []
    for mode in TradingMode:
        held = store.positions.held(mode)
        marks = store.markets.latest_marks([p.ticker for p in held])
        for position in held:
            mark = marks.get(position.ticker)
            bid = ledger.bid_for(position.side, mark) if mark else None
            price = f"best bid {bid}" if bid else "nobody bids: it stays"
            price += f" (seen {mark.captured_at:%m-%d %H:%M UTC})" if mark else ""
            lines.append(
                f"{position.ticker} {position.side} {position.qty} cost ${position.cost_usd:,.2f}; {price}"
            )
        cost = sum((p.cost_usd for p in held), ledger.ZERO)
        worth = sum((ledger.liquidation_value(p, marks.get(p.ticker)) for p in held), ledger.ZERO)
        if held:
            what = f"{len(held)} positions, cost ${cost:,.2f}, would bring about ${worth:,.2f} before fees"
            lines.append(f"{mode}: {what}")
    return lines or ["nothing is held"]


def flatten_now(env: Mapping[str, str], *, by: str, reason: str) -> list[str]:
    """Order every position to be sold; the order stands, also over restarts, until ``resume``."""
    with open_store(env) as store:
        clock = world_clock_from_rows(store) or SystemClock()
        change = StateChange(
            scope="book",
            state=TradingState.REDUCE_ONLY,
            reason=ReasonCode.OPERATOR_FLATTEN,
            note=reason,
            set_by=by,
            set_at=clock.now(),
        )
        for mode in TradingMode:
            store.risk.save_state(change, mode=mode, at=clock.now())
    return [f"ordered by {by}: every position of every mode is sold, cycle after cycle, until you resume"]
