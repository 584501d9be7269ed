"""Equity and the figures the breakers look at, from our own books and the last recorded quotes."""

from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from trader.app.context import Trader
from trader.core import ledger
from trader.core.breakers import NOT_OUR_FAULT
from trader.domain.risk import LossState
from trader.domain.types import ReasonCode
from trader.ports.ops_store import EquityRow

EASTERN = ZoneInfo("America/New_York")


def equity_now(trader: Trader) -> EquityRow:
    """Return capital, cash, realised, unrealised and equity of the mode, dollars, marked at the liquidation
    side.
    """
    store, mode = trader.store, trader.mode
    held = store.positions.held(mode)
    marks = store.markets.latest_marks([p.ticker for p in held])
    capital = store.capital.total(mode)
    realized = store.positions.realized(mode)
    unrealized = sum((ledger.unrealized(p, marks.get(p.ticker)) for p in held), Decimal(0))
    profit = realized + unrealized
    return EquityRow(
        starting_capital_usd=capital,
        cash_usd=capital + realized - sum((p.cost_usd for p in held), Decimal(0)),
        realized_pnl_usd=realized,
        unrealized_pnl_usd=unrealized,
        equity_usd=capital + profit,
        peak_profit_usd=_peak(trader, profit),
    )


def _peak(trader: Trader, profit: Decimal) -> Decimal:
    """Highest profit so far, zero at the least; from the lifting of a drawdown halt on, what a person has
    judged is not judged again.
    """
    last = trader.store.cycles.last_equity(trader.mode)
    lifted = trader.store.risk.lifted_at(trader.mode, ReasonCode.DRAWDOWN_REACHED)
    if lifted is not None and (last is None or last.finished_at < lifted):
        return profit
    known = last.peak_profit_usd if last is not None and last.peak_profit_usd is not None else Decimal(0)
    return max(profit, known)


def eastern_day_start(instant: datetime) -> datetime:
    """Midnight Eastern that begins the calendar day of ``instant``: the day of the loss limit."""
    return instant.astimezone(EASTERN).replace(hour=0, minute=0, second=0, microsecond=0)


def loss_state(trader: Trader, equity: EquityRow) -> LossState:
    """Return what the loss, drawdown and reject breakers compare, at the clock's now.

    Everything is measured in profit, which no deposit and no withdrawal changes, and then told as equity with
    today's capital. A halt that a person lifted does not trip again on what he has already judged: the day
    then begins with the cycle after.
    """
    now, store, mode = trader.clock.now(), trader.store, trader.mode
    capital = equity.starting_capital_usd
    lifted = store.risk.lifted_at(mode, ReasonCode.DAILY_LOSS_REACHED)
    begin = max(eastern_day_start(now), lifted) if lifted else eastern_day_start(now)
    before = store.cycles.last_equity(mode, begin)
    day_start = before.profit_usd if before is not None else Decimal(0)
    return LossState(
        equity_usd=equity.equity_usd,
        booked_equity_usd=capital + equity.realized_pnl_usd,
        peak_equity_usd=max(equity.equity_usd, capital + (equity.peak_profit_usd or Decimal(0))),
        day_start_equity_usd=capital + day_start,
        rejects_in_window=rejects_in_window(trader),
    )


def rejects_in_window(trader: Trader) -> int:
    """Return how many orders were refused lately for a reason of ours, since a burst was last lifted."""
    since = trader.clock.now() - timedelta(minutes=trader.settings.risk.rejects_window_min)
    if lifted := trader.store.risk.lifted_at(trader.mode, ReasonCode.ORDER_REJECTS_BURST):
        since = max(since, lifted)
    return trader.store.orders.rejects_since(trader.mode, since, without=NOT_OUR_FAULT)
