"""The exchange: what stands, what an order does to it, what the clock does to orders and positions."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import NAMESPACE_URL, uuid5

from trader.domain.types import MarketStatus
from trader.simulator.account import Account, Fill, Order, OrderState
from trader.simulator.agenda import CLOSE, EXPIRE, FILL, PAUSE, SETTLE, Agenda
from trader.simulator.books import Books
from trader.simulator.clock import WorldClock
from trader.simulator.faults import FaultKind, Faults
from trader.simulator.lifecycle import Life, Lifecycle
from trader.simulator.matching import Ask, Match, crosses, match
from trader.simulator.order_request import OrderRequest
from trader.simulator.refusals import exchange_error, not_found
from trader.simulator.world import Levels, Market, World

_CENT, _PRICE_STEP = Decimal("0.01"), Decimal("0.01")
_MULTIPLIER = Decimal(1)


@dataclass(frozen=True, slots=True)
class Placed:
    """Result of an accepted create. ``remaining`` is what rests now."""

    order: Order
    fills: tuple[Fill, ...]

    @property
    def remaining(self) -> Decimal:
        return self.order.remaining


class Exchange:
    """One account on one recorded world. Every entry lets the clock catch up first.

    ``on_rest`` and ``on_change`` are told of orders that begin to rest and of everything that changed.
    """

    def __init__(
        self, world: World, clock: WorldClock, cash: Decimal, seed: int, faults: Faults | None = None
    ) -> None:
        self.world, self.clock, self.account, self._seed = world, clock, Account(cash), seed
        self.faults = faults if faults is not None else Faults()
        self.lifecycle = Lifecycle(world, self.faults)
        self.on_rest: Callable[[Order], None] = lambda _: None
        self.on_change: Callable[[datetime], None] = lambda _: None
        self.agenda, self.books = Agenda(), Books(world)
        for opens, _ in self.lifecycle.pauses:
            self.agenda.plan(opens, PAUSE, self._pause)
        for ticker, life in self.lifecycle.lives.items():
            self._plan_life(ticker, life)

    # what the clock does

    def advance(self) -> datetime:
        """Apply everything due until now, each at its own instant, and return now."""
        now = self.clock.now()
        self.agenda.catch_up(now, self._moved)
        self.books.turn_to(now)
        return now

    def _moved(self, at: datetime) -> None:
        self.on_change(at)

    def _plan_life(self, ticker: str, life: Life) -> None:
        self.agenda.plan(life.close_at, CLOSE, lambda at: self._cancel_resting(ticker, at))
        if life.pause is not None:  # what rests is cancelled when trading in the market comes back
            self.agenda.plan(life.pause[1], PAUSE, lambda at: self._cancel_resting(ticker, at))
        if life.settled_at is None or life.result is None:
            return
        result, value = life.result, life.value
        self.agenda.plan(life.settled_at, SETTLE, lambda at: self.account.settle(ticker, result, value, at))

    def _cancel_resting(self, ticker: str, at: datetime) -> None:
        for order in self.account.resting(ticker):
            self.account.close(order, OrderState.CANCELED, at)

    def _pause(self, at: datetime) -> None:
        for order in self.account.resting():
            if order.cancel_on_pause:
                self.account.close(order, OrderState.CANCELED, at)

    def _expire(self, order: Order, at: datetime) -> None:
        if order.state is OrderState.RESTING:
            self.account.close(order, OrderState.CANCELED, at)

    # what stands

    def market(self, ticker: str, now: datetime) -> Market:
        """Return a market that is listed by now. Raises Refused (404)."""
        market = self.world.markets.get(ticker)
        if market is None or market.created_at > now:
            raise not_found()
        return market

    def life(self, market: Market) -> Life:
        return self.lifecycle.lives[market.ticker]

    def status(self, market: Market, now: datetime) -> MarketStatus:
        return self.life(market).status(market, now)

    def depth(self, market: Market, now: datetime) -> tuple[Levels, Levels]:
        """Return (YES bids, NO bids) that stand, ascending: the capture less what we took, or nothing."""
        is_active = self.status(market, now) is MarketStatus.ACTIVE
        return self.books.depth(market.ticker) if is_active else ((), ())

    # what an order does

    def create(self, request: OrderRequest) -> Placed:
        """Accept an order, or raise Refused and change nothing (a killed fill-or-kill burns its id)."""
        return self.place(request, self.advance())

    def place(self, request: OrderRequest, now: datetime, *, is_foreign: bool = False) -> Placed:
        """Like ``create`` at an instant the clock has caught up with; ``is_foreign``: not our client's."""
        market = self.market(request.ticker, now)
        if self._is_taken(request.client_order_id, now):
            raise exchange_error(409, "order_already_exists")
        status = self.status(market, now)
        if status in (MarketStatus.INITIALIZED, MarketStatus.INACTIVE):
            raise exchange_error(400, "MARKET_NOT_ACTIVE")
        if status is not MarketStatus.ACTIVE:
            raise exchange_error(409, "market_closed")
        if self.lifecycle.is_stopped(now):
            raise exchange_error(409, "exchange_is_paused")
        if self.lifecycle.is_trading_paused(now):
            raise exchange_error(409, "trading_is_paused")
        if request.price % _PRICE_STEP or not 0 < request.price < 1:
            raise exchange_error(400, "invalid_price")
        order = self._order(request, market, now)
        order.is_foreign = is_foreign
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

    def _is_taken(self, client_order_id: str, now: datetime) -> bool:
        """Whether an id was used before: for ever, or, where told, only while its order rests."""
        if reusable := self.faults.on(FaultKind.IDS_REUSABLE, client_order_id, now):
            reusable.fired += 1  # the rule of the house, whether an id comes again or not
        if not client_order_id or client_order_id not in self.account.client_order_ids:
            return False
        if reusable is None:
            return True
        return any(order.client_order_id == client_order_id for order in self.account.resting())

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
        slip = self.books.slip(market.ticker)
        recorded = []
        if slip is not None:
            recorded = (
                [Ask(100 - cents + slip[1], size) for cents, size in no if cents > slip[1]]
                if request.is_bid
                else [Ask(cents - slip[0], size) for cents, size in yes if cents > slip[0]]
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
        slip = self.books.slip(order.ticker) or (0, 0)
        for take, fill in zip(result.takes, fills, strict=True):
            cents = 100 - take.cents + slip[1] if order.is_bid else take.cents + slip[0]
            self.books.take(order.ticker, is_yes=not order.is_bid, cents=cents, hundredths=take.hundredths)
            self.account.book_fill(fill)
            order.filled += fill.count
            order.fill_cost += fill.count * (fill.price if order.is_bid else 1 - fill.price)
            order.fees += fill.fee
        rests = request.rests and result.left > 0 and not result.met_self
        order.remaining = result.left * _CENT if rests else Decimal(0)
        if not rests:
            order.state = OrderState.EXECUTED if order.filled == order.initial else OrderState.CANCELED
        self.account.add(order)
        if rests:
            if order.expires_at is not None:
                self.agenda.plan(order.expires_at, EXPIRE, lambda at: self._expire(order, at))
            self.on_rest(order)
        self.on_change(now)
        return Placed(order, fills)

    def fill_resting(
        self, order: Order, count: Decimal, at: datetime, *, is_unexpected: bool = False
    ) -> None:
        """Let somebody take ``count`` contracts of an order at its price; a maker pays no fee.

        ``is_unexpected``: the order was cancelled already, and this trade had been under way.
        """
        number = len(self.account.fills)
        fill = Fill(
            sequence=number,
            fill_id=self._id("fill", number),
            order_id=order.order_id,
            ticker=order.ticker,
            event_ticker=order.event_ticker,
            is_bid=order.is_bid,
            count=count,
            price=order.price,
            fee=Decimal(0),
            at=at,
            is_taker=False,
            is_unexpected=is_unexpected,
        )
        self.account.book_fill(fill)
        order.filled += count
        order.maker_cost += count * order.cost_per_contract
        order.updated_at = at
        if not is_unexpected:
            order.remaining -= count
            if not order.remaining:
                self.account.close(order, OrderState.EXECUTED, at)

    def cancel(self, order_id: str) -> tuple[Order, Decimal]:
        """Cancel a resting order, return it with the contracts freed. Raises Refused (404) for any other."""
        now = self.advance()
        order = self.account.orders.get(order_id)
        if order is not None and self._refuses_cancels(order, now):
            raise exchange_error(409, "market_closed")
        if self.lifecycle.is_stopped(now):
            raise exchange_error(409, "exchange_is_paused")
        if order is None or order.state is not OrderState.RESTING:
            raise not_found()
        if self.faults.strikes(FaultKind.CANCEL_TOO_LATE, order.ticker, now):
            self.fill_resting(order, order.remaining, now)
            self.on_change(now)
            raise not_found()
        freed = self.account.close(order, OrderState.CANCELED, now)
        if late := self.faults.strikes(FaultKind.LATE_FILL, order.ticker, now):
            count = max(_CENT, (freed / 2).quantize(Decimal(1)))
            self.agenda.plan(
                now + timedelta(seconds=late.value),
                FILL,
                lambda at: self.fill_resting(order, min(count, freed), at, is_unexpected=True),
            )
        self.on_change(now)
        return order, freed

    def _refuses_cancels(self, order: Order, now: datetime) -> bool:
        """After its close a market takes no order operation at all."""
        return self.status(self.world.markets[order.ticker], now) not in (
            MarketStatus.ACTIVE,
            MarketStatus.INACTIVE,
            MarketStatus.INITIALIZED,
        )

    def cancel_all(self) -> int:
        """Cancel every resting order, return how many. Raises Refused while the exchange is paused."""
        now = self.advance()
        if self.lifecycle.is_stopped(now):
            raise exchange_error(409, "exchange_is_paused")
        orders = self.account.resting()
        for order in orders:
            self.account.close(order, OrderState.CANCELED, now)
        self.on_change(now)
        return len(orders)
