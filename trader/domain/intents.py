"""Identity of an order we want: the same decision has the same key in every process, for ever."""

import hashlib
import string

from trader.domain.canonical import content_hash
from trader.domain.signals import OrderIntent
from trader.domain.types import Action, Side, TradingMode

_NAMESPACE = b"milkbot client order id v1:"
_MARK = hashlib.sha256(_NAMESPACE).digest()[:4]


def derive_intent_key(
    account: str,
    mode: TradingMode,
    ticker: str,
    side: Side,
    action: Action,
    slot: str,
    strategy_version: str,
    attempt: int,
) -> str:
    """Return the sha256 that identifies one attempt at one decision.

    Price and quantity are left out on purpose: a re-plan of the same slot collides and nothing is sent twice.
    """
    return content_hash([account, mode, ticker, side, action, slot, strategy_version, attempt])


def derive_client_order_id(intent_key: str) -> str:
    """Return the exchange-side id of an intent: a name-based UUID, made without a random source.

    Its first four bytes mark it as ours, so that an order is recognised when our books have forgotten it.

    Raises ValueError for a key that is not a lower-case sha256.
    """
    if len(intent_key) != 64 or set(intent_key) - set(string.hexdigits.lower()):
        raise ValueError(
            f"intent_key: expected 64 lower-case hex digits, found {intent_key!r}; nothing was made"
        )
    digest = bytearray(hashlib.sha256(_NAMESPACE + intent_key.encode()).digest()[:16])
    digest[:4] = _MARK
    digest[6] = digest[6] & 0x0F | 0x80  # version 8: a hash of our own choice (RFC 9562)
    digest[8] = digest[8] & 0x3F | 0x80
    text = digest.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def is_our_client_order_id(client_order_id: str) -> bool:
    """Whether Milkbot made this id, with this database or another one."""
    return client_order_id.startswith(f"{_MARK.hex()}-") and len(client_order_id) == 36


def complete_intent(intent: OrderIntent, account: str) -> OrderIntent:
    """Return the intent with the keys it lacks, derived for ``account``; those it has stay."""
    key = intent.intent_key or derive_intent_key(
        account,
        intent.mode,
        intent.ticker,
        intent.side,
        intent.action,
        intent.slot,
        intent.strategy_version,
        intent.attempt,
    )
    client_order_id = intent.client_order_id or derive_client_order_id(key)
    return intent.model_copy(update={"intent_key": key, "client_order_id": client_order_id})
