"""Our books on Postgres: every repository over one pool, and the writer lock."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime

from trader.adapters.book_rules import aware
from trader.adapters.ops.alarms import PostgresAlarmRepository
from trader.adapters.ops.capital import PostgresCapitalRepository
from trader.adapters.ops.cells import PostgresCellRepository
from trader.adapters.ops.cycles import PostgresCycleRepository
from trader.adapters.ops.events import PostgresRiskRepository
from trader.adapters.ops.fills import PostgresFillRepository
from trader.adapters.ops.learned import PostgresLearnedRepository
from trader.adapters.ops.markets import PostgresMarketRepository
from trader.adapters.ops.orders import PostgresOrderRepository
from trader.adapters.ops.payloads import insert_payloads
from trader.adapters.ops.pool import Database
from trader.adapters.ops.positions import PostgresPositionRepository
from trader.adapters.ops.rows import fetch_value
from trader.adapters.ops.signals import PostgresSignalRepository
from trader.adapters.ops.weather import PostgresWeatherRepository
from trader.adapters.ops.writer import WriterLock
from trader.domain.cities import CityConfig
from trader.domain.errors import InvariantViolation, PersistenceError
from trader.domain.types import Instant, TradingMode
from trader.ports import ops_store as ports
from trader.ports.exchange import RawPayload

# Our own newest epoch's row: no other role may lock it, as it could an advisory lock.
_LOCK_BOOKS = "select epoch from ops.epochs where epoch = (select max(epoch) from ops.epochs) for update"
_RECONCILED = """
update ops.epochs set reconciled_at = %(at)s where epoch = %(epoch)s and reconciled_at is null returning epoch
"""
_UPSERT_CITY = """
insert into ops.cities (
    city_code, position, name, timezone, std_utc_offset_hours, cluster, region, settlement_station, latitude,
    longitude, updated_at
) values (
    %(code)s, %(position)s, %(name)s, %(timezone)s, %(std_utc_offset_hours)s, %(cluster)s, %(region)s,
    %(settlement_station)s, %(lat)s, %(lon)s, %(at)s
) on conflict (city_code) do update set
    position = excluded.position, name = excluded.name, timezone = excluded.timezone,
    std_utc_offset_hours = excluded.std_utc_offset_hours, cluster = excluded.cluster,
    region = excluded.region, settlement_station = excluded.settlement_station, latitude = excluded.latitude,
    longitude = excluded.longitude, updated_at = excluded.updated_at
"""
_SET_WORLD_CLOCK = """
insert into ops.world_clock (world, world_now, updated_at) values (%(world)s, %(now)s, %(at)s)
on conflict (singleton) do update set
    world = excluded.world, world_now = excluded.world_now, updated_at = excluded.updated_at
"""
_WORLD_NOW = "select world, world_now from ops.world_clock"
_ENSURE_PARTITIONS = "select ops.ensure_partitions(%(day)s, %(months)s)"


class PostgresOpsStore:
    """``ports.ops_store.OpsStore`` on Postgres. The pool is the caller's; ``close`` frees the lock only."""

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

    def __init__(self, database: Database, *, lock_url: str) -> None:
        self._database = database
        self._lock = WriterLock(lock_url)
        self.weather = PostgresWeatherRepository(database)
        self.markets = PostgresMarketRepository(database)
        self.signals = PostgresSignalRepository(database)
        self.orders = PostgresOrderRepository(database)
        self.fills = PostgresFillRepository(database)
        self.positions = PostgresPositionRepository(database)
        self.risk = PostgresRiskRepository(database)
        self.capital = PostgresCapitalRepository(database)
        self.cycles = PostgresCycleRepository(database)
        self.alarms = PostgresAlarmRepository(database)
        self.cells = PostgresCellRepository(database)
        self.learned = PostgresLearnedRepository(database)

    @contextmanager
    def transaction(self, *, is_exclusive: bool = False) -> Iterator[None]:
        with self._database.transaction() as connection:
            if is_exclusive:
                connection.execute(_LOCK_BOOKS)
            yield

    def open_epoch(self, *, mode: TradingMode, account: str, command: str, version: str, at: datetime) -> int:
        return self._lock.open_epoch(mode=mode, account=account, command=command, version=version, at=at)

    def mark_reconciled(self, epoch: int, *, at: datetime) -> None:
        with self._database.connection() as connection:
            if fetch_value(connection, _RECONCILED, {"epoch": epoch, "at": aware(at)}) is None:
                raise InvariantViolation(
                    f"epoch {epoch}: expected one that is not reconciled yet, found none; nothing was stored"
                )

    def assert_writer(self, epoch: int) -> None:
        self._lock.prove(epoch)

    def assert_may_create(self, epoch: int) -> None:
        if self._database.unconfirmed:
            raise PersistenceError(
                f"epoch {epoch}: expected every write confirmed or a probe committed since, found "
                f"{self._database.unconfirmed}; nothing is sent"
            )
        if not self._lock.prove(epoch):
            raise InvariantViolation(
                f"epoch {epoch}: expected its reconciliation committed, found none; nothing is sent"
            )

    def save_cities(self, cities: Sequence[CityConfig], *, at: datetime) -> None:
        rows = [
            city.model_dump() | {"position": position, "at": aware(at)}
            for position, city in enumerate(cities)
        ]
        with self._database.connection() as connection, connection.cursor() as cursor:
            cursor.executemany(_UPSERT_CITY, rows)

    def save_payloads(self, payloads: Sequence[RawPayload]) -> None:
        with self._database.connection() as connection:
            insert_payloads(connection, payloads)

    def set_world_clock(self, world: str, now: datetime, *, at: datetime) -> None:
        with self._database.connection() as connection:
            connection.execute(_SET_WORLD_CLOCK, {"world": world, "now": aware(now), "at": aware(at)})

    def world_now(self) -> tuple[str, Instant] | None:
        with self._database.connection() as connection:
            row = connection.execute(_WORLD_NOW).fetchone()
        return None if row is None else (row[0], row[1].astimezone(UTC))

    def ensure_partitions(self, day: date, months: int) -> int:
        with self._database.connection() as connection:
            return int(fetch_value(connection, _ENSURE_PARTITIONS, {"day": day, "months": months}))

    def close(self) -> None:
        self._lock.close()
