"""What the account holds and what may still be added to it, each at its worst cost."""

from decimal import ROUND_CEILING, Decimal

from trader.app.context import Trader
from trader.core.edge import worst_unit_cost
from trader.domain.markets import Contract
from trader.domain.orders import Order
from trader.domain.positions import Holding, Position
from trader.domain.types import EXCLUSIVE_TYPES

_MICRO = Decimal("0.000001")


def holdings(trader: Trader) -> tuple[Holding, ...]:
    """Return open positions, and orders that may still fill or whose fills are not booked yet, at limit price
    and fee, whatever we know of their fate. Sorted, so that order of arrival cannot matter.
    """
    store, mode = trader.store, trader.mode
    held = [_position(p, contract_of(trader, p.ticker)) for p in store.positions.held(mode)]
    pending = [
        _order(o, contract_of(trader, o.ticker)) for o in store.orders.live_orders(mode) if o.pending_qty
    ]
    return tuple(
        sorted([*held, *pending], key=lambda h: (h.event_ticker, h.ticker, h.side, h.is_pending, h.qty))
    )


def _position(position: Position, contract: Contract | None) -> Holding:
    """With all fees paid: what the caps once allowed does not shrink by being filled."""
    cost = ((position.cost_usd + position.fees_usd) / position.qty).quantize(_MICRO, ROUND_CEILING)
    return Holding(
        ticker=position.ticker,
        event_ticker=position.event_ticker,
        city_code=position.city_code,
        side=position.side,
        qty=position.qty,
        cost_usd=cost,
        is_pending=False,
        is_exclusive=is_exclusive(contract),
    )


def _order(order: Order, contract: Contract | None) -> Holding:
    side, price = order.buys
    return Holding(
        ticker=order.ticker,
        event_ticker=order.event_ticker,
        city_code=order.city_code,
        side=side,
        qty=order.pending_qty,
        cost_usd=worst_unit_cost(price, contract.fee_multiplier if contract else Decimal(1)),
        is_pending=True,
        is_exclusive=is_exclusive(contract),
    )


def is_exclusive(contract: Contract | None) -> bool:
    """Whether at most one market of its event pays YES, as far as we know its terms."""
    return contract is not None and contract.market_type in EXCLUSIVE_TYPES


def contract_of(trader: Trader, ticker: str) -> Contract | None:
    """Return the newest terms of a market that we have seen."""
    contract = trader.contracts.get(ticker) or trader.store.markets.contract(ticker)
    if contract is not None:
        trader.contracts[ticker] = contract
    return contract
