"""Deterministic identity of an intent, so that a decision repeated after a crash collides instead of
doubling.
"""

from trader.domain.intents import derive_client_order_id, derive_intent_key
from trader.domain.signals import Signal
from trader.domain.types import Action, Side, TradingMode

__all__ = ["derive_client_order_id", "derive_intent_key", "generate_intent_key"]


def generate_intent_key(
    signal: Signal,
    *,
    account: str,
    mode: TradingMode,
    slot: str,
    side: Side,
    action: Action = Action.OPEN,
    attempt: int = 1,
) -> str:
    """Return the key of one attempt to act on a signal in a decision slot, whatever price and quantity."""
    return derive_intent_key(
        account, mode, signal.ticker, side, action, slot, signal.strategy_version, attempt
    )
