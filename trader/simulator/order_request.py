"""Body of a create request: types as strict as the exchange's decoder, then rules that need no market."""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from trader.simulator.refusals import Refused, exchange_error, undecodable

_GO_TYPES: dict[str, tuple[type, str]] = {
    "ticker": (str, "string"),
    "client_order_id": (str, "string"),
    "side": (str, "string"),
    "count": (str, "string"),
    "price": (str, "string"),
    "time_in_force": (str, "string"),
    "self_trade_prevention_type": (str, "string"),
    "order_group_id": (str, "string"),
    "post_only": (bool, "bool"),
    "reduce_only": (bool, "bool"),
    "cancel_order_on_pause": (bool, "bool"),
    "expiration_time": (int, "int64"),
    "subaccount": (int, "int"),
    "exchange_index": (int, "int"),
}
_CHOICES = {
    "side": ("bid", "ask"),
    "time_in_force": ("good_till_canceled", "immediate_or_cancel", "fill_or_kill"),
    "self_trade_prevention_type": ("taker_at_cross", "maker"),
}
_COUNT, _PRICE = re.compile(r"\d{1,9}(\.\d{1,2})?"), re.compile(r"\d\.\d{2,4}")


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """A well-formed create. ``price`` is the YES price in dollars, ``count`` contracts in steps of 0.01."""

    ticker: str
    client_order_id: str
    is_bid: bool
    count: Decimal
    price: Decimal
    time_in_force: str
    self_trade_prevention: str
    expires_at: datetime | None
    post_only: bool
    reduce_only: bool
    cancel_on_pause: bool

    @property
    def rests(self) -> bool:
        return self.time_in_force == "good_till_canceled"


def _json_type(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def _decode(raw: bytes) -> dict[str, Any]:
    try:
        body = json.loads(raw)
    except ValueError as error:
        raise undecodable(f"invalid JSON: {error}") from error
    if not isinstance(body, dict):
        raise undecodable(
            f"json: cannot unmarshal {_json_type(body)} into Go value of type CreateOrderV2Request"
        )
    known = {name: value for name, value in body.items() if name in _GO_TYPES and value is not None}
    for name, (kind, go_type) in _GO_TYPES.items():
        if name in known and type(known[name]) is not kind:
            found = _json_type(known[name])
            field = f"Go struct field CreateOrderV2Request.{name} of type {go_type}"
            raise undecodable(f"json: cannot unmarshal {found} into {field}")
    return known


def _failed(name: str, tag: str) -> Refused:
    field = f"Key: 'CreateOrderV2Request.{name}'"
    return undecodable(f"{field} Error:Field validation for '{name}' failed on the '{tag}' tag")


def _invalid(details: str) -> Refused:
    return exchange_error(400, "invalid_order", details)


def parse_order(raw: bytes, now: datetime) -> OrderRequest:
    """Return the request. Raises Refused in the recorded shapes; nothing was looked up yet."""
    body = _decode(raw)
    for name in ("ticker", "side", "count", "price", "time_in_force", "self_trade_prevention_type"):
        if not body.get(name):
            raise _failed(name, "required")
    for name, choices in _CHOICES.items():
        if body[name] not in choices:
            raise _failed(name, "oneof")
    if body.get("exchange_index", 0) != 0:
        raise exchange_error(404, "insufficient_shard_balance", "no balance on this exchange index")
    if body.get("subaccount", 0) != 0:
        raise exchange_error(403, "forbidden", "subaccount outside the key's set")
    if body.get("order_group_id"):
        raise exchange_error(404, "order_group_not_found")
    if not _COUNT.fullmatch(body["count"]) or Decimal(body["count"]) == 0:
        raise exchange_error(400, "invalid_order_size")
    if not _PRICE.fullmatch(body["price"]):
        raise exchange_error(400, "invalid_price")
    request = OrderRequest(
        ticker=body["ticker"],
        client_order_id=body.get("client_order_id", ""),
        is_bid=body["side"] == "bid",
        count=Decimal(body["count"]),
        price=Decimal(body["price"]),
        time_in_force=body["time_in_force"],
        self_trade_prevention=body["self_trade_prevention_type"],
        expires_at=_expiry(body, now),
        post_only=body.get("post_only", False),
        reduce_only=body.get("reduce_only", False),
        cancel_on_pause=body.get("cancel_order_on_pause", False),
    )
    if request.post_only and not request.rests:
        raise _invalid("post only must be good till canceled")
    if request.reduce_only and request.time_in_force != "immediate_or_cancel":
        raise _invalid("reduce only must be immediate or cancel")
    return request


def _expiry(body: dict[str, Any], now: datetime) -> datetime | None:
    seconds = body.get("expiration_time")
    if seconds is None:
        return None
    if body["time_in_force"] != "good_till_canceled":
        raise _invalid("expiration time needs good till canceled")
    if not now.timestamp() < seconds < 253_402_300_800:  # the year 10000, beyond which no instant exists
        raise _invalid("Expiration timestamp must be in the future")
    return datetime.fromtimestamp(seconds, UTC)
