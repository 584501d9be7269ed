"""Breakers: what stops new risk by rule, and which state holds for a market."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

from trader.domain.constants import LOSS_PAUSE_HOURS
from trader.domain.risk import LossState, RiskLimits, StateChange
from trader.domain.types import Action, ReasonCode, TradingState

REFUSAL_CONDITIONS = {
    "trading_is_paused": ReasonCode.EXCHANGE_PAUSED,
    "trading_paused": ReasonCode.EXCHANGE_PAUSED,
    "exchange_paused": ReasonCode.EXCHANGE_PAUSED,
    "exchange_unavailable": ReasonCode.EXCHANGE_PAUSED,
    "header_timestamp_expired": ReasonCode.CLOCK_SKEW_TOO_LARGE,
    "insufficient_balance": ReasonCode.CASH_TOO_LOW,
    "available_balance_too_low": ReasonCode.CASH_TOO_LOW,
}
"""Refusals of a create, in lower case, that would meet every other order too, and the halt each one is."""

NOT_OUR_FAULT = tuple(
    sorted({*REFUSAL_CONDITIONS, *(c.upper() for c in REFUSAL_CONDITIONS), "PROVEN_ABSENT"})
)
"""Codes of rejected orders that do not count as a burst: they halt by themselves, or nothing was refused."""

SELF_LIFTING = frozenset(
    {
        ReasonCode.EXCHANGE_PAUSED,
        ReasonCode.CLOCK_SKEW_TOO_LARGE,
        ReasonCode.CASH_TOO_LOW,
        ReasonCode.WEATHER_STALE,
        ReasonCode.PAYLOAD_MALFORMED,
        ReasonCode.SEND_IN_FLIGHT,
    }
)
"""Halts that end with their cause, and that no person lifts."""

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


def _scopes(ticker: str, city_code: str) -> tuple[str, str, str]:
    return "book", f"city:{city_code}", f"market:{ticker}"


def in_scope(states: Iterable[StateChange], ticker: str, city_code: str) -> bool:
    """Whether one of the states holds for this market."""
    return any(s.scope in _scopes(ticker, city_code) for s in states)


def state_for(
    states: Iterable[StateChange], *, ticker: str, city_code: str
) -> tuple[TradingState, tuple[ReasonCode, ...]]:
    """Return the worst state of book, city and market, and the reasons of that state in a fixed order."""
    found = [s for s in states if s.scope in _scopes(ticker, city_code)]
    for state in _WORST_FIRST:
        reasons = sorted({s.reason for s in found if s.state is state})
        if reasons:
            return state, tuple(reasons)
    return TradingState.ACTIVE, ()


SELLABLE = frozenset(
    {
        ReasonCode.OPERATOR_HALT,
        ReasonCode.HALT_FILE_PRESENT,
        ReasonCode.OPERATOR_FLATTEN,
        ReasonCode.DAILY_LOSS_REACHED,
        ReasonCode.DRAWDOWN_REACHED,
        ReasonCode.ORDER_REJECTS_BURST,
        ReasonCode.SETTLEMENT_MISMATCH,
        ReasonCode.WEATHER_STALE,
        ReasonCode.TERMS_CHANGED,
    }
)
"""Halts of the machine under which a person may still sell: the exchange and our books are sound."""


def forbidding(
    states: Iterable[StateChange], action: Action, *, ticker: str, city_code: str
) -> tuple[ReasonCode, ...]:
    """Return why no order of this action may be sent in this market now; () when it may.

    REDUCE_ONLY lets reductions pass. HALTED lets none pass, but for those that a person ordered by name
    (flatten), as long as every halt is one that leaves data and exchange sound.
    """
    found = [s for s in states if s.scope in _scopes(ticker, city_code)]
    if action is Action.REDUCE:
        is_ordered = any(s.reason is ReasonCode.OPERATOR_FLATTEN for s in found)
        found = [
            s for s in found if s.state is TradingState.HALTED and not (is_ordered and s.reason in SELLABLE)
        ]
    return tuple(sorted({s.reason for s in found}))


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
