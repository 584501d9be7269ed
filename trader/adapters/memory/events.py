"""Risk events, halts, breaks and health, in memory."""

# ruff: noqa: ARG002 (the protocol names columns that only a database keeps)

from collections.abc import Callable
from datetime import datetime

from trader.adapters.book_rules import aware
from trader.adapters.memory.journal import Journal
from trader.domain.risk import Break, HealthStatus, RiskEvent, StateChange
from trader.domain.types import Component, ComponentStatus, ReasonCode, TradingMode, TradingState


class MemoryRiskRepository:
    """``ports.ops_store.RiskRepository`` in memory. ``confirmed`` is told of each committed probe."""

    def __init__(self, journal: Journal, confirmed: Callable[[], None]) -> None:
        self._journal, self._confirmed = journal, confirmed
        self._events: list[RiskEvent] = []
        self._states: dict[tuple[TradingMode, str, ReasonCode], StateChange] = {}
        self._lifted: dict[tuple[TradingMode, str, ReasonCode], datetime] = {}
        self._breaks: dict[TradingMode, list[Break]] = {}
        self._newest_break: dict[tuple[TradingMode, str, str], Break] = {}
        self._health: dict[Component, HealthStatus] = {}

    def save_event(
        self, event: RiskEvent, *, at: datetime, mode: TradingMode | None, cycle_id: int | None
    ) -> None:
        aware(at)
        self._journal.append(self._events, event)

    def recent_events(self, limit: int = 50) -> tuple[RiskEvent, ...]:
        numbered = sorted(enumerate(self._events), key=lambda row: (row[1].occurred_at, row[0]), reverse=True)
        return tuple(event for _, event in numbered[:limit])

    def save_state(self, change: StateChange, *, mode: TradingMode, at: datetime) -> None:
        aware(at)
        key = (mode, change.scope, change.reason)
        self._journal.drop(self._states, key)  # the newest goes to the end
        self._journal.put(self._states, key, change)
        if change.state is TradingState.ACTIVE:
            self._journal.put(self._lifted, key, change.set_at)

    def states(self, mode: TradingMode, now: datetime) -> tuple[StateChange, ...]:
        aware(now)
        return tuple(
            change
            for (found, _, _), change in self._states.items()
            if found is mode
            and change.state is not TradingState.ACTIVE
            and (change.until is None or change.until > now)
        )

    def lifted_at(self, mode: TradingMode, reason: ReasonCode) -> datetime | None:
        return self._lifted.get((mode, "book", reason))

    def save_break(self, found: Break, *, mode: TradingMode, at: datetime, epoch: int) -> bool:
        aware(at)
        key = (mode, found.kind, found.key)
        newest = self._newest_break.get(key)
        if newest is not None and (newest.ours, newest.theirs) == (found.ours, found.theirs):
            return False
        self._journal.put(self._newest_break, key, found)
        self._journal.append(self._breaks.setdefault(mode, []), found)
        return True

    def breaks(self, mode: TradingMode) -> tuple[Break, ...]:
        return tuple(self._breaks.get(mode, ()))

    def open_breaks(self, mode: TradingMode) -> tuple[Break, ...]:
        newest = {(b.kind, b.key): n for n, b in enumerate(self.breaks(mode))}
        return tuple(
            b for n, b in enumerate(self.breaks(mode)) if newest[b.kind, b.key] == n and b.ours != b.theirs
        )

    def save_health(self, status: HealthStatus, *, at: datetime) -> None:
        aware(at)
        known = self._health.get(status.component)
        if known is None or status.checked_at >= known.checked_at:
            self._journal.put(self._health, status.component, status)

    def latest_health(self) -> tuple[HealthStatus, ...]:
        return tuple(self._health[component] for component in Component if component in self._health)

    def probe_write(self, *, at: datetime) -> None:
        self.save_health(
            HealthStatus(
                component=Component.DATABASE,
                status=ComponentStatus.OK,
                last_ok=aware(at),
                message="probe write committed",
                checked_at=at,
            ),
            at=at,
        )
        self._confirmed()
