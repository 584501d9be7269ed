"""The only door to the database: a small pool of read-only connections of the role ``milkbot_dashboard``."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Protocol, Self

import psycopg
from psycopg import errors
from psycopg.rows import DictRow, dict_row
from psycopg_pool import ConnectionPool

# Reads of the marts take milliseconds; a statement that takes longer than this is a fault, not work.
STATEMENT_TIMEOUT_MS = 3_000
CHECKOUT_TIMEOUT_S = 2.0


class DatabaseAwayError(Exception):
    """The database did not answer, or refused; readers go on with the last good rows and ask again next
    slot."""


class MartMissingError(DatabaseAwayError):
    """The database answers but a mart is not there: before the first deploy, or in the moment a view is
    replaced."""


class Reader(Protocol):
    """Runs one query; all queries of one reader see the same state of the database."""

    def __call__(self, sql: str, params: Mapping[str, object] | None = None, /) -> list[dict[str, Any]]: ...


class Database:
    """Read-only pool. Nothing is opened until ``open``; a lost server is found again by itself."""

    def __init__(self, url: str, *, max_size: int = 4) -> None:
        self._pool: ConnectionPool[psycopg.Connection[DictRow]] = ConnectionPool(
            url,
            min_size=1,
            max_size=max_size,
            timeout=CHECKOUT_TIMEOUT_S,
            # given up quickly, so that the next reader starts a fresh attempt instead of a long back-off
            reconnect_timeout=2 * CHECKOUT_TIMEOUT_S,
            connection_class=psycopg.Connection[DictRow],
            kwargs={
                "row_factory": dict_row,
                "connect_timeout": 2,
                "application_name": "milkbot_dashboard",
                "options": f"-c timezone=UTC -c statement_timeout={STATEMENT_TIMEOUT_MS}",
            },
            configure=_make_read_only,
            check=ConnectionPool.check_connection,
            open=False,
            name="dashboard",
        )

    def open(self) -> Self:
        """Start connecting in the background; does not wait and does not fail while the server is away."""
        self._pool.open(wait=False)
        return self

    def close(self) -> None:
        self._pool.close()

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def reading(self) -> Iterator[Reader]:
        """One read-only snapshot of the database.

        Raises:
            MartMissingError: a table or view is not there.
            DatabaseAwayError: no connection within two seconds, a lost one, a refusal or a statement over
            its time.
        """
        try:
            with self._pool.connection() as connection:
                yield lambda sql, params=None: connection.execute(sql.encode(), params).fetchall()
        except (errors.UndefinedTable, errors.UndefinedColumn, errors.InvalidSchemaName) as error:
            raise MartMissingError(f"a mart is not there: {error.diag.message_primary}") from error
        except psycopg.Error as error:  # the pool's time-out is one of them
            raise DatabaseAwayError(f"the database did not answer: {type(error).__name__}") from error


def _make_read_only(connection: psycopg.Connection[DictRow]) -> None:
    connection.read_only = True
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
