"""Copy the public marts to a server of the public's own: one way, whole, on fixed seconds.

What the page's role can then observe of its server (rows, catalog, statistics, sizes, locks, writes) is a
consequence of what was published and of nothing else, because nothing else happens there. All marts change
in one transaction that keeps older readers' rows; only rows that differ are written, sorted by their values.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import sql

from trader.app.postgres.roles import DASHBOARD, TRADER
from trader.domain.constants import PUBLIC_TRADE_DELAY_MIN
from trader.domain.errors import ConfigurationError, PersistenceError, TransientError
from trader.ports.clock import Clock

LATE: Final = timedelta(minutes=15)  # three publications missed: what is shown says so by itself
_LOCK: Final = 7_241_005  # advisory lock number, on the public server
_DELAYED: Final = {"v_public_trades": "fill_time", "equity_curve": "timestamp"}
_PUBLICATION: Final = """
create table if not exists published.publication (
    is_only boolean primary key default true check (is_only),
    published_at timestamptz not null,
    as_of timestamptz not null,
    world text
)"""
# What must go on with the clock between two publications, and turn red when they stop. t is the published
# row, p the publication; in a recorded world time stands still.
_NOW: Final = "case when p.world is null then current_timestamp else p.as_of end"
_IS_LATE: Final = f"(p.world is null and current_timestamp > p.published_at + interval '{LATE.seconds} s')"
_LIVE: Final = {
    ("v_page_state", "as_of"): _NOW,
    ("v_city_board", "is_quote_stale"): f"coalesce(t.quotes_as_of < {_NOW} - interval '15 minutes', false)",
    ("v_health_summary", "status"): f"case when not {_IS_LATE} then t.status "
    "when t.component = 'analytics' then 'down' else 'unknown' end",
    ("v_health_summary", "message"): f"case when not {_IS_LATE} then t.message "
    "when t.component = 'analytics' then 'no refresh in time' else 'not checked lately' end",
    ("v_health_summary", "is_degraded"): f"case when {_IS_LATE} then t.component = 'analytics' "
    "else t.is_degraded end",
    ("v_health_summary", "age_s"): f"t.age_s + cast(extract(epoch from {_NOW} - p.as_of) as integer)",
}
Mart = Mapping[str, str]  # column -> its type, as the contract has them


@dataclass(frozen=True)
class Published:
    """What one publication did: rows per mart as they are now, and how many were added and removed."""

    at: datetime
    rows: Mapping[str, int]
    written: int

    def summary(self) -> str:
        return (
            f"{len(self.rows)} marts, {sum(self.rows.values())} rows, {self.written} of them written, "
            f"in force at {self.at:%H:%M:%S} UTC"
        )


def public_marts(manifest: Path) -> dict[str, Mart]:
    """Return mart -> its contract, for every mart of dbt's manifest that is granted to the public role.

    Raises ConfigurationError without a manifest, and for a public mart whose contract is not enforced.
    """
    if not manifest.exists():
        raise ConfigurationError(
            f"Publish: expected dbt's manifest in {manifest}, found none; nothing was published. Run "
            "`milkbot rollup` with the same data folder first."
        )
    found = {}
    for node in json.loads(manifest.read_text())["nodes"].values():
        config = node["config"]
        if node["resource_type"] == "model" and DASHBOARD in config["grants"].get("select", ()):
            if not config["contract"]["enforced"]:
                raise ConfigurationError(
                    f"Publish: expected an enforced contract of {node['name']}, found none; nothing was done"
                )
            found[node["name"]] = {c["name"]: c["data_type"] for c in node["columns"].values()}
    return dict(sorted(found.items()))


def publish(
    analytics_url: str, publish_url: str, marts: Mapping[str, Mart], *, clock: Clock, grid_s: int = 30
) -> Published:
    """Make the public server equal to the marts as they are now; return what was done.

    It comes into force at a whole multiple of ``grid_s`` seconds (0: at once), so that the time the copy
    took, which depends on the warehouse's load, cannot be seen. Raises ConfigurationError for a server on
    which the trader's roles live and when another publication runs, TransientError when a server does not
    answer, PersistenceError when the warehouse's clock went back, holds another world, or shows a trade too
    early.
    """
    try:
        with psycopg.connect(analytics_url) as source, psycopg.connect(publish_url) as target:
            return _publish(source, target, marts, clock, grid_s)
    except psycopg.Error as error:  # also a mart that is away while a release builds its views
        raise TransientError(
            f"Publish: expected both servers to answer, found {type(error).__name__} "
            f"({error.diag.message_primary or 'no connection'}); what was public stays so"
        ) from error


def _publish(
    source: psycopg.Connection[Any],
    target: psycopg.Connection[Any],
    marts: Mapping[str, Mart],
    clock: Clock,
    grid_s: int,
) -> Published:
    source.read_only = True
    source.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    for connection in (source, target):
        connection.execute("select set_config('timezone', 'UTC', false)")
    if target.execute("select 1 from pg_roles where rolname = %s", (TRADER,)).fetchone():
        raise ConfigurationError(
            "PUBLISH_DATABASE_URL: expected a server of the public's own, found the trader's roles on it; "
            "nothing was published"
        )
    if target.execute("select pg_try_advisory_xact_lock(%s)", (_LOCK,)).fetchone() != (True,):
        raise ConfigurationError(
            "Publish: expected no other publication, found one running; nothing was done"
        )
    target.execute(_PUBLICATION)
    as_of, world = _watermark(source, target, clock.now())
    for (name,) in target.execute("select tablename from pg_tables where schemaname = 'incoming'").fetchall():
        if name not in marts:  # no longer public
            target.execute(_on("drop table published.{t} cascade; drop table incoming.{t}", name))
    written = sum(_copy(source, target, name, mart) for name, mart in marts.items())
    rows = {name: _number(target, _on("select count(*) from published.{t}", name)) for name in marts}
    at = clock.now()
    if grid_s:
        clock.sleep(grid_s - at.timestamp() % grid_s)
        at = clock.now()
    target.execute(
        "insert into published.publication (published_at, as_of, world) "
        "values (%(at)s, %(as_of)s, %(world)s) "
        "on conflict (is_only) do update set published_at = %(at)s, as_of = %(as_of)s, world = %(world)s",
        {"at": at, "as_of": as_of, "world": world},
    )
    return Published(at, rows, written)


def _watermark(
    source: psycopg.Connection[Any], target: psycopg.Connection[Any], now: datetime
) -> tuple[datetime, str | None]:
    """Return the warehouse's clock and world; it may not go back, nor show a trade before its time."""
    row = source.execute("select as_of, world from analytics.v_page_state").fetchone()
    assert row is not None  # noqa: S101 - a contract: always one row
    as_of, world = row
    known = target.execute("select as_of, world from published.publication").fetchone()
    if known and (known[1] != world or known[0] > as_of):
        raise PersistenceError(
            f"Publish: expected world {known[1] or 'live'} at or after {known[0]}, found {world or 'live'} "
            f"at {as_of}; what was public stays so. Publish another history into a database of its own."
        )
    until = min(as_of, now) - timedelta(minutes=PUBLIC_TRADE_DELAY_MIN)
    for name, column in _DELAYED.items():
        newest = sql.SQL("select max({}) from analytics.{}").format(
            sql.Identifier(column), sql.Identifier(name)
        )
        (found,) = source.execute(newest).fetchone() or (None,)
        if found and found > until:
            raise PersistenceError(
                f"Publish: expected nothing of {name} after {until}, found {found}; nothing was published"
            )
    return as_of, world


def _copy(source: psycopg.Connection[Any], target: psycopg.Connection[Any], name: str, mart: Mart) -> int:
    """Make one published table equal to its mart; return how many rows were removed and added."""
    _ensure(target, name, mart)
    columns = sql.SQL(", ").join(map(sql.Identifier, mart))
    target.execute(_on("truncate incoming.{t}", name))
    read = _on("copy (select {c} from analytics.{t}) to stdout (format binary)", name, c=columns)
    put = _on("copy incoming.{t} ({c}) from stdin (format binary)", name, c=columns)
    with source.cursor().copy(read) as rows, target.cursor().copy(put) as copy:
        for data in rows:
            copy.write(data)
    # equal rows are told apart by a number, so that two equal trades stay two
    return _number(
        target,
        _on(
            """
            with old as (
                select t.ctid as place, t::text as line,
                    row_number() over (partition by t::text order by t.ctid) as n
                from published.{t} as t
            ), new as (
                select t as whole, t::text as line,
                    row_number() over (partition by t::text order by t.ctid) as n
                from incoming.{t} as t
            ), gone as (
                delete from published.{t} where ctid in (
                    select old.place from old left join new using (line, n) where new.line is null
                ) returning 1
            ), come as (
                insert into published.{t} select (new.whole).*
                from new left join old using (line, n) where old.line is null order by line, n returning 1
            )
            select (select count(*) from gone) + (select count(*) from come)""",
            name,
        ),
    )


def _ensure(target: psycopg.Connection[Any], name: str, mart: Mart) -> None:
    """Make tables and view of a mart, anew when its contract changed."""
    contract = json.dumps([*mart.items(), _view(name, mart).as_string()])
    known = target.execute(
        "select obj_description(to_regclass(format('incoming.%%I', %s::text)), 'pg_class')", (name,)
    ).fetchone()
    if known == (contract,):
        return
    body = sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(column), _type(kind)) for column, kind in mart.items()
    )
    for statement in (
        "drop table if exists published.{t} cascade",
        "drop table if exists incoming.{t}",
        "create table published.{t} ({c})",
        "create unlogged table incoming.{t} (like published.{t})",
    ):
        target.execute(_on(statement, name, c=body))
    if index := [c for c in ("mode", *_first_time(mart)) if c in mart]:
        target.execute(
            _on("create index on published.{t} ({c})", name, c=sql.SQL(", ").join(map(sql.Identifier, index)))
        )
    target.execute(_view(name, mart))
    target.execute(_on("grant select on analytics.{t} to {c}", name, c=sql.Identifier(DASHBOARD)))
    target.execute(_on("comment on table incoming.{t} is {c}", name, c=sql.Literal(contract)))


def _view(name: str, mart: Mart) -> sql.Composed:
    """A view, so that no system column tells when a row was written; see ``_LIVE`` for what it adds."""
    columns = sql.SQL(", ").join(
        sql.SQL("{} as {}").format(
            sql.SQL(_LIVE[name, column]) if (name, column) in _LIVE else sql.Identifier("t", column),
            sql.Identifier(column),
        )
        for column in mart
    )
    is_live = any(mart_name == name for mart_name, _ in _LIVE)
    clock = sql.SQL(" cross join published.publication as p" if is_live else "")
    return _on("create view analytics.{t} as select {c} from published.{t} as t", name, c=columns) + clock


def _first_time(mart: Mart) -> Iterator[str]:
    """The column by which the page finds rows of a mode: the first instant, else the first date."""
    for kind in ("timestamptz", "date"):
        for column, found in mart.items():
            if found == kind:
                yield column
                return


def _type(kind: str) -> sql.SQL:
    return sql.SQL(kind)


def _on(statement: str, name: str, c: sql.Composable | None = None) -> sql.Composed:
    return sql.SQL(statement).format(t=sql.Identifier(name), c=c)


def _number(connection: psycopg.Connection[Any], statement: sql.Composed) -> int:
    (found,) = connection.execute(statement).fetchone() or (0,)
    return int(found)


def publish_from_env(env: Mapping[str, str], say: Callable[[str], None], *, is_at_once: bool) -> None:
    """Publish between the servers that the environment names, else between two embedded ones."""
    from trader.app import postgres
    from trader.app.clock import SystemClock
    from trader.app.postgres.urls import write_assignments
    from trader.app.wiring import settings_and_urls

    settings, urls = settings_and_urls(env, need=("analytics",))
    marts = public_marts(settings.data_dir / "dbt" / "target" / "manifest.json")
    if settings.publish_database_url:
        to = settings.publish_database_url.get_secret_value()
    elif any(name.endswith("DATABASE_URL") and value for name, value in env.items()):
        raise ConfigurationError(
            "PUBLISH_DATABASE_URL: expected postgresql://milkbot_publisher:password@host:port/database, "
            "found it unset; nothing was published"
        )
    else:
        home = settings.data_dir / "public"
        made = postgres.make_public_server(postgres.ensure_server(home, max_connections=30))
        to = made.publish
        write_assignments(
            home / "env", {"PUBLISH_DATABASE_URL": made.publish, "DASHBOARD_DATABASE_URL": made.dashboard}
        )
        say(f"public server: {home / 'env'} has the URLs of the page and of the publisher")
    say(publish(urls.analytics, to, marts, clock=SystemClock(), grid_s=0 if is_at_once else 30).summary())
