"""A world of quotes: an order never does better than the market did right after it."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.domain.types import MarketType
from trader.simulator.clock import WorldClock
from trader.simulator.exchange import Exchange
from trader.simulator.order_request import OrderRequest
from trader.simulator.quoted import Depth, QuotedWorld, Quotes, quoted_world
from trader.simulator.world import Climate, Market

NOON = datetime(2031, 2, 3, 12, tzinfo=UTC)
TICKER = "KXHIGHNY-31FEB04-B40.5"
MARKET = Market(
    TICKER, TICKER.rsplit("-", 1)[0], "KXHIGHNY", "NYC", MarketType.HIGH, date(2031, 2, 4), "between", 40, 41,
    NOON + timedelta(days=2), "yes", Decimal(40),
)  # fmt: skip
OPEN = datetime(2031, 2, 3, 16, tzinfo=UTC)
Row = tuple[int, int, int]


def world(*rows: Row, depth: dict[str, Depth] | None = None) -> QuotedWorld:
    """Quotes of one market as (seconds after OPEN, bid, ask) in cents; 20 contracts at each."""
    base = int(OPEN.timestamp())
    second, bid, ask = (np.array(column, dtype=np.int64) for column in zip(*rows, strict=True))
    return quoted_world(
        name="quoted",
        start=NOON,
        end=NOON + timedelta(days=4),
        markets=[MARKET],
        temperatures={},
        ensemble={},
        climate={"NYC": (Climate("NYC", date(2031, 2, 4), 40, None, NOON + timedelta(days=1, hours=23)),)},
        places={},
        quotes={TICKER: Quotes(second + base, bid, ask)},
        depth=depth or {},
        depth_hundredths=2000,
        every_s=300,
        trade_from=NOON,
        trade_to=NOON + timedelta(days=3),
    )


def exchange(of: QuotedWorld, after_s: int = 0) -> Exchange:
    clock = WorldClock(OPEN + timedelta(seconds=after_s), of.end, 0, lambda: 0.0)
    return Exchange(of, clock, Decimal(5000), 0)


def buy(on: Exchange, *, yes_up_to: int, count: int = 20) -> list[tuple[Decimal, Decimal]]:
    return take(on, yes_up_to, count=count, is_bid=True)


def take(on: Exchange, cents: int, *, is_bid: bool, count: int = 20) -> list[tuple[Decimal, Decimal]]:
    """Send an immediate order; return what it got as (price of YES, contracts)."""
    request = OrderRequest(
        ticker=TICKER,
        client_order_id=f"id-{len(on.account.orders)}",
        is_bid=is_bid,
        count=Decimal(count),
        price=Decimal(cents) / 100,
        time_in_force="immediate_or_cancel",
        self_trade_prevention="taker_at_cross",
        post_only=False,
        reduce_only=False,
        cancel_on_pause=False,
        expires_at=None,
    )
    return [(fill.price, fill.count) for fill in on.create(request).fills]


@pytest.mark.parametrize(
    ("following", "expected"),
    [
        ((120, 28, 33), [(Decimal("0.33"), Decimal(20))]),  # it rose: the later, worse price
        ((120, 25, 29), [(Decimal("0.30"), Decimal(20))]),  # it fell: never better than what was seen
        ((120, 30, 40), []),  # beyond the limit
        ((120, 30, 0), []),  # the side was gone
        ((301, 28, 30), []),  # nobody knows what stood within the cycle
    ],
)
def test_an_order_gets_the_worse_of_the_quote_and_the_next_one(
    following: Row, expected: list[tuple[Decimal, Decimal]]
) -> None:
    assert buy(exchange(world((0, 28, 30), following)), yes_up_to=35) == expected


def test_a_seller_gets_the_worse_bid(  # buying NO at 1 - bid
) -> None:
    assert take(exchange(world((0, 28, 30), (60, 26, 30))), 25, is_bid=False) == [
        (Decimal("0.26"), Decimal(20))
    ]
    assert take(exchange(world((0, 28, 30), (60, 29, 31))), 25, is_bid=False) == [
        (Decimal("0.28"), Decimal(20))
    ]


@given(
    st.lists(st.tuples(st.integers(1, 60), st.integers(1, 39)), min_size=2, max_size=6),
    st.integers(0, 400),
    st.booleans(),
)
def test_no_fill_is_better_than_the_quote_seen_or_the_next_one(
    steps: list[tuple[int, int]], at: int, is_bid: bool
) -> None:
    second, rows = 0, []
    for gap, bid in steps:
        rows.append((second, bid, bid + gap))
        second += 97
    got = take(exchange(world(*rows), at), 99 if is_bid else 1, is_bid=is_bid)

    seen = [row for row in rows if row[0] <= at][-1]
    after = next((row for row in rows if row[0] > at), None)
    for price, _ in got:
        assert after is not None
        worst = max(seen[2], after[2]) if is_bid else min(seen[1], after[1])
        assert price == Decimal(worst) / 100
    assert sum(count for _, count in got) <= 20


def test_what_was_taken_comes_back_only_when_the_quote_changes() -> None:
    on = exchange(world((0, 28, 30), (100, 28, 30), (400, 28, 30), (500, 28, 31), (600, 28, 31)))

    assert buy(on, yes_up_to=35, count=15) == [(Decimal("0.30"), Decimal(15))]
    on.clock.move_to(OPEN + timedelta(seconds=300))
    assert buy(on, yes_up_to=35) == [(Decimal("0.30"), Decimal(5))]
    assert buy(on, yes_up_to=35) == []
    on.clock.move_to(OPEN + timedelta(seconds=510))
    assert buy(on, yes_up_to=35) == [(Decimal("0.31"), Decimal(20))]


def test_an_old_quote_is_no_longer_shown_and_an_empty_side_is_empty() -> None:
    shown = world((0, 28, 0), (601, 0, 40), (1300, 1, 2))
    base = int(OPEN.timestamp())

    assert shown.book(base + 600, TICKER) == (((28, 2000),), ())
    assert shown.book(base + 700, TICKER) == ((), ((60, 2000),))
    assert shown.book(base + 1202, TICKER) is None
    assert shown.book(base - 1, TICKER) is None
    assert shown.capture_at(NOON - timedelta(seconds=1)) is None


def test_a_recorded_book_counts_for_thirty_seconds_and_is_had_as_recorded() -> None:
    base = int(OPEN.timestamp())
    book = (((28, 700),), ((60, 100), (69, 300)))
    on = exchange(world((0, 20, 50), (60, 20, 90), depth={TICKER: Depth((base + 5,), (book,))}), after_s=10)

    assert buy(on, yes_up_to=45) == [(Decimal("0.31"), Decimal(3)), (Decimal("0.40"), Decimal(1))]
    on.clock.move_to(OPEN + timedelta(seconds=36))
    assert buy(on, yes_up_to=45) == []


def test_cycles_run_while_a_quote_is_shown_and_learn_every_six_hours() -> None:
    instants = world((10, 28, 30), (290, 28, 30)).cycle_instants

    near = [at for at in instants if OPEN <= at < OPEN + timedelta(hours=1)]
    assert near == [OPEN + timedelta(minutes=minutes) for minutes in (5, 10)]
    assert NOON in instants
    assert datetime(2031, 2, 5, 14, 16, tzinfo=UTC) in instants  # a minute after it was paid


def test_a_world_known_by_an_instant_lacks_everything_later() -> None:
    cut = world((0, 28, 30), (60, 29, 31)).known_by(int(OPEN.timestamp()) + 59)

    assert cut.quotes[TICKER].bid.tolist() == [28]
    assert cut.markets[TICKER].result is None
    assert cut.markets[TICKER].settled_value is None
    assert cut.climate == {"NYC": ()}
