"""Cash that is not trading: neither profit nor a break, and booked once."""

from datetime import timedelta
from typing import Any

import pytest

from tests.fakes.desk import MODE, Desk
from tests.unit.trader.core import builders as b
from trader.app.books import reconcile
from trader.app.cash import CASH_MOVED, CREDITED_AFTER
from trader.app.money import equity_now, loss_state
from trader.domain.alarms import AlarmCode
from trader.domain.orders import Transfer
from trader.domain.types import ReasonCode

D = b.D
HOUR = timedelta(hours=1)


def transfer(ref: str = "deposit 1", amount: str = "200", **changes: Any) -> Transfer:
    fields: dict[str, Any] = {
        "ref": ref,
        "amount_usd": D(amount),
        "fee_usd": D(0),
        "applied_at": b.NOW + HOUR,
    }
    return Transfer(**fields | changes)


def kinds(desk: Desk) -> list[tuple[str, Any]]:
    return [(event.kind, event.amount_usd) for event in desk.store.capital.events(MODE)]


def surplus(desk: Desk) -> list[str]:
    alarms = desk.store.alarms.open_alarms(MODE)
    return [a.message for a in alarms if a.code is AlarmCode.CASH_SURPLUS]


@pytest.mark.story("4.7")
@pytest.mark.parametrize(
    ("ref", "amount", "kind"), [("deposit 1", "200", "DEPOSIT"), ("withdrawal 1", "-300", "WITHDRAWAL")]
)
def test_transfer_is_no_profit_and_no_break_and_counts_once(
    desk: Desk, ref: str, amount: str, kind: str
) -> None:
    before = loss_state(desk.trader, equity_now(desk.trader))
    desk.clock.advance(2 * HOUR.total_seconds())
    desk.exchange.transfers.append(transfer(ref, amount))
    desk.exchange.cash_usd += D(amount)

    for _ in range(3):
        assert reconcile(desk.trader).breaks == 0

    assert kinds(desk) == [("START", D(5000)), (kind, D(amount))]
    equity = equity_now(desk.trader)
    assert (equity.equity_usd, equity.realized_pnl_usd) == (D(5000) + D(amount), D(0))
    after = loss_state(desk.trader, equity)
    for name in ("day_start_equity_usd", "peak_equity_usd"):
        assert getattr(after, name) - getattr(before, name) == D(amount)
    assert desk.events(CASH_MOVED) == [f"{kind} of ${amount}: {ref}"]
    assert desk.store.risk.states(MODE, desk.clock.now()) == ()


def test_transfer_of_before_the_start_is_part_of_the_starting_capital(desk: Desk) -> None:
    desk.exchange.transfers.append(transfer(applied_at=b.NOW - HOUR))

    reconcile(desk.trader)

    assert kinds(desk) == [("START", D(5000))]


def test_returned_deposit_is_taken_back_once_if_it_had_counted(desk: Desk) -> None:
    desk.exchange.transfers.append(transfer())
    desk.exchange.cash_usd += 200
    reconcile(desk.trader)
    desk.exchange.transfers[:] = [
        transfer(is_returned=True),
        transfer("deposit 2", is_returned=True),  # bounced before we ever saw it
    ]
    desk.exchange.cash_usd -= 200

    for _ in range(2):
        assert reconcile(desk.trader).breaks == 0

    assert kinds(desk)[1:] == [("DEPOSIT", D(200)), ("DEPOSIT", D(-200))]


@pytest.mark.story("4.7")
def test_surplus_is_told_at_once_and_a_credit_after_a_day_unchanged(desk: Desk) -> None:
    desk.exchange.cash_usd += D("1.23")
    assert reconcile(desk.trader).breaks == 0
    assert surplus(desk) == ["$1.23 more than our books explain"]
    desk.clock.advance(CREDITED_AFTER.total_seconds() - 60)
    looks = desk.clock.slept.copy()
    reconcile(desk.trader)
    assert desk.clock.slept == looks  # a surplus that was told is not looked at three times
    assert kinds(desk) == [("START", D(5000))]

    desk.clock.advance(61)
    reconcile(desk.trader)

    assert kinds(desk)[1:] == [("CREDIT", D("1.23"))]
    assert surplus(desk) == []
    assert equity_now(desk.trader).realized_pnl_usd == 0


def test_surplus_that_changes_is_told_again_and_waits_again(desk: Desk) -> None:
    desk.exchange.cash_usd += 1
    reconcile(desk.trader)
    desk.clock.advance(CREDITED_AFTER.total_seconds() - 60)
    desk.exchange.cash_usd += 1
    reconcile(desk.trader)
    desk.clock.advance(120)

    reconcile(desk.trader)

    assert surplus(desk) == ["$2 more than our books explain"]
    assert kinds(desk) == [("START", D(5000))]


def test_surplus_that_goes_away_is_over_and_less_cash_is_a_break(desk: Desk) -> None:
    desk.exchange.cash_usd += 1
    reconcile(desk.trader)
    desk.exchange.cash_usd -= 1
    reconcile(desk.trader)
    assert surplus(desk) == []

    desk.exchange.cash_usd -= 1
    assert reconcile(desk.trader).breaks == 1
    states = desk.store.risk.states(MODE, desk.clock.now())
    assert [(s.scope, s.reason) for s in states] == [("book", ReasonCode.RECONCILIATION_BREAK)]


@pytest.mark.parametrize(("usd", "breaks"), [("50", 0), ("50.01", 1)])
def test_surplus_larger_than_any_credit_is_a_break(desk: Desk, usd: str, breaks: int) -> None:
    desk.exchange.cash_usd += D(usd)  # one per cent of 5,000 is 50

    assert reconcile(desk.trader).breaks == breaks


def test_surplus_beside_another_difference_stays_a_break(desk: Desk) -> None:
    desk.exchange.cash_usd += 1
    desk.exchange.positions[b.contract(84, 85).ticker] = D(3)

    assert reconcile(desk.trader).breaks == 2
    assert surplus(desk) == []
