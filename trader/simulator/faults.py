"""Named faults: a file says which call of which operation goes wrong, and how. Deterministic, each counted.

``timeout_*`` leave the caller waiting until it gives up; ``*_after_accept`` and ``html_body`` first do what
was asked, so that the caller must not conclude that nothing happened.
"""

import json
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from trader.domain.errors import ConfigurationError


class FaultKind(StrEnum):
    TIMEOUT_BEFORE_ACCEPT = "timeout_before_accept"
    TIMEOUT_AFTER_ACCEPT = "timeout_after_accept"
    HTTP_500 = "http_500"
    HTTP_500_AFTER_ACCEPT = "http_500_after_accept"
    HTTP_429 = "http_429"
    DROP_CONNECTION = "drop_connection"
    HTML_BODY = "html_body"

    @property
    def is_applied_first(self) -> bool:
        """Whether the operation takes effect before the answer goes wrong."""
        return self in (FaultKind.TIMEOUT_AFTER_ACCEPT, FaultKind.HTTP_500_AFTER_ACCEPT, FaultKind.HTML_BODY)


@dataclass(slots=True)
class Fault:
    """The ``nth`` call (from 1) of ``operation`` goes wrong as ``kind`` says, once."""

    operation: str
    nth: int
    kind: FaultKind
    fired: int = 0


class Faults:
    """The plan of faults and how often each operation was called."""

    def __init__(self, planned: list[Fault]) -> None:
        self.planned, self.calls = planned, Counter[str]()

    def next(self, operation: str) -> FaultKind | None:
        """Count one call and return the fault that belongs to it."""
        self.calls[operation] += 1
        for fault in self.planned:
            if fault.operation == operation and fault.nth == self.calls[operation]:
                fault.fired += 1
                return fault.kind
        return None

    def report(self) -> dict[str, Any]:
        rows = [
            {"on": row.operation, "nth": row.nth, "do": row.kind.value, "fired": row.fired}
            for row in self.planned
        ]
        return {"faults": rows, "calls": dict(sorted(self.calls.items()))}


def load_faults(path: Path, operations: frozenset[str]) -> list[Fault]:
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
    return [_fault(f"faults {path} row {number}", row, operations) for number, row in enumerate(rows, 1)]


def _fault(where: str, row: Any, operations: frozenset[str]) -> Fault:
    if not isinstance(row, dict) or set(row) != {"on", "nth", "do"}:
        raise ConfigurationError(f"{where}: expected exactly on, nth and do, found {row!r}; not started")
    if row["on"] not in operations:
        known = ", ".join(sorted(operations))
        raise ConfigurationError(f"{where}: on: expected one of {known}, found {row['on']!r}; not started")
    if type(row["nth"]) is not int or row["nth"] < 1:
        raise ConfigurationError(f"{where}: nth: expected a number from 1, found {row['nth']!r}; not started")
    if row["do"] not in set(FaultKind):
        known = ", ".join(FaultKind)
        raise ConfigurationError(f"{where}: do: expected one of {known}, found {row['do']!r}; not started")
    return Fault(row["on"], row["nth"], FaultKind(row["do"]))
