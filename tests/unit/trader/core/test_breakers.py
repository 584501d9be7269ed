"""Breakers: when they trip, how long they hold, and which state a market is in."""

from datetime import timedelta
from decimal import Decimal

import pytest

from tests.unit.trader.core.builders import NOW
from trader.core import breakers
from trader.domain.risk import LossState, RiskLimits, StateChange
from trader.domain.types import ReasonCode, TradingState

D = Decimal
R = ReasonCode
LIMITS = RiskLimits()


def losses(equity: str = "5000", start: str = "5000", peak: str = "5000", rejects: int = 0) -> LossState:
    return LossState(
        equity_usd=D(equity),
        booked_equity_usd=D(equity),
        peak_equity_usd=D(peak),
        day_start_equity_usd=D(start),
        rejects_in_window=rejects,
    )


def state(
    scope: str, kind: TradingState, reason: ReasonCode = R.OPERATOR_HALT, **changes: object
) -> StateChange:
    fields = {"scope": scope, "state": kind, "reason": reason, "note": "", "set_by": "ann", "set_at": NOW}
    return StateChange.model_validate(fields | changes)


@pytest.mark.story("4.5")
def test_daily_profit_is_realised_plus_unrealised_since_midnight() -> None:
    assert breakers.track_daily_pnl(losses("4900", start="5050")) == D(-150)


@pytest.mark.story("4.5")
@pytest.mark.parametrize(
    ("equity", "start", "trips"),
    [
        ("9750", "10000", True),  # exactly 250 dollars, the smaller of 250 and 487.50
        ("9750.01", "10000", False),
        ("4761.90", "5000", True),  # 238.10 is 5 % of 4,761.90
        ("4761.91", "5000", False),
        ("5100", "5000", False),
    ],
)
def test_the_book_pauses_for_a_day_when_the_loss_reaches_its_cap(
    equity: str, start: str, trips: bool
) -> None:
    change = breakers.check_daily_loss_limit(losses(equity, start), LIMITS, NOW)

    if not trips:
        assert change is None
        return
    assert change is not None
    assert (change.scope, change.state, change.reason) == ("book", TradingState.HALTED, R.DAILY_LOSS_REACHED)
    assert (change.set_by, change.until) == ("rule:DAILY_LOSS_REACHED", NOW + timedelta(hours=24))


@pytest.mark.parametrize(("equity", "trips"), [("4950", True), ("4950.01", False)])
def test_a_tenth_below_the_peak_halts_until_a_person_resumes(equity: str, trips: bool) -> None:
    change = breakers.check_drawdown(losses(equity, peak="5500"), LIMITS, NOW)

    assert (change is not None) is trips
    assert change is None or (change.reason, change.until) == (R.DRAWDOWN_REACHED, None)


@pytest.mark.story("4.5")
@pytest.mark.parametrize(("rejects", "trips"), [(4, False), (5, True), (6, True)])
def test_a_burst_of_rejected_orders_halts(rejects: int, trips: bool) -> None:
    change = breakers.track_order_rejects(losses(rejects=rejects), LIMITS, NOW)

    assert (change is not None) is trips
    assert change is None or change.reason is R.ORDER_REJECTS_BURST


@pytest.mark.story("4.5")
def test_a_pause_persists_until_reset_and_is_set_only_once() -> None:
    bad = losses("4700", rejects=5)

    first = breakers.trip(bad, LIMITS, (), NOW)
    again = breakers.trip(bad, LIMITS, first, NOW + timedelta(hours=23))
    after = breakers.trip(bad, LIMITS, first, NOW + timedelta(hours=24))

    assert [c.reason for c in first] == [R.DAILY_LOSS_REACHED, R.ORDER_REJECTS_BURST]
    assert again == ()
    assert [c.reason for c in after] == [R.DAILY_LOSS_REACHED]  # its own day is over, the loss is not
    assert len(breakers.in_force(first, NOW + timedelta(days=30))) == 1


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ((), (TradingState.ACTIVE, ())),
        ((state("book", TradingState.ACTIVE),), (TradingState.ACTIVE, ())),
        ((state("city:CHI", TradingState.HALTED),), (TradingState.ACTIVE, ())),
        ((state("market:U", TradingState.HALTED),), (TradingState.ACTIVE, ())),
        ((state("market:T", TradingState.HALTED),), (TradingState.HALTED, (R.OPERATOR_HALT,))),
        (
            (state("book", TradingState.REDUCE_ONLY), state("city:NYC", TradingState.HALTED, R.WRITE_FAILED)),
            (TradingState.HALTED, (R.WRITE_FAILED,)),
        ),
        (
            (state("book", TradingState.HALTED), state("city:NYC", TradingState.HALTED, R.DRAWDOWN_REACHED)),
            (TradingState.HALTED, (R.DRAWDOWN_REACHED, R.OPERATOR_HALT)),
        ),
    ],
)
def test_the_worst_of_book_city_and_market_holds(
    states: tuple[StateChange, ...], expected: tuple[TradingState, tuple[ReasonCode, ...]]
) -> None:
    assert breakers.state_for(states, ticker="T", city_code="NYC") == expected
