"""The simulated account: fills from seen depth, exact fees, and the same account after a restart."""

import sys
import weakref
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.clock import FakeClock
from tests.fakes.samples import NOW, intent, resting
from tests.fakes.venue import unfenced
from trader.adapters.shadow.exchange import ShadowExchange
from trader.domain.errors import InvariantViolation
from trader.domain.fees import trade_fee
from trader.domain.markets import Contract, Level, MarketSnapshot, OrderBook
from trader.domain.orders import Accepted, Canceled, MarketResult, Order, Refused, Unknown
from trader.domain.signals import OrderIntent
from trader.domain.types import Action, MarketStatus, MarketType, OrderStatus, Side, TradingMode
from trader.ports.exchange import MarketView

D = Decimal
TICKER, EVENT = "KXHIGHNY-26JUL16-B85.5", "KXHIGHNY-26JUL16"
CONTRACT = Contract(
    ticker=TICKER,
    event_ticker=EVENT,
    series_ticker="KXHIGHNY",
    city_code="NYC",
    market_type=MarketType.HIGH,
    climate_date=date(2026, 7, 16),
    label="85° to 86°",
    lo=85,
    hi=86,
    open_time=NOW - timedelta(days=1),
    close_time=NOW + timedelta(hours=13),
    rules_text="r",
    rules_url="",
    rules_hash="0" * 64,
    settlement_source="National Weather Service",
    station="KNYC",
    fee_type="quadratic",
    fee_multiplier=D(1),
    tick=D("0.01"),
    terms_hash="0" * 64,
)


def levels(*pairs: tuple[str, str]) -> tuple[Level, ...]:
    return tuple(Level(price=D(price), size=D(size)) for price, size in pairs)


YES_BIDS = levels(("0.30", "8"), ("0.29", "50"))
NO_BIDS = levels(("0.66", "5"), ("0.65", "7"), ("0.60", "100"))  # YES asks 0.34 x 5, 0.35 x 7, 0.40 x 100


def view(
    *,
    yes: Sequence[Level] = YES_BIDS,
    no: Sequence[Level] = NO_BIDS,
    status: MarketStatus = MarketStatus.ACTIVE,
) -> MarketView:
    book = OrderBook(captured_at=NOW, yes_bids=tuple(yes), no_bids=tuple(no))
    snapshot = MarketSnapshot(
        ticker=TICKER,
        event_ticker=EVENT,
        city_code="NYC",
        market_type=MarketType.HIGH,
        climate_date=date(2026, 7, 16),
        captured_at=NOW,
        status=status,
        yes_bid=book.best_bid,
        yes_ask=book.best_ask,
        volume=D(0),
        open_interest=D(0),
        close_time=CONTRACT.close_time,
        rules_url="",
        terms_hash="0" * 64,
        book=book,
    )
    return MarketView(contracts=(CONTRACT,), snapshots=(snapshot,), refused=(), payloads=())


def shadow(**settings: Any) -> tuple[ShadowExchange, FakeClock]:
    clock = FakeClock()
    exchange = ShadowExchange(clock=clock, **settings)
    exchange.see(view())
    return exchange, clock


def order(number: int = 1, **changes: Any) -> OrderIntent:
    return intent(mode=TradingMode.SHADOW, client_order_id=f"c-{number}", **changes)


def result(outcome: Any = "yes") -> MarketResult:
    return MarketResult(
        ticker=TICKER,
        event_ticker=EVENT,
        climate_date=date(2026, 7, 16),
        result=outcome,
        value=85,
        determined_at=NOW + timedelta(hours=23),
    )


def test_order_walks_the_depth_up_to_its_limit_and_pays_resting_prices() -> None:
    exchange, _ = shadow()

    outcome = exchange.create_order(order(qty=D(20), limit_price=D("0.35")), fence=unfenced)

    assert outcome == Accepted(kalshi_order_id="shadow-c-1", filled_qty=D(0), remaining_qty=D(20))
    fills = exchange.get_fills()
    assert [(fill.price, fill.qty, fill.side) for fill in fills] == [
        (D("0.34"), D(5), Side.YES),
        (D("0.35"), D(7), Side.YES),
    ]
    assert [fill.fee for fill in fills] == [trade_fee(D(5), D("0.34"), D(1)), D("0.1115")]
    (listed,) = exchange.list_orders()
    assert (listed.status, listed.filled_qty, listed.remaining_qty) == ("canceled", D(12), D(0))
    paid = sum((fill.price * fill.qty + fill.fee for fill in fills), D(0))
    assert exchange.get_balance().cash_usd == D(5000) - paid


def test_no_is_bought_against_yes_bids() -> None:
    exchange, _ = shadow()

    exchange.create_order(order(side=Side.NO, qty=D(10), limit_price=D("0.71")), fence=unfenced)

    assert [(fill.price, fill.qty, fill.side) for fill in exchange.get_fills()] == [
        (D("0.70"), D(8), Side.NO),
        (D("0.71"), D(2), Side.NO),
    ]
    assert [position.position for position in exchange.get_positions()] == [D(-10)]


def test_liquidity_of_one_look_is_not_taken_twice_until_the_level_changes() -> None:
    exchange, _ = shadow()
    exchange.create_order(order(1, qty=D(3), limit_price=D("0.34")), fence=unfenced)

    exchange.create_order(order(2, qty=D(5), limit_price=D("0.34")), fence=unfenced)
    exchange.see(view())
    exchange.create_order(order(3, qty=D(5), limit_price=D("0.34")), fence=unfenced)
    exchange.see(view(no=levels(("0.66", "6"))))
    exchange.create_order(order(4, qty=D(10), limit_price=D("0.34")), fence=unfenced)

    assert [listed.filled_qty for listed in exchange.list_orders()] == [D(3), D(2), D(0), D(6)]


def test_reduction_sells_what_is_held_and_never_turns_the_position() -> None:
    exchange, _ = shadow()
    exchange.create_order(order(1, qty=D(5), limit_price=D("0.34")), fence=unfenced)
    cash = exchange.get_balance().cash_usd

    exchange.create_order(order(2, qty=D(9), action=Action.REDUCE, limit_price=D("0.29")), fence=unfenced)

    (_, sale) = exchange.get_fills()
    assert (sale.side, sale.price, sale.qty) == (Side.NO, D("0.70"), D(5))
    assert exchange.get_positions() == ()
    assert exchange.get_balance().cash_usd == cash + 5 * D("0.30") - sale.fee


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"qty": D(20000), "limit_price": D("0.40")}, "insufficient_balance"),
        ({"ticker": "KXHIGHNY-26JUL16-T99"}, "not_found"),
    ],
)
def test_order_the_exchange_would_refuse_is_refused(changes: dict[str, Any], code: str) -> None:
    exchange, _ = shadow()

    outcome = exchange.create_order(order(**changes), fence=unfenced)

    assert isinstance(outcome, Refused)
    assert outcome.code == code
    assert exchange.get_fills() == ()


def test_closed_paused_or_foreign_orders_are_not_filled() -> None:
    exchange, clock = shadow()
    exchange.see(view(status=MarketStatus.INACTIVE))
    assert exchange.create_order(order(1), fence=unfenced) == Refused(status=409, code="market_closed")
    exchange.see(view())
    clock.advance(14 * 3600)
    assert exchange.create_order(order(2), fence=unfenced) == Refused(status=409, code="market_closed")
    with pytest.raises(InvariantViolation):
        exchange.create_order(intent(), fence=unfenced)


def test_client_id_is_single_use_like_on_the_exchange() -> None:
    exchange, _ = shadow()
    exchange.create_order(order(1), fence=unfenced)

    assert exchange.create_order(order(1), fence=unfenced) == Unknown(why="order_already_exists")


def test_resting_remainder_never_fills_and_expires() -> None:
    exchange, clock = shadow()
    resting_order = resting(mode=TradingMode.SHADOW, client_order_id="c-1", qty=D(8), limit_price=D("0.34"))

    assert exchange.create_order(resting_order, fence=unfenced) == Accepted(
        kalshi_order_id="shadow-c-1", filled_qty=D(0), remaining_qty=D(8)
    )
    (listed,) = exchange.list_orders()
    assert (listed.status, listed.filled_qty, listed.remaining_qty) == ("resting", D(5), D(3))
    clock.advance(241)
    assert [listed.status for listed in exchange.list_orders()] == ["canceled"]
    assert exchange.cancel_order("shadow-c-1", TICKER, fence=unfenced) == Unknown(why="not_found")


def test_a_closed_market_that_is_shown_no_more_is_forgotten_and_what_rested_in_it_is_canceled() -> None:
    exchange, clock = shadow()
    exchange.create_order(
        resting(mode=TradingMode.SHADOW, client_order_id="c-1", limit_price=D("0.10")), fence=unfenced
    )
    first = view()
    kept = weakref.ref(first.snapshots[0])
    exchange.see(first)
    del first
    nothing = MarketView(contracts=(), snapshots=(), refused=(), payloads=())

    exchange.see(nothing)
    assert kept() is not None
    clock.advance(14 * 3600)
    exchange.see(nothing)

    assert kept() is None
    assert [listed.status for listed in exchange.list_orders()] == ["canceled"]


def test_resting_order_can_be_cancelled_once() -> None:
    exchange, _ = shadow()
    exchange.create_order(
        resting(mode=TradingMode.SHADOW, client_order_id="c-1", limit_price=D("0.10")), fence=unfenced
    )

    assert isinstance(exchange.cancel_order("shadow-c-1", TICKER, fence=unfenced), Canceled)
    assert exchange.cancel_order("shadow-c-1", TICKER, fence=unfenced) == Unknown(why="not_found")


@pytest.mark.parametrize(("outcome", "revenue"), [("yes", D(5)), ("no", D(0))])
def test_settlement_pays_each_market_once(outcome: str, revenue: Decimal) -> None:
    exchange, _ = shadow()
    exchange.create_order(order(1, qty=D(5), limit_price=D("0.34")), fence=unfenced)
    cash = exchange.get_balance().cash_usd

    (paid,) = exchange.settle([result(outcome)])

    assert (paid.revenue_usd, paid.yes_qty, paid.no_qty) == (revenue, D(5), D(0))
    assert exchange.get_balance().cash_usd == cash + revenue
    assert exchange.settle([result(outcome)]) == ()
    assert exchange.get_positions() == ()
    assert exchange.get_settlements() == (paid,)
    assert exchange.get_settlements(paid.settled_at + timedelta(seconds=1)) == ()


trades = st.lists(
    st.tuples(
        st.sampled_from(list(Side)), st.sampled_from(list(Action)), st.integers(1, 30), st.integers(1, 99)
    ),
    max_size=8,
)


@given(trades, st.sampled_from([None, "yes", "no"]))
def test_account_restored_from_our_books_is_the_same_account(
    wanted: list[tuple[Side, Action, int, int]], outcome: str | None
) -> None:
    exchange, clock = shadow()
    for number, (side, action, qty, cents) in enumerate(wanted):
        exchange.create_order(
            order(number, side=side, action=action, qty=D(qty), limit_price=D(cents) / 100), fence=unfenced
        )
        exchange.see(view(yes=levels(("0.30", str(10 + number))), no=levels(("0.66", str(10 + number)))))
        clock.advance(1)
    exchange.settle([result(outcome)] if outcome else [])

    again = ShadowExchange(
        clock=clock,
        capital_usd=D(5000),
        fills=exchange.get_fills(),
        settlements=exchange.get_settlements(),
    )

    assert again.get_balance() == exchange.get_balance()
    assert again.get_positions() == exchange.get_positions()
    fees = sum((fill.fee for fill in exchange.get_fills()), D(0))
    held = exchange.get_positions()
    realized = sum((position.realized_pnl_usd for position in held), D(0))
    exposure = sum((position.exposure_usd for position in held), D(0))
    if held:
        assert abs(exchange.get_balance().cash_usd - (5000 + realized - exposure - fees)) < D("1e-20")


def test_orders_of_our_books_are_listed_again_after_a_restart() -> None:
    kept = Order(
        client_order_id="c-1",
        intent_key="k",
        kalshi_order_id="shadow-c-1",
        mode=TradingMode.SHADOW,
        ticker=TICKER,
        event_ticker=EVENT,
        city_code="NYC",
        side=Side.YES,
        action=Action.REDUCE,
        status=OrderStatus.RESTING,
        qty=D(5),
        filled_qty=D(2),
        limit_price=D("0.40"),
        time_in_force=resting().time_in_force,
        expires_at=NOW + timedelta(seconds=60),
        created_at=NOW,
        updated_at=NOW,
    )
    never_sent = kept.model_copy(update={"client_order_id": "c-2", "kalshi_order_id": None})
    exchange, clock = shadow(orders=[kept, never_sent])

    (listed,) = exchange.list_orders()

    assert (listed.status, listed.side, listed.limit_price, listed.remaining_qty) == (
        "resting",
        Side.NO,
        D("0.60"),
        D(3),
    )
    assert exchange.create_order(order(1), fence=unfenced) == Unknown(why="order_already_exists")
    clock.advance(61)
    assert exchange.list_orders()[0].status == "canceled"


def test_an_order_whose_fills_were_not_booked_before_a_kill_filled_nothing() -> None:
    kept = Order(
        client_order_id="c-1",
        intent_key="k",
        kalshi_order_id="shadow-c-1",
        mode=TradingMode.SHADOW,
        ticker=TICKER,
        event_ticker=EVENT,
        city_code="NYC",
        side=Side.YES,
        action=Action.OPEN,
        status=OrderStatus.RESTING,
        qty=D(5),
        limit_price=D("0.40"),
        time_in_force=order().time_in_force,
        created_at=NOW,
        updated_at=NOW,
    )

    (listed,) = shadow(orders=[kept])[0].list_orders()

    assert (listed.status, listed.filled_qty, listed.remaining_qty) == ("canceled", D(0), D(0))


def test_shadow_has_no_way_out() -> None:
    import trader.adapters.shadow.exchange as module

    reachable = {name for name in vars(module) if not name.startswith("__")}
    modules = {getattr(vars(module)[name], "__module__", "") or "" for name in reachable}

    assert not any(
        name.startswith(("httpx", "socket", "cryptography", "trader.adapters.kalshi")) for name in modules
    )
    assert ShadowExchange(clock=FakeClock()).authenticate() == "shadow"
    assert "trader.adapters.http" not in vars(sys.modules["trader.adapters.shadow.exchange"])
