"""Whole months of the divided tables of ops as Parquet files, verified, then detached from their tables.

Nothing is deleted: a detached month stays a table of its own until a person drops it, and ``attach`` puts it
back, from that table or from the file. Without it the months before stand as they are in the warehouse, but a
full build and a replay no longer see the month.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import sql

from trader.app.parquet import BATCH, Column, read, sha256_of, write
from trader.domain.errors import ConfigurationError, PersistenceError

TABLES: Final = ("payloads", "weather_snapshots", "market_snapshots", "predictions", "signals")
SETTLED_AFTER: Final = timedelta(days=31)  # from the month's end: corrections of its last days are in by then
_LOCK: Final = 7_241_006
_OPEN: Final = """
    select count(*) from ops.positions as p
    where p.status = 'OPEN' and exists (
        select 1 from ops.contracts as c where c.ticker = p.ticker and c.climate_date < %s
    )"""


@dataclass(frozen=True)
class Archived:
    """One table's month: its file, rows, the sha256 of the file, and whether it left its table."""

    table: str
    file: str
    rows: int
    sha256: str
    is_detached: bool = False
    note: str = ""

    def words(self) -> str:
        state = "detached" if self.is_detached else f"kept{': ' + self.note if self.note else ''}"
        return f"{self.table}: {self.rows} rows in {self.file}, sha256 {self.sha256[:12]}, {state}"


def archive(
    owner_url: str, month: date, folder: Path, *, now: datetime, is_detaching: bool
) -> list[Archived]:
    """Write a month's rows below ``folder``, read them back, compare each, and detach the month if asked.

    A table to whose rows others refer (signals behind orders) is written and kept. Raises ConfigurationError
    when the month is not over, not settled, not in the warehouse yet or not there; PersistenceError when what
    was read back differs: nothing is detached then.
    """
    first, last = month.replace(day=1), _next(month)
    end = datetime(last.year, last.month, 1, tzinfo=UTC)
    home = folder / f"{first:%Y-%m}"
    home.mkdir(parents=True, exist_ok=True)
    with psycopg.connect(owner_url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.execute("select set_config('timezone', 'UTC', false)")
        connection.execute("select pg_advisory_xact_lock(%s)", (_LOCK,))
        _refuse_unless_closed(connection, first, end, now)
        done = [_write(connection, table, first, home) for table in TABLES]
    manifest = home / "manifest.json"
    _note(manifest, done)
    if is_detaching:
        with psycopg.connect(owner_url) as connection:
            connection.execute("select set_config('lock_timeout', '5s', false)")  # the trader goes first
            done = [_detach(connection, part, first) for part in done]
        _note(manifest, done)
    return done


def attach(owner_url: str, month: date, folder: Path) -> list[Archived]:
    """Put a month's detached tables back; one that was dropped is made again from its file.

    Raises ConfigurationError without a manifest, PersistenceError when a file is not the one written.
    """
    first = month.replace(day=1)
    home = folder / f"{first:%Y-%m}"
    manifest = home / "manifest.json"
    if not manifest.exists():
        raise ConfigurationError(f"Archive: expected {manifest}, found none; nothing was attached")
    done = [Archived(**part) for part in json.loads(manifest.read_text())]
    with psycopg.connect(owner_url) as connection:
        for part in filter(lambda part: part.is_detached, done):
            if (found := sha256_of(home / part.file)) != part.sha256:
                raise PersistenceError(
                    f"Archive: expected {part.file} with sha256 {part.sha256}, found {found}; nothing was "
                    "attached"
                )
            child = _child(part.table, first)
            if connection.execute("select to_regclass(%s)", (f"ops.{child}",)).fetchone() == (None,):
                _make_again(connection, part, child, home)
            bound = "" if part.table == "payloads" else " 00:00:00+00"
            connection.execute(
                sql.SQL("alter table ops.{} attach partition ops.{} for values from ({}) to ({})").format(
                    sql.Identifier(part.table),
                    sql.Identifier(child),
                    sql.Literal(f"{first}{bound}"),
                    sql.Literal(f"{_next(first)}{bound}"),
                )
            )
    done = [Archived(part.table, part.file, part.rows, part.sha256) for part in done]
    _note(manifest, done)
    return done


def _refuse_unless_closed(
    connection: psycopg.Connection[Any], first: date, end: datetime, now: datetime
) -> None:
    if now < end + SETTLED_AFTER:
        raise ConfigurationError(
            f"Archive: expected a month that ended before {now - SETTLED_AFTER:%Y-%m-%d}, found "
            f"{first:%Y-%m}; nothing was written"
        )
    absent = [
        table
        for table in TABLES
        if connection.execute("select to_regclass(%s)", (f"ops.{_child(table, first)}",)).fetchone()
        == (None,)
    ]
    if absent:
        raise ConfigurationError(
            f"Archive: expected {first:%Y-%m} in every divided table, found none in {', '.join(absent)}; "
            "nothing was written"
        )
    (is_open,) = connection.execute(_OPEN, (end.date(),)).fetchone() or (0,)
    if is_open:
        raise ConfigurationError(
            f"Archive: expected every position on a day before {end:%Y-%m-%d} to be settled, found {is_open} "
            "open; nothing was written"
        )
    known = None
    if connection.execute(
        "select to_regclass('analytics_intermediate.int_rollups__finished')"
    ).fetchone() != (None,):
        known = connection.execute(
            "select last_ok_at from analytics_intermediate.int_rollups__finished"
        ).fetchone()
    if not known or known[0] < end + SETTLED_AFTER:
        raise ConfigurationError(
            f"Archive: expected a rollup after {end + SETTLED_AFTER:%Y-%m-%d}, found "
            f"{f'the last one at {known[0]:%Y-%m-%d %H:%M}' if known else 'none'}; nothing was written"
        )


def _write(connection: psycopg.Connection[Any], table: str, first: date, home: Path) -> Archived:
    child = _child(table, first)
    columns = columns_of(connection, f"ops.{child}")
    file = home / f"{child}.parquet"
    rows, digest = write(file, columns, _stored(connection, child, columns))
    ours = chain.from_iterable(_stored(connection, child, columns))
    for number, (stored, written) in enumerate(zip_longest(ours, chain.from_iterable(read(file)))):
        if stored != written:
            raise PersistenceError(
                f"Archive: expected row {number} of {child} to be read back as it is, found another in "
                f"{file}; nothing was detached"
            )
    return Archived(table, file.name, rows, digest)


def columns_of(connection: psycopg.Connection[Any], relation: str) -> list[Column]:
    """Columns with their types; of a numeric the most decimals that occur, because Parquet's have a scale."""
    found = connection.execute(
        "select attname, format_type(atttypid, null) from pg_attribute "
        "where attrelid = %s::regclass and attnum > 0 and not attisdropped order by attnum",
        (relation,),
    ).fetchall()
    numerics = [name for name, kind in found if kind == "numeric"]
    scales: dict[str, int] = {}
    if numerics:
        asked = sql.SQL(", ").join(
            sql.SQL("coalesce(max(scale({})), 0)").format(sql.Identifier(name)) for name in numerics
        )
        most = connection.execute(
            sql.SQL("select {} from {}").format(asked, sql.Identifier(*relation.split(".")))
        ).fetchone()
        scales = dict(zip(numerics, most or (), strict=True))
    return [Column(name, kind, scales.get(name, 0)) for name, kind in found]


def _stored(
    connection: psycopg.Connection[Any], child: str, columns: list[Column]
) -> Iterator[list[tuple[Any, ...]]]:
    """The table's rows in the order of its key, in batches."""
    key = connection.execute(
        "select string_agg(quote_ident(a.attname), ', ' order by k.place) from pg_index as i "
        "cross join lateral unnest(i.indkey::int[]) with ordinality as k (attnum, place) "
        "join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = k.attnum "
        "where i.indrelid = %s::regclass and i.indisprimary",
        (f"ops.{child}",),
    ).fetchone()
    assert key is not None  # noqa: S101 - every table of ops has a primary key; a test says so
    picked = sql.SQL(", ").join(
        sql.SQL("{}::text" if column.is_text else "{}").format(sql.Identifier(column.name))
        for column in columns
    )
    with connection.cursor(name="archive") as cursor:
        cursor.execute(
            sql.SQL("select {} from ops.{} order by {}").format(
                picked, sql.Identifier(child), sql.SQL(key[0])
            )
        )
        while batch := cursor.fetchmany(BATCH):
            yield batch


def _detach(connection: psycopg.Connection[Any], part: Archived, first: date) -> Archived:
    child = _child(part.table, first)
    try:
        with connection.transaction():
            connection.execute(
                sql.SQL("alter table ops.{} detach partition ops.{}").format(
                    sql.Identifier(part.table), sql.Identifier(child)
                )
            )
            connection.execute(
                sql.SQL("comment on table ops.{} is {}").format(
                    sql.Identifier(child),
                    sql.Literal(f"Detached; archived in {part.file}, sha256 {part.sha256}"),
                )
            )
    except psycopg.errors.ForeignKeyViolation:
        return Archived(part.table, part.file, part.rows, part.sha256, note="other tables refer to its rows")
    return Archived(part.table, part.file, part.rows, part.sha256, is_detached=True)


def _make_again(connection: psycopg.Connection[Any], part: Archived, child: str, home: Path) -> None:
    connection.execute(
        sql.SQL("create table ops.{} (like ops.{} including defaults including constraints)").format(
            sql.Identifier(child), sql.Identifier(part.table)
        )
    )
    put = sql.SQL("copy ops.{} from stdin").format(sql.Identifier(child))
    with connection.cursor().copy(put) as copy:
        for row in chain.from_iterable(read(home / part.file)):
            copy.write_row(row)
    connection.execute(
        sql.SQL(
            "create trigger append_only_truncate before truncate on ops.{} "
            "for each statement execute function ops.refuse_change()"
        ).format(sql.Identifier(child))
    )


def _note(manifest: Path, done: list[Archived]) -> None:
    manifest.write_text(json.dumps([asdict(part) for part in done], indent=1) + "\n")


def _child(table: str, first: date) -> str:
    return f"{table}_{first:%Y%m}"


def _next(month: date) -> date:
    return (month.replace(day=1) + timedelta(days=32)).replace(day=1)
