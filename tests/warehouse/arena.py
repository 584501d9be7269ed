"""One database in which histories are played: rows arrive, dbt runs, everything is read back."""

import json
from collections.abc import Iterable
from contextlib import AbstractContextManager
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, Self

import psycopg
import yaml
from psycopg.rows import dict_row

from tests.warehouse.arrivals import Arrival, write
from trader.app.postgres import Urls
from trader.app.rollup import PROJECT, REFRESH, Dbt

LEAST_DAYS = 3  # of an interval; the product asks for 30, which a short history never has
Rows = list[dict[str, Any]]


class Arena(AbstractContextManager["Arena"]):
    """``superuser_url`` is of the same database as ``urls``: ids of ours and an empty ops need it."""

    def __init__(self, urls: Urls, superuser_url: str, data_dir: Path) -> None:
        self.urls, self._superuser = urls, superuser_url
        self.dbt = Dbt(urls.analytics, data_dir=data_dir)
        with psycopg.connect(superuser_url) as connection:
            connection.execute("select ops.ensure_partitions('2026-07-01', 2)")
        self._run(["--resource-type", "model", "--vars", json.dumps({"least_days": LEAST_DAYS})])
        self.tables = [
            name
            for (name,) in self._ask(
                "select tablename from pg_tables where schemaname = 'analytics_intermediate' order by 1"
            )
        ]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.dbt.close()

    def clear(self) -> None:
        """Empty ops and every table of the warehouse; views stay."""
        with psycopg.connect(self._superuser) as connection:
            connection.execute("set session_replication_role = replica")  # append-only is for everybody else
            names = connection.execute(
                "select format('%I.%I', schemaname, tablename) from pg_tables "
                "where schemaname in ('ops', 'analytics_intermediate')"
            ).fetchall()
            connection.execute(f"truncate {', '.join(name for (name,) in names)}".encode())

    def arrive(self, arrivals: Iterable[Arrival]) -> None:
        with psycopg.connect(self._superuser) as connection:
            write(connection, list(arrivals))

    def refresh(self, as_of: datetime, *options: str) -> None:
        """Run dbt at a pinned instant; ``options`` select less than a whole refresh."""
        pinned = ["--vars", json.dumps({"as_of": as_of.isoformat(), "least_days": LEAST_DAYS})]
        self._run([*(options or REFRESH), *pinned])

    def _run(self, options: list[str]) -> None:
        told = self.dbt._ask([*options, "--threads", "2"])  # selections and vars are not for the product
        bad = [n for n in told["nodes"] if n["status"] not in ("success", "pass", "no-op")]
        assert told["nodes"], told["said"]
        assert not bad, bad[:3]

    def ops(self) -> dict[str, Rows]:
        return raw_rows(self._superuser)

    def bytes(self) -> dict[str, list[str]]:
        """Every row of every table as the server writes it, in the order in which it lies there."""
        found = {}
        for name in self.tables:
            rows = self._ask(f"select t::text from analytics_intermediate.{name} as t")
            found[name] = sorted(text for (text,) in rows)
        return found

    def mart(self, name: str) -> Rows:
        return mart(self.urls.dashboard, name)

    def _ask(self, statement: str) -> list[Any]:
        with psycopg.connect(self._superuser) as connection:
            return connection.execute(statement.encode()).fetchall()


def raw_rows(url: str) -> dict[str, Rows]:
    """Every row of every table of ops that the warehouse reads."""
    sources = yaml.safe_load((PROJECT / "models/staging/ops/_ops__sources.yml").read_text())
    names = [table["name"] for table in sources["sources"][0]["tables"]]
    with psycopg.connect(url, row_factory=dict_row) as connection:
        connection.execute("set timezone to 'UTC'")
        return {n: connection.execute(f"select * from ops.{n}".encode()).fetchall() for n in names}


def mart(url: str, name: str) -> Rows:
    with psycopg.connect(url, row_factory=dict_row) as connection:
        return connection.execute(f"select * from analytics.{name}".encode()).fetchall()


def comparable(rows: Rows) -> list[tuple[tuple[str, object], ...]]:
    """Rows as values that compare exactly whatever type carries a number, in an order of their own."""
    return sorted((tuple(sorted((k, _plain(v)) for k, v in row.items())) for row in rows), key=repr)


def _plain(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | Decimal | Fraction):
        return json.dumps(value, sort_keys=True) if isinstance(value, dict | list) else value
    return str(Fraction(value))
