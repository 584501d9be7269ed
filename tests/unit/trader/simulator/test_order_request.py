import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.simulator.order_request import parse_order
from trader.simulator.refusals import Refused

NOW = datetime(2026, 7, 16, 1, 29, 16, tzinfo=UTC)
BODY = {
    "ticker": "KXHIGHNY-26JUL16-B89.5",
    "client_order_id": "8c35ecb3",
    "side": "bid",
    "count": "10.00",
    "price": "0.3400",
    "time_in_force": "good_till_canceled",
    "self_trade_prevention_type": "taker_at_cross",
}


def refusal(**changes: Any) -> tuple[int, Any]:
    with pytest.raises(Refused) as refused:
        parse_order(json.dumps(BODY | changes).encode(), NOW)
    return refused.value.status, refused.value.body


def test_a_well_formed_body_is_read_exactly() -> None:
    expiry = int(NOW.timestamp()) + 240

    request = parse_order(json.dumps(BODY | {"expiration_time": expiry, "unknown": 1}).encode(), NOW)

    assert (request.count, request.price, request.is_bid) == (Decimal("10.00"), Decimal("0.3400"), True)
    assert request.expires_at == NOW + timedelta(seconds=240)


def test_a_json_number_answers_the_recorded_flat_body() -> None:
    assert refusal(count=1, price=0.01) == (
        400,
        {
            "code": "bad_request",
            "message": "bad request",
            "details": "json: cannot unmarshal number into Go struct field "
            "CreateOrderV2Request.count of type string",
        },
    )


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"count": "0.00"}, "invalid_order_size"),
        ({"count": "1.001"}, "invalid_order_size"),
        ({"count": "-1"}, "invalid_order_size"),
        ({"price": "0.34001"}, "invalid_price"),
        ({"price": "nan"}, "invalid_price"),
        ({"expiration_time": int(NOW.timestamp())}, "invalid_order"),
        ({"expiration_time": 1 << 62}, "invalid_order"),
        ({"expiration_time": 1_900_000_000, "time_in_force": "immediate_or_cancel"}, "invalid_order"),
        ({"reduce_only": True}, "invalid_order"),
        ({"post_only": True, "time_in_force": "fill_or_kill"}, "invalid_order"),
    ],
)
def test_a_rule_that_needs_no_market_is_checked_first(changes: dict[str, Any], code: str) -> None:
    status, body = refusal(**changes)

    assert (status, body["error"]["code"]) == (400, code)


@pytest.mark.parametrize(
    "changes", [{"side": "buy"}, {"side": ""}, {"time_in_force": "day"}, {"post_only": "yes"}]
)
def test_a_wrong_word_or_type_is_a_flat_bad_request(changes: dict[str, Any]) -> None:
    status, body = refusal(**changes)

    assert (status, body["code"]) == (400, "bad_request")


@given(
    st.binary(max_size=60)
    | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(lambda v: json.dumps(v).encode())
)
def test_any_other_bytes_are_refused_and_never_crash(raw: bytes) -> None:
    with pytest.raises(Refused) as refused:
        parse_order(raw, NOW)

    assert refused.value.status == 400
