"""The exchange: what stands, what an order does to it, what the clock does to orders and positions."""

import heapq
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple
from uuid import NAMESPACE_URL, uuid5
from zoneinfo import ZoneInfo

from trader.domain.types import MarketStatus
from trader.simulator.account import Account, Fill, Order, OrderState
from trader.simulator.clock import WorldClock
from trader.simulator.matching import Ask, Match, crosses, match
from trader.simulator.order_request import OrderRequest
from trader.simulator.refusals import exchange_error, not_found
from trader.simulator.world import Levels, Market, World

_CENT, _PRICE_STEP = Decimal("0.01"), Decimal("0.01")
_MULTIPLIER = Decimal(1)
_EXPIRE, _PAUSE, _CLOSE, _SETTLE = range(4)
_EASTERN = ZoneInfo("America/New_York")


class _Due(NamedTuple):
    """Something the clock brings. At one instant: expiries, then a pause, then closes, then payouts."""

    at: datetime
    kind: int
    subject: str


@dataclass(frozen=True, slots=True)
class Placed:
    """Result of an accepted create. ``remaining`` is what rests now."""

    order: Order
    fills: tuple[Fill, ...]

    @property
    def remaining(self) -> Decimal:
        return self.order.remaining


def maintenance_windows(start: datetime, end: datetime) -> tuple[tuple[datetime, datetime], ...]:
    """Return the weekly trading pauses that touch [start, end]: Thursdays 03:00 to 05:00 Eastern."""
    days = (start.date() + timedelta(days=offset) for offset in range((end - start).days + 2))
    windows = (
        tuple(
            datetime(day.year, day.month, day.day, hour, tzinfo=_EASTERN).astimezone(UTC) for hour in (3, 5)
        )
        for day in days
        if day.isoweekday() == 4
    )
    return tuple((opens, closes) for opens, closes in windows if closes > start and opens < end)


class Exchange:
    """One account on one recorded world. Every entry lets the clock catch up first."""

    def __init__(self, world: World, clock: WorldClock, cash: Decimal, seed: int) -> None:
        self.world, self.clock, self.account, self._seed = world, clock, Account(cash), seed
        self.pauses = maintenance_windows(world.start, world.end)
        self._capture: int | None = None
        self._taken: dict[tuple[str, bool, int], int] = {}
        self.taken_version: dict[str, int] = {}
        closes = [_Due(row.close_at, _CLOSE, row.ticker) for row in world.markets.values()]
        pays = [_Due(row.settled_at, _SETTLE, row.ticker) for row in world.markets.values() if row.settled_at]
        self._due = [*closes, *pays, *(_Due(opens, _PAUSE, "") for opens, _ in self.pauses)]
        heapq.heapify(self._due)

    # what the clock does

    def advance(self) -> datetime:
        """Apply everything due until now, each at its own instant, and return now."""
        now = self.clock.now()
        while self._due and self._due[0].at <= now:
            self._happen(heapq.heappop(self._due))
        capture = self.world.capture_at(now)
        if capture != self._capture:
            self._capture = capture
            self._taken.clear()
            self.taken_version.clear()
        return now

    def _happen(self, due: _Due) -> None:
        if due.kind == _EXPIRE:
            order = self.account.orders[due.subject]
            if order.state is OrderState.RESTING:
                self.account.close(order, OrderState.CANCELED, due.at)
        elif due.kind == _PAUSE:
            for order in self.account.resting():
                if order.cancel_on_pause:
                    self.account.close(order, OrderState.CANCELED, due.at)
        elif due.kind == _CLOSE:
            for order in self.account.resting(due.subject):
                self.account.close(order, OrderState.CANCELED, due.at)
        else:
            result = self.world.markets[due.subject].result
            if result is not None:
                self.account.settle(due.subject, result, due.at)

    def is_paused(self, now: datetime) -> bool:
        return any(opens <= now < closes for opens, closes in self.pauses)

    # what stands

    @property
    def capture(self) -> int | None:
        """Number of the capture whose books stand now."""
        return self._capture

    def market(self, ticker: str, now: datetime) -> Market:
        """Return a market that is listed by now. Raises Refused (404)."""
        market = self.world.markets.get(ticker)
        if market is None or market.created_at > now:
            raise not_found()
        return market

    def status(self, market: Market, now: datetime) -> MarketStatus:
        if now < market.open_at:
            return MarketStatus.INITIALIZED
        if now < market.close_at:
            return MarketStatus.ACTIVE
        if market.determined_at is None or now < market.determined_at:
            return MarketStatus.CLOSED
        if market.settled_at is None or now < market.settled_at:
            return MarketStatus.DETERMINED
        return MarketStatus.FINALIZED

    def depth(self, market: Market, now: datetime) -> tuple[Levels, Levels]:
        """Return (YES bids, NO bids) that stand, ascending: the capture less what we took, or nothing."""
        if self._capture is None or self.status(market, now) is not MarketStatus.ACTIVE:
            return (), ()
        recorded = self.world.book(self._capture, market.ticker)
        if recorded is None:
            return (), ()
        if market.ticker not in self.taken_version:
            return recorded
        yes, no = (
            tuple(
                (cents, left)
                for cents, size in side
                if (left := size - self._taken.get((market.ticker, is_yes, cents), 0)) > 0
            )
            for side, is_yes in zip(recorded, (True, False), strict=True)
        )
        return yes, no

    # what an order does

    def create(self, request: OrderRequest) -> Placed:
        """Accept an order, or raise Refused and change nothing (a killed fill-or-kill burns its id)."""
        now = self.advance()
        market = self.market(request.ticker, now)
        if request.client_order_id and request.client_order_id in self.account.client_order_ids:
            raise exchange_error(409, "order_already_exists")
        status = self.status(market, now)
        if status is MarketStatus.INITIALIZED:
            raise exchange_error(400, "MARKET_NOT_ACTIVE")
        if status is not MarketStatus.ACTIVE:
            raise exchange_error(409, "market_closed")
        if self.is_paused(now):
            raise exchange_error(409, "trading_is_paused")
        if request.price % _PRICE_STEP or not 0 < request.price < 1:
            raise exchange_error(400, "invalid_price")
        order = self._order(request, market, now)
        allowed = self._reducible(order) if request.reduce_only else request.count
        standing = self._standing(market, request, now)
        cents, wanted = int(request.price / _CENT), int(allowed * 100)
        if request.post_only and any(crosses(request.is_bid, cents, item.cents) for item in standing):
            raise exchange_error(400, "invalid_order", "post only cross")
        maker_yields = request.self_trade_prevention == "maker"
        result = match(
            is_bid=request.is_bid, limit=cents, size=wanted, standing=standing, maker_yields=maker_yields
        )
        fills, proceeds = self._fills(order, result, now)
        need = self.account.collateral(order.ticker, [order]) - self.account.collateral(order.ticker)
        if need + sum((fill.fee for fill in fills), Decimal(0)) > self.account.available + proceeds:
            raise exchange_error(400, "insufficient_balance")
        if request.client_order_id:
            self.account.client_order_ids.add(request.client_order_id)
        if request.time_in_force == "fill_or_kill" and result.left and not result.met_self:
            raise exchange_error(409, "fill_or_kill_insufficient_resting_volume")
        return self._commit(order, request, result, fills, now)

    def _order(self, request: OrderRequest, market: Market, now: datetime) -> Order:
        number = len(self.account.orders)
        return Order(
            sequence=number,
            order_id=self._id("order", number),
            client_order_id=request.client_order_id,
            ticker=market.ticker,
            event_ticker=market.event_ticker,
            is_bid=request.is_bid,
            price=request.price,
            initial=request.count,
            remaining=request.count,
            time_in_force=request.time_in_force,
            self_trade_prevention=request.self_trade_prevention,
            expires_at=request.expires_at,
            cancel_on_pause=request.cancel_on_pause,
            created_at=now,
            updated_at=now,
        )

    def _id(self, kind: str, number: int) -> str:
        """Ids are a function of seed and sequence, so that two runs of one seed are equal byte for byte."""
        return str(uuid5(NAMESPACE_URL, f"milkbot-simulator/{self._seed}/{kind}/{number}"))

    def _reducible(self, order: Order) -> Decimal:
        position = self.account.positions.get(order.ticker)
        held = position.count if position else Decimal(0)
        order.remaining = min(order.initial, max(Decimal(0), -held if order.is_bid else held))
        return order.remaining

    def _standing(self, market: Market, request: OrderRequest, now: datetime) -> list[Ask]:
        yes, no = self.depth(market, now)
        recorded = (
            [Ask(100 - cents, size) for cents, size in no]
            if request.is_bid
            else [Ask(*level) for level in yes]
        )
        own = [
            Ask(int(order.price / _CENT), int(order.remaining * 100), order.order_id)
            for order in self.account.resting(market.ticker)
            if order.is_bid is not request.is_bid
        ]
        return recorded + own

    def _fills(self, order: Order, result: Match, now: datetime) -> tuple[tuple[Fill, ...], Decimal]:
        """Return priced takes and what closing a position pays. A fee depends on the fills before it."""
        fills: list[Fill] = []
        proceeds = Decimal(0)
        held = (
            self.account.positions[order.ticker].count
            if order.ticker in self.account.positions
            else Decimal(0)
        )
        for take in result.takes:
            count, price = take.hundredths * _CENT, take.cents * _CENT
            closing = min(count, max(Decimal(0), -held if order.is_bid else held))
            opening_price, closing_price = (price, 1 - price) if order.is_bid else (1 - price, price)
            revenue = closing * closing_price - (count - closing) * opening_price
            proceeds += closing * closing_price
            held += count if order.is_bid else -count
            number = len(self.account.fills) + len(fills)
            fills.append(
                Fill(
                    sequence=number,
                    fill_id=self._id("fill", number),
                    order_id=order.order_id,
                    ticker=order.ticker,
                    event_ticker=order.event_ticker,
                    is_bid=order.is_bid,
                    count=count,
                    price=price,
                    fee=order.accumulator.charge(revenue, count, price, _MULTIPLIER),
                    at=now,
                )
            )
        return tuple(fills), proceeds

    def _commit(
        self, order: Order, request: OrderRequest, result: Match, fills: tuple[Fill, ...], now: datetime
    ) -> Placed:
        for own_id in result.withdrawn:
            self.account.close(self.account.orders[own_id], OrderState.CANCELED, now)
        for take, fill in zip(result.takes, fills, strict=True):
            opposite = (order.ticker, not order.is_bid, 100 - take.cents if order.is_bid else take.cents)
            self._taken[opposite] = self._taken.get(opposite, 0) + take.hundredths
            self.taken_version[order.ticker] = self.taken_version.get(order.ticker, 0) + 1
            self.account.book_fill(fill)
            order.filled += fill.count
            order.fill_cost += fill.count * (fill.price if order.is_bid else 1 - fill.price)
            order.fees += fill.fee
        rests = request.rests and result.left > 0 and not result.met_self
        order.remaining = result.left * _CENT if rests else Decimal(0)
        if not rests:
            order.state = OrderState.EXECUTED if order.filled == order.initial else OrderState.CANCELED
        self.account.add(order)
        if rests and order.expires_at is not None:
            heapq.heappush(self._due, _Due(order.expires_at, _EXPIRE, order.order_id))
        return Placed(order, fills)

    def cancel(self, order_id: str) -> tuple[Order, Decimal]:
        """Cancel a resting order, return it with the contracts freed. Raises Refused (404) for any other."""
        now = self.advance()
        order = self.account.orders.get(order_id)
        if order is None or order.state is not OrderState.RESTING:
            raise not_found()
        return order, self.account.close(order, OrderState.CANCELED, now)

    def cancel_all(self) -> int:
        """Cancel every resting order, return how many."""
        now = self.advance()
        orders = self.account.resting()
        for order in orders:
            self.account.close(order, OrderState.CANCELED, now)
        return len(orders)
