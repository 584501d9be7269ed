"""Selling what is held: a flatten near the best bid, a strategy where its edge has reversed beyond costs."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.trader.core.builders import (
    DAY,
    NOW,
    book,
    event_contracts,
    forecast,
    holding,
    inputs,
    snapshot,
    weather,
)
from trader.core.cycle import decide, plan_cycle
from trader.core.edge import better_side
from trader.core.exits import Exit, flatten, reversal, sellable
from trader.core.fees import model_fee
from trader.core.judging import Judge
from trader.domain.markets import Level, MarketSnapshot
from trader.domain.plan import CycleInputs
from trader.domain.positions import Holding
from trader.domain.risk import Cap, GateLimits, RiskLimits, StateChange
from trader.domain.types import (
    Action,
    Decision,
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


# ---- where the edge has reversed


def forecast_elsewhere(*held: Holding, **changes: Any) -> CycleInputs:
    """The middle bracket is bid at 40 cents; the forecast has moved ten degrees away from it."""
    quoted = tuple(
        snapshot(c, book("0.40", "0.44") if c is MIDDLE else book("0.01", "0.04")) for c in BRACKETS
    )
    report = weather("NYC", forecast(90.0))
    return inputs(BRACKETS, quoted, [report], **{"holdings": held, "gates": BELIEVING} | changes)


BELIEVING = GateLimits(max_edge_usd=D("0.95"))


def test_a_position_whose_edge_has_reversed_beyond_costs_is_sold_and_says_so() -> None:
    found = forecast_elsewhere(mine())

    plan = plan_cycle(found)

    (sale,) = plan.intents
    signal = next(s for s in plan.signals if s.ticker == MIDDLE.ticker)
    gain = D("0.40") - model_fee(D(1), D("0.40"), D(1)) - (signal.p_yes or D(0))
    assert gain > found.gates.min_exit_edge_usd
    assert (sale.action, sale.side, sale.qty, sale.limit_price) == (Action.REDUCE, Side.YES, D(10), D("0.40"))
    assert (sale.time_in_force, sale.strategy_name) == (TimeInForce.IOC, "daily_high")
    assert signal.decision is Decision.HOLD
    assert signal.reasons[0] is R.EDGE_REVERSED
    decided = {d.ticker: d.reasons for d in plan.risk_decisions}
    assert decided.pop(MIDDLE.ticker) == (R.EDGE_REVERSED,)
    assert set(decided.values()) <= {(R.INTENT_EXISTS,)}  # nothing is opened where something is sold


@pytest.mark.parametrize(("cap", "reason"), [("40", R.EDGE_REVERSED), ("10", R.CITY_EXPOSURE_EXCEEDED)])
@pytest.mark.parametrize("both", [False, True])
def test_half_a_hedge_is_not_sold_where_the_other_half_would_stand_above_a_cap(
    cap: str, reason: ReasonCode, both: bool
) -> None:
    other = BRACKETS[3]  # only one of the two can lose: 4 dollars at worst, the other alone 12
    held = tuple(holding(c, Side.NO, "20", "0.60") for c in (MIDDLE, other))
    quoted = tuple(
        snapshot(c, book("0.01", "0.05") if c is MIDDLE or (both and c is other) else book("0.30", "0.34"))
        for c in BRACKETS
    )
    limits = RiskLimits(city=Cap(usd=D(cap), fraction=D(1)))

    plan = plan_cycle(
        inputs(
            BRACKETS, quoted, [weather("NYC", forecast(85.5))], gates=BELIEVING, holdings=held, limits=limits
        )
    )

    decided = {d.ticker: d.reasons for d in plan.risk_decisions if d.ticker in (MIDDLE.ticker, other.ticker)}
    wanted = R.EDGE_REVERSED if both else reason  # both halves may go
    assert decided[MIDDLE.ticker] == (wanted,)
    sold = {i.ticker for i in plan.intents if i.action is Action.REDUCE}
    assert (MIDDLE.ticker in sold) is (wanted is R.EDGE_REVERSED)
    assert (other.ticker in sold) is both


def test_what_a_sale_leaves_unhedged_takes_the_room_of_what_is_bought_beside_it() -> None:
    """Found by seed 18926 of tier A: the hedge was still counted, so the city stood above its cap."""
    other = BRACKETS[3]
    tomorrow = event_contracts(day=DAY + timedelta(days=1), open_time=NOW - timedelta(hours=1))
    held = tuple(
        holding(c, Side.NO, "20", "0.60") for c in (MIDDLE, other)
    )  # 4 dollars at worst, one alone 12
    quoted = tuple(
        snapshot(c, book("0.01", "0.05") if c is MIDDLE else book("0.30", "0.33"))
        for c in (*BRACKETS, *tomorrow)
    )
    report = weather("NYC", forecast(85.5), forecast(85.5, day=DAY + timedelta(days=1)))
    limits = RiskLimits(city=Cap(usd=D(14), fraction=D(1)))

    plan = plan_cycle(
        inputs((*BRACKETS, *tomorrow), quoted, [report], gates=BELIEVING, holdings=held, limits=limits)
    )

    assert [i.ticker for i in plan.intents if i.action is Action.REDUCE] == [MIDDLE.ticker]
    (bought,) = [i for i in plan.intents if i.action is Action.OPEN]
    assert bought.event_ticker == tomorrow[0].event_ticker
    assert bought.worst_usd <= 14 - 12


def test_no_is_sold_at_the_bids_for_no() -> None:
    quoted = tuple(snapshot(c, book("0.01", "0.05")) for c in BRACKETS)
    likely = inputs(BRACKETS, quoted, [weather("NYC", forecast(84.5))], gates=BELIEVING,
                    holdings=(mine(Side.NO),))  # fmt: skip

    (sale,) = (i for i in plan_cycle(likely).intents if i.action is Action.REDUCE)

    assert (sale.side, sale.qty, sale.limit_price) == (Side.NO, D(10), D("0.95"))


@pytest.mark.parametrize("states", [(), (order_to_sell(reason=R.OPERATOR_HALT),)])
@pytest.mark.parametrize(
    "changes",
    [
        {"gates": GateLimits()},  # a gain of 0.38 is likelier our error
        {"gates": GateLimits(max_edge_usd=D("0.95"), min_exit_edge_usd=D("0.60"))},
        {"weather": ()},
        {"weather": (weather("NYC", forecast(90.0), is_fetch_stale=True),)},
        {"min_forecast_pairs": 30},
        {"contracts": BRACKETS[:-1]},
        {"contracts": tuple(c.model_copy(update={"fee_type": "flat"}) for c in BRACKETS)},
        {"contracts": tuple(c.model_copy(update={"terms_hash": "b" * 64}) for c in BRACKETS)},
        {"snapshots": (snapshot(MIDDLE, book("0.46", "0.44")),)},
        {"snapshots": (snapshot(MIDDLE, book("0.40", "0.44", at=NOW - timedelta(seconds=31))),)},
    ],
)  # fmt: skip
def test_nothing_is_sold_on_a_forecast_terms_or_a_book_that_are_not_trusted(
    changes: dict[str, Any], states: tuple[StateChange, ...]
) -> None:
    plan = plan_cycle(forecast_elsewhere(mine(), states=states).model_copy(update=changes))

    assert [i for i in plan.intents if i.action is Action.REDUCE] == []
    assert all(R.EDGE_REVERSED not in s.reasons for s in plan.signals)


def reduce_only(scope: str = "book", **changes: Any) -> StateChange:
    return order_to_sell(scope, **{"reason": R.OPERATOR_HALT} | changes)


@pytest.mark.parametrize("scope", ["book", "city:NYC", f"market:{MIDDLE.ticker}"])
def test_where_only_reductions_are_allowed_a_reversed_position_is_sold_and_nothing_is_bought(
    scope: str,
) -> None:
    plan = plan_cycle(forecast_elsewhere(mine(), states=(reduce_only(scope),)))

    assert [(i.action, i.ticker, i.qty, i.strategy_name) for i in plan.intents] == [
        (Action.REDUCE, MIDDLE.ticker, D(10), "daily_high")
    ]
    assert {d.ticker: d.reasons for d in plan.risk_decisions}[MIDDLE.ticker] == (R.EDGE_REVERSED,)


WIDE = {"gates": GateLimits(max_edge_usd=D("0.95"), max_uncertainty_f=1.0)}


def at_noon_of_the_day(*states: StateChange) -> CycleInputs:
    """Noon standard time of the day itself, past the hour at which openings end."""
    noon = datetime(2026, 7, 16, 17, 0, tzinfo=UTC)
    quoted = tuple(
        snapshot(c, book("0.40", "0.44", at=noon) if c is MIDDLE else book("0.01", "0.04", at=noon))
        for c in BRACKETS
    )
    report = weather("NYC", forecast(90.0, issued_at=noon - timedelta(hours=1)),
                     captured_at=noon, fetched_at=noon, climate_date=DAY)  # fmt: skip
    return inputs(BRACKETS, quoted, [report], now=noon, holdings=(mine(),), gates=BELIEVING, states=states)


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (at_noon_of_the_day(), R.DAY_TOO_ADVANCED),
        (forecast_elsewhere(mine(), **WIDE), R.UNCERTAINTY_TOO_HIGH),
    ],
)
def test_what_keeps_out_new_risk_keeps_a_sale_out_unless_less_risk_is_asked_for(
    found: CycleInputs, reason: ReasonCode
) -> None:
    def sold(*states: StateChange) -> list[tuple[Action, str]]:
        plan = plan_cycle(found.model_copy(update={"states": states}))
        assert reason in next(s for s in plan.signals if s.ticker == MIDDLE.ticker).reasons
        return [(i.action, i.ticker) for i in plan.intents]

    assert sold() == []
    assert sold(reduce_only("city:CHI")) == []
    assert sold(reduce_only(until=found.now)) == []
    assert sold(reduce_only(), reduce_only("city:NYC", state=TradingState.HALTED)) == []
    assert sold(reduce_only()) == [(Action.REDUCE, MIDDLE.ticker)]
    assert sold(reduce_only("city:NYC")) == [(Action.REDUCE, MIDDLE.ticker)]


def test_what_stops_an_opening_does_not_stop_a_sale() -> None:
    wide = (snapshot(MIDDLE, book("0.40", None, "3")),)
    (sale,) = plan_cycle(forecast_elsewhere(mine()).model_copy(update={"snapshots": wide})).intents

    assert (sale.qty, sale.limit_price) == (D(3), D("0.40"))


CENTS = st.integers(1, 99).map(lambda c: D(c) / 100)


@given(
    p=st.integers(0, 1_000_000).map(lambda n: D(n) / 1_000_000),
    bids=st.lists(st.tuples(CENTS, st.integers(1, 50)), max_size=5, unique_by=lambda level: level[0]),
    ask=CENTS,
    side=st.sampled_from(list(Side)),
    qty=st.integers(1, 60),
)
def test_a_sale_brings_the_margin_on_every_level_and_no_book_calls_for_both(
    p: Decimal, bids: list[tuple[Decimal, int]], ask: Decimal, side: Side, qty: int
) -> None:
    levels = tuple(Level(price=price, size=D(size)) for price, size in sorted(bids, reverse=True))
    other = (Level(price=1 - ask, size=D(20)),)
    quotes = book("0.40", "0.44").model_copy(
        update={"yes_bids": levels, "no_bids": other}
        if side is Side.YES
        else {"no_bids": levels, "yes_bids": other}
    )
    market = snapshot(MIDDLE, quotes)
    gates = GateLimits(max_edge_usd=D(1))
    p_yes = p if side is Side.YES else 1 - p

    wish = reversal(
        inputs(BRACKETS, (market,), [], gates=gates), MIDDLE, market, (side, D(qty)), p_yes, ("s", "1")
    )

    is_crossed = bool(levels) and levels[0].price >= ask
    worth = [
        (price, size)
        for price, size in bids
        if price - D("0.07") * price * (1 - price) - p >= gates.min_exit_edge_usd
    ]
    if is_crossed or not worth:
        assert wish is None
        return
    assert wish is not None
    assert wish.limit == min(price for price, _ in worth)
    assert wish.qty == min(qty, sum(size for _, size in worth))
    best = better_side(quotes, p_yes, D(20), D(1))
    if best is not None and best.side is side:
        assert best.edge(p_yes) < gates.min_edge_usd


# ---- a strategy's wishes, and how an order meets the book


def wish(**changes: Any) -> Exit:
    fields: dict[str, Any] = {
        "ticker": MIDDLE.ticker, "event_ticker": MIDDLE.event_ticker, "city_code": "NYC", "side": Side.YES,
        "qty": D(4), "limit": D("0.39"), "multiplier": D(1), "reason": R.EDGE_REVERSED,
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
    assert decisions[0].reasons == ((R.EDGE_REVERSED,) if sells else (R.OPERATOR_HALT,))


def test_an_operators_order_to_sell_goes_before_a_strategys_wish() -> None:
    found = holding_of(mine())

    _, intents = decide(found, judged(found, wish()), (order_to_sell(),))

    assert [(i.qty, i.strategy_name) for i in intents] == [(D(10), "operator")]


def test_an_order_that_rests_never_takes_and_ends_before_the_next_cycle() -> None:
    quoted = tuple(snapshot(c, book("0.05", "0.10")) for c in BRACKETS)
    gates = GateLimits(max_spread_usd=D("0.05"))
    found = inputs(BRACKETS, quoted, [weather("NYC", forecast(85.0))], gates=gates, order_expiry_s=240,
                   now=NOW + timedelta(microseconds=700), order_policy=OrderPolicy.REST)  # fmt: skip

    plan = plan_cycle(found)

    assert plan.intents
    for intent in plan.intents:
        signal = next(s for s in plan.signals if s.ticker == intent.ticker)
        assert (intent.side, intent.limit_price) == (Side.YES, D("0.06"))  # one cent above the best bid
        assert (signal.price, signal.fee) == (D("0.06"), D(0))  # makers pay nothing in this series
        assert signal.edge == (signal.p_yes or D(0)) - D("0.06")
        assert (intent.time_in_force, intent.is_post_only) == (TimeInForce.GTC, True)
        assert intent.expires_at == NOW + timedelta(seconds=240)  # the exchange knows whole seconds
