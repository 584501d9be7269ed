"""What each role must not be able to do, tried on a migrated database.

The lists name statements; what must hold for every table of a schema is tried on every table the catalog
names, so that a table added later is covered without a new line here.
"""

import json
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.architecture.source import ROOT
from trader.app.postgres import (
    Server,
    Urls,
    create_database,
    create_roles,
    drop_database,
    require_test_database,
)
from trader.app.postgres.binaries import install_root
from trader.app.postgres.databases import superuser_url
from trader.app.postgres.roles import ADVISOR, BACKUP, DASHBOARD, DBT, OWNER, ROLES, TRADER, WATCH
from trader.domain.errors import ConfigurationError

pytestmark = [pytest.mark.story("2.1")]
SCHEMAS = ("ops", "analytics", "analytics_staging", "analytics_intermediate", "analytics_operator")
NOT_OPS = SCHEMAS[1:]
SERVICES = (TRADER, DBT, DASHBOARD, BACKUP, ADVISOR, WATCH)
OUTSIDE_ANALYTICS = (TRADER, BACKUP, ADVISOR, WATCH)
REFUSALS = (psycopg.errors.InsufficientPrivilege, psycopg.errors.ReadOnlySqlTransaction)

FORBIDDEN = [
    *((role, f"create schema {role}_own") for role in SERVICES),
    *((role, "create table public.t (n int)") for role in SERVICES),
    *((role, "create table ops.t (n int)") for role in SERVICES),
    *(
        (role, f"create table {schema}.t (n int)")
        for role in (*OUTSIDE_ANALYTICS, DASHBOARD)
        for schema in NOT_OPS
    ),
    *((role, f"select * from {schema}.probe") for role in OUTSIDE_ANALYTICS for schema in NOT_OPS),
    *((DASHBOARD, f"select * from {schema}.probe") for schema in SCHEMAS if schema != "analytics"),
    *((role, "create temporary table t (n int)") for role in (*OUTSIDE_ANALYTICS, DASHBOARD)),
    *((role, "select * from migrations.history") for role in SERVICES),
    *((role, f"set role {other}") for role in SERVICES for other in (OWNER, "postgres")),
    *((role, f"set role {DBT}") for role in (*OUTSIDE_ANALYTICS, DASHBOARD)),
    # what a model wrote is out of trading's reach, and what trades is out of the advisor's
    *((TRADER, f"select 1 from ops.{t}") for t in ("signal_explanations", "anomalies", "advisor_calls")),
    *((TRADER, f"insert into ops.{t} default values") for t in ("signal_explanations", "anomalies")),
    *(
        (ADVISOR, f"select 1 from ops.{t}")
        for t in ("orders", "fills", "positions", "trading_state", "epochs")
    ),
    *((ADVISOR, f"insert into ops.{t} default values") for t in ("orders", "signals", "trading_state")),
    *((role, "create role intruder") for role in ROLES),
    *((role, "create database intruder") for role in ROLES),
    *((role, "alter system set fsync = off") for role in ROLES),
    *((role, "copy (select 1) to program 'true'") for role in ROLES),
    *((role, "select pg_read_file('postgresql.conf')") for role in ROLES),
    *((role, "select rolpassword from pg_authid") for role in ROLES),
    (DASHBOARD, "insert into analytics.probe values (2)"),
    (DASHBOARD, "delete from analytics.probe"),
    (DASHBOARD, "select * from analytics.not_granted"),
    (DASHBOARD, "set temp_file_limit = -1"),
]
# What a shared server would betray to the public role about fresh trades, and what it could sabotage with.
CLOSED_TO_PUBLIC = [
    "select * from pg_stat_activity",
    "select * from pg_stat_user_tables",
    "select * from pg_statio_user_tables",
    "select * from pg_stat_database",
    "select * from pg_stat_wal",
    "select * from pg_stats",
    "select * from pg_locks",
    "select reltuples from pg_class",
    "select xmin from pg_class",
    "select * from pg_class",
    "select pg_database_size(current_database())",
    "select pg_total_relation_size('pg_proc'::regclass)",
    "select pg_stat_get_tuples_inserted(1259)",
    "select txid_current()",
    "select pg_current_xact_id()",
    "select pg_current_snapshot()",
    "select pg_current_wal_lsn()",
    "select * from pg_control_checkpoint()",
    "select pg_export_snapshot()",
    "select pg_relation_filepath('pg_proc'::regclass)",
    "select pg_logical_emit_message(false, '', '')",
    "select age('3'::xid)",
    "select mxid_age('1'::xid)",
    "select pg_get_multixact_members('1'::xid)",
    "select pg_xact_status('3'::xid8)",
    "select pg_blocking_pids(1)",
    "select xmin from pg_db_role_setting",
    "select xmin from pg_default_acl",
    "select xmin from pg_shdepend",
    "select pg_advisory_lock(1)",
    "select pg_try_advisory_lock(1)",
    "select pg_notify('orders', 'x')",
    "select lo_create(0)",
    "select pg_sleep(0)",
]


@pytest.fixture(scope="module")
def urls(new_database: Callable[..., Urls]) -> Urls:
    """A migrated database in which dbt has built one table in each of its schemas."""
    made = new_database()
    with psycopg.connect(made.owner) as connection:
        connection.execute("create table ops.probe (n int)")
    with psycopg.connect(made.analytics) as connection:
        for schema in NOT_OPS:
            connection.execute(f"create table {schema}.probe as select 1 as n".encode())
        connection.execute("create table analytics.not_granted (n int)")
        connection.execute(f"grant select on analytics.probe to {DASHBOARD}".encode())
    return made


def url_of(urls: Urls, role: str) -> str:
    return {
        OWNER: urls.owner,
        TRADER: urls.trader,
        DBT: urls.analytics,
        DASHBOARD: urls.dashboard,
        BACKUP: urls.backup,
        ADVISOR: urls.advisor,
        WATCH: urls.watch,
    }[role]


@pytest.fixture(scope="module")
def sessions(urls: Urls) -> Iterator[dict[str, psycopg.Connection]]:
    """One session for each role; the public one with its read-only default lifted, as an attacker would."""
    opened = {role: psycopg.connect(url_of(urls, role), autocommit=True) for role in ROLES}
    for role in (DASHBOARD, BACKUP, WATCH):
        opened[role].execute("set default_transaction_read_only to off")
    yield opened
    for session in opened.values():
        session.close()


def is_refused(session: psycopg.Connection, statement: str) -> bool:
    try:
        with session.transaction(force_rollback=True):
            session.execute(statement.encode())
    except REFUSALS:
        return True
    except (
        psycopg.errors.FeatureNotSupported
    ) as error:  # "... cannot run inside a transaction block": try without
        raise AssertionError(statement) from error
    return False


@pytest.mark.parametrize(("role", "statement"), FORBIDDEN)
def test_forbidden_statement_is_refused(
    sessions: dict[str, psycopg.Connection], role: str, statement: str
) -> None:
    with pytest.raises(REFUSALS):
        sessions[role].execute(statement.encode())


@pytest.mark.parametrize("statement", CLOSED_TO_PUBLIC)
def test_public_role_learns_nothing_about_activity_and_holds_no_lever(
    sessions: dict[str, psycopg.Connection], statement: str
) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        sessions[DASHBOARD].execute(statement.encode())


def ops_tables(urls: Urls) -> list[str]:
    with psycopg.connect(urls.owner) as connection:
        rows = connection.execute(
            "select oid::regclass::text from pg_class where relnamespace = 'ops'::regnamespace "
            "and relkind in ('r', 'p', 'v') and relname <> 'probe'"
        ).fetchall()
    return [row[0] for row in rows]


def test_public_role_reads_and_writes_no_relation_of_ops(
    urls: Urls, sessions: dict[str, psycopg.Connection]
) -> None:
    tables = ops_tables(urls)

    reached = [t for t in tables if not is_refused(sessions[DASHBOARD], f"select 1 from {t}")]

    assert len(tables) > 20
    assert reached == []


def test_public_role_reads_exactly_what_was_granted(urls: Urls) -> None:
    with psycopg.connect(urls.owner) as connection:
        rows = connection.execute(
            "select c.oid::regclass::text from pg_class as c where c.relkind in ('r', 'p', 'v', 'm', 'S') "
            "and c.relnamespace::regnamespace::text !~ '^(pg_|information_schema)' "
            "and case when c.relkind = 'S' then has_sequence_privilege(%(role)s, c.oid, 'select,usage') "
            "else has_table_privilege(%(role)s, c.oid, 'select,insert,update,delete,truncate') "
            "or has_any_column_privilege(%(role)s, c.oid, 'select,insert,update') end",
            {"role": DASHBOARD},
        ).fetchall()
    assert [row[0] for row in rows] == ["analytics.probe"]


@pytest.mark.parametrize("role", [TRADER, DBT, BACKUP, ADVISOR, WATCH])
def test_no_role_deletes_or_truncates_a_row_of_ops(
    urls: Urls, sessions: dict[str, psycopg.Connection], role: str
) -> None:
    done = [
        statement
        for table in ops_tables(urls)
        for statement in (f"delete from {table}", f"truncate {table}")
        if not is_refused(sessions[role], statement)
    ]

    assert done == []


@pytest.mark.parametrize("role", [DBT, BACKUP, ADVISOR, WATCH])
def test_reading_roles_change_no_row_of_ops(urls: Urls, role: str) -> None:
    with psycopg.connect(urls.owner) as connection:
        rows = connection.execute(
            "select oid::regclass::text from pg_class where relnamespace = 'ops'::regnamespace "
            "and relkind in ('r', 'p') and has_any_column_privilege(%s, oid, 'update')",
            (role,),
        ).fetchall()
    assert rows == []


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        (WATCH, []),
        (BACKUP, []),
        (DBT, ["ops.approvals"]),
        (ADVISOR, ["ops.advisor_calls", "ops.anomalies", "ops.signal_explanations"]),
    ],
)
def test_roles_around_the_trader_add_rows_only_where_it_is_their_work(
    urls: Urls, role: str, expected: list[str]
) -> None:
    with psycopg.connect(urls.owner) as connection:
        rows = connection.execute(
            "select oid::regclass::text from pg_class where relnamespace = 'ops'::regnamespace "
            "and relkind in ('r', 'p') and has_any_column_privilege(%s, oid, 'insert') order by 1",
            (role,),
        ).fetchall()
    assert [row[0] for row in rows] == expected


def test_each_role_can_do_its_work(sessions: dict[str, psycopg.Connection]) -> None:
    sessions[DBT].execute("create temporary table staged (n int)")
    sessions[DBT].execute("select count(*) from ops.cities")
    sessions[BACKUP].execute("select count(*) from ops.cities")
    sessions[TRADER].execute("select count(*) from ops.cities")
    sessions[TRADER].execute("select pg_try_advisory_lock(1)")
    sessions[ADVISOR].execute("select count(*) from ops.signals")
    sessions[WATCH].execute("select count(*) from ops.orders")

    assert sessions[DASHBOARD].execute("select n from analytics.probe").fetchall() == [(1,)]


def test_backup_role_can_dump_all_of_ops_partitions_and_sequences_included(urls: Urls) -> None:
    with psycopg.connect(urls.owner) as connection:
        connection.execute("select ops.ensure_partitions(date '2026-07-01', 2)")

    dump = subprocess.run(
        [install_root() / "bin" / "pg_dump", "--schema=ops", urls.backup], capture_output=True, text=True
    )

    assert (dump.returncode, dump.stderr) == (0, "")
    assert "ops.signals_202608" in dump.stdout


def test_public_role_is_bounded_in_time_connections_and_mode(urls: Urls) -> None:
    with psycopg.connect(urls.dashboard) as connection:
        bounds = {
            "default_transaction_read_only": "on",
            "statement_timeout": "5s",
            "temp_file_limit": "128MB",
        }
        for name, expected in bounds.items():
            assert connection.execute(f"show {name}".encode()).fetchone() == (expected,)
        row = connection.execute("select rolconnlimit from pg_roles where rolname = current_user").fetchone()
    assert row == (20,)


def test_no_role_enters_a_database_it_was_not_given(pg_server: Server, urls: Urls) -> None:
    for role in ROLES:
        for other in ("postgres", "template1"):
            elsewhere = url_of(urls, role).rpartition("/")[0] + f"/{other}"
            with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
                psycopg.connect(elsewhere)


def test_roles_are_made_once_and_their_passwords_stay(pg_server: Server) -> None:
    kept = json.loads(pg_server.roles_file.read_text())

    assert create_roles(pg_server.superuser_url, pg_server.roles_file) == kept
    assert set(kept) == set(ROLES)
    assert len(set(kept.values())) == len(ROLES)
    assert stat.S_IMODE(pg_server.roles_file.stat().st_mode) == 0o600


def test_no_role_is_superuser_or_may_make_roles_databases_or_replicas(urls: Urls) -> None:
    with psycopg.connect(urls.owner) as connection:
        rows = connection.execute(
            "select rolname from pg_roles where rolname like 'milkbot%' and "
            "(rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls)"
        ).fetchall()
    assert rows == []


def test_database_without_the_mark_is_refused_for_tests(pg_server: Server) -> None:
    drop_database(pg_server, "unmarked_probe")
    made = create_database(pg_server, "unmarked_probe", is_test=False)
    try:
        with pytest.raises(ConfigurationError, match="unmarked_probe: expected the comment 'milkbot:test'"):
            require_test_database(made.trader)
    finally:
        drop_database(pg_server, "unmarked_probe")


def test_an_upgrade_takes_from_the_public_what_an_older_release_left_it(
    pg_server: Server, urls: Urls
) -> None:
    name = urlsplit(urls.owner).path.removeprefix("/")
    statement = b"select pg_logical_emit_message(false, '', '')"
    with psycopg.connect(superuser_url(pg_server, name)) as connection:
        connection.execute(
            "grant execute on function pg_logical_emit_message(bool, text, text, bool) to public"
        )
    with psycopg.connect(urls.dashboard, autocommit=True) as visitor:
        visitor.execute(statement)

        subprocess.run(
            [sys.executable, ROOT / "deploy/postgres/roles.py", "make", "--database", name],
            env={"SUPERUSER_URL": pg_server.superuser_url, "PYTHONPATH": str(ROOT)},
            input=pg_server.roles_file.read_text(),
            stdout=subprocess.DEVNULL,
            text=True,
            check=True,
        )

        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            visitor.execute(statement)


def test_existing_database_is_never_made_again(pg_server: Server, urls: Urls) -> None:
    name = urlsplit(urls.owner).path.removeprefix("/")

    with pytest.raises(ConfigurationError, match=f"Database {name}: expected a new name"):
        create_database(pg_server, name, is_test=True)


@pytest.mark.parametrize("name", ["Upper", "with space", 'quo"te', "", "x" * 64])
def test_name_that_is_not_plain_is_refused(pg_server: Server, name: str) -> None:
    with pytest.raises(ConfigurationError, match="Database name: expected"):
        create_database(pg_server, name, is_test=True)
