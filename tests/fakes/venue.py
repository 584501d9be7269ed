"""An exchange, its market data and a weather service: they do what they are told, and remember."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from trader.domain.cities import CityConfig
from trader.domain.errors import TransientError
from trader.domain.fees import trade_fee
from trader.domain.markets import Contract, MarketSnapshot, OrderBook
from trader.domain.orders import (
    Accepted,
    Balance,
    Canceled,
    CancelOutcome,
    Fill,
    MarketResult,
    SendOutcome,
    Settlement,
    Transfer,
    Unknown,
    VenueOrder,
    VenuePosition,
    bought_terms,
)
from trader.domain.plan import RefusedMarket
from trader.domain.signals import OrderIntent
from trader.domain.types import Side, TimeInForce, TradingMode
from trader.domain.weather import CellCheck, WeatherSnapshot
from trader.ports.clock import Clock
from trader.ports.exchange import ExchangeStatus, Fence, MarketView, Notice, RawPayload
from trader.ports.weather import ClimateReport, WeatherView

ZERO = Decimal(0)


def unfenced() -> None:
    """A fence that lets everything pass: for tests of what comes after it."""


@dataclass
class FakeMarkets:
    """Market data that shows the given contracts, each with the given book stamped at the clock's now."""

    clock: Clock
    contracts: tuple[Contract, ...] = ()
    quotes: dict[str, OrderBook | None] = field(default_factory=dict)
    refused: tuple[RefusedMarket, ...] = ()
    published: tuple[MarketResult, ...] = ()
    notices: tuple[Notice, ...] = ()
    is_trading: bool = True
    skew_s: float | None = 0.0
    error: Exception | None = None
    book_age_s: float = 0.0
    snapshot_of: Callable[[Contract, OrderBook | None], MarketSnapshot] | None = None

    def status(self) -> ExchangeStatus:
        if self.error:
            raise self.error
        return ExchangeStatus(
            exchange_active=True,
            trading_active=self.is_trading,
            server_time=self.clock.now(),
            skew_s=self.skew_s,
        )

    def look(self, series: Sequence[str]) -> MarketView:
        shown = tuple(c for c in self.contracts if c.series_ticker in series)
        assert self.snapshot_of is not None
        snapshots = tuple(self.snapshot_of(c, self.quotes.get(c.ticker)) for c in shown)
        return MarketView(
            contracts=shown,
            snapshots=snapshots,
            refused=self.refused,
            payloads=(),
            notices=self.notices,
        )

    def results(self, tickers: Sequence[str]) -> tuple[MarketResult, ...]:
        if self.error:
            raise self.error
        return tuple(r for r in self.published if r.ticker in tickers)


Answer = Callable[[OrderIntent], SendOutcome]


@dataclass
class FakeExchange:
    """An account that fills every order at its limit, unless ``answers`` holds another answer for it.

    ``on_send`` is called with each create as it arrives: what a test wants to know about our books at that
    moment it asks there. ``is_away`` makes every read fail.
    """

    clock: Clock
    mode: TradingMode = TradingMode.DEMO
    cash_usd: Decimal = Decimal(5000)
    answers: list[SendOutcome | Answer] = field(default_factory=list)
    on_send: Callable[[OrderIntent], None] = lambda _: None
    is_away: bool = False
    lag: timedelta = timedelta(0)
    cancel_answers: list[CancelOutcome] = field(default_factory=list)
    sent: list[OrderIntent] = field(default_factory=list)
    canceled: list[str] = field(default_factory=list)
    orders: list[VenueOrder] = field(default_factory=list)
    fills: list[Fill] = field(default_factory=list)
    settlements: list[Settlement] = field(default_factory=list)
    transfers: list[Transfer] = field(default_factory=list)
    positions: dict[str, Decimal] = field(default_factory=dict)

    def authenticate(self) -> str:
        return "fake-account"

    def create_order(self, intent: OrderIntent, *, fence: Fence) -> SendOutcome:
        fence()
        self.on_send(intent)
        self.sent.append(intent)
        if self.answers:
            answer = self.answers.pop(0)
            return answer(intent) if callable(answer) else answer
        return self.take(intent)

    def take(self, intent: OrderIntent, filled: Decimal | None = None) -> Accepted:
        """Accept an order and fill ``filled`` (all by default) of it at its limit."""
        filled = intent.qty if filled is None else filled
        is_resting = intent.time_in_force is TimeInForce.GTC and filled < intent.qty
        rest = intent.qty - filled if is_resting else ZERO
        venue_id = f"venue-{len(self.orders) + 1:08d}"
        side, limit = bought_terms(intent.side, intent.action, intent.limit_price)
        self.orders.append(
            VenueOrder(
                kalshi_order_id=venue_id,
                client_order_id=intent.client_order_id,
                ticker=intent.ticker,
                side=side,
                status="resting" if is_resting else "executed" if filled == intent.qty else "canceled",
                limit_price=limit,
                qty=intent.qty,
                filled_qty=filled,
                remaining_qty=rest,
                created_at=self.clock.now(),
                expires_at=intent.expires_at,
            )
        )
        if filled:
            self.fill(venue_id, intent.ticker, side, filled, limit)
        return Accepted(kalshi_order_id=venue_id, filled_qty=filled, remaining_qty=rest)

    def take_silently(self, intent: OrderIntent) -> Unknown:
        """Accept an order whose answer is lost on the way back."""
        self.take(intent)
        return Unknown(why="time-out")

    def fill(self, venue_id: str, ticker: str, side: Side, qty: Decimal, price: Decimal) -> None:
        fee = trade_fee(qty, price, Decimal(1))
        self.fills.append(
            Fill(
                fill_id=f"fill-{len(self.fills) + 1}",
                kalshi_order_id=venue_id,
                ticker=ticker,
                side=side,
                qty=qty,
                price=price,
                fee=fee,
                is_taker=True,
                filled_at=self.clock.now(),
                mode=self.mode,
            )
        )
        signed = qty if side is Side.YES else -qty
        held = self.positions.get(ticker, ZERO)
        pairs = min(abs(held), qty) if held * signed < 0 else ZERO
        self.positions[ticker] = held + signed
        self.cash_usd += pairs - qty * price - fee

    def cancel_order(self, kalshi_order_id: str, ticker: str, *, fence: Fence) -> CancelOutcome:
        """Cancel what rests of the order; one that is not listed counts as resting whole, ten contracts."""
        fence()
        self.canceled.append(kalshi_order_id)
        if self.cancel_answers:
            return self.cancel_answers.pop(0)
        for place, order in enumerate(self.orders):
            if order.kalshi_order_id == kalshi_order_id:
                if order.status != "resting":
                    return Unknown(why="not_found")
                update = {"status": "canceled", "remaining_qty": ZERO}
                self.orders[place] = order.model_copy(update=update)
                return Canceled(kalshi_order_id=kalshi_order_id, reduced_qty=order.remaining_qty)
        return Canceled(kalshi_order_id=kalshi_order_id, reduced_qty=Decimal(10))

    def data_as_of(self) -> datetime | None:
        self._read()
        return self.clock.now() - self.lag

    def list_orders(self, since: datetime | None = None) -> tuple[VenueOrder, ...]:
        self._read()
        return tuple(
            order
            for order in self.orders
            if since is None or order.status == "resting" or (order.created_at or since) >= since
        )

    def get_fills(self, since: datetime | None = None) -> tuple[Fill, ...]:
        self._read()
        return tuple(f for f in self.fills if since is None or f.filled_at >= since)

    def get_positions(self) -> tuple[VenuePosition, ...]:
        self._read()
        return tuple(
            VenuePosition(
                ticker=ticker, position=qty, exposure_usd=ZERO, realized_pnl_usd=ZERO, fees_usd=ZERO
            )
            for ticker, qty in self.positions.items()
        )

    def get_balance(self) -> Balance:
        self._read()
        return Balance(cash_usd=self.cash_usd, as_of=self.clock.now())

    def get_transfers(self) -> tuple[Transfer, ...]:
        self._read()
        return tuple(self.transfers)

    def get_settlements(self, since: datetime | None = None) -> tuple[Settlement, ...]:
        self._read()
        return tuple(self.settlements)

    def _read(self) -> None:
        if self.is_away:
            raise TransientError("exchange: expected an answer, found none; nothing was concluded")


@dataclass
class FakeWeather:
    """A weather service with one snapshot a city, and climate reports.

    ``asked`` are the locations asked for; those in ``away`` do not answer. ``checks`` are the grid cells.
    """

    snapshots: dict[str, WeatherSnapshot] = field(default_factory=dict)
    reports: tuple[ClimateReport, ...] = ()
    error: Exception | None = None
    asked: list[str] = field(default_factory=list)
    away: frozenset[str] = frozenset()
    checks: dict[str, CellCheck] = field(default_factory=dict)
    payloads: tuple[RawPayload, ...] = ()

    def cells(self) -> tuple[CellCheck, ...]:
        return tuple(self.checks.values())

    def resolve_cell(self, city: CityConfig) -> CellCheck:
        if city.code not in self.checks:
            raise TransientError(f"grid cell of {city.code}: expected an answer, found none")
        return self.checks[city.code]

    def get_weather(self, cities: tuple[CityConfig, ...]) -> tuple[WeatherView, ...]:
        found = (self.snapshots[city.code] for city in cities if city.code in self.snapshots)
        return tuple(WeatherView(snapshot=snapshot, payloads=self.payloads) for snapshot in found)

    def climate_reports(
        self, city: CityConfig, location: str, since: datetime | None = None
    ) -> tuple[ClimateReport, ...]:
        self.asked.append(location)
        if self.error:
            raise self.error
        if location in self.away:
            raise TransientError(f"climate reports of {location}: expected an answer, found none")
        return tuple(r for r in self.reports if r.pil == f"CLI{location}")
