"""Breakers: what stops new risk by rule, and which state holds for a market."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

from trader.domain.constants import LOSS_PAUSE_HOURS
from trader.domain.risk import LossState, RiskLimits, StateChange
from trader.domain.types import ReasonCode, TradingState

_WORST_FIRST = (TradingState.HALTED, TradingState.REDUCE_ONLY)


def track_daily_pnl(losses: LossState) -> Decimal:
    """Return realised plus unrealised dollars since midnight Eastern."""
    return losses.equity_usd - losses.day_start_equity_usd


def check_daily_loss_limit(losses: LossState, limits: RiskLimits, now: datetime) -> StateChange | None:
    """Halt the book for 24 hours when the day's loss reaches its cap."""
    loss, limit = -track_daily_pnl(losses), limits.daily_loss.limit(losses.equity_usd)
    if loss < limit:
        return None
    note = f"loss since midnight Eastern {loss:.2f} USD reached the limit {limit:.2f} USD"
    return _halt(ReasonCode.DAILY_LOSS_REACHED, note, now, until=now + timedelta(hours=LOSS_PAUSE_HOURS))


def check_drawdown(losses: LossState, limits: RiskLimits, now: datetime) -> StateChange | None:
    """Halt the book, until a person resumes it, when equity has fallen from its peak by the limit."""
    floor = losses.peak_equity_usd * (1 - limits.drawdown_fraction)
    if losses.equity_usd > floor:
        return None
    note = f"equity {losses.equity_usd:.2f} USD fell to the floor {floor:.2f} USD below its peak"
    return _halt(ReasonCode.DRAWDOWN_REACHED, note, now)


def track_order_rejects(losses: LossState, limits: RiskLimits, now: datetime) -> StateChange | None:
    """Halt the book, until a person resumes it, when too many orders were rejected within the window."""
    if losses.rejects_in_window < limits.rejects_max:
        return None
    note = (
        f"{losses.rejects_in_window} orders rejected within {limits.rejects_window_min} minutes, "
        f"limit {limits.rejects_max}"
    )
    return _halt(ReasonCode.ORDER_REJECTS_BURST, note, now)


def trip(
    losses: LossState, limits: RiskLimits, states: Iterable[StateChange], now: datetime
) -> tuple[StateChange, ...]:
    """Return the halts that the figures call for and that do not hold yet."""
    holding = {s.reason for s in in_force(states, now) if s.scope == "book"}
    found = (
        check_daily_loss_limit(losses, limits, now),
        check_drawdown(losses, limits, now),
        track_order_rejects(losses, limits, now),
    )
    return tuple(change for change in found if change is not None and change.reason not in holding)


def in_force(states: Iterable[StateChange], now: datetime) -> tuple[StateChange, ...]:
    """Return the states that restrict trading at ``now``: not ACTIVE, and ``until`` not reached."""
    return tuple(
        s for s in states if s.state is not TradingState.ACTIVE and (s.until is None or now < s.until)
    )


def state_for(
    states: Iterable[StateChange], *, ticker: str, city_code: str
) -> tuple[TradingState, tuple[ReasonCode, ...]]:
    """Return the worst state of book, city and market, and the reasons of that state in a fixed order."""
    scopes = ("book", f"city:{city_code}", f"market:{ticker}")
    found = [s for s in states if s.scope in scopes]
    for state in _WORST_FIRST:
        reasons = sorted({s.reason for s in found if s.state is state})
        if reasons:
            return state, tuple(reasons)
    return TradingState.ACTIVE, ()


def _halt(reason: ReasonCode, note: str, now: datetime, until: datetime | None = None) -> StateChange:
    return StateChange(
        scope="book",
        state=TradingState.HALTED,
        reason=reason,
        note=note,
        set_by=f"rule:{reason}",
        set_at=now,
        until=until,
    )
