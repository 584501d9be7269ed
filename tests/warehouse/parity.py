"""The marts on a second engine: ``make parity`` builds them on DuckDB from exported Parquet and compares each
cell with Postgres.

Exported is what the marts stand on (staging and intermediate). The history: random ones, played into one
database of an embedded server of their own, or the warehouse that a demo left.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import psycopg
from psycopg.types.json import Jsonb

from tests.warehouse.arena import LEAST_DAYS, Arena
from tests.warehouse.histories import History
from trader.app import migrate
from trader.app.archive import columns_of
from trader.app.gate_file import read_gates
from trader.app.parquet import write
from trader.app.postgres import (
    create_database,
    create_roles,
    drop_database,
    ensure_server,
    read_env_file,
    stop_server,
)
from trader.app.postgres.databases import superuser_url
from trader.app.rollup import PROJECT, ROOT

Node = dict[str, Any]


class Compared(NamedTuple):
    """One mart: rows and cells on both engines, and the first cells that differ as (column, ours, theirs)."""

    name: str
    rows: int
    cells: int
    differing: int
    examples: list[tuple[str, object, object]]


def export(url: str, manifest: Path, folder: Path) -> Path:
    """Write each relation that a mart stands on to Parquet; return a DuckDB file with a view on each."""
    nodes: dict[str, Node] = json.loads(manifest.read_text())["nodes"]
    marts = {name: node for name, node in nodes.items() if is_mart(node)}
    behind = sorted({p for node in marts.values() for p in node["depends_on"]["nodes"]} - set(marts))
    database = folder / "milkbot.duckdb"
    with psycopg.connect(url) as source, duckdb.connect(str(database)) as target:
        source.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        source.execute("set timezone to 'UTC'")
        for schema in {nodes[name]["schema"] for name in (*behind, *marts)}:
            target.execute(f"create schema if not exists {schema}")
        for relation in (f"{nodes[name]['schema']}.{nodes[name]['name']}" for name in behind):
            columns = columns_of(source, relation)
            picked = ", ".join(f'"{c.name}"::text' if c.is_text else f'"{c.name}"' for c in columns)
            rows = source.execute(f"select {picked} from {relation}".encode()).fetchall()
            file = folder / f"{relation}.parquet"
            write(file, columns, [rows])
            json_columns = [f'cast("{c.name}" as json) as "{c.name}"' for c in columns if c.kind == "jsonb"]
            replaced = f" replace ({', '.join(json_columns)})" if json_columns else ""
            target.execute(f"create view {relation} as select *{replaced} from read_parquet('{file}')")
    return database


def build(database: Path, home: Path, least_days: int) -> None:
    """Build the mart models with dbt's DuckDB target. Raises AssertionError when one fails."""
    home.mkdir()
    shutil.copy(ROOT / "profiles.yml.example", home / "profiles.yml")
    command = [sys.executable, "-m", "dbt.cli.main", "--no-version-check", "--no-use-colors", "run"]
    command += ["--target", "duckdb", "--select", "path:models/marts", "--project-dir", str(PROJECT)]
    command += ["--profiles-dir", str(home), "--target-path", str(home / "target"), "--log-path", str(home)]
    command += ["--vars", json.dumps({"least_days": least_days})]
    env = {"PATH": os.environ["PATH"], "HOME": str(home), "DBT_DUCKDB_PATH": str(database)}
    env["DBT_SEND_ANONYMOUS_USAGE_STATS"] = "false"
    done = subprocess.run(command, cwd=home, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def compare(url: str, manifest: Path, database: Path) -> Iterator[Compared]:
    """Compare every cell of every mart; numbers by value, JSON by content, rows as a multiset."""
    nodes = json.loads(manifest.read_text())["nodes"].values()
    with psycopg.connect(url) as ours, duckdb.connect(str(database), read_only=True) as theirs:
        for connection in (ours, theirs):
            connection.execute("set timezone to 'UTC'")
        for node in sorted(filter(is_mart, nodes), key=lambda node: str(node["name"])):
            columns = list(node["columns"])
            picked = ", ".join(f'"{name}"' for name in columns)
            statement = f"select {picked} from {node['schema']}.{node['name']}"
            is_json = [column["data_type"] == "jsonb" for column in node["columns"].values()]
            left = ordered(ours.execute(statement.encode()).fetchall(), is_json)
            right = ordered(theirs.execute(statement).fetchall(), is_json)
            examples = [
                (name, a, b)
                for one, other in zip(left, right, strict=False)
                for name, a, b in zip(columns, one, other, strict=True)
                if a != b
            ]
            missing = abs(len(left) - len(right)) * len(columns)
            yield Compared(
                node["name"], len(left), len(left) * len(columns), len(examples) + missing, examples[:3]
            )


def ordered(rows: Sequence[Sequence[object]], is_json: Sequence[bool]) -> list[list[object]]:
    def read(value: object, is_text: bool) -> object:
        return json.loads(value, parse_float=Decimal) if is_text and isinstance(value, str) else value

    plain = [[_plain(read(v, j)) for v, j in zip(row, is_json, strict=True)] for row in rows]
    return sorted(plain, key=repr)


def is_mart(node: Node) -> bool:
    return bool(node["resource_type"] == "model" and node["fqn"][1] == "marts")


def _plain(value: object) -> object:
    if isinstance(value, float):
        value = Decimal(repr(value))
    if isinstance(value, Decimal):
        return Fraction(value)
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in sorted(value.items())}
    if isinstance(value, list):
        return [_plain(part) for part in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return Fraction(value)
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value


@contextmanager
def played(seeds: Sequence[int]) -> Iterator[Iterator[tuple[str, Path, int]]]:
    """A database of its own in which one history after another is played: URL, manifest and seed of each."""
    home = ROOT / ".milkbot" / "parity"
    server = ensure_server(home, is_durable=False)
    try:
        create_roles(server.superuser_url, server.roles_file)
        drop_database(server, "parity")
        urls = create_database(server, "parity", is_test=True)
        migrate.up(urls.owner)
        with Arena(urls, superuser_url(server, "parity"), home) as arena:
            yield _histories(arena, seeds, home / "dbt/target/manifest.json")
    finally:
        stop_server(home)


def _histories(arena: Arena, seeds: Sequence[int], manifest: Path) -> Iterator[tuple[str, Path, int]]:
    for seed in seeds:
        history = History(seed)
        arena.clear()
        arena.arrive(history.arrivals)
        _register_gates(arena.urls.analytics, history.end)
        with psycopg.connect(arena.urls.trader) as connection:  # the views' clock stands at the end, too
            connection.execute(
                "insert into ops.world_clock (world, world_now, updated_at) "
                "values ('random', %(at)s, %(at)s)",
                {"at": history.end},
            )
        arena.refresh(history.end, "--full-refresh", "--resource-type", "model")
        yield arena.urls.analytics, manifest, seed


def _register_gates(url: str, end: datetime) -> None:
    gates, sha256 = read_gates()
    evidence = Jsonb({"sha256": sha256, **gates.model_dump(mode="json")})
    with psycopg.connect(url) as connection:
        for kind, verdict, about, at in (
            ("go_live_gates", "registered", evidence, end - timedelta(days=3)),
            ("replay", "pass", Jsonb({"cycles": 30, "identical": 29, "since": None}), end),
        ):
            connection.execute(
                "insert into ops.approvals (kind, verdict, evidence, given_by, given_at, recorded_at) "
                "values (%s, %s, %s, 'ann', %s, %s)",
                (kind, verdict, about, at, at),
            )


def judge(url: str, manifest: Path, least_days: int) -> list[Compared]:
    with tempfile.TemporaryDirectory() as folder:
        database = export(url, manifest, Path(folder))
        build(database, Path(folder) / "home", least_days)
        return list(compare(url, manifest, database))


def main(argv: list[str]) -> int:
    """Print a line per history, and each mart that differs; exit 0 when no cell does."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--histories", type=int, default=3, help="random histories to play (default 3)")
    parser.add_argument("--data-dir", type=Path, help="compare the warehouse of a demo instead")
    options = parser.parse_args(argv)
    bad = 0
    if options.data_dir:
        url = read_env_file(options.data_dir / "env")["ANALYTICS_DATABASE_URL"]
        bad += say("demo", judge(url, options.data_dir / "dbt/target/manifest.json", 30))
        return int(bool(bad))
    with played(range(options.histories)) as worlds:
        for url, manifest, seed in worlds:
            bad += say(f"history {seed}", judge(url, manifest, LEAST_DAYS))
    return int(bool(bad))


def say(what: str, found: Sequence[Compared]) -> int:
    differing = sum(one.differing for one in found)
    empty = [one.name for one in found if not one.rows]
    sys.stdout.write(
        f"{what}: {len(found)} models, {sum(one.rows for one in found)} rows, "
        f"{sum(one.cells for one in found)} cells compared, {differing} differing"
        f"{'; without a row: ' + ', '.join(empty) if empty else ''}\n"
    )
    for one in found:
        if one.differing:
            sys.stdout.write(f"  {one.name}: {one.differing}, for example {one.examples}\n")
    sys.stdout.flush()
    return differing


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
