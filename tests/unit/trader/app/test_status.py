"""Status in plain words."""

from decimal import Decimal

from tests.fakes.desk import MODE, Desk, wish
from tests.unit.trader.core import builders as b
from trader.app.books import reconcile
from trader.app.cycle import run_cycle
from trader.app.status import status_lines
from trader.domain.orders import Unknown
from trader.domain.types import MEANINGS, ReasonCode, TradingState


def lines(desk: Desk) -> tuple[list[str], bool]:
    desk.store.set_world_clock("july2026", desk.clock.now(), at=desk.clock.now())
    return status_lines(desk.store, desk.trader.settings)


def test_status_of_an_idle_trader_says_that_trading_is_allowed(desk: Desk) -> None:
    said, is_halted = lines(desk)

    assert said == [
        "mode DEMO: ACTIVE: trading is allowed",
        "cycles 0",
        "open orders 0, positions 0, cost $0.00",
        "breaks 0",
    ]
    assert not is_halted


def test_status_after_a_cycle_counts_positions_with_their_cost_and_shows_health(desk: Desk) -> None:
    run_cycle(desk.trader, slot="one")

    said, _ = lines(desk)

    assert f"cycles 1, last {b.NOW:%Y-%m-%d %H:%M UTC}" in said
    assert "open orders 0, positions 1, cost $4.40" in said
    assert any(line.split()[:2] == ["kalshi_api", "ok"] for line in said)


def test_a_halt_is_said_with_who_when_and_why(desk: Desk) -> None:
    desk.halt(note="smoke")

    said, is_halted = lines(desk)

    assert is_halted
    assert said[0] == "mode DEMO: HALTED: no new risk is taken; cancels and settlement go on"
    assert said[1] == (
        f"  book HALTED since {b.NOW:%Y-%m-%d %H:%M UTC}, set by ann: "
        f"{MEANINGS[ReasonCode.OPERATOR_HALT]} smoke"
    )


def test_a_halted_city_is_said_and_does_not_halt_the_book(desk: Desk) -> None:
    desk.halt(scope="city:NYC")
    desk.halt(state=TradingState.REDUCE_ONLY, reason=ReasonCode.DRAWDOWN_REACHED)

    said, is_halted = lines(desk)

    assert not is_halted
    assert said[0] == "mode DEMO: REDUCE_ONLY: only orders that reduce risk are sent"
    assert any(line.startswith("  city:NYC HALTED") for line in said)


def test_an_order_of_unknown_fate_is_listed(desk: Desk) -> None:
    desk.exchange.answers = [Unknown(why="time-out")]
    desk.submit(wish())

    said, _ = lines(desk)

    assert "open orders 1, positions 0, cost $0.00" in said
    assert any(line.startswith(f"  UNKNOWN YES 10 {wish().ticker}") for line in said)


def test_a_break_counts_until_it_is_healed(desk: Desk) -> None:
    desk.exchange.cash_usd -= 1
    reconcile(desk.trader)
    assert "breaks 1, newest: deposit, fee or payout not in our books" in lines(desk)[0]

    desk.exchange.cash_usd = Decimal(5000)
    reconcile(desk.trader)
    assert "breaks 0" in lines(desk)[0]
    assert len(desk.store.risk.breaks(MODE)) == 2
