"""A whole trader on fakes: books in memory, a New York evening, brackets that are quoted too cheap."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.fakes.clock import FakeClock
from tests.fakes.venue import FakeExchange, FakeMarkets, FakeWeather
from tests.unit.trader.core import builders as b
from trader.adapters.memory.store import MemoryOpsStore
from trader.app.config import load_settings
from trader.app.context import Reconciled, Trader
from trader.app.halt import HaltFile
from trader.app.logs import logger
from trader.app.money import equity_now, loss_state
from trader.app.order_desk import submit
from trader.core.exposure import Caps
from trader.core.judging import winners_of
from trader.domain.errors import PersistenceError
from trader.domain.markets import Contract, MarketSnapshot, OrderBook
from trader.domain.orders import Order
from trader.domain.positions import CapitalEvent
from trader.domain.risk import StateChange
from trader.domain.signals import OrderIntent
from trader.domain.types import Action, ReasonCode, Side, TimeInForce, TradingMode, TradingState
from trader.ports.clock import Clock

MODE = TradingMode.DEMO
D = Decimal


@dataclass
class Desk:
    """The trader and, under their own types, the fakes it talks to."""

    trader: Trader
    store: MemoryOpsStore
    clock: FakeClock
    exchange: FakeExchange
    markets: FakeMarkets
    weather: FakeWeather
    halt_file: HaltFile

    def show(self, *codes: str, bid: str = "0.10", ask: str = "0.11") -> None:
        """Quote six brackets of tomorrow's high in each city, and forecast it at 85 degrees."""
        for code in codes:
            contracts = b.event_contracts(city=code)
            self.markets.contracts += contracts
            self.markets.quotes |= {c.ticker: b.book(bid, ask) for c in contracts}
            self.weather.snapshots[code] = b.weather(code, b.forecast(85.0))

    @property
    def caps(self) -> Caps:
        """The trader's limits on a quiet day, with every event shown."""
        losses = loss_state(self.trader, equity_now(self.trader))
        shown = tuple(self.markets.contracts)
        return Caps(self.trader.settings.risk, losses, winners_of(shown), tuple(b.CITIES.values()))

    def submit(self, intent: OrderIntent) -> Order:
        return submit(self.trader, intent, cycle_id=None, caps=self.caps)

    def limit(self, **usd: int) -> None:
        """Set caps of the trader's settings, in dollars."""
        risk = self.trader.settings.risk
        caps = {name: getattr(risk, name).model_copy(update={"usd": D(value)}) for name, value in usd.items()}
        update = {"risk": risk.model_copy(update=caps)}
        self.trader.settings = self.trader.settings.model_copy(update=update)

    def again(self, order: Order) -> Order:
        """The order as our books have it now."""
        found = self.store.orders.get_by_intent_key(order.intent_key)
        assert found is not None
        return found

    def events(self, event_type: str) -> list[str]:
        """Messages of the stored risk events of one type."""
        found = self.store.risk.recent_events(1000)
        return [event.message for event in found if event.event_type == event_type]

    def halt(self, **changes: Any) -> StateChange:
        """Store a halt of the book by the operator, with changes."""
        now = self.clock.now()
        fields: dict[str, Any] = {
            "scope": "book",
            "state": TradingState.HALTED,
            "reason": ReasonCode.OPERATOR_HALT,
            "note": "looks wrong",
            "set_by": "ann",
            "set_at": now,
        }
        change = StateChange(**fields | changes)
        self.store.risk.save_state(change, mode=MODE, at=now)
        return change


def new_desk(folder: Path, *, clock: Clock | None = None, **env: str) -> Desk:
    """A desk with 5,000 dollars and nothing to trade yet; ``clock`` is one that runs by itself."""
    fixed = FakeClock(b.NOW)
    clock = clock or fixed
    store = MemoryOpsStore()
    account = "fake-account"
    epoch = store.open_epoch(mode=MODE, account=account, command="test", version="1", at=clock.now())
    start = CapitalEvent(kind="START", amount_usd=D(5000), occurred_at=clock.now(), mode=MODE)
    store.capital.save(start, set_by="test", at=clock.now())
    key = {"KALSHI_DEMO_KEY_ID": "key-of-a-test", "KALSHI_DEMO_KEY_FILE": str(folder / "key.pem")}
    settings = load_settings(
        {"TRADING_MODE": "DEMO", "MIN_FORECAST_PAIRS": "0", "MILKBOT_DATA_DIR": str(folder), **key, **env}
    )

    def snapshot_of(contract: Contract, quotes: OrderBook | None) -> MarketSnapshot:
        at = clock.now() - timedelta(seconds=markets.book_age_s)
        stamped = quotes and quotes.model_copy(update={"captured_at": at})
        return b.snapshot(contract, stamped, captured_at=at)

    markets = FakeMarkets(clock, snapshot_of=snapshot_of)
    exchange, weather = FakeExchange(clock), FakeWeather()
    halt_file = HaltFile(settings.halt_file)
    trader = Trader(
        settings=settings,
        mode=MODE,
        account=account,
        clock=clock,
        store=store,
        market_data=markets,
        exchange=exchange,
        weather=weather,
        halt_file=halt_file,
        log=logger(),
        cities=b.CITIES,
        epoch=epoch,
        started_at=clock.now(),
        min_forecast_pairs=settings.min_forecast_pairs,
    )
    store.mark_reconciled(epoch, at=clock.now())
    trader.started = Reconciled(lines=(), fills=0, breaks=0)
    return Desk(trader, store, fixed, exchange, markets, weather, halt_file)


def wish(number: int = 1, **changes: Any) -> OrderIntent:
    """An intent to buy ten YES of New York's middle bracket at 11 cents."""
    terms = b.contract(84, 85)
    fields: dict[str, Any] = {
        "intent_key": f"{number:064x}",
        "client_order_id": f"client-{number}",
        "mode": MODE,
        "ticker": terms.ticker,
        "event_ticker": terms.event_ticker,
        "city_code": "NYC",
        "side": Side.YES,
        "action": Action.OPEN,
        "qty": D(10),
        "limit_price": D("0.11"),
        "time_in_force": TimeInForce.IOC,
        "expires_at": None,
        "worst_usd": D("1.17"),
        "strategy_name": "daily_high",
        "strategy_version": "1",
        "slot": "slot",
        "attempt": 1,
    }
    return OrderIntent(**fields | changes)


class Failing:
    """Any repository, except that the named methods fail as a lost database does. Nothing is written then."""

    def __init__(self, inner: object, *methods: str) -> None:
        self._inner, self._methods = inner, methods

    def __getattr__(self, name: str) -> Any:
        if name in self._methods:
            return self._fail
        return getattr(self._inner, name)

    def _fail(self, *_: object, **__: object) -> None:
        raise PersistenceError("database: expected the write to be confirmed, found no answer")
