"""The trader's way to Postgres: a small pool whose failures are PersistenceErrors without the password."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

import psycopg
from psycopg import conninfo
from psycopg_pool import ConnectionPool, PoolTimeout

from trader.domain.errors import ConfigurationError, InvariantViolation, PersistenceError


class _Lent(threading.local):
    """The connection of this thread's open transaction."""

    connection: psycopg.Connection | None = None


class Database:
    """Connections of one role to one database; used as ``with Database(url) as database``.

    ``timeout_s`` bounds the wait for a free or new connection, ``statement_timeout_ms`` each statement (0
    = no bound). Sessions are in UTC. A broken connection is noticed when it is handed out and replaced.
    ``unconfirmed`` says what the database last failed to confirm, until somebody proves that it writes again.
    """

    def __init__(
        self,
        url: str,
        *,
        min_size: int = 1,
        max_size: int = 4,
        timeout_s: float = 10.0,
        statement_timeout_ms: int = 30_000,
        application_name: str = "milkbot",
    ) -> None:
        """Check the settings; nothing is opened yet.

        Raises ConfigurationError for a URL libpq cannot read or sizes that make no pool.
        """
        if not 0 <= min_size <= max_size or max_size < 1 or timeout_s <= 0 or statement_timeout_ms < 0:
            raise ConfigurationError(
                "Database pool: expected 0 <= min_size <= max_size, max_size >= 1, timeout_s > 0 and "
                f"statement_timeout_ms >= 0, found {min_size}, {max_size}, {timeout_s} and "
                f"{statement_timeout_ms}; "
                "nothing was opened"
            )
        self.where = describe(url)
        self.unconfirmed: str | None = None
        self._lent = _Lent()
        self._url, self._timeout_s = url, timeout_s
        self._connect_timeout_s = max(2, round(timeout_s))  # libpq knows whole seconds from 2 on
        self._pool = ConnectionPool(
            url,
            min_size=min_size,
            max_size=max_size,
            timeout=timeout_s,
            open=False,
            check=ConnectionPool.check_connection,
            name=application_name,
            kwargs={
                "application_name": application_name,
                "connect_timeout": self._connect_timeout_s,
                "options": f"-c timezone=UTC -c statement_timeout={statement_timeout_ms}",
            },
        )

    def open(self) -> None:
        """Open the pool and wait for its first connections; raises PersistenceError when none comes."""
        try:
            # The pool retries in silence until its time is up; one plain connection names the cause at once.
            psycopg.connect(self._url, connect_timeout=self._connect_timeout_s).close()
            self._pool.open(wait=True, timeout=self._timeout_s)
        except (PoolTimeout, psycopg.Error) as error:
            self.close()
            raise self._failed(error) from error

    def close(self) -> None:
        """Give back every connection and stop the pool's threads; may be called twice."""
        self._pool.close(timeout=self._timeout_s)

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def transaction(self) -> Iterator[psycopg.Connection]:
        """One transaction around everything this thread does through this object within the block.

        Raises like ``connection``, and InvariantViolation inside another one: an inner block that looks
        committed and is not would be a lie.
        """
        if self._lent.connection is not None:
            raise InvariantViolation("transaction: expected none open, found one; nothing was done")
        with self.connection() as connection:
            self._lent.connection = connection
            try:
                yield connection
            finally:
                self._lent.connection = None

    @contextmanager
    def connection(self) -> Iterator[psycopg.Connection]:
        """Lend a connection for one transaction: committed when the block ends, rolled back when it raises.

        Within ``transaction`` the block is a part of it. Raises PersistenceError (its cause is the database's
        own error) when no connection comes in time, a statement fails or the commit is not confirmed; after
        the last the outcome is unknown.
        """
        try:
            if self._lent.connection is not None:
                yield self._lent.connection
                return
            with self._pool.connection() as connection:
                yield connection
        except psycopg.Error as error:  # the pool's own errors are of this class too
            raise self._failed(error) from error

    def health(self) -> bool:
        """Whether the database answers a query now; never raises."""
        try:
            with self.connection() as connection:
                return connection.execute("select 1").fetchone() == (1,)
        except PersistenceError:
            return False

    def _failed(self, error: psycopg.Error) -> PersistenceError:
        # Only the first line of the server's message: the detail line repeats values of the row.
        found = error.diag.message_primary or str(error).partition("\n")[0]
        code = f" (SQLSTATE {error.sqlstate})" if error.sqlstate else ""
        self.unconfirmed = f"{type(error).__name__}{code}: {found}"
        effect = "nothing of this transaction may be relied on"
        if isinstance(error, psycopg.errors.UndefinedTable | psycopg.errors.UndefinedColumn):
            effect = "the schema is not this program's: run `milkbot migrate up`"
        return PersistenceError(
            f"Database {self.where}: expected it to confirm, found {self.unconfirmed}; {effect}"
        )


def describe(url: str) -> str:
    """Name role, host, port and database of a URL, without its password.

    Raises ConfigurationError when libpq cannot read it; libpq's own message is dropped, it repeats the
    password.
    """
    try:
        info = conninfo.conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        raise ConfigurationError(
            "Database URL: expected postgresql://role:password@host:port/database, found text that is "
            "not one; nothing was opened"
        ) from None
    host = f"{info.get('host', 'local')}:{info.get('port', 5432)}"
    return f"{info.get('user', '')}@{host}/{info.get('dbname', '')}"
