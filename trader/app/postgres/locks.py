"""A lock that a database holds for a job, whichever process or machine the job runs on."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from trader.domain.errors import ConfigurationError, TransientError


@contextmanager
def database_lock(url: str, number: int, *, job: str, wait_s: int) -> Iterator[None]:
    """Hold the advisory lock ``number`` of the database of ``url``; it goes however the process ends.

    Raises ConfigurationError when another holds it longer than ``wait_s``, TransientError when the database
    cannot be reached.
    """
    try:
        connection = psycopg.connect(url, autocommit=True, connect_timeout=10)
    except psycopg.OperationalError as error:
        raise TransientError(f"{job}: expected a connection to the database, found none") from error
    with connection:
        connection.execute("select set_config('lock_timeout', %s, false)", (f"{wait_s}s",))
        try:
            connection.execute("select pg_advisory_lock(%s)", (number,))
        except psycopg.errors.LockNotAvailable as error:
            raise ConfigurationError(
                f"{job}: expected no other run on this database within {wait_s} s, found one; nothing ran"
            ) from error
        yield
