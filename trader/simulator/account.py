"""Cash, orders, positions and settlements of the one simulated account. Dollars and contracts are Decimal.

One signed position per market: positive is YES, negative is NO. Buying what closes a position pays out
at once and realises profit; the rest opens the other side at its full cost, so no position is on credit.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum

from trader.simulator.fees import FeeAccumulator

_MICRO = Decimal("0.000001")


class OrderState(StrEnum):
    """The exchange's words for an order."""

    RESTING = "resting"
    CANCELED = "canceled"
    EXECUTED = "executed"


@dataclass(slots=True)
class Order:
    """One order as the exchange holds it. ``price`` is the YES price; ``remaining`` is 0 unless it rests."""

    sequence: int
    order_id: str
    client_order_id: str
    ticker: str
    event_ticker: str
    is_bid: bool
    price: Decimal
    initial: Decimal
    remaining: Decimal
    time_in_force: str
    self_trade_prevention: str
    expires_at: datetime | None
    cancel_on_pause: bool
    created_at: datetime
    updated_at: datetime
    state: OrderState = OrderState.RESTING
    filled: Decimal = Decimal(0)
    fill_cost: Decimal = Decimal(0)
    fees: Decimal = Decimal(0)
    maker_cost: Decimal = Decimal(0)
    is_foreign: bool = False
    accumulator: FeeAccumulator = field(default_factory=FeeAccumulator)

    @property
    def cost_per_contract(self) -> Decimal:
        """Worst cost of opening one contract of the side this order buys."""
        return self.price if self.is_bid else 1 - self.price


@dataclass(frozen=True, slots=True)
class Fill:
    """One trade of ours. ``price`` is the YES price, ``fee`` dollars for the whole fill.

    ``is_unexpected`` marks one that came after its order's cancel was confirmed.
    """

    sequence: int
    fill_id: str
    order_id: str
    ticker: str
    event_ticker: str
    is_bid: bool
    count: Decimal
    price: Decimal
    fee: Decimal
    at: datetime
    is_taker: bool = True
    is_unexpected: bool = False


@dataclass(slots=True)
class Position:
    """Net position in one market; ``cost`` is what the open part cost, fees apart."""

    ticker: str
    event_ticker: str
    count: Decimal = Decimal(0)
    cost: Decimal = Decimal(0)
    realized: Decimal = Decimal(0)
    fees: Decimal = Decimal(0)
    traded_usd: Decimal = Decimal(0)
    traded_count: Decimal = Decimal(0)
    updated_at: datetime | None = None
    is_settled: bool = False


@dataclass(frozen=True, slots=True)
class Settlement:
    """Payout of one position; ``revenue`` in dollars, ``value`` dollars per YES contract."""

    sequence: int
    ticker: str
    event_ticker: str
    result: str
    value: Decimal
    count: Decimal
    cost: Decimal
    revenue: Decimal
    fees: Decimal
    at: datetime


@dataclass(frozen=True, slots=True)
class Transfer:
    """Money in (positive) or out; ``is_listed`` when the account's history shows it."""

    sequence: int
    amount: Decimal
    at: datetime
    is_listed: bool


class Account:
    """The ledger of truth. ``cash`` is before collateral of resting orders, ``available`` after it."""

    def __init__(self, cash: Decimal) -> None:
        self.starting_cash = self.cash = cash
        self.orders: dict[str, Order] = {}
        self.fills: list[Fill] = []
        self.positions: dict[str, Position] = {}
        self.settlements: list[Settlement] = []
        self.transfers: list[Transfer] = []
        self.client_order_ids: set[str] = set()
        self._resting: dict[str, dict[str, Order]] = {}

    def resting(self, ticker: str | None = None) -> list[Order]:
        """Orders that rest now, oldest first, of one market or of all."""
        books = self._resting.values() if ticker is None else (self._resting.get(ticker, {}),)
        return sorted((order for book in books for order in book.values()), key=lambda order: order.sequence)

    def add(self, order: Order) -> None:
        """Record an order; it rests when something of it remains."""
        self.orders[order.order_id] = order
        if order.state is OrderState.RESTING:
            self._resting.setdefault(order.ticker, {})[order.order_id] = order

    def close(self, order: Order, state: OrderState, at: datetime) -> Decimal:
        """End an order, return what no longer rests."""
        freed, order.remaining = order.remaining, Decimal(0)
        order.state, order.updated_at = state, at
        self._resting.get(order.ticker, {}).pop(order.order_id, None)
        return freed

    def position(self, ticker: str, event_ticker: str) -> Position:
        return self.positions.setdefault(ticker, Position(ticker, event_ticker))

    def cash_effect(self, ticker: str, is_bid: bool, count: Decimal, price: Decimal) -> Decimal:
        """Return signed dollars before fees of trading now: what closes pays out, what opens costs."""
        held = self.positions[ticker].count if ticker in self.positions else Decimal(0)
        closing = min(count, max(Decimal(0), -held if is_bid else held))
        opening_price, closing_price = (price, 1 - price) if is_bid else (1 - price, price)
        return closing * closing_price - (count - closing) * opening_price

    def book_fill(self, fill: Fill) -> None:
        """Apply a fill to cash and position. The open cost leaves in proportion, rounded to a millionth."""
        position = self.position(fill.ticker, fill.event_ticker)
        self.cash += self.cash_effect(fill.ticker, fill.is_bid, fill.count, fill.price) - fill.fee
        own_price = fill.price if fill.is_bid else 1 - fill.price
        direction = 1 if fill.is_bid else -1
        closing = min(fill.count, max(Decimal(0), -direction * position.count))
        if closing:
            share = position.cost * closing / abs(position.count)
            released = (
                position.cost if closing == abs(position.count) else share.quantize(_MICRO, ROUND_HALF_EVEN)
            )
            position.realized += closing * (1 - own_price) - released
            position.cost -= released
        position.cost += (fill.count - closing) * own_price
        position.count += direction * fill.count
        position.fees += fill.fee
        position.traded_usd += fill.count * own_price
        position.traded_count += fill.count
        position.updated_at = fill.at
        self.fills.append(fill)

    def settle(self, ticker: str, result: str, value: Decimal, at: datetime) -> None:
        """Pay a market's result. A market we never traded leaves no trace."""
        position = self.positions.get(ticker)
        if position is None or position.is_settled:
            return
        revenue = max(position.count, Decimal(0)) * value - min(position.count, Decimal(0)) * (1 - value)
        if position.count:
            self.settlements.append(
                Settlement(
                    sequence=len(self.settlements),
                    ticker=ticker,
                    event_ticker=position.event_ticker,
                    result=result,
                    value=value,
                    count=position.count,
                    cost=position.cost,
                    revenue=revenue,
                    fees=position.fees,
                    at=at,
                )
            )
        self.cash += revenue
        position.realized += revenue - position.cost
        position.count, position.cost, position.is_settled, position.updated_at = (
            Decimal(0),
            Decimal(0),
            True,
            at,
        )

    def revise(self, ticker: str, result: str, value: Decimal, at: datetime) -> bool:
        """Pay a settled market anew: the new row takes the old one's place. False when nothing was paid."""
        for place, paid in enumerate(self.settlements):
            if paid.ticker == ticker:
                revenue = max(paid.count, Decimal(0)) * value - min(paid.count, Decimal(0)) * (1 - value)
                self.cash += revenue - paid.revenue
                self.positions[ticker].realized += revenue - paid.revenue
                self.settlements[place] = replace(paid, result=result, value=value, revenue=revenue, at=at)
                return True
        return False

    def transfer(self, amount: Decimal, at: datetime, *, is_listed: bool) -> None:
        """Move money in (positive) or out."""
        self.cash += amount
        self.transfers.append(Transfer(len(self.transfers), amount, at, is_listed))

    def frozen(self) -> "Account":
        """Return a copy that stays as this account is now."""
        copy = Account(self.starting_cash)
        copy.cash = self.cash
        copy.orders = {key: replace(order) for key, order in self.orders.items()}
        copy.positions = {key: replace(row) for key, row in self.positions.items()}
        copy.fills, copy.settlements = list(self.fills), list(self.settlements)
        copy.transfers = list(self.transfers)
        copy._resting = {
            ticker: {key: copy.orders[key] for key in book} for ticker, book in self._resting.items()
        }
        return copy

    def collateral(self, ticker: str, extra: Iterable[Order] = ()) -> Decimal:
        """Return dollars tied up by a market's resting orders (and ``extra`` ones, as if they rested).

        The order first in priority uses the position it would close; the rest reserves its full cost.
        Collateral between brackets of one event is not netted: the formula is unpublished, and this never
        reserves too little.
        """
        held = self.positions[ticker].count if ticker in self.positions else Decimal(0)
        orders = [*self._resting.get(ticker, {}).values(), *extra]
        total = Decimal(0)
        for is_bid in (True, False):
            closable = max(Decimal(0), -held if is_bid else held)
            side = [order for order in orders if order.is_bid is is_bid]
            for order in sorted(side, key=lambda order: (-order.cost_per_contract, order.sequence)):
                closing = min(closable, order.remaining)
                closable -= closing
                total += (order.remaining - closing) * order.cost_per_contract
        return total

    @property
    def available(self) -> Decimal:
        """Cash that a new order may use."""
        return self.cash - sum((self.collateral(ticker) for ticker in self._resting), Decimal(0))

    @property
    def positions_cost(self) -> Decimal:
        return sum((position.cost for position in self.positions.values()), Decimal(0))
