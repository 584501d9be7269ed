"""Selling what is held: a flatten sells what the book gives near its best bid, a strategy at its limit."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.trader.core.builders import NOW, book, event_contracts, holding, inputs, snapshot
from trader.core.cycle import decide, plan_cycle
from trader.core.exits import Exit, flatten, sellable
from trader.core.judging import Candidate, Judge
from trader.domain.markets import Level, MarketSnapshot
from trader.domain.plan import CycleInputs
from trader.domain.positions import Holding
from trader.domain.risk import StateChange
from trader.domain.types import (
    Action,
    MarketStatus,
    OrderPolicy,
    ReasonCode,
    Side,
    TimeInForce,
    TradingState,
)

D = Decimal
R = ReasonCode
BRACKETS = event_contracts()
MIDDLE = BRACKETS[2]


def order_to_sell(scope: str = "book", **changes: Any) -> StateChange:
    fields: dict[str, Any] = {
        "scope": scope, "state": TradingState.REDUCE_ONLY, "reason": R.OPERATOR_FLATTEN, "note": "out",
        "set_by": "ann", "set_at": NOW,
    }  # fmt: skip
    return StateChange(**fields | changes)


def holding_of(*held: Holding, snapshots: tuple[MarketSnapshot, ...] = (), **changes: Any) -> CycleInputs:
    quoted = snapshots or tuple(snapshot(c, book("0.40", "0.45")) for c in BRACKETS)
    return inputs(BRACKETS, quoted, [], **{"holdings": held, "states": (order_to_sell(),)} | changes)


def mine(side: Side = Side.YES, qty: str = "10", **changes: Any) -> Holding:
    return holding(MIDDLE, side, qty, "0.50", **changes)


def test_a_flatten_sells_each_position_at_the_bid_of_its_side() -> None:
    plan = plan_cycle(holding_of(mine(), holding(BRACKETS[3], Side.NO, "7", "0.50")))

    sales = {i.ticker: (i.action, i.side, i.qty, i.limit_price, i.time_in_force) for i in plan.intents}
    assert sales == {
        MIDDLE.ticker: (Action.REDUCE, Side.YES, D(10), D("0.40"), TimeInForce.IOC),
        BRACKETS[3].ticker: (Action.REDUCE, Side.NO, D(7), D("0.55"), TimeInForce.IOC),
    }
    assert {(d.ticker, d.allowed_qty, d.reasons) for d in plan.risk_decisions} == {
        (MIDDLE.ticker, D(10), (R.OPERATOR_FLATTEN,)),
        (BRACKETS[3].ticker, D(7), (R.OPERATOR_FLATTEN,)),
    }
    fee = D("0.0168") + D("0.0001")  # of 40 cents, rounded up, and one unit for rounding
    assert {i.worst_usd for i in plan.intents if i.ticker == MIDDLE.ticker} == {10 * fee}


def test_a_flatten_takes_what_stands_within_five_cents_of_the_best_bid_and_leaves_the_rest() -> None:
    levels = [("0.40", "3"), ("0.36", "4"), ("0.35", "2"), ("0.34", "100")]
    thin = book("0.40", "0.45").model_copy(
        update={"yes_bids": tuple(Level(price=D(p), size=D(s)) for p, s in levels)}
    )
    found = holding_of(mine(qty="50"), snapshots=(snapshot(MIDDLE, thin),))

    (sale,) = flatten(found, (order_to_sell(),))

    assert (sale.qty, sale.limit) == (D(9), D("0.35"))


@pytest.mark.parametrize(
    "changes",
    [
        {"captured_at": NOW - timedelta(seconds=31)},
        {"captured_at": NOW + timedelta(seconds=1)},
        {"status": MarketStatus.INACTIVE},
        {"close_time": NOW},
        {"book": None},
    ],
)
def test_a_flatten_waits_for_an_open_market_with_a_fresh_book(changes: dict[str, Any]) -> None:
    quotes = book("0.40", "0.45")
    if "captured_at" in changes:
        quotes = quotes.model_copy(update=changes)
        changes = {}
    market = snapshot(MIDDLE, quotes).model_copy(update=changes)

    assert flatten(holding_of(mine(), snapshots=(market,)), (order_to_sell(),)) == []


def test_a_flatten_leaves_alone_what_nobody_bids_for_and_other_scopes() -> None:
    nobody = book("0.40", "0.45").model_copy(update={"yes_bids": ()})

    assert flatten(holding_of(mine(), snapshots=(snapshot(MIDDLE, nobody),)), (order_to_sell(),)) == []
    assert flatten(holding_of(mine()), (order_to_sell("city:CHI"),)) == []
    assert len(flatten(holding_of(mine()), (order_to_sell("city:NYC"),))) == 1
    assert flatten(holding_of(mine()), ()) == []


def test_what_orders_under_way_sell_already_is_not_sold_again() -> None:
    closing = mine(Side.NO, "4", is_pending=True)
    more = mine(Side.YES, "5", is_pending=True)

    assert sellable(holding_of(mine(), closing, more)) == {MIDDLE.ticker: (Side.YES, D(6))}
    assert sellable(holding_of(mine(qty="4"), closing)) == {}


@pytest.mark.parametrize(
    ("reason", "sells"),
    [
        (R.OPERATOR_HALT, True),
        (R.HALT_FILE_PRESENT, True),
        (R.DAILY_LOSS_REACHED, True),
        (R.RECONCILIATION_BREAK, False),
        (R.EXCHANGE_PAUSED, False),
        (R.CLOCK_SKEW_TOO_LARGE, False),
        (R.SEND_IN_FLIGHT, False),
    ],
)
def test_a_flatten_passes_a_halt_unless_the_exchange_or_our_books_are_in_doubt(
    reason: ReasonCode, sells: bool
) -> None:
    halted = order_to_sell(state=TradingState.HALTED, reason=reason)

    plan = plan_cycle(holding_of(mine(), states=(order_to_sell(), halted)))

    assert bool(plan.intents) is sells
    assert [d.reasons for d in plan.risk_decisions] == [(R.OPERATOR_FLATTEN,) if sells else (reason,)]


def test_while_everything_is_sold_nothing_is_bought() -> None:
    plan = plan_cycle(holding_of(mine()))

    assert {i.action for i in plan.intents} == {Action.REDUCE}


def test_a_sale_of_the_same_slot_is_planned_once() -> None:
    found = holding_of(mine())
    (sale,) = plan_cycle(found).intents

    again = plan_cycle(found.model_copy(update={"taken_intents": (sale.intent_key,)}))

    assert again.intents == ()
    assert again.risk_decisions[0].reasons == (R.INTENT_EXISTS,)


# ---- a strategy's wishes, and how an order meets the book


def wish(**changes: Any) -> Exit:
    fields: dict[str, Any] = {
        "ticker": MIDDLE.ticker, "event_ticker": MIDDLE.event_ticker, "city_code": "NYC", "side": Side.YES,
        "qty": D(4), "limit": D("0.39"), "multiplier": D(1), "reason": R.EDGE_FOUND,
        "strategy": ("daily_high", "1"),
    }  # fmt: skip
    return Exit(**fields | changes)


def judged(found: CycleInputs, *wishes: Exit) -> Judge:
    judge = Judge(found)
    judge.exits = list(wishes)
    return judge


@pytest.mark.parametrize(
    ("state", "sells"),
    [(None, True), (TradingState.REDUCE_ONLY, True), (TradingState.HALTED, False)],
)
def test_a_strategys_wish_to_sell_is_sent_unless_the_machine_is_halted(
    state: TradingState | None, sells: bool
) -> None:
    states = () if state is None else (order_to_sell(state=state, reason=R.OPERATOR_HALT),)
    found = holding_of(mine(), states=states)

    decisions, intents = decide(found, judged(found, wish()), states)

    assert [(i.qty, i.limit_price, i.strategy_name) for i in intents] == (
        [(D(4), D("0.39"), "daily_high")] if sells else []
    )
    assert decisions[0].reasons == ((R.EDGE_FOUND,) if sells else (R.OPERATOR_HALT,))


def test_an_operators_order_to_sell_goes_before_a_strategys_wish() -> None:
    found = holding_of(mine())

    _, intents = decide(found, judged(found, wish()), (order_to_sell(),))

    assert [(i.qty, i.strategy_name) for i in intents] == [(D(10), "operator")]


def test_an_order_that_rests_never_takes_and_ends_before_the_next_cycle() -> None:
    from tests.unit.trader.core.test_cycle import newyork

    found = newyork(now=NOW + timedelta(microseconds=700), order_expiry_s=240)
    judge = Judge(found)
    judge.judge_events()
    judge.candidates = [Candidate(c.signal, c.trade, OrderPolicy.REST) for c in judge.candidates]

    _, intents = decide(found, judge, ())

    assert intents
    for intent in intents:
        assert (intent.time_in_force, intent.is_post_only) == (TimeInForce.GTC, True)
        assert intent.expires_at == NOW + timedelta(seconds=240)  # the exchange knows whole seconds
