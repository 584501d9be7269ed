"""Alarms and grid cells in memory."""

from datetime import datetime

from trader.adapters.book_rules import aware
from trader.adapters.memory.journal import Journal
from trader.domain.alarms import Alarm, AlarmCode
from trader.domain.types import TradingMode
from trader.domain.weather import CellCheck


class MemoryAlarmRepository:
    """``ports.ops_store.AlarmRepository`` in memory."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._alarms: dict[tuple[TradingMode, AlarmCode, str], Alarm] = {}

    def open_alarms(self, mode: TradingMode) -> tuple[Alarm, ...]:
        found = [a for (kept, _, _), a in self._alarms.items() if kept is mode and a.closed_at is None]
        return tuple(sorted(found, key=lambda a: (a.opened_at, a.code, a.subject)))

    def save(self, alarm: Alarm, *, mode: TradingMode, at: datetime) -> None:
        aware(at)
        self._journal.put(self._alarms, (mode, alarm.code, alarm.subject), alarm)

    def close(self, code: AlarmCode, subject: str, *, mode: TradingMode, at: datetime) -> bool:
        known = self._alarms.get((mode, code, subject))
        if known is None or known.closed_at is not None:
            return False
        closed = known.model_copy(update={"closed_at": max(known.opened_at, aware(at))})
        self._journal.put(self._alarms, (mode, code, subject), closed)
        return True


class MemoryCellRepository:
    """``ports.ops_store.CellRepository`` in memory: the newest of each city."""

    def __init__(self) -> None:
        self._cells: dict[str, CellCheck] = {}

    def save(self, check: CellCheck, *, at: datetime) -> None:
        aware(at)
        known = self._cells.get(check.city_code)
        if known is None or check.resolved_at >= known.resolved_at:
            self._cells[check.city_code] = check

    def newest(self) -> tuple[CellCheck, ...]:
        return tuple(self._cells[code] for code in sorted(self._cells))
