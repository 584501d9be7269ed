"""Orders in the exchange's words, and the account in ours."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.samples import NOW, exchange_case, intent, resting
from trader.adapters.fields import Fields
from trader.adapters.kalshi import portfolio
from trader.domain.errors import InvariantViolation, MalformedPayload
from trader.domain.types import Action, Side, TimeInForce, TradingMode

D = Decimal
FILL = exchange_case("fills__after_taker")["response_body"]["fills"][0]
ORDER = exchange_case("portfolio__orders_list")["response_body"]["orders"][0]
POSITION = exchange_case("portfolio__positions")["response_body"]["market_positions"][0]
BALANCE = exchange_case("auth__balance_ok")["response_body"]
SETTLEMENT = {
    "ticker": "KXHIGHNY-26JUL16-B85.5",
    "event_ticker": "KXHIGHNY-26JUL16",
    "exchange_index": 0,
    "market_result": "no",
    "yes_count_fp": "0.00",
    "yes_total_cost_dollars": "0.000000",
    "no_count_fp": "12.00",
    "no_total_cost_dollars": "7.200000",
    "revenue": 1200,
    "settled_time": "2026-07-17T14:15:00Z",
    "fee_cost": "0.201600",
    "value": 0,
}


@pytest.mark.story("3.3")
def test_every_price_side_and_action_lands_on_the_right_side_of_the_one_book() -> None:
    for cents in range(1, 100):
        price = D(cents) / 100
        for side in Side:
            for action in Action:
                body = portfolio.create_body(intent(side=side, action=action, limit_price=price))

                buys_yes = (side, action) in ((Side.YES, Action.OPEN), (Side.NO, Action.REDUCE))
                assert body["side"] == ("bid" if buys_yes else "ask")
                assert D(body["price"]) == (price if side is Side.YES else 1 - price)
                assert len(body["price"]) == 6


@pytest.mark.story("3.3")
def test_create_body_is_the_documented_request_in_strings() -> None:
    assert portfolio.create_body(resting()) == {
        "ticker": "KXHIGHNY-26JUL16-B85.5",
        "client_order_id": "8c35ecb3-328f-4f52-8c7c-0f4b9862f8d1",
        "side": "bid",
        "count": "10.00",
        "price": "0.3400",
        "time_in_force": "good_till_canceled",
        "self_trade_prevention_type": "taker_at_cross",
        "expiration_time": int(NOW.timestamp()) + 240,
        "cancel_order_on_pause": True,
    }
    assert portfolio.create_body(resting(is_post_only=True))["post_only"] is True
    immediate = portfolio.create_body(intent(qty=D("2.5")))
    assert immediate["count"] == "2.50"
    assert not {"expiration_time", "reduce_only", "cancel_order_on_pause"} & set(immediate)
    assert portfolio.create_body(intent(action=Action.REDUCE))["reduce_only"] is True


@pytest.mark.parametrize(
    "changes",
    [
        {"limit_price": D(0)},
        {"limit_price": D(1)},
        {"limit_price": D("0.34005")},
        {"qty": D("0.001")},
        {"client_order_id": ""},
        {"time_in_force": TimeInForce.GTC},
    ],
)
def test_order_the_exchange_cannot_express_is_a_bug_and_is_not_sent(changes: dict[str, Any]) -> None:
    with pytest.raises(InvariantViolation, match="nothing was sent"):
        portfolio.create_body(intent(**changes))


def test_recorded_create_answers_are_accepted_with_their_quantities() -> None:
    for case, filled, remaining in (
        ("orders__create_v2_maker", D(0), D(1)),
        ("orders__create_v2_taker_ioc", D(1), D(0)),
        ("orders__stp_self_cross", D(0), D(0)),
    ):
        answer = exchange_case(case)["response_body"]
        order = intent(client_order_id=answer["client_order_id"], qty=D(1))

        accepted = portfolio.parse_created(Fields(answer, "create"), order)

        assert (accepted.filled_qty, accepted.remaining_qty) == (filled, remaining)
        assert accepted.kalshi_order_id == answer["order_id"]


@pytest.mark.parametrize(
    "change",
    [
        {"order_id": ""},
        {"client_order_id": "other"},
        {"fill_count": "11.00"},
        {"fill_count": 1},
        {"fill_count": None},
    ],
)
def test_create_answer_about_no_or_another_order_is_not_believed(change: dict[str, Any]) -> None:
    answer = {"order_id": "o-1", "fill_count": "0.00", "remaining_count": "10.00", "ts_ms": 1} | change

    with pytest.raises(MalformedPayload):
        portfolio.parse_created(Fields(answer, "create"), intent())


@pytest.mark.story("3.4")
def test_recorded_fill_becomes_ours_with_price_of_its_own_side() -> None:
    yes = portfolio.parse_fill(Fields(FILL, "fill"), TradingMode.DEMO)
    no = portfolio.parse_fill(
        Fields(FILL | {"book_side": "ask", "outcome_side": "no"}, "fill"), TradingMode.DEMO
    )

    assert (yes.side, yes.price, yes.qty, yes.fee, yes.is_taker) == (
        Side.YES,
        D("0.52"),
        D(1),
        D("0.0175"),
        True,
    )
    assert yes.filled_at == datetime(2026, 6, 11, 6, 29, 30, 164956, tzinfo=UTC)
    assert yes.order_id is None
    assert (no.side, no.price) == (Side.NO, D("0.48"))


@pytest.mark.story("3.4")
def test_recorded_position_balance_order_and_settlement_are_read_exactly() -> None:
    position = portfolio.parse_position(Fields(POSITION, "position"))
    balance = portfolio.parse_balance(Fields(BALANCE, "balance"))
    order = portfolio.parse_order(Fields(ORDER, "order"))
    settlement = portfolio.parse_settlement(Fields(SETTLEMENT, "settlement"), TradingMode.DEMO)

    assert (position.position, position.exposure_usd, position.fees_usd) == (D(3), D("2.5"), D("0.0189"))
    assert balance.cash_usd == D("98.0186")
    assert (order.status, order.limit_price, order.filled_qty, order.qty) == (
        "executed",
        D("0.99"),
        D(1),
        D(1),
    )
    assert (settlement.result, settlement.no_qty, settlement.revenue_usd) == ("no", D(12), D(12))


def test_fair_price_settlement_has_no_winner_and_its_value_where_it_is_named() -> None:
    told = SETTLEMENT | {"market_result": "scalar", "value": 37, "revenue": 756}
    found = portfolio.parse_settlement(Fields(told, "settlement"), TradingMode.DEMO)
    silent = portfolio.parse_settlement(Fields(told | {"value": None}, "settlement"), TradingMode.DEMO)

    assert (found.result, found.value_usd, found.revenue_usd) == ("scalar", D("0.37"), D("7.56"))
    assert (silent.value_usd, silent.revenue_usd) == (None, D("7.56"))


@pytest.mark.parametrize(
    ("cents", "paid"),
    [(796, "7.9625"), (797, "7.9625"), (700, "7")],
    ids=["cents cut off", "cents rounded", "the exchange says something else"],
)
def test_a_fair_price_for_a_part_of_a_contract_is_paid_to_the_last_digit(cents: int, paid: str) -> None:
    told = {"market_result": "scalar", "value": 35, "yes_count_fp": "0.00", "no_count_fp": "12.25"}

    found = portfolio.parse_settlement(
        Fields(SETTLEMENT | told | {"revenue": cents}, "settlement"), TradingMode.DEMO
    )

    assert found.revenue_usd == D(paid)


PARSERS: dict[str, tuple[dict[str, Any], Any, tuple[str, ...]]] = {
    "fill": (
        FILL,
        lambda row: portfolio.parse_fill(row, TradingMode.DEMO),
        (
            *("fill_id", "order_id", "ticker", "book_side", "outcome_side", "count_fp", "yes_price_dollars"),
            *("no_price_dollars", "is_taker", "fee_cost", "created_time"),
        ),
    ),
    "order": (
        ORDER,
        portfolio.parse_order,
        (
            *(
                "order_id",
                "client_order_id",
                "ticker",
                "book_side",
                "outcome_side",
                "status",
                "yes_price_dollars",
            ),
            *("no_price_dollars", "initial_count_fp", "fill_count_fp", "remaining_count_fp"),
        ),
    ),
    "position": (
        POSITION,
        portfolio.parse_position,
        ("ticker", "position_fp", "market_exposure_dollars", "realized_pnl_dollars", "fees_paid_dollars"),
    ),
    "balance": (BALANCE, portfolio.parse_balance, ("balance_dollars", "updated_ts")),
    "settlement": (
        SETTLEMENT,
        lambda row: portfolio.parse_settlement(row, TradingMode.DEMO),
        (
            *("ticker", "event_ticker", "market_result", "yes_count_fp", "no_count_fp", "revenue"),
            "settled_time",
        ),
    ),
}


@given(
    st.sampled_from([(name, field) for name, (_, _, fields) in PARSERS.items() for field in fields]),
    st.sampled_from(["dropped", "renamed", None, [], {}, 1.5, True]),
)
def test_row_with_a_missing_renamed_or_retyped_field_is_refused(place: tuple[str, str], how: Any) -> None:
    name, field = place
    row, parse, _ = PARSERS[name]
    value = row[field]
    damaged = {key: item for key, item in row.items() if key != field}
    if how == "renamed":
        damaged[f"{field}_fp"] = value
    elif how != "dropped":
        damaged[field] = how
    if value is how:
        return

    with pytest.raises(MalformedPayload):
        parse(Fields(damaged, name))


@pytest.mark.parametrize(
    "change",
    [
        {"outcome_side": "no"},
        {"book_side": "buy"},
        {"no_price_dollars": "0.4700"},
        {"count_fp": "0.00"},
        {"created_time": "2026-06-11T06:29:30"},
        {"fee_cost": 0.0175},
    ],
)
def test_fill_that_contradicts_itself_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(MalformedPayload):
        portfolio.parse_fill(Fields(FILL | change, "fill"), TradingMode.DEMO)
