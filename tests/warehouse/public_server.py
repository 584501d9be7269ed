"""The public's own server, put back to one state before each world, and all that its superuser can see."""

import json
import re
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final, Self

import psycopg

from tests.integration.warehouse_history import NOW
from trader.app.clock import SteppedClock
from trader.app.postgres import PublicUrls, ensure_server, make_public_server, stop_server
from trader.app.postgres.binaries import cluster_root
from trader.app.postgres.databases import superuser_url
from trader.app.postgres.public import PUBLIC_DATABASE, public_urls
from trader.app.publish import Mart, public_marts, publish

Seen = dict[str, str]
# Changed by the server's own clockwork; all else is compared. Column by column, as the superuser reads it.
NOISE: Final = {
    r"stat pg_(stat_activity|locks|cursors|prepared_statements|stat_ssl|stat_gssapi)\.": "the look's session",
    r"stat pg_stat_(bgwriter|checkpointer|wal|io|slru|recovery)": "background writers",
    r"stat pg_(settings|file_settings|hba_file_rules|ident_file_mappings|timezone_\w+)\.": "no data",
    r"stat pg_(shmem_allocations|backend_memory_contexts|dsm_registry|aios)": "memory of the processes",
    r"stat pg_stat(io)?_(xact_)?(all|sys)_": "caches of the catalog; of our tables: pg_stat_user_, compared",
    r"stat pg_statio_": "which pages were in memory",
    r"stat pg_stat_xact_": "the look's own transaction",
    r"stat pg_stat_database\.(session_time|active_time|idle_in|blk|tup_(returned|fetched))": "the same",
    r"function pg_(conf_load|postmaster_start)_time": "the start after the state was put back",
    r"stat pg_\w+\.(last_\w+|stats_reset|\w+_time|query_start|backend_start)$": "times of the look",
}


class PublicServer(AbstractContextManager["PublicServer"]):
    """``publish`` has run once, from the warehouse at ``analytics_url``; the state is kept aside."""

    def __init__(self, home: Path, analytics_url: str, manifest: Path) -> None:
        self._home, self.marts = home, public_marts(manifest)
        self._server = ensure_server(home, is_durable=False)
        self.urls = make_public_server(self._server)
        with psycopg.connect(self._superuser(), autocommit=True) as connection:
            for name, value in (("autovacuum", "off"), ("checkpoint_timeout", "'1h'")):
                connection.execute(f"alter system set {name} = {value}".encode())
        self.publish(analytics_url)
        stop_server(home)
        self._data = cluster_root(home) / "data"
        self._kept = self._data.with_name("data.kept")
        subprocess.run(["cp", "-a", self._data, self._kept], check=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        stop_server(self._home)
        subprocess.run(["rm", "-rf", self._kept], check=True)

    def publish(self, analytics_url: str, extra: Mapping[str, Mart] | None = None) -> None:
        publish(analytics_url, self.urls.publish, {**self.marts, **(extra or {})}, clock=SteppedClock(NOW))

    def start_over(self) -> PublicUrls:
        """Put the server back to the state after the first publication; it may get another port."""
        stop_server(self._home)
        subprocess.run(["rm", "-rf", self._data], check=True)
        subprocess.run(["cp", "-a", self._kept, self._data], check=True)
        self._server = ensure_server(self._home, is_durable=False)
        self.urls = public_urls(self._server, json.loads(self._server.roles_file.read_text()))
        return self.urls

    def as_superuser(self) -> Seen:
        """Every column of every relation of the catalog, statistics included, and the size of each table."""
        with psycopg.connect(self._superuser(), autocommit=True) as connection:
            connection.execute("analyze")
        with psycopg.connect(self._server.superuser_url, autocommit=True) as elsewhere:
            others = b"select count(*) from pg_stat_activity where backend_type = 'client backend'"
            while elsewhere.execute(others).fetchone() != (1,):
                time.sleep(0.01)  # a session hands in its statistics when it ends
        with psycopg.connect(self._superuser(), autocommit=True) as connection:
            return dict(_all(connection))

    def _superuser(self) -> str:
        return superuser_url(self._server, PUBLIC_DATABASE)


def is_noise(name: str) -> bool:
    return any(re.match(pattern, name) for pattern in NOISE)


def _all(connection: psycopg.Connection) -> Iterator[tuple[str, str]]:
    relations = connection.execute(
        "select c.relname from pg_class as c where c.relnamespace = 'pg_catalog'::regnamespace "
        "and c.relkind in ('r', 'v') order by c.relname !~ '^pg_stat_(user|data)', 1"  # before our own count
    ).fetchall()
    for (name,) in relations:
        try:
            here = " where datname = current_database()" if name == "pg_stat_database" else ""
            found = connection.execute(f"select * from pg_catalog.{name}{here}".encode())
            rows, columns = found.fetchall(), found.description or ()
        except psycopg.Error as error:
            yield f"stat {name}.refused", str(error.sqlstate)
            continue
        for place, column in enumerate(columns):
            yield f"stat {name}.{column.name}", "\n".join(sorted(repr(row[place]) for row in rows))
    for name, size, pages in connection.execute(
        "select oid::regclass::text, pg_total_relation_size(oid), relpages from pg_class where relkind = 'r' "
        "and relnamespace::regnamespace::text in ('published', 'incoming') order by 1"
    ).fetchall():
        yield f"size {name}", f"{size} {pages}"
    yield "xact id", str(connection.execute("select pg_current_xact_id()::text").fetchone())
