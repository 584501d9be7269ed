"""The year's table: its cash column adds up to our cash, whatever was traded and moved."""

import csv
from datetime import UTC, datetime
from io import StringIO

import pytest

from tests.fakes.desk import MODE, Desk, wish
from tests.unit.trader.core import builders as b
from trader.app.books import reconcile
from trader.app.cycle import run_cycle
from trader.app.ledger import COLUMNS, year_of
from trader.app.money import equity_now
from trader.core.ledger import time_weighted_return
from trader.domain.orders import Settlement, Transfer
from trader.domain.positions import CapitalEvent
from trader.domain.types import TradingMode

D = b.D


def traded(desk: Desk) -> None:
    """Ten contracts bought, paid out, and 200 dollars deposited."""
    order = desk.submit(wish())
    reconcile(desk.trader)
    desk.clock.advance(3600)
    desk.exchange.transfers.append(
        Transfer(ref="deposit 1", amount_usd=D(200), fee_usd=D(0), applied_at=desk.clock.now())
    )
    desk.exchange.settlements.append(
        Settlement(
            ticker=order.ticker,
            event_ticker=order.event_ticker,
            result="yes",
            yes_qty=D(10),
            no_qty=D(0),
            revenue_usd=D(10),
            settled_at=desk.clock.now(),
            mode=MODE,
        )
    )
    desk.exchange.positions.clear()
    desk.exchange.cash_usd += 210
    assert reconcile(desk.trader).breaks == 0


def test_every_movement_is_a_line_and_their_cash_adds_up(desk: Desk) -> None:
    traded(desk)

    year = year_of(desk.store, MODE, 2026)
    rows = list(csv.DictReader(StringIO(year.csv())))

    assert tuple(rows[0]) == COLUMNS
    assert [row["kind"] for row in rows] == ["START", "FILL", "DEPOSIT", "SETTLEMENT"]
    fill = rows[1]
    assert (fill["side"], fill["action"], fill["qty_contracts"], fill["price_usd"]) == (
        *("YES", "OPEN", "10", "0.11"),
    )
    assert D(fill["cash_usd"]) == -(D("1.1") + D(fill["fee_usd"]))
    assert sum(D(row["cash_usd"]) for row in rows) == year.closing_usd == equity_now(desk.trader).cash_usd
    assert year.opening_usd == 0


def test_year_is_new_yorks_and_what_came_before_is_its_opening(desk: Desk) -> None:
    for at, amount in (
        (datetime(2027, 1, 1, 4, 59, tzinfo=UTC), 1),  # still 2026 in New York
        (datetime(2027, 1, 1, 5, 0, tzinfo=UTC), 2),
    ):
        event = CapitalEvent(kind="INTEREST", amount_usd=D(amount), occurred_at=at, mode=MODE)
        desk.store.capital.save(event, set_by="test", at=at)

    old, new = (year_of(desk.store, MODE, year) for year in (2026, 2027))

    assert [line.cash_usd for line in old.lines] == [D(5000), D(1)]
    assert (new.opening_usd, new.closing_usd) == (D(5001), D(5003))
    assert [line.cash_usd for line in new.lines] == [D(2)]
    assert year_of(desk.store, TradingMode.SHADOW, 2026).lines == ()


def test_deposit_leaves_the_return_unchanged(desk: Desk) -> None:
    run_cycle(desk.trader, slot="one", codes=["CHI"])
    desk.clock.advance(60)
    desk.exchange.transfers.append(
        Transfer(ref="deposit 1", amount_usd=D(200), fee_usd=D(0), applied_at=desk.clock.now())
    )
    desk.exchange.cash_usd += 200
    run_cycle(desk.trader, slot="two", codes=["CHI"])

    year = year_of(desk.store, MODE, 2026)

    assert year.return_fraction == 0
    assert year.words() == (
        "DEMO 2026: 2 movements, cash $0.000000 -> $5,200.000000, time-weighted return +0.00 %"
    )


@pytest.mark.parametrize(
    ("points", "growth"),
    [
        ([], "0"),
        ([("100", "100"), ("100", "110"), ("100", "99")], "-0.01"),  # 1.1 x 0.9
        ([("100", "110"), ("200", "210"), ("200", "231")], "0.1"),  # 100 came in; 210 -> 231
        ([("100", "110"), ("50", "60"), ("50", "66")], "0.1"),  # 50 went out; 60 -> 66
    ],
)
def test_return_is_that_of_a_dollar_that_was_there_all_along(
    points: list[tuple[str, str]], growth: str
) -> None:
    assert time_weighted_return((D(c), D(e)) for c, e in points) == D(growth)


def test_return_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="above 0"):
        time_weighted_return([(D(1), D(0)), (D(1), D(1))])
