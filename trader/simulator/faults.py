"""Which fault strikes when: by number of the call, by chance from a seed, within a window; each counted.

A fault file is a JSON list. Every row has ``do`` (a kind of ``fault_kinds``) and ``on``: an operation such
as ``create``, or a pattern such as ``read_*``; for markets a ticker or pattern. It may have ``nth``: strikes
the nth call, once; or ``rate``: strikes each call, or each thing concerned, with that chance; ``from`` and
``until``: instants of the world between which it may strike; ``value``: in the kind's unit.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from random import Random
from typing import Any

from trader.domain.errors import ConfigurationError
from trader.simulator.fault_kinds import FaultKind, Layer

__all__ = ["Fault", "FaultKind", "Faults", "load_faults"]

OPERATIONS = (
    "cancel", "cancel_all", "cancel_v1", "create", "create_v1", "read_balance", "read_books", "read_events",
    "read_fills", "read_limits", "read_markets", "read_order", "read_orders", "read_positions", "read_series",
    "read_settlements", "read_status", "read_transfers", "weather_ensemble", "weather_grid",
    "weather_observations", "weather_points", "weather_reports",
)  # fmt: skip
"""Names of the calls that faults can address; a test compares them with the routes."""

_EVER = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


@dataclass(slots=True)
class Fault:
    """One row of the plan. ``nth`` counts from 1, 0 means by ``rate``; ``fired`` how often it struck."""

    operation: str
    nth: int
    kind: FaultKind
    rate: float = 1.0
    start: datetime = _EVER[0]
    end: datetime = _EVER[1]
    value: float = 0.0
    fired: int = 0

    def concerns(self, subject: str, now: datetime) -> bool:
        return self.start <= now < self.end and fnmatchcase(subject, self.operation)


class Faults:
    """The plan of faults, and how often each operation was called. ``random`` is the faults' own chance."""

    def __init__(self, planned: Sequence[Fault] = (), seed: int = 0) -> None:
        self.planned, self.calls = list(planned), Counter[str]()
        self.random = Random(f"faults {seed}")
        self._seed = seed

    def next(self, operation: str, now: datetime) -> Fault | None:
        """Count one call and return the fault of its answer or body, the first one that strikes."""
        self.calls[operation] += 1
        for fault in self.planned:
            if fault.kind.about.layer is Layer.STATE or not fault.concerns(operation, now):
                continue
            if fault.nth == self.calls[operation] or (not fault.nth and self.random.random() < fault.rate):
                fault.fired += 1
                return fault
        return None

    def of(self, kind: FaultKind) -> Iterator[Fault]:
        """Planned faults of one kind."""
        return (fault for fault in self.planned if fault.kind is kind)

    def on(self, kind: FaultKind, subject: str, now: datetime) -> Fault | None:
        """Return the fault of a state that holds for a subject now; whoever acts on it counts it."""
        return next((fault for fault in self.of(kind) if fault.concerns(subject, now)), None)

    def strikes(self, kind: FaultKind, subject: str, now: datetime) -> Fault | None:
        """Return a fault that holds now and strikes by its chance, counted."""
        fault = self.on(kind, subject, now)
        if fault is None or self.random.random() >= fault.rate:
            return None
        fault.fired += 1
        return fault

    def is_chosen(self, fault: Fault, subject: str) -> bool:
        """Whether a lasting fault concerns a subject: the same answer whenever it is asked."""
        if not fnmatchcase(subject, fault.operation):
            return False
        return Random(f"{self._seed} {fault.kind} {subject}").random() < fault.rate

    def known_at(self, operation: str, now: datetime) -> datetime:
        """The instant whose knowledge an answer shows: now, or an earlier one from an edge's old copy."""
        stale = self.on(FaultKind.STALE_COPY, operation, now)
        if stale is None and self.calls[operation] % 2:
            stale = self.on(FaultKind.TWO_EDGES, operation, now)
        if stale is None:
            return now
        stale.fired += 1
        return now - timedelta(hours=stale.value)

    def report(self) -> dict[str, Any]:
        rows = [
            {"on": row.operation, "nth": row.nth, "do": row.kind.value, "fired": row.fired}
            for row in self.planned
        ]
        return {"faults": rows, "calls": dict(sorted(self.calls.items()))}


def load_faults(path: Path) -> list[Fault]:
    """Read a fault file. Raises ConfigurationError naming the row and the words that are known."""
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"faults {path}: expected a JSON list, found {error}; not started"
        ) from error
    if not isinstance(rows, list):
        raise ConfigurationError(
            f"faults {path}: expected a JSON list, found {type(rows).__name__}; not started"
        )
    return [_fault(f"faults {path} row {number}", row) for number, row in enumerate(rows, 1)]


def _fault(where: str, row: Any) -> Fault:
    allowed = {"do", "on", "nth", "rate", "from", "until", "value"}
    if not isinstance(row, dict) or not {"do", "on"} <= set(row) <= allowed:
        names = "do and on, and any of nth, rate, from, until, value"
        raise ConfigurationError(f"{where}: expected {names}, found {row!r}; not started")
    if row["do"] not in set(FaultKind):
        known = ", ".join(FaultKind)
        raise ConfigurationError(f"{where}: do: expected one of {known}, found {row['do']!r}; not started")
    kind, subject = FaultKind(row["do"]), row["on"]
    if not isinstance(subject, str) or not subject:
        raise ConfigurationError(f"{where}: on: expected a name or pattern, found {subject!r}; not started")
    if kind.about.layer is not Layer.STATE and not any(fnmatchcase(name, subject) for name in OPERATIONS):
        known = ", ".join(sorted(OPERATIONS))
        raise ConfigurationError(f"{where}: on: expected one of {known}, found {subject!r}; not started")
    if "nth" in row and (type(row["nth"]) is not int or row["nth"] < 1):
        raise ConfigurationError(f"{where}: nth: expected a number from 1, found {row['nth']!r}; not started")
    rate, value = _number(where, row, "rate", 1.0), _number(where, row, "value", 0.0)
    if not 0 <= rate <= 1:
        raise ConfigurationError(f"{where}: rate: expected 0 to 1, found {rate!r}; not started")
    start, end = _when(where, row, "from", _EVER[0]), _when(where, row, "until", _EVER[1])
    return Fault(subject, row.get("nth", 0), kind, rate, start, end, value)


def _number(where: str, row: Mapping[str, Any], name: str, default: float) -> float:
    value = row.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ConfigurationError(f"{where}: {name}: expected a number, found {value!r}; not started")
    return float(value)


def _when(where: str, row: Mapping[str, Any], name: str, default: datetime) -> datetime:
    if name not in row:
        return default
    at: datetime | None = None
    with suppress(ValueError, TypeError):
        at = datetime.fromisoformat(row[name])
    if at is None or at.tzinfo is None:
        raise ConfigurationError(
            f"{where}: {name}: expected an instant with its zone, found {row[name]!r}; not started"
        )
    return at
