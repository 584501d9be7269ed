"""Our books in memory: the store of backtests and simulations, and the fast half of the behaviour suite."""

# ruff: noqa: ARG002 (the protocol names columns that only a database keeps)

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime

from trader.adapters.book_rules import aware
from trader.adapters.memory.alarms import MemoryAlarmRepository, MemoryCellRepository
from trader.adapters.memory.booked import (
    MemoryCapitalRepository,
    MemoryFillRepository,
    MemoryOrderRepository,
    MemoryPositionRepository,
)
from trader.adapters.memory.decided import MemoryCycleRepository, MemorySignalRepository
from trader.adapters.memory.events import MemoryRiskRepository
from trader.adapters.memory.journal import Journal
from trader.adapters.memory.learned import MemoryLearnedRepository
from trader.adapters.memory.seen import MemoryMarketRepository, MemoryWeatherRepository
from trader.domain.cities import CityConfig
from trader.domain.errors import InvariantViolation, LostWriterLock, PersistenceError
from trader.domain.types import Instant, TradingMode
from trader.ports import ops_store as ports
from trader.ports.exchange import RawPayload


class _Epochs:
    """Accounts by epoch, which were reconciled, who holds the lock, and what the store failed to confirm."""

    def __init__(self) -> None:
        self.unconfirmed: str | None = None
        self.accounts: list[str] = []
        self.reconciled: set[int] = set()
        self.holder: object | None = None

    def account_of(self, epoch: int) -> str:
        if not 1 <= epoch <= len(self.accounts):
            raise PersistenceError(f"epoch {epoch}: expected a stored one, found none; nothing was stored")
        return self.accounts[epoch - 1]


class MemoryOpsStore:
    """``ports.ops_store.OpsStore`` in plain dicts; raw bodies are dropped.

    ``keep_cycles`` bounds the memory: inputs and plans of older cycles are forgotten (None keeps all).
    ``same_books_as`` opens the books of another store, as a second process would.
    """

    weather: ports.WeatherRepository
    markets: ports.MarketRepository
    signals: ports.SignalRepository
    orders: ports.OrderRepository
    fills: ports.FillRepository
    positions: ports.PositionRepository
    risk: ports.RiskRepository
    capital: ports.CapitalRepository
    cycles: ports.CycleRepository
    alarms: ports.AlarmRepository
    cells: ports.CellRepository
    learned: ports.LearnedRepository

    def __init__(
        self, *, keep_cycles: int | None = None, same_books_as: "MemoryOpsStore | None" = None
    ) -> None:
        if same_books_as is not None:
            vars(self).update(vars(same_books_as))
            return
        self._epochs = _Epochs()
        self._journal = Journal()
        self._world: list[tuple[str, datetime]] = []
        learned = MemoryLearnedRepository()
        weather, markets = MemoryWeatherRepository(learned), MemoryMarketRepository()
        cycles = MemoryCycleRepository(weather, markets, keep=keep_cycles)
        learned.decided = cycles.predicted
        signals = MemorySignalRepository(cycles)
        positions = MemoryPositionRepository(self._journal, self._epochs.account_of)
        self.weather, self.markets, self.cycles, self.signals = weather, markets, cycles, signals
        orders = MemoryOrderRepository(self._journal, signals, self._epochs.account_of)
        self.orders, self.learned = orders, learned
        self.positions = positions
        self.fills = MemoryFillRepository(self._journal, orders, positions, self._epochs.account_of)
        self.risk = MemoryRiskRepository(self._journal, self._confirmed)
        self.capital = MemoryCapitalRepository(self._journal)
        self.alarms, self.cells = MemoryAlarmRepository(self._journal), MemoryCellRepository()

    @contextmanager
    def transaction(self, *, is_exclusive: bool = False) -> Iterator[None]:
        with self._journal.transaction():
            yield

    def fail_writes(self, why: str) -> None:
        """Latch as after a write that was not confirmed: a fault hook's word."""
        self._epochs.unconfirmed = why

    def _confirmed(self) -> None:
        self._epochs.unconfirmed = None

    def open_epoch(self, *, mode: TradingMode, account: str, command: str, version: str, at: datetime) -> int:
        aware(at)
        if self._epochs.holder not in (None, self):
            raise LostWriterLock("writer lock: expected it to be free, found it held; nothing was started")
        self._epochs.holder = self
        self._epochs.accounts.append(account)
        return len(self._epochs.accounts)

    def mark_reconciled(self, epoch: int, *, at: datetime) -> None:
        aware(at)
        if not 1 <= epoch <= len(self._epochs.accounts) or epoch in self._epochs.reconciled:
            raise InvariantViolation(
                f"epoch {epoch}: expected one that is not reconciled yet, found none; nothing was stored"
            )
        self._epochs.reconciled.add(epoch)

    def assert_writer(self, epoch: int) -> None:
        if self._epochs.holder is not self or epoch != len(self._epochs.accounts):
            self.close()
            raise LostWriterLock(
                f"epoch {epoch}: expected to hold the writer lock, found it lost; nothing is sent"
            )

    def assert_may_create(self, epoch: int) -> None:
        if self._epochs.unconfirmed:
            raise PersistenceError(
                f"epoch {epoch}: expected every write confirmed or a probe committed since, found "
                f"{self._epochs.unconfirmed}; nothing is sent"
            )
        self.assert_writer(epoch)
        if epoch not in self._epochs.reconciled:
            raise InvariantViolation(
                f"epoch {epoch}: expected its reconciliation committed, found none; nothing is sent"
            )

    def save_cities(self, cities: Sequence[CityConfig], *, at: datetime) -> None:
        aware(at)

    def save_payloads(self, payloads: Sequence[RawPayload]) -> None:
        """Bodies are evidence for people; no decision reads them, so memory keeps none."""

    def set_world_clock(self, world: str, now: datetime, *, at: datetime) -> None:
        aware(at)
        self._world[:] = [(world, aware(now))]

    def world_now(self) -> tuple[str, Instant] | None:
        return self._world[0] if self._world else None

    def ensure_partitions(self, day: date, months: int) -> int:
        return 0

    def close(self) -> None:
        if self._epochs.holder is self:
            self._epochs.holder = None
