#!/usr/bin/env python3
"""Dump schema ops with a manifest of what it holds, and hold a restored database against that manifest.

Dump and manifest see one snapshot of the database, so they agree although the trader goes on writing. The
dump leaves analytics out: dbt rebuilds it from ops. Passwords travel in the environment of the one program
that needs them (DUMP_URL), never on a command line, where every user of the machine could read them.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from trader.app.postgres.binaries import install_root

SCHEMAS = ("ops", "migrations")
_TABLES: LiteralString = """
    select n.nspname, c.relname from pg_class as c inner join pg_namespace as n on n.oid = c.relnamespace
    where n.nspname = any(%s) and c.relkind in ('r', 'p') and not c.relispartition order by 1, 2
"""
# Independent of the order of rows, and of the server's version; equal rows count as often as they occur.
_CHECKSUM: LiteralString = """
    select
        count(*),
        coalesce(sum(cast(cast('x' || substr(md5(cast(t as text)), 1, 16) as bit(64)) as bigint)), 0)
    from {} as t
"""
Manifest = dict[str, list[int]]


def programs() -> Path:
    """Return the folder of pg_dump and pg_restore: PG_BIN, else those that come with Milkbot.

    PG_BIN names the server's own: an older pg_dump refuses a newer server, a newer one writes words an older
    server does not know.
    """
    return Path(os.environ["PG_BIN"]) if os.environ.get("PG_BIN") else install_root() / "bin"


def environment(url: str) -> dict[str, str]:
    """Return the environment for Postgres' programs that carries a URL's parts."""
    names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD"}
    names |= {"dbname": "PGDATABASE", "sslmode": "PGSSLMODE"}
    parts = conninfo_to_dict(url)
    env = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return env | {name: str(parts[key]) for key, name in names.items() if parts.get(key)} | {"PGTZ": "UTC"}


def manifest(connection: psycopg.Connection[Any]) -> Manifest:
    """Return table -> [rows, checksum] of everything that is backed up."""
    connection.execute("set timezone to 'UTC'; set datestyle to 'ISO'; set bytea_output to 'hex'")
    found: Manifest = {}
    for schema, table in connection.execute(_TABLES, (list(SCHEMAS),)).fetchall():
        row = connection.execute(sql.SQL(_CHECKSUM).format(sql.Identifier(schema, table))).fetchone()
        assert row is not None  # noqa: S101  an aggregate returns one row
        found[f"{schema}.{table}"] = [int(row[0]), int(row[1])]
    return found


def dump(url: str, folder: Path) -> Manifest:
    """Write ``ops.dump`` and ``manifest.json`` into ``folder``; raises RuntimeError when it is no good."""
    target = folder / "ops.dump"
    with psycopg.connect(url, autocommit=True, application_name="milkbot backup") as connection:
        connection.execute("begin isolation level repeatable read, read only")
        row = connection.execute("select pg_export_snapshot()").fetchone()
        assert row is not None  # noqa: S101
        words = [word for schema in SCHEMAS for word in ("--schema", schema)]
        # not compressed: restic compresses what is new of it and stores what is unchanged once
        command = [str(programs() / "pg_dump"), "--format=custom", "--compress=0", *words]
        _run([*command, f"--snapshot={row[0]}", f"--file={target}"], environment(url))
        found = manifest(connection)
        connection.execute("rollback")
    listed = _run([str(programs() / "pg_restore"), "--list", str(target)], environment(url))
    absent = [name for name in found if f"TABLE {name.replace('.', ' ')} " not in listed]
    if absent:
        raise RuntimeError(
            f"backup: expected {', '.join(absent)} in the dump, found them missing; not stored"
        )
    about = {"made_at": datetime.now(UTC).isoformat(), "tables": found}
    (folder / "manifest.json").write_text(json.dumps(about, indent=1) + "\n")
    return found


def restore(superuser_url: str, folder: Path) -> None:
    """Load a dump into a freshly migrated database, in place of its empty ``ops`` and migration history."""
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        rows = connection.execute("select count(*) from ops.cycles").fetchone()
        if rows is None or rows[0]:
            raise RuntimeError(
                f"restore: expected an empty database, found {rows} cycles in it; nothing was done"
            )
        for schema in SCHEMAS:
            connection.execute(sql.SQL("drop schema {} cascade").format(sql.Identifier(schema)))
    _run(
        [str(programs() / "pg_restore"), "--exit-on-error", "--dbname", "", str(folder / "ops.dump")],
        environment(superuser_url),
    )


def differences(url: str, folder: Path) -> list[str]:
    """Return one sentence per table whose rows are not those of the manifest."""
    expected: Mapping[str, list[int]] = json.loads((folder / "manifest.json").read_text())["tables"]
    with psycopg.connect(url, autocommit=True) as connection:
        found = manifest(connection)
    return [
        f"{name}: expected rows and checksum {expected.get(name)}, found {found.get(name)}"
        for name in sorted(expected.keys() | found.keys())
        if expected.get(name) != found.get(name)
    ]


def grant_history(owner_url: str) -> None:
    """Let the backup read which migrations a database has; the history's schema is made by the runner."""
    with psycopg.connect(owner_url) as connection:
        connection.execute("grant usage on schema migrations to milkbot_backup")
        connection.execute("grant select on migrations.history to milkbot_backup")


def newest_day(url: str) -> str:
    """Return the instant a day before the newest cycle, ISO; empty when no cycle is stored."""
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute("select max(started_at) - interval '1 day' from ops.cycles").fetchone()
    return row[0].astimezone(UTC).isoformat() if row and row[0] else ""


def _run(command: list[str], env: Mapping[str, str]) -> str:
    done = subprocess.run(command, env=dict(env), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last = " ".join(done.stderr.split())[-600:]
        raise RuntimeError(f"{Path(command[0]).name}: expected exit code 0, found {done.returncode}: {last}")
    return done.stdout


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("action", choices=("dump", "restore", "compare", "grant", "since"))
    parser.add_argument("folder", type=Path, nargs="?", default=Path())
    parser.add_argument("--database", help="this database of the server instead of the URL's")
    options = parser.parse_args(argv)
    url = os.environ["DUMP_URL"]
    if options.database:
        url = make_conninfo(url, dbname=options.database)
    try:
        if options.action == "grant":
            grant_history(url)
        elif options.action == "restore":
            restore(url, options.folder)
        elif options.action == "compare" and (found := differences(url, options.folder)):
            raise RuntimeError("; ".join(found))
        elif options.action == "since":
            sys.stdout.write(newest_day(url))
        tables = dump(url, options.folder) if options.action == "dump" else {}
    except (RuntimeError, psycopg.Error, OSError) as error:
        sys.stderr.write(f"{options.action}: {error}\n")
        return 1
    if options.action == "dump":
        rows = sum(count for count, _ in tables.values())
        sys.stdout.write(f"{len(tables)} tables, {rows} rows\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
