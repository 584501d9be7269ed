"""Equity and the figures the breakers look at, from our own books and the last recorded quotes."""

from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from trader.app.context import Trader
from trader.core import ledger
from trader.domain.risk import LossState
from trader.domain.types import PositionStatus, ReasonCode
from trader.ports.ops_store import EquityRow

EASTERN = ZoneInfo("America/New_York")


def equity_now(trader: Trader) -> EquityRow:
    """Return capital, cash, realised, unrealised and equity of the mode, dollars, marked at the liquidation
    side.
    """
    store, mode = trader.store, trader.mode
    positions = store.positions.get_all(mode)
    held = [p for p in positions if p.status is PositionStatus.OPEN]
    marks = store.markets.latest_marks([p.ticker for p in held])
    capital = store.capital.total(mode)
    realized = sum((p.realized_pnl_usd for p in positions), Decimal(0))
    unrealized = sum((ledger.unrealized(p, marks.get(p.ticker)) for p in held), Decimal(0))
    return EquityRow(
        starting_capital_usd=capital,
        cash_usd=capital + realized - sum((p.cost_usd for p in held), Decimal(0)),
        realized_pnl_usd=realized,
        unrealized_pnl_usd=unrealized,
        equity_usd=capital + realized + unrealized,
    )


def eastern_day_start(instant: datetime) -> datetime:
    """Midnight Eastern that begins the calendar day of ``instant``: the day of the loss limit."""
    return instant.astimezone(EASTERN).replace(hour=0, minute=0, second=0, microsecond=0)


def loss_state(trader: Trader, equity: EquityRow) -> LossState:
    """Return what the loss, drawdown and reject breakers compare, at the clock's now."""
    now = trader.clock.now()
    history = trader.store.cycles.equity_history(trader.mode)
    midnight = eastern_day_start(now)
    before = [usd for at, usd in history if at < midnight]
    day_start = before[-1] if before else equity.starting_capital_usd
    # A halt that a person lifted must not trip again on what he has already judged.
    resumed = trader.store.risk.lifted_at(trader.mode, ReasonCode.DRAWDOWN_REACHED)
    before_resume = [] if resumed else [equity.starting_capital_usd]
    peak = max(
        [usd for at, usd in history if not resumed or at >= resumed] + [equity.equity_usd, *before_resume]
    )
    since = now - timedelta(minutes=trader.settings.risk.rejects_window_min)
    if lifted := trader.store.risk.lifted_at(trader.mode, ReasonCode.ORDER_REJECTS_BURST):
        since = max(since, lifted)
    return LossState(
        equity_usd=equity.equity_usd,
        peak_equity_usd=peak,
        day_start_equity_usd=day_start,
        rejects_in_window=trader.store.orders.rejects_since(trader.mode, since),
    )
