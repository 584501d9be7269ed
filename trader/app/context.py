"""What a running trader consists of: one object the shell's functions share."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from structlog.stdlib import BoundLogger

from trader.app.config import Settings
from trader.app.halt import HaltFile
from trader.app.learning import Learner
from trader.domain.cities import CityConfig
from trader.domain.markets import Contract
from trader.domain.types import TradingMode
from trader.domain.weather import CellCheck
from trader.ports.clock import Clock
from trader.ports.exchange import Exchange, MarketData, MarketView
from trader.ports.ops_store import OpsStore
from trader.ports.weather import WeatherSource

FIRST_WAIT = timedelta(minutes=30)


@dataclass(frozen=True)
class Reconciled:
    """What a reconciliation did, one sentence a line, how many fills it booked, how many breaks remain."""

    lines: tuple[str, ...]
    fills: int
    breaks: int


@dataclass
class ResultsPoll:
    """When results were last asked for and for which markets, how long to wait, when the rest was checked."""

    polled_at: datetime | None = None
    wait: timedelta = FIRST_WAIT
    awaited: set[str] = field(default_factory=set)
    checked_at: datetime | None = None


@dataclass
class Seen:
    """When each city was last priced, when an order was last wanted, which job last missed a run."""

    priced_at: dict[str, datetime] = field(default_factory=dict)
    wanted_at: datetime | None = None
    missed: dict[str, datetime] = field(default_factory=dict)
    is_seeded: bool = False


@dataclass
class Trader:
    """Adapters, settings and identity of one process that may trade.

    ``epoch`` is the writer's number, written on every row, ``started_at`` its begin. ``started`` is what its
    first reconciliation did, None before it is committed: until then nothing may be created. ``begun_at`` is
    when the books began: what the account did before is not ours.
    ``reports_seen`` is when each location's climate reports were last listed; ``terms`` and ``cells``
    are what was last compared with the store.
    """

    settings: Settings
    mode: TradingMode
    account: str
    clock: Clock
    store: OpsStore
    market_data: MarketData
    exchange: Exchange
    weather: WeatherSource
    halt_file: HaltFile
    log: BoundLogger
    cities: dict[str, CityConfig]
    epoch: int
    started_at: datetime
    min_forecast_pairs: int
    last_view: MarketView | None = None
    contracts: dict[str, Contract] = field(default_factory=dict)
    started: Reconciled | None = None
    begun_at: datetime | None = None
    results_poll: ResultsPoll = field(default_factory=ResultsPoll)
    reports_seen: dict[str, datetime] = field(default_factory=dict)
    terms: dict[str, str] = field(default_factory=dict)
    cells: dict[str, CellCheck] = field(default_factory=dict)
    seen: Seen = field(default_factory=Seen)
    learner: Learner = field(init=False)

    def __post_init__(self) -> None:
        self.learner = Learner(self.store.learned, self.cities)
