"""Orders that rest, placed and withdrawn by hand through the real desk: what a passive policy would do."""

from datetime import timedelta
from decimal import Decimal
from hashlib import sha256
from random import Random

from trader.app.context import Trader
from trader.app.order_desk import cancel, submit
from trader.core.cycle import caps_of
from trader.core.edge import worst_unit_cost
from trader.core.intents import derive_client_order_id
from trader.domain.plan import CycleInputs
from trader.domain.signals import OrderIntent
from trader.domain.types import Action, MarketStatus, Side, TimeInForce

CENT = Decimal("0.01")


def withdraw_some(trader: Trader, random: Random) -> None:
    """Withdraw some of what rests."""
    for order in trader.store.orders.open_orders(trader.mode):
        is_resting = order.time_in_force is TimeInForce.GTC and order.kalshi_order_id is not None
        if is_resting and not order.is_foreign and random.random() < 0.6:
            cancel(trader, order)


def rest_one(trader: Trader, inputs: CycleInputs, random: Random) -> None:
    """Bid at or below the market in one that is quoted."""
    intent = _intent(trader, inputs, random)
    if intent is not None:
        submit(trader, intent, cycle_id=None, caps=caps_of(inputs))


def _intent(trader: Trader, inputs: CycleInputs, random: Random) -> OrderIntent | None:
    quoted = [
        row
        for row in inputs.snapshots
        if row.status is MarketStatus.ACTIVE
        and row.book is not None
        and row.book.yes_bids
        and row.book.no_bids
    ]
    if not quoted:
        return None
    market = random.choice(quoted)
    assert market.book is not None
    side = random.choice((Side.YES, Side.NO))
    bids = market.book.yes_bids if side is Side.YES else market.book.no_bids
    price = max(CENT, bids[0].price - random.choice((0, 1, 2)) * CENT)
    contract = next(row for row in inputs.contracts if row.ticker == market.ticker)
    qty = Decimal(random.choice((3, 8, 20)))
    now = trader.clock.now()
    key = sha256(f"rest {inputs.slot} {market.ticker} {side} {now}".encode()).hexdigest()
    return OrderIntent(
        intent_key=key,
        client_order_id=derive_client_order_id(key),
        mode=inputs.mode,
        ticker=market.ticker,
        event_ticker=market.event_ticker,
        city_code=market.city_code,
        side=side,
        action=Action.OPEN,
        qty=qty,
        limit_price=price,
        time_in_force=TimeInForce.GTC,
        is_post_only=True,
        expires_at=now.replace(microsecond=0) + timedelta(seconds=inputs.order_expiry_s),
        worst_usd=qty * worst_unit_cost(price, contract.fee_multiplier),
        strategy_name="by hand",
        strategy_version="1",
        slot=inputs.slot,
        attempt=1,
    )
