"""Everything the public role can observe of a database, and worlds that differ in their last hour only.

Each world is a copy of one rolled-up database (same oids, same name), in which something happens, after which
dbt runs. Source: fault model, section 5. What may differ by chance alone stands in NOISE with its reason.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from typing import Final, Self

import httpx
import psycopg
from psycopg import sql

from tests.integration.test_api import ROUTES, serve
from tests.integration.warehouse_history import LOST, MINUTE, NOW, PART, YOUNG, D, Trade, _order, add_fill
from tests.warehouse import page_frames
from tests.warehouse.public_server import PublicServer, is_noise
from trader.app.postgres import Server, create_database, drop_database
from trader.app.postgres.databases import database_urls, role_passwords, superuser_url
from trader.app.rollup import Dbt
from trader.domain.types import Action, Side

NAME: Final = "two_worlds"
Seen = dict[str, str]  # what was asked -> the bytes of the answer, or the code of the refusal
Change = Callable[[psycopg.Connection], None]

NOISE: Final = {  # observable -> why it differs between two looks at one world
    r"function (now|(clock|statement|transaction)_timestamp|timeofday)\(": "the time of the look",
    r"(function|catalog) (pg_catalog\.)?pg_(timezone_names|cursor|prepared_statement)": "time of the look",
    r"function (gen_random_uuid|random|uuidv4|uuidv7)\(": "chance",
    r"function (pg_backend_pid|inet_client_port)\(": "the session's own number",
    r"catalog pg_catalog\.pg_namespace$": "dbt's temporary schemas, named by session number",
    r"catalog pg_catalog\.pg_(database|shdescription)$": "the copy's own number",
}

_TRADES = (
    Trade("young 1", YOUNG, Side.YES, Action.OPEN, D(9), D("0.20"), D("0.10"), NOW - 20 * MINUTE),
    Trade("young 2", LOST, Side.NO, Action.OPEN, D(3), D("0.60"), D("0.04"), NOW - 10 * MINUTE),
    Trade("young 3", PART, Side.YES, Action.REDUCE, D(2), D("0.44"), D("0.03"), NOW - MINUTE),
)
_OPEN = Trade("open", PART, Side.YES, Action.OPEN, D(10), D("0.43"), D("0.05"), NOW - 61 * MINUTE)


def before(connection: psycopg.Connection) -> None:
    """What every world has: an order sent 61 minutes ago that rests."""
    _status(connection, _order(connection, 40, _OPEN), "RESTING")


def nothing(_: psycopg.Connection) -> None:
    """The world to which all others are compared."""


def trades(connection: psycopg.Connection) -> None:
    for number, trade in enumerate(_TRADES, start=41):
        add_fill(connection, _order(connection, number, trade), trade)


def partial_fills(connection: psycopg.Connection) -> None:
    part = Trade("part of it", PART, Side.YES, Action.OPEN, D(4), D("0.43"), D("0.02"), NOW - 5 * MINUTE)
    resting = connection.execute("select order_id from ops.orders where client_order_id = 'c40'").fetchone()
    assert resting
    add_fill(connection, resting[0], part)
    connection.execute(
        "update ops.orders set status = 'PARTIALLY_FILLED', updated_at = %s where order_id = %s",
        (part.filled_at, resting[0]),
    )


def cancels(connection: psycopg.Connection) -> None:
    _ended(connection, "CANCELED")


def rejects(connection: psycopg.Connection) -> None:
    _ended(connection, "REJECTED")


def loss_limit(connection: psycopg.Connection) -> None:
    """A losing hour, the halt it brings, and everything that is said about it."""
    trades(connection)
    connection.execute(
        """insert into ops.trading_state
        (mode, scope, state, reason, note, set_by, set_at, until, recorded_at)
        values ('DEMO', 'book', 'HALTED', 'DAILY_LOSS', 'lost too much', 'rule', %s, %s, %s)""",
        (NOW - MINUTE, NOW + timedelta(hours=24), NOW - MINUTE),
    )
    connection.execute(
        "insert into ops.risk_events (event_type, severity, message, mode, occurred_at, recorded_at) "
        "select 'DAILY_LOSS', 'CRITICAL', repeat('lost too much ', 40), 'DEMO', %s, %s "
        "from generate_series(1, 400)",
        (NOW - MINUTE, NOW - MINUTE),
    )
    connection.execute(
        "insert into ops.reconciliation_breaks "
        "(epoch, mode, kind, key, ours, theirs, likely_reason, found_at, recorded_at) "
        "values (1, 'DEMO', 'cash', 'cash', '1', '2', 'unknown', %s, %s)",
        (NOW - MINUTE, NOW - MINUTE),
    )


def _ended(connection: psycopg.Connection, status: str) -> None:
    """Orders of the last hour end so, and so does the one that has rested for longer."""
    for number, trade in enumerate(_TRADES, start=41):
        _status(connection, _order(connection, number, trade), status)
    connection.execute(
        "update ops.orders set status = %s, updated_at = %s where client_order_id = 'c40'",
        (status, NOW - MINUTE),
    )


def _status(connection: psycopg.Connection, order_id: int, status: str) -> None:
    connection.execute(
        "update ops.orders set status = %s, filled_qty = 0 where order_id = %s", (status, order_id)
    )


WORLDS: Final = (trades, partial_fills, cancels, rejects, loss_limit)

# Leaks put in on purpose, as a careless migration would: channel -> (statement, observable that tells).
_TO_PUBLIC = "to milkbot_dashboard"
PLANTS: Final = {
    "rows": (
        f"""create view analytics.leak_rows as select count(*) as n from ops.orders;
        grant select on analytics.leak_rows {_TO_PUBLIC}, milkbot_dbt""",
        "rows analytics.leak_rows",
    ),
    "explain": (  # no row in any world: the plan says how many were hidden
        f"""create view analytics.leak_plan as select mode from ops.orders where created_at < '2000-01-01';
        grant select on analytics.leak_plan {_TO_PUBLIC}""",
        "explain analytics.leak_plan",
    ),
    "system columns": (  # always one equal row, written again with each fill
        f"""create table analytics.leak_ctid as select 1 as one;
        grant select on analytics.leak_ctid {_TO_PUBLIC};
        create function analytics.leak() returns trigger language plpgsql security definer as
        $$begin update analytics.leak_ctid set one = 1; return null; end$$;
        create trigger leak after insert on ops.fills for each row execute function analytics.leak()""",
        "ctid analytics.leak_ctid",
    ),
    "catalog": ("grant select (reltuples) on pg_class to public", "catalog pg_catalog.pg_class"),
    "statistics": (
        "grant execute on function pg_stat_get_tuples_inserted(oid) to public",
        "pg_stat_get_tuples_inserted(oid) ops.risk_events",
    ),
    "sizes": (
        "grant execute on function pg_table_size(regclass) to public",
        "pg_table_size(regclass) ops.risk_events",
    ),
    "transaction ids": (
        "grant execute on function pg_current_xact_id() to public",
        "function pg_current_xact_id()",
    ),
    "sequences": (
        f"""grant usage on schema ops {_TO_PUBLIC};
        grant select on sequence ops.orders_order_id_seq {_TO_PUBLIC}""",
        "catalog pg_catalog.pg_sequences",
    ),
    "api": (  # a trade is missing while there are younger ones
        """do $$ begin execute 'create or replace view analytics.v_public_trades as select t.* from ('
        || rtrim(pg_get_viewdef('analytics.v_public_trades'::regclass), ';')
        || ') as t limit greatest(0, 9 - (select count(*) from ops.fills))'; end $$""",
        "api trades/public",
    ),
    # a mart that was made public without the delay: both rows and their number are on the other server, too
    "published rows": ("", "public server: rows analytics.leak_rows"),
    "published statistics": ("", "public server: stat pg_stat_user_tables.n_tup_ins"),
}


_PUBLIC: Final = "public server: "  # before what is seen there


class Worlds(AbstractContextManager["Worlds"]):
    """Copies of the database ``template``, one at a time; nobody may be connected to it.

    With ``public`` each world is published there, too, and that server is looked at by its superuser.
    """

    def __init__(
        self, server: Server, template: str, data_dir: Path, public: PublicServer | None = None
    ) -> None:
        self._server, self._template, self._public = server, template, public
        self._urls = database_urls(server, NAME, role_passwords(server))
        self._dbt = Dbt(self._urls.analytics, data_dir=data_dir)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._dbt.close()
        drop_database(self._server, NAME)

    def observe(self, change: Change, plants: str = "") -> Seen:
        """Let ``change`` happen in a copy, roll up, look at it as the public role."""
        drop_database(self._server, NAME)
        create_database(self._server, NAME, is_test=True, template=self._template)
        with psycopg.connect(superuser_url(self._server, NAME)) as connection:
            if plants:
                connection.execute(plants.encode())
        with psycopg.connect(self._urls.trader) as connection:
            before(connection)
            change(connection)
        done = self._dbt.run()
        assert done.success, done.failures
        with psycopg.connect(superuser_url(self._server, NAME), autocommit=True) as connection:
            connection.execute("analyze")  # as the server would sooner or later
        seen = observe(self._urls.dashboard)
        if self._public:
            urls = self._public.start_over()
            extra = {"leak_rows": {"n": "bigint"}} if plants else None
            self._public.publish(self._urls.analytics, extra)
            there = self._public.as_superuser() | observe(urls.dashboard)
            seen |= {_PUBLIC + name: answer for name, answer in there.items()}
        return seen


def differing(one: Seen, other: Seen) -> list[str]:
    return sorted(
        name
        for name in one.keys() | other.keys()
        if one.get(name) != other.get(name)
        and not is_noise(name.removeprefix(_PUBLIC))
        and not any(re.match(p, name.removeprefix(_PUBLIC)) for p in NOISE)
    )


def is_public(name: str) -> bool:
    """Whether it was seen on the public's own server."""
    return name.startswith(_PUBLIC)


def observe(url: str) -> Seen:
    """Ask everything there is to ask. ``url`` is the public role's."""
    with psycopg.connect(url, autocommit=True) as connection:
        seen = dict(_asked(connection))
    with serve(url) as client:
        paths = [f"/v1/{route}" for route in ROUTES] + ["/openapi.json", "/docs"]
        seen |= {f"api {path.removeprefix('/v1/')}": _answer(client.get(path)) for path in paths}
    return seen | page_frames.of(url)


def _answer(response: httpx.Response) -> str:
    headers = sorted(f"{k}: {v}" for k, v in response.headers.items() if k not in ("date", "cache-control"))
    return f"{response.status_code} {headers} {response.text}"


def _asked(connection: psycopg.Connection) -> Iterator[tuple[str, str]]:
    relations = _names(
        connection,
        "select n.nspname || '.' || c.relname from pg_class as c join pg_namespace as n "
        "on n.oid = c.relnamespace "
        "where n.nspname ~ '^(ops|analytics|published|incoming)' and c.relkind in ('r', 'v', 'p', 'm', 'S')",
    )
    for name in relations:
        relation = _quoted(name)
        yield f"rows {name}", _ask(connection, f"select t::text from {relation} as t")
        for column in ("ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"):
            yield f"{column} {name}", _ask(connection, f"select {column}::text from {relation}")
        plan = f"explain (analyze, verbose, buffers, timing off, summary off) select * from {relation}"
        _ask(connection, plan)  # a first look fills the session's caches
        yield f"explain {name}", _ask(connection, plan)
    for name, columns in _columns(connection):
        chosen = ", ".join(map(_quoted, columns))
        answer = _ask(connection, f"select row({chosen})::text from {_quoted(name)}")
        yield f"catalog {name}", "\n".join(sorted(answer.splitlines()))
    functions = (
        "select p.oid::regprocedure::text from pg_proc as p where p.prokind = 'f' "
        "and has_function_privilege(p.oid, 'execute') "
        "and p.prorettype::regtype::text !~ '(trigger|handler|internal)' and "
    )
    for name in _names(connection, functions + "p.pronargs = 0"):
        yield f"function {name}", _ask(connection, f"select {name}::text")
    about_one = functions + "p.pronargs = 1 and p.proargtypes[0] in ('oid'::regtype, 'regclass'::regtype)"
    telling = _names(connection, about_one)
    oids = "select c.oid from pg_class as c join pg_namespace as n on n.oid = c.relnamespace"
    for thing in (
        "ops.fills",
        "ops.orders",
        "ops.risk_events",
        "analytics_intermediate.int_equity__by_minute",
        "published.v_public_trades",
    ):
        number = _ask(connection, f"{oids} where n.nspname || '.' || c.relname = '{thing}'")
        for name in telling:
            yield f"{name} {thing}", _ask(connection, f"select {name.split('(')[0]}({number})::text")


def _quoted(name: str) -> str:
    return sql.Identifier(*name.split(".", 1)).as_string()


def _columns(connection: psycopg.Connection) -> Iterator[tuple[str, list[str]]]:
    """Every relation of the catalog with the columns that may be read."""
    rows = connection.execute(
        "select n.nspname || '.' || c.relname, array_agg(a.attname::text order by a.attnum) "
        "from pg_class as c join pg_namespace as n on n.oid = c.relnamespace "
        "join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped "
        "where n.nspname in ('pg_catalog', 'information_schema') and c.relkind in ('r', 'v') "
        "and has_column_privilege(c.oid, a.attnum, 'select') group by 1 order by 1"
    ).fetchall()
    yield from rows


def _names(connection: psycopg.Connection, statement: str) -> list[str]:
    return sorted(name for (name,) in connection.execute(statement.encode()).fetchall())


def _ask(connection: psycopg.Connection, statement: str) -> str:
    try:
        return "\n".join(str(row[0]) for row in connection.execute(statement.encode()).fetchall())
    except psycopg.Error as error:
        return f"refused {error.sqlstate}"
