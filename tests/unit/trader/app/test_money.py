"""Equity from our own books, and the figures the breakers look at."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.desk import MODE, Desk
from trader.app.cycle import run_cycle
from trader.app.money import eastern_day_start, equity_now, loss_state
from trader.domain.orders import Refused
from trader.domain.plan import CycleSummary
from trader.domain.positions import CapitalEvent
from trader.domain.types import ReasonCode, TradingState
from trader.ports.ops_store import EquityRow

D = Decimal


def remember(desk: Desk, usd: str, ago: timedelta, *, capital: str = "5000", peak: str = "") -> None:
    """An equity row of an earlier cycle; the peak of profit so far unless another one is given."""
    at = desk.clock.now() - ago
    value = D(usd)
    last = desk.store.cycles.last_equity(MODE)
    known = last.peak_profit_usd if last and last.peak_profit_usd else D(0)
    row = EquityRow(
        starting_capital_usd=D(capital),
        cash_usd=value,
        realized_pnl_usd=value - D(capital),
        unrealized_pnl_usd=D(0),
        equity_usd=value,
        peak_profit_usd=D(peak) if peak else max(known, value - D(capital)),
    )
    summary = CycleSummary(
        cities=1, snapshots=0, signals=0, orders=0, fills=0, duration_ms=1, equity_usd=value
    )
    cycle_id = desk.store.cycles.begin(epoch=1, mode=MODE, slot=f"{at}", at=at)
    desk.store.cycles.finish(cycle_id, summary, row, at=at)


def equity(desk: Desk, usd: str) -> EquityRow:
    return equity_now(desk.trader).model_copy(update={"equity_usd": D(usd)})


def test_before_the_first_trade_equity_is_the_starting_capital(desk: Desk) -> None:
    row = equity_now(desk.trader)

    assert row.equity_usd == row.cash_usd == row.starting_capital_usd == 5000
    assert row.realized_pnl_usd == row.unrealized_pnl_usd == 0


@pytest.mark.story("4.5")
def test_equity_is_capital_plus_realised_plus_unrealised_and_cash_is_what_the_exchange_says(
    desk: Desk,
) -> None:
    run_cycle(desk.trader, slot="one")

    row = equity_now(desk.trader)

    assert row.equity_usd == row.starting_capital_usd + row.realized_pnl_usd + row.unrealized_pnl_usd
    assert row.cash_usd == desk.exchange.cash_usd
    # forty bought at 11 cents can be sold at 10 now: the fee is realised, the cent is not
    assert (row.unrealized_pnl_usd, row.realized_pnl_usd) == (D("-0.40"), -desk.exchange.fills[0].fee)


@given(st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2035, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_the_days_start_is_midnight_eastern_at_most_25_hours_ago(instant: datetime) -> None:
    start = eastern_day_start(instant)

    assert (start.hour, start.minute, start.second, start.microsecond) == (0, 0, 0, 0)
    assert timedelta(0) <= instant - start.astimezone(UTC) < timedelta(hours=25)
    assert eastern_day_start(start) == start


@pytest.mark.parametrize(
    ("instant", "start"),
    [
        ("2026-07-16T03:59:59+00:00", "2026-07-15T04:00:00+00:00"),
        ("2026-07-16T04:00:00+00:00", "2026-07-16T04:00:00+00:00"),
        ("2026-01-16T04:59:59+00:00", "2026-01-15T05:00:00+00:00"),
        ("2026-11-02T04:30:00+00:00", "2026-11-01T04:00:00+00:00"),  # the day of 25 hours
    ],
)
def test_the_loss_limits_day_is_the_calendar_day_in_new_york(instant: str, start: str) -> None:
    assert eastern_day_start(datetime.fromisoformat(instant)) == datetime.fromisoformat(start)


@pytest.mark.story("4.5")
def test_the_day_begins_with_the_last_equity_before_midnight_eastern(desk: Desk) -> None:
    # now is 21:30 Eastern
    remember(desk, "5400", timedelta(hours=30))
    remember(desk, "5300", timedelta(hours=22))
    remember(desk, "5100", timedelta(hours=21))

    found = loss_state(desk.trader, equity(desk, "5000"))

    assert (found.day_start_equity_usd, found.equity_usd) == (D(5300), D(5000))
    assert found.peak_equity_usd == 5400


@pytest.mark.story("4.5")
def test_the_first_day_begins_with_the_starting_capital(desk: Desk) -> None:
    remember(desk, "4900", timedelta(hours=2))

    found = loss_state(desk.trader, equity(desk, "4800"))

    assert (found.day_start_equity_usd, found.peak_equity_usd) == (D(5000), D(5000))


@pytest.mark.story("4.5")
def test_after_a_person_lifted_a_drawdown_halt_the_peak_is_counted_anew(desk: Desk) -> None:
    remember(desk, "6000", timedelta(hours=3))
    desk.halt(
        reason=ReasonCode.DRAWDOWN_REACHED,
        state=TradingState.ACTIVE,
        set_at=desk.clock.now() - timedelta(hours=1),
    )
    assert equity_now(desk.trader).peak_profit_usd == 0  # judged by a person; from here on it is the present
    remember(desk, "5200", timedelta(minutes=30), peak="200")

    assert loss_state(desk.trader, equity(desk, "5100")).peak_equity_usd == 5200


@pytest.mark.story("4.5")
def test_after_a_person_lifted_the_daily_pause_the_loss_is_counted_from_what_he_saw(desk: Desk) -> None:
    remember(desk, "5000", timedelta(hours=22))
    remember(desk, "4700", timedelta(hours=2))
    lifted = desk.clock.now() - timedelta(hours=1)
    desk.halt(reason=ReasonCode.DAILY_LOSS_REACHED, state=TradingState.ACTIVE, set_at=lifted)
    remember(desk, "4650", timedelta(minutes=30))

    assert loss_state(desk.trader, equity(desk, "4600")).day_start_equity_usd == 4700


@pytest.mark.story("4.5")
@pytest.mark.parametrize(("kind", "amount"), [("DEPOSIT", "1000"), ("WITHDRAWAL", "-1000")])
def test_a_deposit_is_no_profit_and_a_withdrawal_no_loss(desk: Desk, kind: str, amount: str) -> None:
    remember(desk, "5100", timedelta(hours=30))
    remember(desk, "5050", timedelta(hours=22))
    moved = CapitalEvent(kind=kind, amount_usd=D(amount), occurred_at=desk.clock.now(), mode=MODE)  # type: ignore[arg-type]
    desk.store.capital.save(moved, set_by="test", at=desk.clock.now())

    found = loss_state(desk.trader, equity_now(desk.trader))

    capital = 5000 + D(amount)  # nothing is held: equity is the capital, and yesterday's fifty are lost
    assert found.equity_usd == found.booked_equity_usd == capital
    assert (found.day_start_equity_usd, found.peak_equity_usd) == (capital + 50, capital + 100)


@pytest.mark.story("4.5")
def test_rejects_count_within_their_window_and_after_the_last_resume(desk: Desk) -> None:
    desk.exchange.answers = [Refused(status=400, code="invalid_price")] * 2
    run_cycle(desk.trader, slot="one")
    desk.clock.advance(300)
    run_cycle(desk.trader, slot="two")

    def counted() -> int:
        return loss_state(desk.trader, equity(desk, "5000")).rejects_in_window

    assert counted() == 2
    desk.clock.advance(301)
    assert counted() == 1
    desk.halt(reason=ReasonCode.ORDER_REJECTS_BURST, state=TradingState.ACTIVE)
    assert counted() == 0


def test_equity_is_marked_at_the_last_quote_even_when_the_book_is_gone(desk: Desk) -> None:
    run_cycle(desk.trader, slot="one")
    before = equity_now(desk.trader)
    desk.markets.quotes = dict.fromkeys(desk.markets.quotes)
    desk.clock.advance(300)

    run_cycle(desk.trader, slot="two")

    assert equity_now(desk.trader) == before
