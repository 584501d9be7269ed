"""Migrations: plain SQL files in dbmate's format, applied in order, one transaction each, history checked.

Files are ``migrations/NNNN_name.sql`` with the parts ``-- migrate:up`` and ``-- migrate:down``. Numbers may
leave gaps (people who work side by side reserve blocks), but what is applied is always the first of the
files: one that turns up before an applied one is refused. The history stands in a schema of its own
(``migrations.history``) with the sha256 of each applied file; a file that changed after it was applied is
refused, because two databases of one version could then differ.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import psycopg

from trader.app.postgres.roles import ensure_role_names
from trader.domain.errors import ConfigurationError, PersistenceError

_FILE: Final = re.compile(r"(?P<version>\d{4})_(?P<name>[a-z0-9_]+)\.sql")
_MARKER: Final = re.compile(r"^-- migrate:(up|down)[ \t]*$", re.MULTILINE)
_LOCK: Final = 7_241_002  # advisory lock number of the runner: two runners wait for each other
_HISTORY: Final = """
create schema if not exists migrations;
comment on schema migrations is 'Which migration files this database has, and nothing else';
create table if not exists migrations.history (
    version text primary key,
    name text not null,
    sha256 text not null,
    applied_at timestamptz not null default now()
);
comment on table migrations.history is 'One row per applied migration file; written by the migration
runner only';
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: its number, name, both parts and the checksum of its bytes."""

    version: str
    name: str
    up_sql: str
    down_sql: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Status:
    """Whether a migration is applied; ``applied_at`` is UTC, None while pending."""

    version: str
    name: str
    applied_at: datetime | None


def migrations_dir() -> Path:
    """Return the folder ``migrations`` of the checkout; raises ConfigurationError when it is not there."""
    folder = Path(__file__).resolve().parents[2] / "migrations"
    if not folder.is_dir():
        raise ConfigurationError(
            f"Migrations: expected the folder {folder}, found none; nothing was migrated. Milkbot runs "
            "from its "
            "checkout (installed with `make venv`)."
        )
    return folder


def read_migrations(folder: Path) -> list[Migration]:
    """Return the migrations of a folder in order.

    Raises ConfigurationError for a misnamed file, a number that occurs twice, a first one that is not 0001,
    and missing or repeated parts.
    """
    migrations = [_read(path) for path in sorted(folder.glob("*.sql"))]
    found = [migration.version for migration in migrations]
    double = next((version for version in found if found.count(version) > 1), None)
    if double or not found or found[0] != "0001":
        raise ConfigurationError(
            f"Migrations in {folder}: expected each number once, beginning with 0001, found "
            f"{f'{double} twice' if double else (found or ['none'])[0] + ' first'}; nothing was migrated"
        )
    return migrations


def up(url: str, to: str | None = None, *, folder: Path | None = None) -> list[str]:
    """Apply what is pending, up to and including version ``to``, and return the versions applied.

    Raises ConfigurationError when files and history disagree (nothing is done then), PersistenceError
    when the database fails; files before the failing one stay applied, the failing one leaves nothing.
    """
    migrations = read_migrations(folder or migrations_dir())
    _require_known(migrations, to)
    with _session(url) as connection:
        done = len(_applied(connection, migrations))
        pending = [m for m in migrations[done:] if to is None or m.version <= to]
        if pending:
            ensure_role_names(connection)
            connection.execute(_HISTORY)
        for migration in pending:
            with _file_transaction(connection, migration, "up"):
                connection.execute(migration.up_sql.encode())
                connection.execute(
                    "insert into migrations.history (version, name, sha256) values (%s, %s, %s)",
                    (migration.version, migration.name, migration.sha256),
                )
    return [migration.version for migration in pending]


def down(url: str, to: str | None = None, *, folder: Path | None = None) -> list[str]:
    """Take back what is newer than version ``to`` (``0000`` = everything; None = the last one), newest first.

    This deletes the data of the dropped tables. Raises as ``up`` does.
    """
    migrations = read_migrations(folder or migrations_dir())
    _require_known(migrations, to if to != "0000" else None)
    with _session(url) as connection:
        applied = migrations[: len(_applied(connection, migrations))]
        gone = applied[-1:] if to is None else [m for m in applied if m.version > to]
        for migration in reversed(gone):
            with _file_transaction(connection, migration, "down"):
                connection.execute(migration.down_sql.encode())
                connection.execute("delete from migrations.history where version = %s", (migration.version,))
    return [migration.version for migration in reversed(gone)]


def status(url: str, *, folder: Path | None = None) -> list[Status]:
    """Return every migration with its time of application, in order; raises as ``up`` does."""
    migrations = read_migrations(folder or migrations_dir())
    with _session(url) as connection:
        applied = _applied(connection, migrations)
    return [Status(m.version, m.name, applied.get(m.version)) for m in migrations]


def _read(path: Path) -> Migration:
    raw = path.read_bytes()
    named = _FILE.fullmatch(path.name)
    parts = _MARKER.split(raw.decode())
    preamble = [line for line in parts[0].splitlines() if line.strip() and not line.startswith("--")]
    if named is None or parts[1::2] != ["up", "down"] or preamble:
        raise ConfigurationError(
            f"Migration {path.name}: expected NNNN_lower_case.sql with '-- migrate:up' then '-- "
            "migrate:down', each "
            f"once and nothing but comments above, found the parts {parts[1::2]}; nothing was migrated"
        )
    return Migration(named["version"], named["name"], parts[2], parts[4], hashlib.sha256(raw).hexdigest())


def _require_known(migrations: Sequence[Migration], to: str | None) -> None:
    if to is not None and to not in {m.version for m in migrations}:
        raise ConfigurationError(
            f"Migration version: expected one of {', '.join(m.version for m in migrations)}, found {to!r}; "
            "nothing was migrated"
        )


@contextmanager
def _session(url: str) -> Iterator[psycopg.Connection]:
    """One connection that holds the runner's lock until it closes."""
    try:
        with psycopg.connect(
            url, autocommit=True, connect_timeout=10, application_name="milkbot migrate"
        ) as connection:
            connection.execute("set timezone to 'UTC'")
            connection.execute("set lock_timeout to '60s'")
            connection.execute("select pg_advisory_lock(%s)", (_LOCK,))
            yield connection
    except psycopg.errors.LockNotAvailable as error:
        raise PersistenceError(
            "Migrations: expected the lock within 60 s, found another runner or session holding it; "
            "nothing further "
            "was migrated"
        ) from error
    except psycopg.OperationalError as error:
        raise PersistenceError(
            f"Migrations: expected an answer of the database at {_where(url)}, found "
            f"{type(error).__name__}; nothing "
            "further was migrated"
        ) from error


def _applied(connection: psycopg.Connection, migrations: Sequence[Migration]) -> dict[str, datetime]:
    """Return version -> time of application, after checking that history and files agree."""
    row = connection.execute("select to_regclass('migrations.history') is not null").fetchone()
    if row is None or not row[0]:
        return {}
    query = "select version, sha256, applied_at from migrations.history order by version"
    history = connection.execute(query).fetchall()
    files = {migration.version: migration for migration in migrations}
    for position, (version, sha256, _) in enumerate(history):
        if version not in files or migrations[position].version != version:
            raise ConfigurationError(
                f"Migration {version}: expected the applied versions to be the first {len(history)} "
                "files, found "
                f"{version} {'without its predecessor' if version in files else 'without a file'}; "
                "nothing was "
                "migrated. Use the code this database was migrated with, or a fresh database."
            )
        if files[version].sha256 != sha256:
            raise ConfigurationError(
                f"Migration {version} changed after it was applied: expected sha256 {sha256}, found "
                f"{files[version].sha256}; nothing was migrated. Restore the file and put the change "
                "into a new one."
            )
    return {version: applied_at for version, _, applied_at in history}


@contextmanager
def _file_transaction(connection: psycopg.Connection, migration: Migration, part: str) -> Iterator[None]:
    try:
        with connection.transaction():
            yield
    except (psycopg.errors.LockNotAvailable, psycopg.OperationalError):
        raise
    except psycopg.Error as error:
        raise PersistenceError(
            f"Migration {migration.version}_{migration.name} {part}: expected it to run, found "
            f"{error.diag.message_primary or type(error).__name__}; it was rolled back and nothing after "
            "it ran"
        ) from error


def _where(url: str) -> str:
    """Name the database of a URL without its password."""
    info = psycopg.conninfo.conninfo_to_dict(url)
    return f"{info.get('host', 'local')}:{info.get('port', 5432)}/{info.get('dbname', '')}"
