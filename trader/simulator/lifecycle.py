"""A market's life: opened and closed by the clock, paused, determined, disputed, paid; and common pauses."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from trader.domain.types import MarketStatus
from trader.simulator.faults import Fault, FaultKind, Faults
from trader.simulator.world import Market, World

_EASTERN = ZoneInfo("America/New_York")
Span = tuple[datetime, datetime]
YES, NO, SCALAR = "yes", "no", "scalar"


def maintenance_windows(start: datetime, end: datetime) -> tuple[Span, ...]:
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


@dataclass(frozen=True, slots=True)
class Life:
    """Instants of one market. ``value`` is dollars per YES contract; None instants never come."""

    close_at: datetime
    result: str | None
    value: Decimal
    determined_at: datetime | None
    settled_at: datetime | None
    pause: Span | None = None
    dispute: Span | None = None
    revised_at: datetime | None = None
    listed_close_at: datetime | None = None
    """The close that is shown until the market has closed earlier."""

    def status(self, market: Market, now: datetime) -> MarketStatus:
        if now < market.open_at:
            return MarketStatus.INITIALIZED
        if now < self.close_at:
            is_paused = self.pause is not None and self.pause[0] <= now < self.pause[1]
            return MarketStatus.INACTIVE if is_paused else MarketStatus.ACTIVE
        if self.determined_at is None or now < self.determined_at:
            return MarketStatus.CLOSED
        if self.settled_at is not None and now >= self.settled_at:
            return MarketStatus.FINALIZED
        if self.dispute is not None and now >= self.dispute[0]:
            return MarketStatus.DISPUTED if now < self.dispute[1] else MarketStatus.AMENDED
        return MarketStatus.DETERMINED

    def changed_at(self, market: Market, status: MarketStatus) -> datetime:
        """When the market last changed by the clock."""
        moments = {
            MarketStatus.INITIALIZED: market.created_at,
            MarketStatus.ACTIVE: market.open_at,
            MarketStatus.INACTIVE: self.pause[0] if self.pause else None,
            MarketStatus.CLOSED: self.close_at,
            MarketStatus.DETERMINED: self.determined_at,
            MarketStatus.DISPUTED: self.dispute[0] if self.dispute else None,
            MarketStatus.AMENDED: self.dispute[1] if self.dispute else None,
            MarketStatus.FINALIZED: self.settled_at,
        }
        return moments[status] or self.close_at


class Lifecycle:
    """Lives of all markets and the exchange's pauses: as recorded, and as the planned faults have it."""

    def __init__(self, world: World, faults: Faults) -> None:
        self._world, self._faults = world, faults
        self.pauses = (*maintenance_windows(world.start, world.end), *self._spans(FaultKind.TRADING_PAUSE))
        self.stops = self._spans(FaultKind.EXCHANGE_PAUSE)
        self.lives: Mapping[str, Life] = {row.ticker: self._life(row) for row in world.markets.values()}

    def is_trading_paused(self, now: datetime) -> bool:
        self._count(FaultKind.TRADING_PAUSE, now)
        return any(opens <= now < closes for opens, closes in (*self.pauses, *self.stops))

    def is_stopped(self, now: datetime) -> bool:
        """Whether even cancels are refused."""
        self._count(FaultKind.EXCHANGE_PAUSE, now)
        return any(opens <= now < closes for opens, closes in self.stops)

    def _spans(self, kind: FaultKind) -> tuple[Span, ...]:
        return tuple((fault.start, fault.end) for fault in self._faults.of(kind))

    def _count(self, kind: FaultKind, now: datetime) -> None:
        for fault in self._faults.of(kind):
            fault.fired += fault.start <= now < fault.end

    def _chosen(self, kind: FaultKind, subject: str) -> Fault | None:
        return next((row for row in self._faults.of(kind) if self._faults.is_chosen(row, subject)), None)

    def _life(self, market: Market) -> Life:
        """Faults concern whole events, a pause one market."""
        event, hours = market.event_ticker, {}
        for kind in (FaultKind.EARLY_CLOSE, FaultKind.LATE_SETTLEMENT, FaultKind.DISPUTE):
            if fault := self._chosen(kind, event):
                hours[kind] = timedelta(hours=fault.value)
                fault.fired += 1
        close_at = market.close_at - hours.get(FaultKind.EARLY_CLOSE, timedelta(0))
        determined_at, settled_at, dispute = market.determined_at, market.settled_at, None
        if determined_at is not None and settled_at is not None:
            late = hours.get(FaultKind.LATE_SETTLEMENT, timedelta(0))
            determined_at, settled_at = determined_at + late, settled_at + late
            if FaultKind.DISPUTE in hours:
                begins = determined_at + timedelta(minutes=2)
                dispute = (begins, begins + hours[FaultKind.DISPUTE])
                settled_at = dispute[1] + (settled_at - determined_at)
        result, value = market.result, Decimal(market.result == YES)
        if settled_at is not None and (fair := self._chosen(FaultKind.FAIR_PRICE, event)):
            result, value = SCALAR, Decimal(round(fair.value)) / 100
            fair.fired += 1
        revised = self._chosen(FaultKind.REVISED_SETTLEMENT, event)
        pause = self._chosen(FaultKind.MARKET_PAUSE, market.ticker)
        return Life(
            close_at=close_at,
            result=result,
            value=value,
            determined_at=determined_at,
            settled_at=settled_at,
            pause=(pause.start, pause.end) if pause else None,
            dispute=dispute,
            revised_at=settled_at + timedelta(hours=revised.value) if revised and settled_at else None,
            listed_close_at=market.close_at if close_at != market.close_at else None,
        )
