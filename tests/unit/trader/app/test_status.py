"""Status in plain words."""

from datetime import timedelta
from decimal import Decimal

from tests.fakes.desk import MODE, Desk, wish
from tests.unit.trader.core import builders as b
from trader.app.alarms import judge
from trader.app.books import reconcile
from trader.app.cycle import run_cycle
from trader.app.status import SILENT, status_lines
from trader.domain.alarms import AlarmCode, Finding
from trader.domain.errors import TransientError
from trader.domain.orders import Unknown
from trader.domain.types import MEANINGS, Decision, ReasonCode, TradingState


def lines(desk: Desk) -> tuple[list[str], bool]:
    desk.store.set_world_clock("july2026", desk.clock.now(), at=desk.clock.now())
    return status_lines(desk.store, desk.trader.settings)


def test_status_of_an_idle_trader_says_that_trading_is_allowed(desk: Desk) -> None:
    said, is_halted = lines(desk)

    assert said == [
        "mode DEMO: ACTIVE: trading is allowed",
        "no cycle yet",
        "open orders 0, at worst $0.00",
        "positions 0, cost $0.00",
        "needs you:",
        SILENT,
    ]
    assert not is_halted


def test_a_trader_that_has_begun_no_cycle_in_time_needs_somebody(desk: Desk) -> None:
    run_cycle(desk.trader, slot="one")

    desk.clock.advance(600)
    assert SILENT not in lines(desk)[0]

    desk.clock.advance(1)
    said = lines(desk)[0]
    assert said[said.index("needs you:") + 1] == SILENT
    assert any(line.startswith("last cycle 10 min ago") for line in said)


def test_status_after_a_cycle_counts_positions_with_their_cost_and_shows_health(desk: Desk) -> None:
    run_cycle(desk.trader, slot="one")

    said, _ = lines(desk)

    when = f"{b.NOW:%Y-%m-%d %H:%M UTC}"
    assert f"last cycle 0 min ago ({when}), number 1: 6 markets, 6 signals, 1 orders, 1 fills" in said
    assert "open orders 0, at worst $0.00" in said
    assert "positions 1, cost $4.40" in said
    assert any(line.startswith("equity $4,9") and "since the start -$" in line for line in said)
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

    assert "open orders 1, at worst $1.17" in said
    assert any(line.startswith(f"  UNKNOWN YES 10 {wish().ticker}") for line in said)


def test_a_break_counts_until_it_is_healed(desk: Desk) -> None:
    desk.exchange.cash_usd -= 1
    reconcile(desk.trader)
    said = lines(desk)[0]
    found = "  break cash account: ours 5000, exchange 4999; deposit, fee or payout not in our books"
    assert found in said[said.index("needs you:") :]

    desk.exchange.cash_usd = Decimal(5000)
    reconcile(desk.trader)
    assert found not in lines(desk)[0]
    assert len(desk.store.risk.breaks(MODE)) == 2


def test_halt_that_only_a_person_lifts_says_how(desk: Desk) -> None:
    desk.halt(scope="market:KXHIGHNY-26JUL16-B84.5", reason=ReasonCode.TERMS_CHANGED, note="hi 85 -> 86")
    desk.halt(reason=ReasonCode.DAILY_LOSS_REACHED, until=desk.clock.now() + timedelta(hours=24))
    desk.halt(reason=ReasonCode.EXCHANGE_PAUSED)

    said = lines(desk)[0]

    stays = [line for line in said if " stays " in line]
    name = "market:KXHIGHNY-26JUL16-B84.5"
    assert stays == [f"  {name} stays HALTED (TERMS_CHANGED) until `milkbot resume --by NAME --reason WHY`"]


def test_open_alarm_is_said_with_what_to_look_at_first(desk: Desk) -> None:
    found = Finding(code=AlarmCode.OBSERVATION_SILENT, subject="NYC", message="no report")
    judge(desk.trader, set(AlarmCode), [found])

    assert lines(desk)[0][-1] == (
        "  OBSERVATION_SILENT NYC since 07-16 01:30: no report. "
        "Look at the station on weather.gov; its city's running day is not traded."
    )


def test_what_was_not_wanted_is_counted_by_its_first_reason(desk: Desk) -> None:
    desk.show("CHI", bid="0.10", ask="0.60")
    run_cycle(desk.trader, slot="one")
    held = [s for s in desk.store.signals.get_for_cycle(1) if s.decision is Decision.HOLD]
    first = held[0].reasons[0]

    said = lines(desk)[0]

    count = sum(signal.reasons[0] is first for signal in held)
    assert f"  {count:>4} {first}: {MEANINGS[first]}" in said[said.index("not wanted, and why:") :]


def test_failed_cycle_says_what_failed_and_when(desk: Desk) -> None:
    desk.markets.error = TransientError("exchange status: no answer")
    run_cycle(desk.trader, slot="one")
    desk.clock.advance(3 * 3600)

    said = lines(desk)[0]

    assert said[1] == (
        f"last cycle 3 h ago ({b.NOW:%Y-%m-%d %H:%M UTC}), number 1: failed: exchange status: no answer"
    )
