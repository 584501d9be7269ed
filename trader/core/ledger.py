"""Accounting of fills and settlements: positions, cash, profit. Dollars and contracts are Decimal, nothing is
a float.

The exchange nets: one signed position per market. Buying the other side closes what is held, because a YES
and a NO of one market are together worth exactly one dollar, paid back at once. So selling YES at p is buying
NO at 1 - p. Identity: capital + realised + unrealised = cash + liquidation value, to the last digit.
"""

from collections.abc import Iterable, Iterator, Mapping
from decimal import ROUND_HALF_EVEN, Decimal

from trader.domain.errors import InvariantViolation
from trader.domain.markets import MarketSnapshot
from trader.domain.orders import Fill, Order, Settlement
from trader.domain.positions import Position
from trader.domain.types import Action, PositionStatus, Side

ZERO = Decimal(0)
_MICRO = Decimal("0.000001")
_AVERAGE = Decimal("0.0000000001")


def bought(fill: Fill, order: Order | None) -> tuple[Side, Decimal]:
    """Return what a fill bought and the dollars per contract of that side.

    A fill of a REDUCE order told in the order's own side sold it: that is a purchase of the other side.
    """
    if order is not None and order.action is Action.REDUCE and order.side is fill.side:
        return fill.side.other, 1 - fill.price
    return fill.side, fill.price


def in_order_terms(fill: Fill, order: Order) -> Fill:
    """Return the fill told in its order's side: the exchange tells the sale of YES at p as NO at 1 - p."""
    if order.action is Action.REDUCE and fill.side is order.side.other:
        return fill.model_copy(update={"side": order.side, "price": 1 - fill.price})
    return fill


def apply_fill(position: Position | None, fill: Fill, order: Order) -> Position:
    """Return the position after one fill.

    Fees count as realised loss when paid. Closing a part releases its share of the cost, rounded half even to
    a millionth, so that the rest keeps an exact cost. ``avg_exit`` is the price of the latest close, in
    dollars of the side that was closed. A fill that arrives after settlement was part of what the exchange
    paid out: it changes cost and profit, never the quantity. Raises InvariantViolation for another market's
    fill.
    """
    if {fill.ticker, order.ticker} != {(position or order).ticker} or fill.mode is not order.mode:
        raise InvariantViolation(
            f"fill {fill.fill_id}: expected {order.ticker}, found {fill.ticker}; trading stops"
        )
    side, price = bought(fill, order)
    if position is None:
        position = _empty(order, fill, side)
    realized, fees = position.realized_pnl_usd - fill.fee, position.fees_usd + fill.fee
    if position.status is PositionStatus.SETTLED:
        realized -= fill.qty * price
        return position.model_copy(update={"realized_pnl_usd": realized, "fees_usd": fees})
    closing = ZERO if side is position.side else min(fill.qty, position.qty)
    opening = fill.qty - closing
    qty, cost, avg_exit = position.qty, position.cost_usd, position.avg_exit
    if closing:
        released = cost if closing == qty else (cost * closing / qty).quantize(_MICRO, ROUND_HALF_EVEN)
        realized += closing * (1 - price) - released
        qty, cost, avg_exit = qty - closing, cost - released, 1 - price
    if opening:
        qty, cost = qty + opening, cost + opening * price
    turned = bool(opening) and side is not position.side
    reopened = position.status is not PositionStatus.OPEN and qty > 0
    return position.model_copy(
        update={
            "side": side if opening else position.side,
            "qty": qty,
            "cost_usd": cost,
            "avg_entry": _average(cost, qty) if opening else position.avg_entry,
            "avg_exit": avg_exit,
            "realized_pnl_usd": realized,
            "fees_usd": fees,
            "status": PositionStatus.OPEN if qty else PositionStatus.CLOSED,
            "opened_at": fill.filled_at if turned or reopened else position.opened_at,
            "closed_at": None if qty else fill.filled_at,
        }
    )


def apply_settlement(position: Position, settlement: Settlement) -> Position:
    """Return the position after the exchange paid the market out. Raises InvariantViolation for another
    market.
    """
    if (position.ticker, position.mode) != (settlement.ticker, settlement.mode):
        raise InvariantViolation(
            f"settlement: expected {position.ticker}, found {settlement.ticker}; nothing was booked"
        )
    each = unit_payout(position.side, settlement)
    return position.model_copy(
        update={
            "qty": ZERO,
            "cost_usd": ZERO,
            "avg_exit": each if position.qty and each is not None else position.avg_exit,
            "realized_pnl_usd": position.realized_pnl_usd + settlement.revenue_usd - position.cost_usd,
            "status": PositionStatus.SETTLED,
            "closed_at": settlement.settled_at,
        }
    )


def unit_payout(side: Side, settlement: Settlement) -> Decimal | None:
    """Return dollars a contract of the side is paid, None for a fair price that is not named."""
    if settlement.result != "scalar":
        return Decimal((side is Side.YES) == (settlement.result == "yes"))
    value = settlement.value_usd
    return value if value is None or side is Side.YES else 1 - value


def signed_qty(position: Position) -> Decimal:
    """Return contracts as the exchange counts them: positive YES, negative NO."""
    return position.qty if position.side is Side.YES else -position.qty


def cash(
    capital_usd: Decimal,
    fills: Iterable[Fill],
    settlements: Iterable[Settlement],
    orders: Mapping[str, Order] | None = None,
) -> Decimal:
    """Return cash in dollars from first principles: capital, less what was bought and charged, plus pairs
    released at one dollar, plus payouts. ``orders`` by exchange id tell which fills were sales in the order's
    own side.
    """
    spent = sum((usd for _, usd in cash_flows(fills, orders or {})), ZERO)
    return capital_usd + spent + sum((s.revenue_usd for s in settlements), ZERO)


def cash_flows(fills: Iterable[Fill], orders: Mapping[str, Order]) -> Iterator[tuple[Fill, Decimal]]:
    """Yield each fill, oldest first, with the dollars it moved: price and fee out, released pairs in."""
    held: dict[str, Decimal] = {}
    for fill in sorted(fills, key=lambda f: (f.filled_at, f.fill_id)):
        side, price = bought(fill, orders.get(fill.kalshi_order_id))
        signed = fill.qty if side is Side.YES else -fill.qty
        before = held.get(fill.ticker, ZERO)
        pairs = min(fill.qty, abs(before)) if before * signed < 0 else ZERO
        held[fill.ticker] = before + signed
        yield fill, pairs - fill.qty * price - fill.fee


def time_weighted_return(points: Iterable[tuple[Decimal, Decimal]]) -> Decimal:
    """Return the growth of a dollar that was there all along, as a fraction, from (capital, equity) points in
    their order: what came in or went out between two points is taken off before they are compared.

    Raises ValueError for equity that is not above zero, of which no return can be told.
    """
    growth, last = Decimal(1), None
    for capital, equity in points:
        if last is not None:
            if last[1] <= 0:
                raise ValueError(f"return: expected equity above 0, found {last[1]}")
            growth *= (equity - (capital - last[0])) / last[1]
        last = capital, equity
    return growth - 1


def liquidation_value(position: Position, mark: MarketSnapshot | None) -> Decimal:
    """Return dollars the open quantity would bring at the best bid of its side.

    Without such a bid it is valued at cost when the market has no quote at all (nothing was learnt), and at
    zero when there is a quote but nobody bids for our side.
    """
    if mark is None or (mark.yes_bid is None and mark.yes_ask is None):
        return position.cost_usd
    return position.qty * (bid_for(position.side, mark) or ZERO)


def bid_for(side: Side, mark: MarketSnapshot) -> Decimal | None:
    """Return the best price somebody pays for a contract of the side, None when nobody bids."""
    if side is Side.YES:
        return mark.yes_bid
    return None if mark.yes_ask is None else 1 - mark.yes_ask


def unrealized(position: Position, mark: MarketSnapshot | None) -> Decimal:
    """Return liquidation value less cost of the open quantity, dollars."""
    return liquidation_value(position, mark) - position.cost_usd


def _average(cost: Decimal, qty: Decimal) -> Decimal:
    return (cost / qty).quantize(_AVERAGE, ROUND_HALF_EVEN)


def _empty(order: Order, fill: Fill, side: Side) -> Position:
    return Position(
        ticker=order.ticker,
        event_ticker=order.event_ticker,
        city_code=order.city_code,
        mode=order.mode,
        side=side,
        qty=ZERO,
        avg_entry=ZERO,
        avg_exit=None,
        cost_usd=ZERO,
        realized_pnl_usd=ZERO,
        fees_usd=ZERO,
        status=PositionStatus.OPEN,
        opened_at=fill.filled_at,
    )
