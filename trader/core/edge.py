"""What a trade would really bring: the price for a size by walking the book, and the edge after fees, per
side.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from trader.core.fees import maker_fee, model_fee
from trader.domain.markets import Contract, OrderBook
from trader.domain.types import Side

ZERO = Decimal(0)
_MICRO = Decimal("0.000001")
_FEE_UNIT = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class Execution:
    """Buying ``qty`` contracts of a side now. ``price`` and ``fee`` are dollars per contract, rounded up to a
    millionth; ``limit`` is the worst level used."""

    side: Side
    qty: Decimal
    price: Decimal
    fee: Decimal
    limit: Decimal

    def edge(self, p_yes: Decimal) -> Decimal:
        """Return expected dollars per contract after price and fee when YES has probability ``p_yes``."""
        p_win = p_yes if self.side is Side.YES else 1 - p_yes
        return p_win - self.price - self.fee


def asks(book: OrderBook, side: Side) -> Iterator[tuple[Decimal, Decimal]]:
    """Yield (price, size) at which ``side`` can be bought, cheapest first: the other side's bids seen from
    here.
    """
    for level in book.no_bids if side is Side.YES else book.yes_bids:
        yield 1 - level.price, level.size


def execute(book: OrderBook, side: Side, qty: Decimal, multiplier: Decimal) -> Execution | None:
    """Return the purchase of up to ``qty`` contracts by walking the depth, None when nothing is offered."""
    bought = cost = fee = limit = ZERO
    for price, size in asks(book, side):
        take = min(size, qty - bought)
        if take <= 0:
            break
        bought += take
        cost += take * price
        fee += model_fee(take, price, multiplier)
        limit = price
    if not bought:
        return None
    fee = fee.quantize(_FEE_UNIT, ROUND_CEILING)
    return Execution(
        side=side,
        qty=bought,
        price=(cost / bought).quantize(_MICRO, ROUND_CEILING),
        fee=(fee / bought).quantize(_MICRO, ROUND_CEILING),
        limit=limit,
    )


def waiting(book: OrderBook, side: Side, qty: Decimal, contract: Contract) -> Execution | None:
    """Return the purchase of ``qty`` contracts by an order that rests: one tick above the best bid of its
    side and at least one below the best ask, with the maker's fee. None without an ask or without room.
    """
    ask = next((price for price, _ in asks(book, side)), None)
    bids = book.yes_bids if side is Side.YES else book.no_bids
    best = bids[0].price if bids else ZERO
    price = ZERO if ask is None else min(best + contract.tick, ask - contract.tick)
    if price <= 0 or qty <= 0:
        return None
    fee = (maker_fee(qty, price, contract) / qty).quantize(_MICRO, ROUND_CEILING)
    return Execution(side=side, qty=qty, price=price, fee=fee, limit=price)


def better_side(book: OrderBook, p_yes: Decimal, qty: Decimal, multiplier: Decimal) -> Execution | None:
    """Return the side with the higher edge for ``qty`` contracts (YES when equal), None for an empty book."""
    found = [e for side in Side if (e := execute(book, side, qty, multiplier)) is not None]
    return max(found, key=lambda e: (e.edge(p_yes), e.side is Side.YES), default=None)


def depth_within(book: OrderBook, side: Side, limit: Decimal) -> Decimal:
    """Return contracts of ``side`` offered at ``limit`` or cheaper."""
    total = ZERO
    for price, size in asks(book, side):
        if price > limit:
            break
        total += size
    return total


def worthwhile(
    book: OrderBook, side: Side, p_yes: Decimal, min_edge: Decimal, multiplier: Decimal
) -> tuple[Decimal, Decimal] | None:
    """Return (worst price, whole contracts) up to which every single level still has ``min_edge`` after its
    fee.
    """
    p_win = p_yes if side is Side.YES else 1 - p_yes
    limit: Decimal | None = None
    depth = ZERO
    for price, size in asks(book, side):
        if p_win - price - model_fee(Decimal(1), price, multiplier) < min_edge:
            break
        limit, depth = price, depth + size
    return None if limit is None else (limit, depth.to_integral_value(ROUND_FLOOR))


def worst_unit_cost(limit: Decimal, multiplier: Decimal) -> Decimal:
    """Return dollars one contract of an order can cost at most: the limit price and its fee.

    Price plus fee rises with the price, so no better fill costs more. Each fill is rounded up by less than
    one unit of 0.0001 dollars, and one unit a contract is added for that.
    """
    return limit + model_fee(Decimal(1), limit, multiplier).quantize(_FEE_UNIT, ROUND_CEILING) + _FEE_UNIT
