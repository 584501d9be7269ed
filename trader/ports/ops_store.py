"""Our books. One behaviour suite runs on the memory store and on Postgres (tests/contract).

Every method is one transaction, or a part of ``OpsStore.transaction``: when it returns, the rows are
committed; when it raises PersistenceError the outcome is unknown and trading pauses until a probe write
commits. All instants are UTC. ``at`` is the recording instant from the clock.
"""

from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal, NamedTuple, Protocol

from trader.domain.alarms import Alarm, AlarmCode
from trader.domain.cities import CityConfig
from trader.domain.learned import ParameterSet
from trader.domain.markets import Contract, MarketSnapshot
from trader.domain.orders import Fill, MarketResult, Order, OrderMove, Settlement
from trader.domain.plan import CycleInputs, CyclePlan, CycleSummary
from trader.domain.positions import CapitalEvent, Position
from trader.domain.risk import Break, HealthStatus, RiskEvent, StateChange
from trader.domain.signals import Distribution, OrderIntent, Signal
from trader.domain.types import Decision, Frozen, Instant, MarketType, OrderStatus, ReasonCode, TradingMode
from trader.domain.weather import CellCheck, MonthToDate, WeatherSnapshot
from trader.ports.exchange import RawPayload
from trader.ports.weather import ClimateReport


class CycleRow(Frozen):
    """A stored cycle as replay needs it."""

    cycle_id: int
    slot: str
    mode: TradingMode
    started_at: Instant
    inputs_hash: str | None
    plan_hash: str | None


class LastCycle(Frozen):
    """The newest cycle as a person wants to know it; ``summary`` is None until it finished."""

    cycle_id: int
    slot: str
    mode: TradingMode
    started_at: Instant
    finished_at: Instant | None
    summary: CycleSummary | None


class FoundSignal(Frozen):
    """A stored signal with its number and the cycle it was made in."""

    signal_id: int
    cycle_id: int
    decided_at: Instant
    signal: Signal


class EquityRow(Frozen):
    """Money of one mode. equity = starting capital + realised + unrealised."""

    starting_capital_usd: Decimal
    cash_usd: Decimal
    realized_pnl_usd: Decimal
    unrealized_pnl_usd: Decimal
    equity_usd: Decimal
    peak_profit_usd: Decimal | None = None


class EquityPoint(Frozen):
    """Money as a finished cycle left it. Profit is what deposits and withdrawals do not change."""

    finished_at: Instant
    starting_capital_usd: Decimal
    equity_usd: Decimal
    peak_profit_usd: Decimal | None

    @property
    def profit_usd(self) -> Decimal:
        return self.equity_usd - self.starting_capital_usd


class WeatherRepository(Protocol):
    def save_snapshot(
        self, snapshot: WeatherSnapshot, *, at: datetime, cycle_id: int | None = None
    ) -> int: ...
    def get_latest(self, city_code: str) -> WeatherSnapshot | None: ...
    def save_climate_report(self, report: ClimateReport, *, at: datetime) -> bool:
        """Store one version of a report; return False when this version is known."""
        ...

    def first_final(self, pil: str, climate_date: date, market_type: MarketType) -> int | None:
        """What settles a market of this type: the value, in its units, of the first final report of that day
        by issue time that holds it; None before one is stored.
        """
        ...

    def months(self, since: date) -> tuple[MonthToDate, ...]:
        """The newest month-to-date of each report and depth of a climate date from then on, by location."""
        ...


class IssuedForecast(NamedTuple):
    """One stored issue of a source for a climate day, degrees Fahrenheit."""

    city_code: str
    source: str
    variable: MarketType
    climate_date: date
    issued_at: datetime
    value_f: float


class Outcome(NamedTuple):
    """What settles a climate day by the first final report of the city's temperatures, and when it came."""

    city_code: str
    variable: MarketType
    climate_date: date
    issued_at: datetime
    value: int


class StoredSet(NamedTuple):
    """A parameter set with its newest role, who gave it, why and when."""

    sha256: str
    parameters: ParameterSet
    role: Literal["CANDIDATE", "CURRENT", "WITHDRAWN"]
    set_by: str
    note: str
    set_at: datetime


class LearnedRepository(Protocol):
    """What forecasts said, how days settled, and the parameter sets made of it."""

    def marker(self) -> tuple[int, int]:
        """Grows whenever a final report or a role was stored: until then nothing new can be learnt."""
        ...

    def issues(
        self, *, climate_date: date | None = None, issued_at: datetime | None = None
    ) -> tuple[IssuedForecast, ...]:
        """The stored issues for climate days from ``climate_date`` on, issued from ``issued_at`` on, by city,
        source, variable, day and time."""
        ...

    def outcomes(self, climate_date: date) -> tuple[Outcome, ...]:
        """What settled from that day on, by city, variable and day."""
        ...

    def save_set(self, parameters: ParameterSet, *, role: str, set_by: str, note: str, at: datetime) -> str:
        """Store a set, if it is new, and give it a role; return its hash."""
        ...

    def sets(self) -> tuple[StoredSet, ...]:
        """Every set with its newest role, the newest role first."""
        ...

    def current_before(self) -> str | None:
        """Hash of the set that was CURRENT before the one that is, of those not withdrawn; None when none
        was."""
        ...

    def predictions(
        self, climate_date: date, version_end: str
    ) -> tuple[tuple[str, MarketType, date, Distribution], ...]:
        """The newest distribution made before the climate day began, by city, variable and day, of the
        strategy whose version ends so, for days from ``climate_date`` on."""
        ...


class MarketRepository(Protocol):
    def save_contracts(self, contracts: Sequence[Contract], *, at: datetime) -> int:
        """Store versions not yet known; return how many were new."""
        ...

    def save_snapshot(
        self, snapshot: MarketSnapshot, *, at: datetime, cycle_id: int | None = None
    ) -> int: ...
    def save_snapshots(
        self, snapshots: Sequence[MarketSnapshot], *, at: datetime, cycle_id: int | None = None
    ) -> None: ...
    def get_active_markets(self, city_code: str) -> tuple[MarketSnapshot, ...]:
        """Return the newest snapshot of each market of the city whose newest status is active, by ticker.
        A market that closed before our last look at the city is over, whatever its last snapshot said."""
        ...

    def save_result(
        self, result: MarketResult, *, our_value: int | None, our_result: str | None, at: datetime
    ) -> bool:
        """Store a published result, or a correction of the one that stands; False when it says the same."""
        ...

    def results(self, since: datetime) -> tuple[MarketResult, ...]:
        """The results that stand of what was determined from then on, by ticker."""
        ...

    def markets_awaiting_result(self, now: datetime) -> tuple[str, ...]:
        """Tickers of markets past close without a stored result, sorted."""
        ...

    def latest_marks(self, tickers: Sequence[str]) -> dict[str, MarketSnapshot]:
        """The newest snapshot of each market that has a quote; a market never quoted is left out."""
        ...

    def contract(self, ticker: str) -> Contract | None:
        """The newest version of a market's terms."""
        ...

    def contracts(self, tickers: Sequence[str]) -> dict[str, Contract]:
        """The newest version of each market's terms that are stored."""
        ...


class SignalRepository(Protocol):
    def get_for_cycle(self, cycle_id: int) -> tuple[Signal, ...]: ...
    def recent(self, ticker: str, limit: int = 20) -> tuple[tuple[int, Instant, Signal], ...]: ...
    def find(self, signal_id: int) -> FoundSignal | None: ...
    def last_seen(self, mode: TradingMode, since: datetime) -> tuple[dict[str, Instant], Instant | None]:
        """When each city was last given a probability, and when an order was last wanted, since then."""
        ...

    def tally(self, mode: TradingMode) -> dict[tuple[Decision, ReasonCode], int]:
        """How many signals took each decision for each first reason."""
        ...


class OrderRepository(Protocol):
    def create(
        self,
        intent: OrderIntent,
        *,
        at: datetime,
        epoch: int,
        cycle_id: int | None,
        denied: str | None = None,
        is_sent: bool = False,
    ) -> tuple[Order, bool]:
        """Commit an intent as CREATED, as SUBMITTING where it is sent next, or as DENIED with its reason.
        Return (order, True), or the existing order of that ``intent_key`` or client order id and False. Links
        the newest signal of that ticker in that cycle."""
        ...

    def create_found(self, order: Order, *, at: datetime, epoch: int) -> Order:
        """Record an order that the exchange has and our books lack: by hand, or forgotten by a backup."""
        ...

    def get_by_intent_key(self, intent_key: str) -> Order | None: ...
    def get_by_kalshi_id(self, kalshi_order_id: str) -> Order | None: ...
    def get_many(self, kalshi_order_ids: Sequence[str]) -> tuple[Order, ...]:
        """Orders with one of these exchange ids, by order_id."""
        ...

    def transition(
        self, order_id: int, to: OrderStatus, *, evidence: str, at: datetime, epoch: int, **changes: Any
    ) -> Order:
        """Make one move; ``changes`` are further fields of ``OrderMove``."""
        ...

    def move_all(self, moves: Sequence[OrderMove], *, at: datetime, epoch: int) -> tuple[Order, ...]:
        """Move orders in the given order and append an event each, all or none, at the cost of a few round
        trips. The caller has checked legality (core.order_state).

        Raises InvariantViolation when an order does not stand as expected, or its filled quantity would
        shrink.
        """
        ...

    def open_orders(self, mode: TradingMode) -> tuple[Order, ...]:
        """Orders in a status that is not closed, by order_id."""
        ...

    def live_orders(self, mode: TradingMode) -> tuple[Order, ...]:
        """Open orders, and closed ones with fills that are not booked yet, by order_id."""
        ...

    def of_signal(self, signal_id: int) -> tuple[Order, ...]:
        """Orders that came from one signal, by order_id."""
        ...

    def taken_intents(self, mode: TradingMode, slot: str) -> tuple[str, ...]: ...
    def count(self, mode: TradingMode) -> dict[OrderStatus, int]: ...
    def rejects_since(self, mode: TradingMode, since: datetime, *, without: Collection[str] = ()) -> int:
        """How many orders were rejected at or after ``since``, those with a code of ``without`` left out."""
        ...

    def events(self, order_id: int) -> tuple[tuple[OrderStatus | None, OrderStatus, str, Instant], ...]: ...


class FillRepository(Protocol):
    def book(self, fill: Fill, *, order: Order, position: Position, at: datetime, epoch: int) -> bool:
        """Store a fill with the position that follows from it and count it on its order, atomically; False
        when the fill id is known (then nothing is written). The status is moved by
        ``OrderRepository.transition``."""
        ...

    def get(self, mode: TradingMode, since: datetime | None = None) -> tuple[Fill, ...]: ...
    def known(self, fill_ids: Sequence[str]) -> frozenset[str]:
        """Which of these fills are booked."""
        ...

    def filled_qty(self, order_id: int) -> Decimal: ...
    def last_filled_at(self, mode: TradingMode) -> datetime | None: ...


class PositionRepository(Protocol):
    def get_all(self, mode: TradingMode) -> tuple[Position, ...]:
        """Every position ever held in the mode, by ticker."""
        ...

    def held(self, mode: TradingMode) -> tuple[Position, ...]:
        """Open positions, by ticker."""
        ...

    def realized(self, mode: TradingMode) -> Decimal:
        """Realised profit of every position ever held, dollars; costs the same whatever the history."""
        ...

    def get(self, mode: TradingMode, ticker: str) -> Position | None: ...
    def get_many(self, mode: TradingMode, tickers: Sequence[str]) -> tuple[Position, ...]:
        """Positions of these markets, held or not, by ticker."""
        ...

    def settle(
        self,
        settlement: Settlement,
        *,
        position: Position | None,
        at: datetime,
        epoch: int,
        is_correction: bool = False,
    ) -> bool:
        """Store a payout with the position that follows from it; False when the market's is known. A
        correction is a further row.
        """
        ...

    def settlements(self, mode: TradingMode, tickers: Sequence[str] | None = None) -> tuple[Settlement, ...]:
        """Payouts and their corrections of these markets, or of every market, oldest first."""
        ...

    def last_settled_at(self, mode: TradingMode) -> datetime | None: ...


class RiskRepository(Protocol):
    def save_event(
        self, event: RiskEvent, *, at: datetime, mode: TradingMode | None, cycle_id: int | None
    ) -> None: ...
    def recent_events(self, limit: int = 50) -> tuple[RiskEvent, ...]: ...
    def save_state(self, change: StateChange, *, mode: TradingMode, at: datetime) -> None: ...
    def states(self, mode: TradingMode, now: datetime) -> tuple[StateChange, ...]:
        """States in force at ``now`` that are not ACTIVE: newest row per (scope, reason), ``until``
        respected.
        """
        ...

    def lifted_at(self, mode: TradingMode, reason: ReasonCode) -> Instant | None:
        """When the book's halt for this reason was last lifted, None when it never was."""
        ...

    def save_break(self, found: Break, *, mode: TradingMode, at: datetime, epoch: int) -> bool:
        """Store a break; False when the same (kind, key, ours, theirs) is the newest stored for that key."""
        ...

    def breaks(self, mode: TradingMode) -> tuple[Break, ...]: ...
    def open_breaks(self, mode: TradingMode) -> tuple[Break, ...]:
        """The newest break of each (kind, key) whose two sides differ, oldest first."""
        ...

    def save_health(self, status: HealthStatus, *, at: datetime) -> None: ...
    def latest_health(self) -> tuple[HealthStatus, ...]: ...
    def probe_write(self, *, at: datetime) -> None:
        """Write and commit one row, which lifts the latch of an earlier failed write, or raise
        PersistenceError.
        """
        ...


class CapitalRepository(Protocol):
    def save(self, event: CapitalEvent, *, set_by: str, at: datetime) -> bool:
        """Store; False when the mode has a START already and this is one, or knows the ``ref``."""
        ...

    def total(self, mode: TradingMode) -> Decimal: ...
    def events(self, mode: TradingMode) -> tuple[CapitalEvent, ...]:
        """All of them, oldest first."""
        ...


class AlarmRepository(Protocol):
    def open_alarms(self, mode: TradingMode) -> tuple[Alarm, ...]:
        """What is open, oldest first."""
        ...

    def save(self, alarm: Alarm, *, mode: TradingMode, at: datetime) -> None:
        """Open an alarm, or open it anew with other words."""
        ...

    def close(self, code: AlarmCode, subject: str, *, mode: TradingMode, at: datetime) -> bool:
        """Close; False when none of that code and subject is open."""
        ...


class CellRepository(Protocol):
    def save(self, check: CellCheck, *, at: datetime) -> None:
        """Store one resolution of a city's grid cell."""
        ...

    def newest(self) -> tuple[CellCheck, ...]:
        """The newest resolution of each city, by code."""
        ...


class CycleRepository(Protocol):
    def begin(self, *, epoch: int, mode: TradingMode, slot: str, at: datetime) -> int: ...
    def save_inputs(self, cycle_id: int, inputs: CycleInputs, *, at: datetime) -> str:
        """Commit contracts, market and weather snapshots and the context row; return the inputs' hash."""
        ...

    def save_plan(self, cycle_id: int, plan: CyclePlan, *, at: datetime) -> None:
        """Commit predictions, signals, risk decisions and the plan's hash ."""
        ...

    def finish(
        self, cycle_id: int, summary: CycleSummary, equity: EquityRow | None, *, at: datetime
    ) -> None: ...
    def list(self, since: datetime | None = None) -> tuple[CycleRow, ...]: ...
    def newest(self, mode: TradingMode | None = None) -> LastCycle | None:
        """The cycle that began last, of one mode or of any."""
        ...

    def load_inputs(self, cycle_id: int) -> CycleInputs:
        """Rebuild the inputs from the stored rows alone. Their hash must equal ``inputs_hash``."""
        ...

    def load_plan(self, cycle_id: int) -> CyclePlan:
        """Rebuild the plan from the stored rows alone (new_states from trading_state are part of the
        context).
        """
        ...

    def last_equity(self, mode: TradingMode, before: datetime | None = None) -> EquityPoint | None:
        """Money after the newest finished cycle, or the newest that finished before an instant."""
        ...

    def equity_history(self, mode: TradingMode) -> tuple[EquityPoint, ...]:
        """Money after every finished cycle, oldest first. Costs as much as there is history."""
        ...


class OpsStore(Protocol):
    """All repositories over one connection pool, plus the single-writer lock."""

    weather: WeatherRepository
    markets: MarketRepository
    signals: SignalRepository
    orders: OrderRepository
    fills: FillRepository
    positions: PositionRepository
    risk: RiskRepository
    capital: CapitalRepository
    cycles: CycleRepository
    alarms: AlarmRepository
    cells: CellRepository
    learned: LearnedRepository

    def open_epoch(self, *, mode: TradingMode, account: str, command: str, version: str, at: datetime) -> int:
        """Take the session advisory lock and write a new epoch. Raises LostWriterLock when it is held."""
        ...

    def transaction(self, *, is_exclusive: bool = False) -> AbstractContextManager[None]:
        """Commit everything done through this store within the block as one, or nothing of it.

        ``is_exclusive`` waits for other exclusive transactions and holds them off: what is read within the
        block is then true until it commits. Raises InvariantViolation inside another transaction.
        """
        ...

    def mark_reconciled(self, epoch: int, *, at: datetime) -> None: ...
    def assert_writer(self, epoch: int) -> None:
        """Prove on the lock's own connection that it is still held and no newer epoch exists; else
        LostWriterLock.
        """
        ...

    def assert_may_create(self, epoch: int) -> None:
        """Prove like ``assert_writer``, and that this epoch's reconciliation is committed (else
        InvariantViolation) and that no write failed since the last committed probe (else PersistenceError).
        """
        ...

    def save_cities(self, cities: Sequence[CityConfig], *, at: datetime) -> None: ...
    def save_payloads(self, payloads: Sequence[RawPayload]) -> None: ...
    def set_world_clock(self, world: str, now: datetime, *, at: datetime) -> None: ...
    def world_now(self) -> tuple[str, Instant] | None: ...
    def ensure_partitions(self, day: date, months: int) -> int: ...
    def close(self) -> None: ...
