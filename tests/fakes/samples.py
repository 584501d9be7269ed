"""Recorded answers and objects built around them."""

import json
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from trader.domain.signals import OrderIntent
from trader.domain.types import Action, Side, TimeInForce, TradingMode

RESOURCES = Path(__file__).resolve().parents[1] / "resources"
NOW = datetime(2026, 7, 16, 15, tzinfo=UTC)


@cache
def _load(path: str) -> Any:
    return json.loads((RESOURCES / path).read_text(encoding="utf-8"))


def sample(path: str) -> Any:
    """Return a fresh copy of a recorded JSON body."""
    return deepcopy(_load(path))


def exchange_case(name: str) -> Any:
    """Return one recorded request and response of the demo exchange."""
    found = [
        case
        for case in _load("kalshi/demo_rest_exchanges_2026-06-11.json")["exchanges"]
        if case["case"] == name
    ]
    return deepcopy(found[0])


def intent(**changes: Any) -> OrderIntent:
    """Return an order that buys ten YES at 34 cents at once in DEMO, with changes."""
    values: dict[str, Any] = {
        "intent_key": "k" * 64,
        "client_order_id": "8c35ecb3-328f-4f52-8c7c-0f4b9862f8d1",
        "mode": TradingMode.DEMO,
        "ticker": "KXHIGHNY-26JUL16-B85.5",
        "event_ticker": "KXHIGHNY-26JUL16",
        "city_code": "NYC",
        "side": Side.YES,
        "action": Action.OPEN,
        "qty": Decimal(10),
        "limit_price": Decimal("0.34"),
        "time_in_force": TimeInForce.IOC,
        "expires_at": None,
        "worst_usd": Decimal("3.60"),
        "strategy_name": "daily_high",
        "strategy_version": "1",
        "slot": "2026-07-16T15:00:00Z",
        "attempt": 1,
    }
    return OrderIntent(**(values | changes))


def resting(**changes: Any) -> OrderIntent:
    return intent(time_in_force=TimeInForce.GTC, expires_at=NOW + timedelta(seconds=240), **changes)
