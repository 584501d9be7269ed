"""The composition root: the only place that picks adapters."""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from urllib.parse import unquote, urlsplit

from trader import __version__
from trader.adapters.alerts.probes import MachineProbes
from trader.adapters.http import HttpClient
from trader.adapters.kalshi.client import KalshiClient
from trader.adapters.kalshi.exchange import KalshiExchange, KalshiMarketData
from trader.adapters.kalshi.signing import load_signer
from trader.adapters.nws.client import NwsClient
from trader.adapters.nws.service import WEATHER_WORKERS, WeatherService
from trader.adapters.openmeteo.client import EnsembleClient
from trader.adapters.ops.approvals import ApprovalRepository
from trader.adapters.ops.pool import Database
from trader.adapters.ops.store import PostgresOpsStore
from trader.adapters.shadow.exchange import ShadowExchange
from trader.app import postgres
from trader.app.books import start
from trader.app.clock import RunningWorldClock, SteppedClock, SystemClock
from trader.app.conditions import Starting, note_refusal
from trader.app.config import Settings, load_settings
from trader.app.context import Trader
from trader.app.halt import HaltFile
from trader.app.live import WITHOUT_VERDICT, require_verdict
from trader.app.logs import configure, logger, register_secret
from trader.app.migrate import up
from trader.app.world import world_clock_of
from trader.domain.cities import CityConfig, load_cities
from trader.domain.errors import ConfigurationError, TransientError
from trader.domain.types import TradingMode
from trader.ports.approvals import Approvals
from trader.ports.clock import Clock
from trader.ports.exchange import Exchange, MarketData
from trader.ports.ops_store import OpsStore
from trader.ports.weather import WeatherSource

LOOPBACK = ("127.0.0.1", "localhost", "::1")
LIVE_DATABASE = "milkbot"


def data_dir_of(env: Mapping[str, str]) -> Path:
    return Path(env.get("MILKBOT_DATA_DIR") or ".milkbot").absolute()


def settings_and_urls(
    env: Mapping[str, str], *, need: Collection[str], database: str | None = None
) -> tuple[Settings, postgres.Urls]:
    """Validate the environment, then find the database: given URLs, else the embedded server's last demo."""
    settings = load_settings(env)
    configure(level=settings.log_level, fmt=settings.log_format, secrets=settings.secret_values())
    urls = postgres.resolve_urls(env, data_dir_of(env), need=need, database=database)
    for url in (getattr(urls, field.name) for field in fields(urls)):
        if password := urlsplit(url).password:
            register_secret(unquote(password))
    return settings, urls


@contextmanager
def open_store(env: Mapping[str, str]) -> Iterator[OpsStore]:
    """Our books without the writer lock: for reading, and for the operator's switches."""
    settings, urls = settings_and_urls(env, need=("trader",))
    with Database(urls.trader, max_size=settings.db_pool_max, timeout_s=settings.db_timeout_s) as database:
        store = PostgresOpsStore(database, lock_url=urls.trader)
        try:
            yield store
        finally:
            store.close()


@dataclass(frozen=True)
class Outside:
    """What lies outside our books, for looking only: no lock, no database, no order."""

    settings: Settings
    clock: Clock
    cities: Mapping[str, CityConfig]
    market_data: MarketData
    weather: WeatherSource
    machine: MachineProbes
    authenticate: Callable[[], str]
    """Prove the key by a signed read; raises as the exchange's ``authenticate`` does, or for a bad file."""


@contextmanager
def open_outside(settings: Settings) -> Iterator[Outside]:
    """Open the exchange's public data, the weather service and this machine, under the clock of the world."""
    clock, _ = _clock_of(settings)
    cities = load_cities()
    with HttpClient(clock=clock, timeout_s=settings.http_timeout_s) as http:

        def authenticate() -> str:
            key = settings.kalshi_key
            signer = load_signer(key.key_id, key.key_file) if key else None
            client = KalshiClient(http, settings.kalshi_base_url, clock=clock, signer=signer)
            return KalshiExchange(client, clock=clock, mode=settings.mode).authenticate()

        public = KalshiClient(http, settings.kalshi_base_url, clock=clock, signer=None)
        ensemble = (
            EnsembleClient(http, settings.openmeteo_base_url, clock=clock)
            if settings.openmeteo_base_url
            else None
        )
        nws = NwsClient(http, settings.nws_base_url, clock=clock)
        yield Outside(
            settings=settings,
            clock=clock,
            cities=cities,
            market_data=KalshiMarketData(public, cities=cities, clock=clock),
            weather=WeatherService(nws, ensemble, clock=clock, gates=settings.gates),
            machine=MachineProbes(
                http, clock, urls={}, domain=None, stamps=settings.stamp_dir, ping_url=None
            ),
            authenticate=authenticate,
        )


def _clock_of(settings: Settings) -> tuple[Clock, str | None]:
    """The machine's clock, or that of the simulator when the exchange's address is one's, and its world."""
    parts = urlsplit(settings.kalshi_base_url)
    if parts.hostname in LOOPBACK and (found := world_clock_of(f"{parts.scheme}://{parts.netloc}")):
        world, start, speed = found
        return (RunningWorldClock(start, speed) if speed else SteppedClock(start)), world
    return SystemClock(), None


@contextmanager
def open_approvals(env: Mapping[str, str], *, need: str) -> Iterator[Approvals]:
    """Approvals through one service's credential: ``trader`` or ``analytics``."""
    settings, urls = settings_and_urls(env, need=(need,))
    with Database(getattr(urls, need), max_size=1, timeout_s=settings.db_timeout_s) as database:
        yield ApprovalRepository(database)


@contextmanager
def open_from_env(env: Mapping[str, str], *, command: str) -> Iterator[Trader]:
    """A trader on the live world, or on a simulator when the exchange's address is loopback and says it is
    one.
    """
    settings, urls = settings_and_urls(
        env, need=("trader",), database=LIVE_DATABASE if command == "run" else None
    )
    if settings.database_url is None:
        up(urls.owner)  # our own server: nobody else would have done it
    clock, world = _clock_of(settings)
    if settings.database_url is None:
        settings = load_settings({**env, "DATABASE_URL": urls.trader})
    with open_trader(settings, clock=clock, command=command, world=world) as trader:
        yield trader


@contextmanager
def open_trader(
    settings: Settings, *, clock: Clock, command: str, world: str | None = None
) -> Iterator[Trader]:
    """Open database and sockets, start a trader on them, and hand it over.

    Raises ConfigurationError for a wrong key or address, LostWriterLock when another trader runs.
    """
    if settings.database_url is None:
        raise ConfigurationError("DATABASE_URL: expected a URL, found none; nothing was started")
    url = settings.database_url.get_secret_value()
    with ExitStack() as stack:
        database = stack.enter_context(
            Database(url, max_size=settings.db_pool_max, timeout_s=settings.db_timeout_s)
        )
        store = PostgresOpsStore(database, lock_url=url)
        stack.callback(store.close)
        if settings.mode is TradingMode.LIVE and command not in WITHOUT_VERDICT:
            require_verdict(ApprovalRepository(database), clock.now())
        http = stack.enter_context(HttpClient(clock=clock, timeout_s=settings.http_timeout_s))
        yield start_trader(settings, store=store, http=http, clock=clock, command=command, world=world)


def start_trader(
    settings: Settings,
    *,
    store: OpsStore,
    http: HttpClient,
    clock: Clock,
    command: str,
    world: str | None = None,
    weather_workers: int = WEATHER_WORKERS,
) -> Trader:
    """Take the writer lock, reconcile, and return a trader that may trade on these books and this wire.

    Raises ConfigurationError for a wrong key or address, LostWriterLock when another trader runs.
    """
    cities = load_cities()
    signer = (
        load_signer(settings.kalshi_key.key_id, settings.kalshi_key.key_file) if settings.kalshi_key else None
    )
    client = KalshiClient(http, settings.kalshi_base_url, clock=clock, signer=signer)
    exchange: Exchange = (
        KalshiExchange(client, clock=clock, mode=settings.mode)
        if settings.mode is not TradingMode.SHADOW
        else _shadow(store, settings, clock)
    )
    if world is None and (belongs := store.world_now()):
        raise ConfigurationError(
            f"Database: expected one of the live world, found one of the recorded world {belongs[0]}; "
            "nothing was started. Give DATABASE_URL, start that world's simulator, or remove the data "
            "folder's env file."
        )
    _refuse_open_orders_of_another_mode(store, settings.mode)
    try:
        account = exchange.authenticate()
    except TransientError as problem:
        note_refusal(Starting(store, clock, settings.mode, logger()), problem)
        raise
    _adopt_limits(client)
    started_at = clock.now()
    epoch = store.open_epoch(
        mode=settings.mode, account=account, command=command, version=__version__, at=clock.now()
    )
    store.save_cities(list(cities.values()), at=clock.now())
    store.ensure_partitions(clock.now().date(), 3)
    if world:
        store.set_world_clock(world, clock.now(), at=clock.now())
    ensemble = (
        EnsembleClient(http, settings.openmeteo_base_url, clock=clock)
        if settings.openmeteo_base_url
        else None
    )
    trader = Trader(
        settings=settings,
        mode=settings.mode,
        account=account,
        clock=clock,
        store=store,
        market_data=KalshiMarketData(client, cities=cities, clock=clock),
        exchange=exchange,
        weather=WeatherService(
            NwsClient(http, settings.nws_base_url, clock=clock),
            ensemble,
            clock=clock,
            gates=settings.gates,
            workers=weather_workers,
            has_depths=settings.trade_monthly,
        ),
        halt_file=HaltFile(settings.halt_file),
        log=logger(),
        cities=cities,
        epoch=epoch,
        started_at=started_at,
        min_forecast_pairs=settings.min_forecast_pairs,
    )
    start(trader)
    trader.log.info(
        "trader_started", mode=settings.mode, account=account, epoch=epoch, command=command, world=world
    )
    return trader


def _refuse_open_orders_of_another_mode(store: OpsStore, mode: TradingMode) -> None:
    """Orders that may still fill need a trader of their own mode; pretend ones need nobody."""
    for other in set(TradingMode) - {mode, TradingMode.SHADOW}:
        if found := store.orders.open_orders(other):
            raise ConfigurationError(
                f"TRADING_MODE={mode}: expected no open orders of {other} in this database, found "
                f"{len(found)}; nothing was started. `TRADING_MODE={other} milkbot reconcile` settles them."
            )


def _adopt_limits(client: KalshiClient) -> None:
    """Keep to the request budget the exchange names; the documented one holds when it does not say."""
    try:
        client.adopt_limits()
    except TransientError as error:
        logger().warning("request_limits_unavailable", error=str(error), effect="documented limits hold")


def _shadow(store: OpsStore, settings: Settings, clock: Clock) -> ShadowExchange:
    """The pretend account, rebuilt from our own books: after a restart they are all that is left of it."""
    mode = settings.mode
    fills, live = store.fills.get(mode), store.orders.live_orders(mode)
    filled = store.orders.get_many(sorted({fill.kalshi_order_id for fill in fills}))
    orders = {order.order_id: order for order in (*live, *filled)}
    return ShadowExchange(
        clock=clock,
        capital_usd=store.capital.total(mode) or settings.starting_capital_usd,
        fills=fills,
        settlements=store.positions.settlements(mode),
        orders=tuple(orders.values()),
    )


def world_clock_from_rows(store: OpsStore) -> Clock | None:
    """The recorded world's clock where the database belongs to one."""
    found = store.world_now()
    return SteppedClock(found[1]) if found else None
