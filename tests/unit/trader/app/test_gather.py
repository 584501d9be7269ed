"""Gathering: sorted inputs, exposure of everything that may still cost money, halts of the venue."""

from datetime import timedelta
from decimal import Decimal

import pytest

from tests.fakes.desk import MODE, Desk, wish
from tests.unit.trader.core import builders as b
from trader.app.books import reconcile
from trader.app.conditions import MAX_SKEW_S
from trader.app.gather import gather
from trader.app.halt import states_in_force
from trader.app.holdings import holdings
from trader.domain.canonical import content_hash
from trader.domain.errors import TransientError
from trader.domain.fees import trade_fee
from trader.domain.orders import Refused, Unknown
from trader.domain.plan import RefusedMarket
from trader.domain.types import ReasonCode, Side, TimeInForce

D = Decimal


@pytest.mark.story("4.8")
def test_inputs_do_not_depend_on_the_order_of_arrival(desk: Desk) -> None:
    desk.show("CHI", "MIA")
    first = gather(desk.trader, "one", ["NYC", "CHI", "MIA"])

    desk.markets.contracts = desk.markets.contracts[::-1]
    desk.weather.snapshots = dict(reversed(desk.weather.snapshots.items()))
    again = gather(desk.trader, "one", ["NYC", "CHI", "MIA"])

    assert content_hash(again) == content_hash(first)
    assert [w.city_code for w in first.weather] == ["CHI", "MIA", "NYC"]
    assert len(first.snapshots) == 18


def test_only_the_named_cities_are_looked_at(desk: Desk) -> None:
    desk.show("CHI")

    inputs = gather(desk.trader, "one", ["CHI"])

    assert {c.city_code for c in inputs.contracts} == {w.city_code for w in inputs.weather} == {"CHI"}


def test_market_data_that_do_not_answer_raise(desk: Desk) -> None:
    desk.markets.error = TransientError("no answer")

    with pytest.raises(TransientError):
        gather(desk.trader, "one", ["NYC"])


@pytest.mark.story("4.9")
def test_inputs_carry_what_all_cities_hold_whichever_are_looked_at(desk: Desk) -> None:
    desk.submit(wish())
    reconcile(desk.trader)

    (held,) = gather(desk.trader, "one", ["CHI"]).holdings

    assert held.city_code == "NYC"


@pytest.mark.story("4.4")
def test_a_position_costs_what_was_paid_with_its_fee(desk: Desk) -> None:
    desk.store.markets.save_contracts([b.contract(84, 85)], at=b.NOW)
    desk.submit(wish())
    reconcile(desk.trader)

    (held,) = holdings(desk.trader)

    assert (held.qty, held.side, held.is_pending, held.is_exclusive) == (D(10), Side.YES, False, True)
    assert held.qty * held.cost_usd == D("1.10") + trade_fee(D(10), D("0.11"), D(1))


@pytest.mark.story("4.4")
def test_an_order_of_unknown_fate_counts_as_if_it_filled(desk: Desk) -> None:
    desk.exchange.answers = [Unknown(why="time-out")]
    desk.submit(wish())

    (held,) = holdings(desk.trader)

    assert (held.qty, held.is_pending) == (D(10), True)
    assert held.cost_usd >= D("0.11") + trade_fee(D(10), D("0.11"), D(1)) / 10


@pytest.mark.story("4.4")
def test_of_a_resting_order_only_what_may_still_fill_counts_beside_the_position(desk: Desk) -> None:
    desk.exchange.answers = [lambda intent: desk.exchange.take(intent, D(4))]
    expires_at = desk.clock.now() + timedelta(seconds=240)
    desk.submit(wish(time_in_force=TimeInForce.GTC, expires_at=expires_at))
    reconcile(desk.trader)

    assert [(h.qty, h.is_pending) for h in holdings(desk.trader)] == [(D(4), False), (D(6), True)]


def test_a_rejected_order_counts_nothing(desk: Desk) -> None:
    desk.exchange.answers = [Refused(status=400, code="x")]
    desk.submit(wish())

    assert holdings(desk.trader) == ()


def test_a_market_whose_terms_are_unknown_offsets_nothing(desk: Desk) -> None:
    desk.exchange.answers = [Unknown(why="time-out")]
    desk.submit(wish(ticker="KXHIGHNY-26JUL16-B70.5"))

    (held,) = holdings(desk.trader)

    assert not held.is_exclusive


def test_intents_of_this_slot_are_known_to_the_plan(desk: Desk) -> None:
    desk.submit(wish(slot="one"))
    desk.submit(wish(2, slot="two"))

    assert gather(desk.trader, "one", ["NYC"]).taken_intents == (f"{1:064x}",)
    assert desk.store.orders.taken_intents(MODE, "three") == ()


def in_force(desk: Desk) -> set[tuple[str, ReasonCode]]:
    found = states_in_force(desk.store, desk.halt_file, MODE, desk.clock)
    return {(s.scope, s.reason) for s in found}


@pytest.mark.parametrize(
    ("is_trading", "skew_s", "expected"),
    [
        (True, None, set()),
        (True, MAX_SKEW_S, set()),
        (True, -MAX_SKEW_S - 0.1, {ReasonCode.CLOCK_SKEW_TOO_LARGE}),
        (False, 0.0, {ReasonCode.EXCHANGE_PAUSED}),
        (False, 60.0, {ReasonCode.EXCHANGE_PAUSED, ReasonCode.CLOCK_SKEW_TOO_LARGE}),
    ],
)
def test_halts_of_the_venue_begin_and_end_with_their_cause_and_are_told_once(
    desk: Desk, is_trading: bool, skew_s: float | None, expected: set[ReasonCode]
) -> None:
    desk.markets.is_trading, desk.markets.skew_s = is_trading, skew_s

    for _ in range(3):
        inputs = gather(desk.trader, "one", ["NYC"])

    assert {s.reason for s in inputs.states} == expected
    assert in_force(desk) == {("book", reason) for reason in expected}
    assert len(desk.store.risk.recent_events()) == len(expected)
    desk.markets.is_trading, desk.markets.skew_s = True, 0.0
    assert gather(desk.trader, "one", ["NYC"]).states == ()
    assert len(desk.store.risk.recent_events()) == 2 * len(expected)


def test_stale_weather_halts_its_city_until_it_is_fetched_again(desk: Desk) -> None:
    desk.show("CHI")
    fresh = desk.weather.snapshots["CHI"]
    desk.weather.snapshots["CHI"] = fresh.model_copy(update={"is_fetch_stale": True})

    gather(desk.trader, "one", ["NYC", "CHI"])
    assert in_force(desk) == {("city:CHI", ReasonCode.WEATHER_STALE)}
    desk.weather.snapshots["CHI"] = fresh
    gather(desk.trader, "one", ["NYC"])
    assert in_force(desk) == {("city:CHI", ReasonCode.WEATHER_STALE)}  # Chicago was not looked at
    gather(desk.trader, "one", ["CHI"])

    assert in_force(desk) == set()


def test_an_unreadable_market_is_frozen_and_told_once_until_it_can_be_read_again(desk: Desk) -> None:
    refused = RefusedMarket(
        ticker="KXHIGHNY-26JUL16-T99",
        event_ticker="KXHIGHNY-26JUL16",
        city_code="NYC",
        reason=ReasonCode.PAYLOAD_MALFORMED,
        detail="yes_bid: expected a price, found text",
    )
    desk.markets.refused = (refused,)

    for _ in range(3):
        gather(desk.trader, "one", ["NYC"])

    frozen = ("market:KXHIGHNY-26JUL16-T99", ReasonCode.PAYLOAD_MALFORMED)
    assert frozen in in_force(desk)
    assert len(desk.events("PAYLOAD_MALFORMED")) == 1
    desk.markets.refused = ()
    gather(desk.trader, "one", ["CHI"])  # New York's series was not looked at
    assert frozen in in_force(desk)
    gather(desk.trader, "one", ["NYC"])
    assert frozen not in in_force(desk)
