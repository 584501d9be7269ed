"""The single writer: a session lock of the database, and an epoch number written on every row."""

from datetime import datetime
from typing import Any, Final

import psycopg

from trader.adapters.book_rules import aware
from trader.adapters.ops.pool import describe
from trader.domain.errors import LostWriterLock
from trader.domain.types import TradingMode

KEY: Final = 7_241_001
"""Number of the advisory lock; the migration runner has the next one."""

_LOCK = "select pg_try_advisory_lock(%(key)s)"
_HOLDER = "select epoch, command, started_at from ops.epochs order by epoch desc limit 1"
_OPEN = """
insert into ops.epochs (mode, account, command, version, started_at)
values (%(mode)s, %(account)s, %(command)s, %(version)s, %(at)s) returning epoch
"""
_PROOF = """
select
    exists (
        select 1 from pg_locks
        where locktype = 'advisory' and pid = pg_backend_pid() and granted
            and (cast(classid as bigint) << 32 | cast(objid as bigint)) = %(key)s
    ),
    (select max(epoch) from ops.epochs),
    (select reconciled_at is not null from ops.epochs where epoch = %(epoch)s)
"""
# A half-open connection must not look alive: the server side frees the lock, so this side has to notice.
_KEEPALIVE: Final[dict[str, Any]] = {
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
    "connect_timeout": 10,
    "application_name": "milkbot writer lock",
    "options": "-c timezone=UTC -c statement_timeout=5000 -c idle_session_timeout=0",
}


class WriterLock:
    """The lock on a connection of its own; it is held exactly as long as that session lives."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: psycopg.Connection[tuple[Any, ...]] | None = None

    def open_epoch(self, *, mode: TradingMode, account: str, command: str, version: str, at: datetime) -> int:
        """Take the lock, or prove that this process has it, and write a new epoch in the same session.

        Raises LostWriterLock when another session holds it or the database does not answer.
        """
        row = {"mode": mode, "account": account, "command": command, "version": version, "at": aware(at)}
        try:
            if self._connection is None or self._connection.closed:
                self._connection = psycopg.connect(self._url, autocommit=True, **_KEEPALIVE)
                if not _first(self._connection.execute(_LOCK, {"key": KEY}).fetchone()):
                    holder = self._connection.execute(_HOLDER).fetchone()
                    raise LostWriterLock(
                        f"writer lock of {describe(self._url)}: expected it to be free, found it "
                        f"held, newest epoch (number, command, start) {holder}; nothing was started"
                    )
            return int(_first(self._connection.execute(_OPEN, row).fetchone()))
        except psycopg.Error as error:
            self.close()
            raise LostWriterLock(
                f"writer lock of {describe(self._url)}: expected an answer, found {type(error).__name__}; "
                "nothing was started"
            ) from error
        except LostWriterLock:
            self.close()
            raise

    def prove(self, epoch: int) -> bool:
        """Return whether the epoch is reconciled. Raises LostWriterLock unless this session holds the lock
        and no epoch is newer than ``epoch``.
        """
        found: tuple[Any, ...] | None = None
        why = "no lock was taken"
        if self._connection is not None:
            try:
                found = self._connection.execute(_PROOF, {"key": KEY, "epoch": epoch}).fetchone()
                why = f"(held, newest epoch, reconciled) {found}"
            except psycopg.Error as error:
                why = type(error).__name__
        if found is None or found[:2] != (True, epoch):
            self.close()  # a lock in doubt is not kept: the next process must be able to take it
            raise LostWriterLock(
                f"epoch {epoch}: expected to hold the writer lock, found {why}; nothing is sent"
            )
        return bool(found[2])

    def close(self) -> None:
        """End the session and with it the lock; may be called twice."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _first(row: tuple[Any, ...] | None) -> Any:
    return row[0] if row else None
