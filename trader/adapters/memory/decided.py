"""Cycles and what was decided in them, in memory."""

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from trader.adapters.book_rules import aware
from trader.adapters.memory.seen import MemoryMarketRepository, MemoryWeatherRepository
from trader.domain.canonical import content_hash
from trader.domain.errors import InvariantViolation, PersistenceError
from trader.domain.plan import CycleInputs, CyclePlan, CycleSummary
from trader.domain.signals import Prediction, Signal
from trader.domain.types import Decision, Instant, ReasonCode, TradingMode
from trader.ports.ops_store import CycleRow, EquityPoint, EquityRow, FoundSignal, LastCycle


@dataclass
class Cycle:
    """One cycle as far as it came. ``first_signal_id`` numbers the plan's signals."""

    mode: TradingMode
    slot: str
    started_at: datetime
    inputs: CycleInputs | None = None
    inputs_hash: str | None = None
    plan: CyclePlan | None = None
    plan_hash: str | None = None
    first_signal_id: int = 0
    finished_at: datetime | None = None
    summary: CycleSummary | None = None


class MemoryCycleRepository:
    """``ports.ops_store.CycleRepository`` in memory; inputs and plans of the last ``keep`` cycles."""

    def __init__(
        self, weather: MemoryWeatherRepository, markets: MemoryMarketRepository, *, keep: int | None
    ) -> None:
        self._weather, self._markets, self._keep = weather, markets, keep
        self._slots: set[tuple[TradingMode, str, int]] = set()
        self._equity: dict[TradingMode, list[EquityPoint]] = {}
        self._signals = 0
        self.rows: dict[int, Cycle] = {}

    def begin(self, *, epoch: int, mode: TradingMode, slot: str, at: datetime) -> int:
        if (mode, slot, epoch) in self._slots:
            raise PersistenceError(
                f"cycle {mode} {slot}: expected a new slot of epoch {epoch}, found one stored"
            )
        self._slots.add((mode, slot, epoch))
        cycle_id = len(self.rows) + 1
        self.rows[cycle_id] = Cycle(mode=mode, slot=slot, started_at=aware(at))
        if self._keep is not None and (old := self.rows.get(cycle_id - self._keep)) is not None:
            old.inputs = old.plan = None
        return cycle_id

    def save_inputs(self, cycle_id: int, inputs: CycleInputs, *, at: datetime) -> str:
        cycle = self.rows.get(cycle_id)
        if cycle is None or cycle.inputs_hash is not None:
            raise _missing(cycle_id, "a begun cycle without inputs")
        self._markets.save_contracts(inputs.contracts, at=at)
        self._markets.save_snapshots(inputs.snapshots, at=at, cycle_id=cycle_id)
        for snapshot in inputs.weather:
            self._weather.save_snapshot(snapshot, at=at, cycle_id=cycle_id)
        cycle.inputs, cycle.inputs_hash = inputs, content_hash(inputs)
        return cycle.inputs_hash

    def save_plan(self, cycle_id: int, plan: CyclePlan, *, at: datetime) -> None:
        aware(at)
        cycle = self.rows.get(cycle_id)
        if cycle is None or cycle.plan_hash is not None:
            raise _missing(cycle_id, "a begun cycle without a plan")
        if cycle.inputs_hash != plan.inputs_hash:
            raise InvariantViolation(
                f"cycle {cycle_id}: expected a plan of inputs {cycle.inputs_hash}, found one of "
                f"{plan.inputs_hash}; the plan was not stored"
            )
        cycle.plan, cycle.plan_hash = plan, content_hash(plan)
        cycle.first_signal_id = self._signals + 1
        self._signals += len(plan.signals)

    def finish(self, cycle_id: int, summary: CycleSummary, equity: EquityRow | None, *, at: datetime) -> None:
        cycle = self.rows.get(cycle_id)
        if cycle is None or cycle.finished_at is not None:
            raise _missing(cycle_id, "a begun, unfinished cycle")
        cycle.finished_at, cycle.summary = aware(at), summary
        if equity is not None:
            point = EquityPoint(
                finished_at=at,
                starting_capital_usd=equity.starting_capital_usd,
                equity_usd=equity.equity_usd,
                peak_profit_usd=equity.peak_profit_usd,
            )
            insort(self._equity.setdefault(cycle.mode, []), point, key=lambda p: p.finished_at)

    def list(self, since: datetime | None = None) -> tuple[CycleRow, ...]:
        if since is not None:
            aware(since)
        return tuple(
            CycleRow(
                cycle_id=cycle_id,
                slot=cycle.slot,
                mode=cycle.mode,
                started_at=cycle.started_at,
                inputs_hash=cycle.inputs_hash,
                plan_hash=cycle.plan_hash,
            )
            for cycle_id, cycle in self.rows.items()
            if since is None or cycle.started_at >= since
        )

    def newest(self, mode: TradingMode | None = None) -> LastCycle | None:
        found = [(n, cycle) for n, cycle in self.rows.items() if mode is None or cycle.mode is mode]
        if not found:
            return None
        cycle_id, cycle = found[-1]
        return LastCycle(
            cycle_id=cycle_id,
            slot=cycle.slot,
            mode=cycle.mode,
            started_at=cycle.started_at,
            finished_at=cycle.finished_at,
            summary=cycle.summary,
        )

    def load_inputs(self, cycle_id: int) -> CycleInputs:
        cycle = self.rows.get(cycle_id)
        if cycle is None or cycle.inputs is None:
            raise _missing(cycle_id, "stored inputs")
        return cycle.inputs

    def predicted(self) -> Iterator[tuple[datetime, tuple[Prediction, ...]]]:
        """When what was predicted, oldest first, as far as plans are kept."""
        for cycle in self.rows.values():
            if cycle.plan is not None and cycle.inputs is not None:
                yield cycle.inputs.now, cycle.plan.predictions

    def load_plan(self, cycle_id: int) -> CyclePlan:
        cycle = self.rows.get(cycle_id)
        if cycle is None or cycle.plan is None:
            raise _missing(cycle_id, "a stored plan")
        return cycle.plan

    def last_equity(self, mode: TradingMode, before: datetime | None = None) -> EquityPoint | None:
        points = self._equity.get(mode, [])
        end = len(points) if before is None else bisect_left(points, before, key=lambda p: p.finished_at)
        return points[end - 1] if end else None

    def equity_history(self, mode: TradingMode) -> tuple[EquityPoint, ...]:
        return tuple(self._equity.get(mode, ()))


class MemorySignalRepository:
    """``ports.ops_store.SignalRepository`` over the plans of the cycles."""

    def __init__(self, cycles: MemoryCycleRepository) -> None:
        self._cycles = cycles

    def get_for_cycle(self, cycle_id: int) -> tuple[Signal, ...]:
        cycle = self._cycles.rows.get(cycle_id)
        return cycle.plan.signals if cycle is not None and cycle.plan is not None else ()

    def find(self, signal_id: int) -> FoundSignal | None:
        for cycle_id, cycle in self._cycles.rows.items():
            place = signal_id - cycle.first_signal_id
            if cycle.plan is not None and cycle.inputs is not None and 0 <= place < len(cycle.plan.signals):
                return FoundSignal(
                    signal_id=signal_id,
                    cycle_id=cycle_id,
                    decided_at=cycle.inputs.now,
                    signal=cycle.plan.signals[place],
                )
        return None

    def last_seen(self, mode: TradingMode, since: datetime) -> tuple[dict[str, Instant], Instant | None]:
        found = [
            (cycle.inputs.now, signal)
            for cycle in self._cycles.rows.values()
            if cycle.mode is mode and cycle.plan is not None and cycle.inputs is not None
            for signal in cycle.plan.signals
            if cycle.inputs.now >= since
        ]
        priced = {s.city_code: at for at, s in sorted(found, key=lambda f: f[0]) if s.p_yes is not None}
        return priced, max((at for at, s in found if s.decision is not Decision.HOLD), default=None)

    def tally(self, mode: TradingMode) -> dict[tuple[Decision, ReasonCode], int]:
        plans = (c.plan for c in self._cycles.rows.values() if c.plan is not None and c.mode is mode)
        return dict(Counter((s.decision, s.reasons[0]) for plan in plans for s in plan.signals))

    def recent(self, ticker: str, limit: int = 20) -> tuple[tuple[int, Instant, Signal], ...]:
        found = [
            (number, cycle.inputs.now, signal)
            for cycle in self._cycles.rows.values()
            if cycle.plan is not None and cycle.inputs is not None
            for number, signal in enumerate(cycle.plan.signals, cycle.first_signal_id)
            if signal.ticker == ticker
        ]
        return tuple(sorted(found, key=lambda row: (row[1], row[0]), reverse=True)[:limit])

    def link(self, cycle_id: int | None, ticker: str, strategy: tuple[str, str]) -> int | None:
        """Number of the signal an order came from: its strategy's where several spoke, else the newest."""
        cycle = None if cycle_id is None else self._cycles.rows.get(cycle_id)
        if cycle is None or cycle.plan is None:
            return None
        found = [
            ((signal.strategy_name, signal.strategy_version) == strategy, number)
            for number, signal in enumerate(cycle.plan.signals, cycle.first_signal_id)
            if signal.ticker == ticker
        ]
        return max(found)[1] if found else None


def _missing(cycle_id: int, what: str) -> InvariantViolation:
    return InvariantViolation(f"cycle {cycle_id}: expected {what}, found none; nothing was stored or loaded")
