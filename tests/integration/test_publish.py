"""The public's own server: equal to the marts, all at once, on fixed seconds, and nothing but that."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from tests.integration.built_warehouse import KEYS, Warehouse
from tests.integration.test_api import ROUTES, serve
from tests.integration.test_roles import CLOSED_TO_PUBLIC
from tests.integration.warehouse_history import NOW
from trader.app.clock import SteppedClock
from trader.app.postgres import (
    PublicUrls,
    Server,
    ensure_server,
    make_public_server,
    read_env_file,
    stop_server,
)
from trader.app.postgres.databases import superuser_url
from trader.app.postgres.public import PUBLIC_DATABASE
from trader.app.postgres.roles import ROLES
from trader.app.publish import Published, public_marts, publish, publish_from_env
from trader.domain.errors import ConfigurationError, PersistenceError, TransientError

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.xdist_group("warehouse"), pytest.mark.story("5.4")]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("public")
    yield folder
    stop_server(folder)


@pytest.fixture(scope="module")
def server(home: Path) -> Server:
    return ensure_server(home, is_durable=False)


@pytest.fixture
def public(server: Server) -> PublicUrls:
    """An empty public database."""
    with psycopg.connect(server.superuser_url, autocommit=True) as connection:
        connection.execute(f"drop database if exists {PUBLIC_DATABASE} with (force)".encode())
    return make_public_server(server)


def now_public(warehouse: Warehouse, public: PublicUrls, *, grid_s: int = 0) -> Published:
    marts = public_marts(warehouse.data_dir / "dbt/target/manifest.json")
    clock = SteppedClock(NOW + timedelta(seconds=7))
    return publish(warehouse.urls.analytics, public.publish, marts, clock=clock, grid_s=grid_s)


def ask(url: str, statement: str) -> list[dict[str, Any]]:
    with psycopg.connect(url, row_factory=dict_row) as connection:
        return connection.execute(statement.encode()).fetchall()


def change(server: Server, statement: str) -> None:
    with psycopg.connect(superuser_url(server, PUBLIC_DATABASE)) as connection:
        connection.execute(statement.encode())


def test_every_mart_and_every_answer_of_the_api_is_the_warehouses(
    warehouse: Warehouse, public: PublicUrls
) -> None:
    done = now_public(warehouse, public)

    there = {
        name: ask(public.dashboard, f"select * from analytics.{name} order by {key}")
        for name, key in KEYS.items()
    }
    assert there == warehouse.everything()
    assert set(done.rows) == {*KEYS, "v_health_summary", "v_page_state"}
    assert done.written == sum(done.rows.values()) > 100
    answers = []
    for url in (warehouse.urls.dashboard, public.dashboard):
        with serve(url) as client:
            answers.append([client.get(f"/v1/{route}").text for route in ROUTES])
    assert answers[0] == answers[1]


def test_only_rows_that_differ_are_written_and_two_equal_trades_stay_two(
    warehouse: Warehouse, public: PublicUrls, server: Server
) -> None:
    now_public(warehouse, public)
    count = len(ask(public.dashboard, "select * from analytics.v_public_trades"))

    assert now_public(warehouse, public).written == 0

    change(server, "insert into published.v_public_trades select * from published.v_public_trades limit 1")
    change(
        server,
        "update published.equity_curve set drawdown = 1 where timestamp = "
        "(select max(timestamp) from published.equity_curve)",
    )

    assert now_public(warehouse, public).written == 3  # a copy too many, a wrong row and the right one
    assert len(ask(public.dashboard, "select * from analytics.v_public_trades")) == count


def test_a_reader_keeps_what_it_saw_while_everything_changes_at_once(
    warehouse: Warehouse, public: PublicUrls, server: Server
) -> None:
    now_public(warehouse, public)
    change(server, "delete from published.v_public_trades; delete from published.equity_curve")
    counted = "select (select count(*) from analytics.v_public_trades)"
    counted += " + (select count(*) from analytics.equity_curve) as n"
    with psycopg.connect(public.dashboard) as reader:
        reader.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        before = reader.execute(counted.encode()).fetchone()
        now_public(warehouse, public)
        during = reader.execute(counted.encode()).fetchone()

    assert before == during == (0,)
    assert ask(public.dashboard, counted)[0]["n"] > 5


def test_it_comes_into_force_on_a_whole_half_minute(warehouse: Warehouse, public: PublicUrls) -> None:
    done = now_public(warehouse, public, grid_s=30)

    assert done.at == NOW + timedelta(seconds=30)


def test_the_public_role_reads_the_marts_there_and_holds_no_lever(
    warehouse: Warehouse, public: PublicUrls
) -> None:
    now_public(warehouse, public)
    closed = [
        *CLOSED_TO_PUBLIC,
        "select * from published.v_public_trades",
        "select * from incoming.equity_curve",
        "create temporary table t (n int)",
        "create table analytics.t (n int)",
        "delete from analytics.v_public_trades",
        "select xmin from published.city_metrics",
    ]
    with psycopg.connect(public.dashboard, autocommit=True) as connection:
        connection.execute("set default_transaction_read_only to off")
        for statement in closed:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.encode())
        roles = connection.execute(
            "select rolname from pg_roles where rolname !~ '^pg_' order by 1"
        ).fetchall()

    assert roles == [("milkbot_dashboard",), ("milkbot_publisher",), ("postgres",)]


def test_a_publication_that_stops_turns_red_by_itself(
    warehouse: Warehouse, public: PublicUrls, server: Server
) -> None:
    now_public(warehouse, public)
    told = (
        "select component, status, message, is_degraded from analytics.v_health_summary where component in "
    )
    told += "('analytics', 'trader') order by 1"
    still = {r["component"]: r["status"] for r in ask(public.dashboard, told)}
    change(
        server, "update published.publication set world = null, published_at = now() - interval '16 minutes'"
    )

    assert still["analytics"] == "ok"
    assert [tuple(r.values()) for r in ask(public.dashboard, told)] == [
        ("analytics", "down", "no refresh in time", True),
        ("trader", "unknown", "not checked lately", False),
    ]
    (page,) = ask(
        public.dashboard, "select now() - as_of < interval '1 minute' as is_now from analytics.v_page_state"
    )
    assert page["is_now"]
    assert all(
        r["is_quote_stale"]
        for r in ask(
            public.dashboard,
            "select is_quote_stale from analytics.v_city_board where quotes_as_of is not null",
        )
    )


def test_refusals_leave_what_is_public_as_it_was(
    warehouse: Warehouse, public: PublicUrls, server: Server, tmp_path: Path
) -> None:
    now_public(warehouse, public)
    marts = public_marts(warehouse.data_dir / "dbt/target/manifest.json")
    early = SteppedClock(
        NOW - timedelta(minutes=1)
    )  # the trade of an hour ago is 59 minutes old by this clock
    trades = ask(public.dashboard, "select * from analytics.v_public_trades")

    with pytest.raises(ConfigurationError, match="found the trader's roles on it"):
        publish(warehouse.urls.analytics, warehouse.urls.analytics, marts, clock=early)
    with pytest.raises(PersistenceError, match="expected nothing of v_public_trades after"):
        publish(warehouse.urls.analytics, public.publish, marts, clock=early)
    warehouse.set_clock(-1)
    with pytest.raises(PersistenceError, match="expected world testworld at or after"):
        now_public(warehouse, public)
    warehouse.set_clock(0)
    change(server, "update published.publication set world = null")
    with pytest.raises(PersistenceError, match="expected world live at or after"):
        now_public(warehouse, public)
    with pytest.raises(ConfigurationError, match="Run `milkbot rollup`"):
        public_marts(tmp_path / "manifest.json")
    with pytest.raises(TransientError, match="expected both servers to answer"):
        publish("postgresql://a:b@127.0.0.1:1/c", public.publish, marts, clock=early)
    with psycopg.connect(public.publish) as other:
        other.execute("select pg_advisory_xact_lock(7241005)")
        with pytest.raises(ConfigurationError, match="expected no other publication"):
            now_public(warehouse, public)
    assert ask(public.dashboard, "select * from analytics.v_public_trades") == trades


def test_the_installers_commands_make_the_server_and_give_out_its_urls(
    server: Server, public: PublicUrls, tmp_path: Path
) -> None:
    script = [sys.executable, str(ROOT / "deploy/postgres/roles.py")]
    env = {"SUPERUSER_URL": server.superuser_url, "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    known = json.dumps(dict.fromkeys(ROLES, "word"))

    told = subprocess.run(
        [*script, "public", "--port", str(server.port)], env=env, capture_output=True, text=True, check=True
    ).stdout
    (tmp_path / "public.env").write_text(told)
    subprocess.run([*script, "urls", "--dir", str(tmp_path)], env=env, input=known, text=True, check=True)

    page = read_env_file(tmp_path / "dashboard.env")
    assert page == {
        "DASHBOARD_DATABASE_URL": read_env_file(tmp_path / "public.env")["DASHBOARD_DATABASE_URL"]
    }
    assert set(read_env_file(tmp_path / "analytics.env")) == {
        "ANALYTICS_DATABASE_URL",
        "PUBLISH_DATABASE_URL",
    }
    assert ask(page["DASHBOARD_DATABASE_URL"], "select current_user as me") == [{"me": "milkbot_dashboard"}]


def test_publish_says_which_url_is_missing(warehouse: Warehouse) -> None:
    env = {"ANALYTICS_DATABASE_URL": warehouse.urls.analytics, "MILKBOT_DATA_DIR": str(warehouse.data_dir)}

    with pytest.raises(ConfigurationError, match=r"^PUBLISH_DATABASE_URL: expected .* found it unset"):
        publish_from_env(env, lambda _: None, is_at_once=True)


def test_a_mart_that_is_no_longer_public_goes_and_a_new_contract_makes_its_table_anew(
    warehouse: Warehouse, public: PublicUrls
) -> None:
    now_public(warehouse, public)
    marts = public_marts(warehouse.data_dir / "dbt/target/manifest.json")
    fewer = {name: mart for name, mart in marts.items() if name != "anomalies"}
    narrower = {**fewer, "city_metrics": {k: v for k, v in marts["city_metrics"].items() if k != "fees"}}

    done = publish(warehouse.urls.analytics, public.publish, narrower, clock=SteppedClock(NOW), grid_s=0)

    assert "anomalies" not in done.rows
    with pytest.raises(psycopg.errors.UndefinedTable):
        ask(public.dashboard, "select 1 from analytics.anomalies")
    assert "fees" not in ask(public.dashboard, "select * from analytics.city_metrics")[0]
