"""One trading cycle: gather, store, plan, store the plan, act, store the outcome, say one line."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from trader.app import books
from trader.app.conditions import begin, condition, note_refusal
from trader.app.context import Trader
from trader.app.gather import gather
from trader.app.halt import states_in_force
from trader.app.money import equity_now, rejects_in_window
from trader.app.order_desk import submit, withdraw
from trader.app.silence import notice_cycle
from trader.core.breakers import REFUSAL_CONDITIONS, track_order_rejects
from trader.core.cycle import caps_of, plan_cycle
from trader.core.judging import winners_of
from trader.domain.errors import LostWriterLock, MilkbotError, PersistenceError, TransientError
from trader.domain.plan import CycleInputs, CyclePlan, CycleSummary
from trader.domain.risk import HealthStatus, RiskEvent, StateChange
from trader.domain.types import Component, ComponentStatus, Decision, OrderStatus, Severity
from trader.ports.exchange import MarketView


def run_cycle(trader: Trader, slot: str, codes: Sequence[str] | None = None) -> CycleSummary:
    """Run one cycle over the named cities (all by default) and return its summary.

    Errors of the outside world end the cycle with ``error`` set and no order; PersistenceError,
    LostWriterLock and bugs go to the caller, because nothing may be sent after them.
    """
    clock, store = trader.clock, trader.store
    started = clock.monotonic()
    codes = tuple(codes or trader.cities)
    cycle_id = store.cycles.begin(epoch=trader.epoch, mode=trader.mode, slot=slot, at=clock.now())
    inputs: CycleInputs | None = None
    plan: CyclePlan | None = None
    orders = fills = 0
    error: str | None = None
    try:
        fills += books.reconcile(trader).fills
        inputs = gather(trader, slot, codes)
        inputs_hash = store.cycles.save_inputs(cycle_id, inputs, at=clock.now())
        plan = plan_cycle(inputs, inputs_hash=inputs_hash)
        store.cycles.save_plan(cycle_id, plan, at=clock.now())
        for change in plan.new_states:
            _halt(trader, cycle_id, change)
        show_markets(trader)
        orders, withdrawn = act(trader, cycle_id, inputs, plan)
        if orders or withdrawn:
            fills += books.reconcile(trader).fills
        notice_cycle(trader, inputs, plan)
    except (PersistenceError, LostWriterLock):
        raise
    except TransientError as problem:
        error = str(problem)
        _tell(trader, cycle_id, "CYCLE_FAILED", Severity.WARNING, error)
        note_refusal(trader, problem)
    equity = equity_now(trader)
    summary = CycleSummary(
        cities=len(codes),
        snapshots=len(inputs.snapshots) if inputs else 0,
        signals=len(plan.signals) if plan else 0,
        orders=orders,
        fills=fills,
        duration_ms=int((clock.monotonic() - started) * 1000),
        equity_usd=equity.equity_usd,
        error=error,
    )
    store.cycles.finish(cycle_id, summary, equity, at=clock.now())
    record_health(trader, inputs, error)
    trader.log.info("cycle_finished", cycle_id=cycle_id, slot=slot, mode=trader.mode, **_facts(summary, plan))
    return summary


def act(trader: Trader, cycle_id: int, inputs: CycleInputs, plan: CyclePlan) -> tuple[int, int]:
    """Withdraw what a halt forbids, then send the plan's intents in its order; return how many of each.

    A refusal that would meet every other order too, or a burst of them, becomes a halt at once: the intents
    after it are denied with that reason instead of being tried.
    """
    states = states_in_force(trader.store, trader.halt_file, trader.mode, trader.clock)
    withdrawn = withdraw(trader, states) if states else 0
    touched = {i.event_ticker for i in plan.intents} | {h.event_ticker for h in inputs.holdings}
    caps = caps_of(inputs, winners_of(c for c in inputs.contracts if c.event_ticker in touched))
    for intent in plan.intents:
        order = submit(trader, intent, cycle_id=cycle_id, caps=caps)
        if order.status is not OrderStatus.REJECTED:
            continue
        if reason := REFUSAL_CONDITIONS.get((order.reject_code or "").lower()):
            begin(trader, condition(trader, reason, f"the exchange refused an order: {order.reject_code}"))
        losses = inputs.losses.model_copy(update={"rejects_in_window": rejects_in_window(trader)})
        states = states_in_force(trader.store, trader.halt_file, trader.mode, trader.clock)
        burst = track_order_rejects(losses, inputs.limits, trader.clock.now())
        if burst is not None and not any(s.reason is burst.reason for s in states):
            _halt(trader, cycle_id, burst)
    return len(plan.intents), withdrawn


def _halt(trader: Trader, cycle_id: int, change: StateChange) -> None:
    """Store a breaker's halt with its event."""
    with trader.store.transaction():
        trader.store.risk.save_state(change, mode=trader.mode, at=trader.clock.now())
        message = f"{change.scope}: {change.note}"
        _tell(trader, cycle_id, f"TRADING_{change.state}", Severity.CRITICAL, message)


def show_markets(trader: Trader) -> None:
    """Let a simulated exchange see what we saw; a real one sees for itself."""
    see = getattr(trader.exchange, "see", None)
    if see is not None and isinstance(trader.last_view, MarketView):
        see(trader.last_view)


def _facts(summary: CycleSummary, plan: CyclePlan | None) -> dict[str, Any]:
    facts = summary.model_dump(mode="json")
    decisions = [s.decision for s in plan.signals] if plan else []
    return facts | {str(d).lower(): decisions.count(d) for d in Decision}


def _tell(trader: Trader, cycle_id: int, event_type: str, severity: Severity, message: str) -> None:
    now = trader.clock.now()
    event = RiskEvent(event_type=event_type, severity=severity, message=message, occurred_at=now)
    trader.store.risk.save_event(event, at=now, mode=trader.mode, cycle_id=cycle_id)
    trader.log.warning("risk_event", event_type=event_type, severity=severity, message=message)


def record_health(trader: Trader, inputs: CycleInputs | None, error: str | None) -> None:
    """Store what this cycle saw of each component; pages and analytics are probed elsewhere."""
    now = trader.clock.now()
    weather = inputs.weather if inputs else ()
    late = [w.city_code for w in weather if w.is_fetch_stale]
    rows: list[tuple[Component, ComponentStatus, datetime | None, str]] = [
        (
            Component.TRADER,
            ComponentStatus.OK if not error else ComponentStatus.DEGRADED,
            now,
            "cycle finished",
        ),
        (Component.DATABASE, ComponentStatus.OK, now, "write committed"),
    ]
    kalshi_ok = inputs is not None
    rows.append(
        (
            Component.KALSHI_API,
            ComponentStatus.OK if kalshi_ok else ComponentStatus.DOWN,
            now if kalshi_ok else None,
            "books received" if kalshi_ok else "no answer",
        )
    )
    if weather:
        status = ComponentStatus.OK if not late else ComponentStatus.DEGRADED
        if len(late) == len(weather):
            status = ComponentStatus.DOWN
        message = "stations received" if not late else "stations late"
        rows.append((Component.NWS_API, status, now if status is ComponentStatus.OK else None, message))
    for component, status, last_ok, message in rows:
        trader.store.risk.save_health(
            HealthStatus(
                component=component, status=status, last_ok=last_ok, message=message, checked_at=now
            ),
            at=now,
        )


__all__ = ["MilkbotError", "record_health", "run_cycle", "show_markets"]
