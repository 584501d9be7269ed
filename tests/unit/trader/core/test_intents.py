"""Intent keys: the same decision has the same key, any other has another."""

import re
from typing import Any

import pytest

from tests.unit.trader.core.builders import contract
from trader.core.intents import derive_client_order_id, derive_intent_key, generate_intent_key
from trader.core.strategies.base import signal_for
from trader.domain.types import Action, ReasonCode, Side, TradingMode

SIGNAL = signal_for(contract(82, 83), strategy=("daily_high", "1"), reasons=(ReasonCode.EDGE_FOUND,))
BASE: dict[str, Any] = {"account": "a", "mode": TradingMode.DEMO, "slot": "s", "side": Side.YES}


@pytest.mark.story("4.6")
def test_a_replan_of_the_same_slot_collides_whatever_price_and_quantity() -> None:
    again = SIGNAL.model_copy(update={"qty": 50, "limit_price": 0, "edge": 1})

    assert generate_intent_key(SIGNAL, **BASE) == generate_intent_key(again, **BASE)


@pytest.mark.story("4.6")
@pytest.mark.parametrize(
    "changes",
    [
        {"account": "b"},
        {"mode": TradingMode.SHADOW},
        {"slot": "t"},
        {"side": Side.NO},
        {"action": Action.REDUCE},
        {"attempt": 2},
    ],
)
def test_anything_else_that_differs_gives_another_key(changes: dict[str, Any]) -> None:
    assert generate_intent_key(SIGNAL, **(BASE | changes)) != generate_intent_key(SIGNAL, **BASE)


def test_strategy_version_and_ticker_are_part_of_the_key() -> None:
    other = SIGNAL.model_copy(update={"strategy_version": "2"})
    market = SIGNAL.model_copy(update={"ticker": "OTHER"})

    keys = {generate_intent_key(s, **BASE) for s in (SIGNAL, other, market)}

    assert len(keys) == 3


def test_keys_and_client_ids_are_fixed_for_ever() -> None:
    key = derive_intent_key("a", TradingMode.DEMO, "T", Side.YES, Action.OPEN, "s", "1", 1)
    client_id = derive_client_order_id(key)

    assert re.fullmatch(r"[0-9a-f]{64}", key)
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", client_id)
    assert client_id == derive_client_order_id(key)
    with pytest.raises(ValueError, match="64 lower-case hex"):
        derive_client_order_id("no")
