from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trader.simulator.account import OrderState
from trader.simulator.exchange import Exchange
from trader.simulator.lifecycle import maintenance_windows
from trader.simulator.order_request import OrderRequest
from trader.simulator.refusals import Refused
from trader.simulator.world import World

ExchangeMaker = Callable[..., Exchange]
RequestMaker = Callable[..., OrderRequest]

AT = datetime(2026, 7, 16, 1, 29, 16, tzinfo=UTC)  # five seconds after the first capture
TICKER = "KXHIGHNY-26JUL16-B89.5"
IOC = {"time_in_force": "immediate_or_cancel"}


def refused(exchange: Exchange, request: OrderRequest) -> tuple[int, str]:
    with pytest.raises(Refused) as caught:
        exchange.create(request)
    return caught.value.status, caught.value.body["error"]["code"]


def best(exchange: Exchange, ticker: str) -> tuple[Decimal, Decimal, Decimal]:
    """Return best YES ask, its size and best YES bid."""
    yes, no = exchange.depth(exchange.world.markets[ticker], exchange.advance())
    return Decimal(100 - no[-1][0]) / 100, Decimal(no[-1][1]) / 100, Decimal(yes[-1][0]) / 100


def is_balanced(exchange: Exchange) -> bool:
    """Cash is what we started with, plus what was realised, less fees and what open positions cost."""
    account = exchange.account
    realized = sum((row.realized for row in account.positions.values()), Decimal(0))
    fees = sum((fill.fee for fill in account.fills), Decimal(0))
    return account.cash == account.starting_cash + realized - fees - account.positions_cost


def test_a_taker_pays_the_resting_price_and_the_taken_size_stays_taken_until_the_next_capture(
    exchange_at: ExchangeMaker, order: RequestMaker
) -> None:
    exchange = exchange_at(AT)
    ask, size, _ = best(exchange, TICKER)

    placed = exchange.create(order(TICKER, "bid", f"{size:.2f}", "0.99", **IOC))

    assert [(fill.price, fill.count) for fill in placed.fills] == [(ask, size)]
    assert placed.order.state is OrderState.EXECUTED
    assert best(exchange, TICKER)[0] > ask
    exchange.clock.move_to(exchange.world.captures[1])
    recorded = exchange.world.book(1, TICKER)
    assert recorded is not None
    assert exchange.depth(exchange.world.markets[TICKER], exchange.advance()) == recorded


def test_between_captures_there_is_no_book_so_an_immediate_order_fills_nothing(
    exchange_at: ExchangeMaker, order: RequestMaker
) -> None:
    exchange = exchange_at(AT + timedelta(seconds=60))

    placed = exchange.create(order(TICKER, "bid", "5.00", "0.99", **IOC))

    assert (placed.fills, placed.remaining, placed.order.state) == ((), Decimal(0), OrderState.CANCELED)
    assert refused(exchange, order(TICKER, "bid", "5.00", "0.99", time_in_force="fill_or_kill")) == (
        409,
        "fill_or_kill_insufficient_resting_volume",
    )


def test_a_client_id_is_burned_for_ever_by_cancel_and_by_a_killed_order(
    exchange_at: ExchangeMaker, order: RequestMaker
) -> None:
    exchange = exchange_at(AT)
    placed = exchange.create(order(TICKER, "bid", "1.00", "0.01", client_order_id="a"))
    exchange.cancel(placed.order.order_id)
    killed = order(TICKER, "bid", "9999.00", "0.01", client_order_id="b", time_in_force="fill_or_kill")
    assert refused(exchange, killed)[0] == 409

    for client_id in ("a", "b"):
        again = order(TICKER, "bid", "1.00", "0.01", client_order_id=client_id)
        assert refused(exchange, again) == (409, "order_already_exists")


def test_a_refused_order_leaves_no_trace_and_its_id_free(
    exchange_at: ExchangeMaker, order: RequestMaker
) -> None:
    exchange = exchange_at(AT, cash="1")

    assert refused(exchange, order(TICKER, "bid", "100.00", "0.50", client_order_id="a")) == (
        400,
        "insufficient_balance",
    )
    assert refused(exchange, order(TICKER, "bid", "1.00", "0.5150")) == (400, "invalid_price")
    assert refused(exchange, order(TICKER, "bid", "1.00", "0.00")) == (400, "invalid_price")
    assert refused(exchange, order("KXHIGHNY-26JUL16-B1.5", "bid", "1.00", "0.50")) == (404, "not_found")
    assert exchange.account.orders == {}
    assert exchange.create(order(TICKER, "bid", "1.00", "0.01", client_order_id="a")).remaining == 1


def test_post_only_is_refused_when_it_would_cross_and_rests_otherwise(
    exchange_at: ExchangeMaker, order: RequestMaker
) -> None:
    exchange = exchange_at(AT)
    ask, _, bid = best(exchange, TICKER)

    with pytest.raises(Refused, match="post only cross"):
        exchange.create(order(TICKER, "bid", "1.00", str(ask), post_only=True))
    placed = exchange.create(order(TICKER, "bid", "1.00", str(bid), post_only=True))

    assert (placed.fills, placed.remaining) == ((), Decimal(1))


def test_a_passive_order_rests_through_a_crossing_capture_and_expires_at_its_own_instant(
    exchange_at: ExchangeMaker, order: RequestMaker
) -> None:
    exchange = exchange_at(AT)
    expiry = AT + timedelta(seconds=240)
    placed = exchange.create(order(TICKER, "bid", "2.00", "0.02", expires_at=expiry))

    exchange.clock.move_to(expiry - timedelta(microseconds=1))
    exchange.advance()
    assert placed.order.state is OrderState.RESTING
    exchange.clock.move_to(AT + timedelta(hours=5))
    exchange.advance()

    assert (placed.order.state, placed.order.remaining) == (OrderState.CANCELED, Decimal(0))
    assert placed.order.updated_at == expiry
    assert exchange.account.available == exchange.account.starting_cash


def test_cancel_answers_the_same_404_for_cancelled_executed_and_unknown_orders(
    exchange_at: ExchangeMaker, order: RequestMaker
) -> None:
    exchange = exchange_at(AT)
    canceled = exchange.create(order(TICKER, "bid", "1.00", "0.01")).order
    exchange.cancel(canceled.order_id)
    executed = exchange.create(order(TICKER, "bid", "0.01", "0.99", **IOC)).order

    bodies = []
    for order_id in (canceled.order_id, executed.order_id, "00000000-0000-0000-0000-000000000000"):
        with pytest.raises(Refused) as caught:
            exchange.cancel(order_id)
        bodies.append((caught.value.status, caught.value.body))

    assert bodies == [(404, {"error": {"code": "not_found", "message": "not found"}})] * 3


def test_reduce_only_takes_no_more_than_the_position(exchange_at: ExchangeMaker, order: RequestMaker) -> None:
    exchange = exchange_at(AT)
    exchange.create(order(TICKER, "bid", "2.00", "0.99", **IOC))

    placed = exchange.create(order(TICKER, "ask", "9.00", "0.01", reduce_only=True, **IOC))
    nothing = exchange.create(order(TICKER, "ask", "9.00", "0.01", reduce_only=True, **IOC))

    assert (placed.order.filled, exchange.account.positions[TICKER].count) == (Decimal(2), Decimal(0))
    assert (nothing.order.filled, nothing.remaining) == (Decimal(0), Decimal(0))


def test_a_sale_is_paid_for_by_what_it_closes_even_with_no_cash_left(
    exchange_at: ExchangeMaker, order: RequestMaker
) -> None:
    exchange = exchange_at(AT, cash="1000")
    bought = exchange.create(order(TICKER, "bid", "3.00", "0.99", **IOC)).order
    exchange.account.cash = Decimal(0)

    sold = exchange.create(order(TICKER, "ask", "3.00", "0.01", **IOC)).order

    assert sold.filled == bought.filled == 3
    assert exchange.account.cash > 0


def test_cash_covers_an_order_to_the_last_digit_and_no_further(
    exchange_at: ExchangeMaker, order: RequestMaker
) -> None:
    exchange = exchange_at(AT + timedelta(seconds=60), cash="1.0000")

    assert refused(exchange, order(TICKER, "bid", "10.01", "0.10"))[1] == "insufficient_balance"  # 1.0010
    exchange.create(order(TICKER, "bid", "10.00", "0.10"))

    assert exchange.account.available == 0
    assert refused(exchange, order(TICKER, "ask", "0.01", "0.99"))[1] == "insufficient_balance"  # 0.0001


def test_resting_sales_share_one_position_and_the_rest_reserves_its_full_cost(
    exchange_at: ExchangeMaker, order: RequestMaker
) -> None:
    exchange = exchange_at(AT)
    exchange.create(order(TICKER, "bid", "2.00", "0.99", **IOC))
    free = exchange.account.available

    exchange.create(order(TICKER, "ask", "2.00", "0.98"))
    after_first = exchange.account.available
    exchange.create(order(TICKER, "ask", "2.00", "0.97"))

    assert after_first == free  # covered by the two contracts held
    # the better-priced sale now closes the position, the other one opens NO at 1 - 0.98
    assert exchange.account.available == free - 2 * Decimal("0.02")


def test_an_own_crossing_order_stops_the_taker_and_leaves_the_resting_one(
    exchange_at: ExchangeMaker, order: RequestMaker
) -> None:
    exchange = exchange_at(AT + timedelta(seconds=60))  # no recorded depth in the way
    resting = exchange.create(order(TICKER, "bid", "1.00", "0.48")).order

    stopped = exchange.create(order(TICKER, "ask", "1.00", "0.48", **IOC))
    assert (stopped.order.filled, stopped.remaining) == (Decimal(0), Decimal(0))
    before = resting.state
    exchange.create(order(TICKER, "ask", "1.00", "0.48", self_trade_prevention="maker", **IOC))

    assert [before, resting.state] == [OrderState.RESTING, OrderState.CANCELED]


def test_orders_outside_the_active_time_are_refused_and_a_close_cancels_what_rests(
    exchange_at: ExchangeMaker, order: RequestMaker
) -> None:
    exchange = exchange_at(AT)
    resting = exchange.create(order(TICKER, "bid", "1.00", "0.01")).order
    market = exchange.world.markets[TICKER]

    exchange.clock.move_to(market.close_at)
    assert refused(exchange, order(TICKER, "bid", "1.00", "0.01")) == (409, "market_closed")

    assert (resting.state, resting.updated_at) == (OrderState.CANCELED, market.close_at)
    early = exchange_at(datetime(2026, 7, 15, 10, tzinfo=UTC))
    assert refused(early, order(TICKER, "bid", "1.00", "0.01")) == (400, "MARKET_NOT_ACTIVE")


def test_the_weekly_pause_refuses_creates_allows_cancels_and_cancels_on_request(
    exchange_at: ExchangeMaker, order: RequestMaker
) -> None:
    exchange = exchange_at(AT)
    kept = exchange.create(order(TICKER, "bid", "1.00", "0.01")).order
    gone = exchange.create(order(TICKER, "bid", "1.00", "0.01", cancel_on_pause=True)).order

    exchange.clock.move_to(datetime(2026, 7, 16, 7, 0, tzinfo=UTC))  # Thursday 03:00 Eastern
    assert refused(exchange, order(TICKER, "bid", "1.00", "0.01")) == (409, "trading_is_paused")

    assert gone.state is OrderState.CANCELED
    assert exchange.cancel(kept.order_id)[1] == 1
    exchange.clock.move_to(datetime(2026, 7, 16, 9, 0, tzinfo=UTC))
    assert exchange.create(order(TICKER, "bid", "1.00", "0.01")).remaining == 1


def test_the_only_pause_of_the_week_is_thursday(world: World) -> None:
    thursday = datetime(2026, 7, 16, tzinfo=UTC)

    assert maintenance_windows(world.start, world.end) == (
        (thursday + timedelta(hours=7), thursday + timedelta(hours=9)),
    )


def test_a_position_is_paid_when_the_timer_after_the_result_ends(
    exchange_at: ExchangeMaker, order: RequestMaker
) -> None:
    exchange = exchange_at(AT, cash="5000")
    event = exchange.world.events["KXHIGHNY-26JUL16"]
    for market in event:
        exchange.create(order(market.ticker, "bid", "1.00", "0.99", **IOC))  # one of each: exactly one pays
    spent = exchange.account.starting_cash - exchange.account.cash

    exchange.clock.move_to(datetime(2026, 7, 17, 14, 14, 59, tzinfo=UTC))
    exchange.advance()
    assert exchange.account.settlements == []
    exchange.clock.move_to(datetime(2026, 7, 17, 20, tzinfo=UTC))
    exchange.advance()

    rows = exchange.account.settlements
    assert {row.at for row in rows} == {datetime(2026, 7, 17, 14, 15, tzinfo=UTC)}
    assert sorted(row.revenue for row in rows if row.result == "yes") == [Decimal(1)]
    assert exchange.account.cash == exchange.account.starting_cash - spent + 1
    assert is_balanced(exchange)


def test_a_position_of_a_day_without_result_is_never_paid(
    exchange_at: ExchangeMaker, world: World, order: RequestMaker
) -> None:
    at = datetime(2026, 7, 18, 1, 3, 30, tzinfo=UTC)
    exchange = exchange_at(at)
    ticker = next(
        t for t, m in world.markets.items() if t.startswith("KXHIGHNY-26JUL18-B") and world.book(9, t)
    )
    exchange.create(order(ticker, "bid", "1.00", "0.99", **IOC))
    cash = exchange.account.cash

    exchange.clock.move_to(world.end)
    exchange.advance()

    assert exchange.account.settlements == []
    assert exchange.account.cash == cash


def test_equal_seeds_give_equal_ids_and_other_seeds_others(
    exchange_at: ExchangeMaker, order: RequestMaker
) -> None:
    ids = [
        exchange_at(AT, seed=seed).create(order(TICKER, "bid", "1.00", "0.01")).order.order_id
        for seed in (1, 1, 2)
    ]

    assert ids[0] == ids[1] != ids[2]


steps = st.tuples(
    st.integers(0, 5),  # bracket of the event
    st.booleans(),  # bid or ask
    st.integers(1, 99),  # price in cents
    st.integers(1, 30_000),  # hundredths of a contract
    st.sampled_from(["immediate_or_cancel", "good_till_canceled", "fill_or_kill"]),
    st.sampled_from(["taker_at_cross", "maker"]),
    st.integers(0, 40),  # seconds that pass
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(steps, max_size=25))
def test_cash_fees_positions_and_depth_add_up_after_any_orders(
    exchange_at: ExchangeMaker,
    order: RequestMaker,
    actions: list[tuple[int, bool, int, int, str, str, int]],
) -> None:
    exchange = exchange_at(AT - timedelta(seconds=5), cash="200")
    event = exchange.world.events["KXHIGHNY-26JUL16"]

    for bracket, is_bid, cents, size, tif, stp, seconds in actions:
        ticker = event[bracket].ticker
        before = exchange.depth(event[bracket], exchange.advance())
        request = order(
            ticker,
            "bid" if is_bid else "ask",
            f"{size / 100:.2f}",
            f"0.{cents:02d}",
            time_in_force=tif,
            self_trade_prevention=stp,
        )
        held = (
            exchange.account.positions[ticker].count if ticker in exchange.account.positions else Decimal(0)
        )
        try:
            placed = exchange.create(request)
        except Refused:
            continue
        after = (
            exchange.account.positions[ticker].count if ticker in exchange.account.positions else Decimal(0)
        )
        stood = {100 - price: left for price, left in before[1]} if is_bid else dict(before[0])
        assert all(fill.count * 100 <= stood[int(fill.price * 100)] for fill in placed.fills)
        assert after - held == (placed.order.filled if is_bid else -placed.order.filled)
        assert placed.order.filled + placed.remaining <= placed.order.initial
        assert exchange.account.available >= 0
        assert is_balanced(exchange)
        exchange.clock.move_to(exchange.advance() + timedelta(seconds=seconds))
    exchange.clock.move_to(exchange.world.end)
    exchange.advance()
    account = exchange.account
    assert is_balanced(exchange)
    assert account.positions_cost == 0
    assert account.available == account.cash >= 0
    assert not account.resting()
