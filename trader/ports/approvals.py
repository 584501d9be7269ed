"""Approvals as going live needs them."""

from datetime import datetime
from typing import Protocol

from trader.domain.golive import Approval, GateRow


class Approvals(Protocol):
    def newest(self, kind: str) -> Approval | None: ...
    def count(self, kind: str, verdict: str) -> int: ...
    def save(self, approval: Approval) -> None: ...
    def last_live_start(self) -> datetime | None:
        """When a process that may create orders last started in LIVE."""
        ...

    def gates(self) -> tuple[GateRow, ...]:
        """The gates as of the last refresh of the warehouse, in the file's order."""
        ...
