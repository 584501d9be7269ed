"""Approvals, and the gates as the warehouse has them. The trader's role and dbt's may add a row."""

from datetime import UTC, datetime

from trader.adapters.book_rules import aware
from trader.adapters.ops.pool import Database
from trader.adapters.ops.rows import fetch_model, fetch_models, fetch_value
from trader.domain.canonical import canonical_json
from trader.domain.golive import Approval, GateRow

_NEWEST = """
select kind, verdict, evidence, given_by, given_at from ops.approvals
where kind = %(kind)s order by approval_id desc limit 1
"""
_COUNT = "select count(*) from ops.approvals where kind = %(kind)s and verdict = %(verdict)s"
_INSERT = """
insert into ops.approvals (kind, verdict, evidence, given_by, given_at, recorded_at)
values (%(kind)s, %(verdict)s, %(evidence)s, %(given_by)s, %(given_at)s, %(given_at)s)
"""
_LAST_LIVE = """
select max(started_at) from ops.epochs where mode = 'LIVE' and command not in ('reconcile', 'flatten')
"""
_GATES = """
select gate, verdict, figure, lo, hi, count, min_count, since from analytics.go_live_gates order by position
"""


class ApprovalRepository:
    def __init__(self, database: Database) -> None:
        self._database = database

    def newest(self, kind: str) -> Approval | None:
        with self._database.connection() as connection:
            return fetch_model(connection, Approval, _NEWEST, {"kind": kind})

    def count(self, kind: str, verdict: str) -> int:
        with self._database.connection() as connection:
            return int(fetch_value(connection, _COUNT, {"kind": kind, "verdict": verdict}))

    def save(self, approval: Approval) -> None:
        row = approval.model_dump() | {"evidence": canonical_json(approval.evidence)}
        with self._database.connection() as connection:
            connection.execute(_INSERT, row | {"given_at": aware(approval.given_at)})

    def last_live_start(self) -> datetime | None:
        """When a process that may create orders last started in LIVE."""
        with self._database.connection() as connection:
            found: datetime | None = fetch_value(connection, _LAST_LIVE, {})
        return None if found is None else found.astimezone(UTC)

    def gates(self) -> tuple[GateRow, ...]:
        """The gates as of the last refresh of the warehouse."""
        with self._database.connection() as connection:
            return fetch_models(connection, GateRow, _GATES, {})
