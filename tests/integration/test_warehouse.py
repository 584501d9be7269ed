"""The warehouse on a real server: what the public role sees, when, and whether the numbers are right."""

import math
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from tests.conftest import ENV
from tests.integration.built_warehouse import KEYS, Warehouse
from tests.integration.warehouse_history import (
    CAPITAL,
    CYCLES,
    NOW,
    TRADES,
    ledger_at,
)
from tests.warehouse import plans, two_worlds
from tests.warehouse.public_server import PublicServer
from trader.app.gate_file import read_gates
from trader.app.postgres import Server, create_database, drop_database
from trader.app.postgres.databases import database_urls, role_passwords, superuser_url
from trader.app.rollup import rollup
from trader.core.golive import lower_bound
from trader.domain.errors import ConfigurationError

D = Decimal
OLD = [t for t in TRADES if t.filled_at <= NOW - timedelta(minutes=60)]


@pytest.mark.story("5.1")
def test_the_whole_project_builds_and_every_test_passes(warehouse: Warehouse) -> None:
    assert warehouse.built.counts["model success"] >= 30
    assert warehouse.built.counts["test pass"] >= 60
    assert warehouse.built.counts["unit_test pass"] >= 6
    assert "all passed" in warehouse.built.summary()


@pytest.mark.story("2.8")
@pytest.mark.story("5.4")
def test_a_fill_is_public_at_sixty_minutes_and_not_one_microsecond_earlier(warehouse: Warehouse) -> None:
    shown = warehouse.rows("select city, qty, price, fill_time from analytics.v_public_trades")

    assert sorted((r["qty"], r["price"]) for r in shown) == sorted((t.qty, t.price) for t in OLD)
    assert max(r["fill_time"] for r in shown) == NOW - timedelta(minutes=60)
    assert all(r["fill_time"].second == r["fill_time"].microsecond == 0 for r in shown)
    assert sum(r["trades"] for r in warehouse.rows("select trades from analytics.city_metrics")) == len(OLD)
    assert warehouse.rows("select max(timestamp) as at from analytics.equity_curve")[0]["at"] == CYCLES[4]


@pytest.mark.story("2.8")
@pytest.mark.story("5.4")
def test_the_public_role_reads_the_marts_and_nothing_else(warehouse: Warehouse) -> None:
    with psycopg.connect(warehouse.urls.analytics) as connection:
        relations = connection.execute(
            "select schemaname, tablename from pg_tables where schemaname ~ '^(ops|analytics)' union all "
            "select schemaname, viewname from pg_views where schemaname ~ '^(ops|analytics)'"
        ).fetchall()
    readable = set()
    with psycopg.connect(warehouse.urls.dashboard, autocommit=True) as connection:
        for schema, name in relations:
            try:
                connection.execute(f'select 1 from "{schema}"."{name}" limit 1'.encode())
                readable.add(f"{schema}.{name}")
            except psycopg.errors.InsufficientPrivilege:
                continue

    assert len(relations) > 50
    assert readable == {f"analytics.{name}" for name in (*KEYS, "v_health_summary", "v_page_state")}


@pytest.mark.story("5.4")
def test_public_trades_have_exactly_their_published_columns(warehouse: Warehouse) -> None:
    row = warehouse.rows("select * from analytics.v_public_trades limit 1")[0]

    assert list(row) == [
        *(
            "city",
            "city_name",
            "market_type",
            "climate_date",
            "bracket_label",
            "side",
            "action",
            "qty",
            "price",
        ),
        *("fee", "fill_time", "mode", "strategy_name", "p_side", "edge", "outcome", "pnl"),
    ]


@pytest.mark.story("5.3")
def test_equity_is_what_the_traders_ledger_says_to_the_last_digit(warehouse: Warehouse) -> None:
    rows = warehouse.rows("select * from analytics.equity_curve order by timestamp")

    expected = [(at, *ledger_at(at)) for at in CYCLES[:5]]
    assert [(r["timestamp"], r["realized_pnl"], r["unrealized_pnl"]) for r in rows] == expected
    for row in rows:
        assert row["starting_capital"] == CAPITAL
        assert row["total_equity"] == CAPITAL + row["realized_pnl"] + row["unrealized_pnl"]
    # 5001.33 after the first cycle is the peak, 4997.75 after the second: 3.58 / 5001.33
    assert rows[1]["drawdown"] == D("0.000716")


@pytest.mark.story("5.1")
def test_city_metrics_match_the_raw_fills(warehouse: Warehouse) -> None:
    rows = {r["city_code"]: r for r in warehouse.rows("select * from analytics.city_metrics")}

    for city in ("NYC", "DEN", "CHI"):
        fills = [t for t in OLD if t.ticker[6:9] == city]
        assert rows[city]["trades"] == len(fills)
        assert rows[city]["qty"] == sum(t.qty for t in fills)
        assert rows[city]["fees"] == sum(t.fee for t in fills)
        assert rows[city]["volume_usd"] == sum(t.qty * t.price for t in fills)
    nyc = rows["NYC"]
    assert nyc["pnl"] == D("5.83") + D("1.42")  # 10 x 0.60 - 0.17, 5 x 0.30 - 0.08
    assert (nyc["wins"], nyc["losses"], nyc["win_rate"]) == (2, 0, 1)
    assert nyc["break_even_win_rate"] == D("0.516667")  # (4.17 + 3.58) / 15
    assert rows["DEN"]["pnl"] is None
    assert rows["DEN"]["win_rate"] is None


@pytest.mark.story("5.2")
def test_strategy_metrics_are_side_aware_and_keep_the_older_figure(warehouse: Warehouse) -> None:
    row = warehouse.rows("select * from analytics.strategy_metrics where date = '2026-07-15'")[0]

    # YES 0.60 - 0.40 - 0.017 = 0.183; NO at p_yes 0.20: 0.80 - 0.70 - 0.016 = 0.084
    assert row["edge_realized"] == D("0.133500")
    assert row["avg_fill_price_minus_p_yes"] == D("0.150000")  # (0.40 - 0.60 + 0.70 - 0.20) / 2
    assert (row["signals"], row["trades"], row["pnl"]) == (2, 2, D("7.25"))


@pytest.mark.story("5.2")
def test_the_funnel_counts_every_signal_about_a_day_once(warehouse: Warehouse) -> None:
    rows = warehouse.rows(
        "select * from analytics.decision_funnel where date = '2026-07-16' order by step_no"
    )
    reasons = warehouse.rows(
        "select reason, sum(count)::int as n from analytics.decision_reasons "
        "where date = '2026-07-16' and city_code = 'NYC' group by reason"
    )

    # five cycles of age with four held signals each, and the orders of six trades, three of them disclosed
    steps = [(r["step"], r["count"], r["lost"]) for r in rows]
    assert steps == [
        ("seen", 26, 5), ("priced", 21, 10), ("edge", 11, 5), ("gates", 6, 0), ("risk", 6, 0), ("sent", 6, 3),
        ("filled", 3, 3), ("settled", 0, 0),
    ]  # fmt: skip
    assert {r["reason"]: r["count"] for r in rows[1]["top_reasons"]} == {
        "BOOK_MISSING": 5,
        "EDGE_TOO_SMALL": 5,
    }
    assert {r["reason"]: r["n"] for r in reasons} == {
        "NO_FORECAST": 5,
        "BOOK_MISSING": 5,
        "EDGE_TOO_SMALL": 5,
        "SPREAD_TOO_WIDE": 5,
    }


@pytest.mark.story("5.5")
def test_health_shows_six_components_and_flags_what_is_not_well(warehouse: Warehouse) -> None:
    warehouse.set_clock(-29)  # one minute after the last cycle
    rows = {r["component"]: r for r in warehouse.rows("select * from analytics.v_health_summary")}

    assert {c: r["status"] for c, r in rows.items()} == {
        "trader": "ok", "kalshi_api": "ok", "nws_api": "degraded", "database": "ok", "analytics": "ok",
        "dashboard": "ok",
    }  # fmt: skip
    assert [c for c, r in rows.items() if r["is_degraded"]] == ["nws_api"]


@pytest.mark.story("5.5")
def test_a_dead_trader_turns_down_by_itself(warehouse: Warehouse) -> None:
    status = "select status, message from analytics.v_health_summary where component = 'trader'"
    warehouse.set_clock(-20)  # ten minutes after the last cycle: two intervals
    in_time = warehouse.rows(status)
    warehouse.set_clock(-19)
    late = warehouse.rows(status)

    assert in_time == [{"status": "ok", "message": "working"}]
    assert late == [{"status": "down", "message": "no cycle in time"}]


@pytest.mark.story("6.1")
def test_the_board_shows_ten_cities_a_live_market_and_an_old_model(warehouse: Warehouse) -> None:
    rows = warehouse.rows("select * from analytics.v_city_board order by city_position")
    today = [r for r in rows if r["market_type"] == "HIGH" and r["is_today"]]
    nyc = next(r for r in today if r["city_code"] == "NYC")

    assert len(today) == 10
    assert sum(r["event_status"] == "none" for r in today) == 7
    assert (nyc["leading_label"], nyc["leading_bid"], nyc["leading_ask"]) == (
        "84° to 85°",
        D("0.60"),
        D("0.63"),
    )
    assert nyc["quotes_as_of"] == CYCLES[5]
    assert nyc["forecast_as_of"] == CYCLES[4], "the newer prediction is 30 minutes old"
    assert [b["model_p"] for b in nyc["ladder"]] == [0.1, 0.7, 0.2, 0]
    assert nyc["ladder"][0]["label"] == "83° or below"
    assert nyc["is_quote_stale"]


@pytest.mark.story("2.8")
def test_the_path_of_a_forecast_is_live_for_the_market_and_an_hour_old_for_us(warehouse: Warehouse) -> None:
    rows = warehouse.rows(
        "select * from analytics.forecast_path where city_code = 'NYC' and climate_date = '2026-07-16'"
    )
    last = [
        (r["hour_at"], r["p10_f"], r["p25_f"], r["p50_f"], r["p75_f"], r["p90_f"], r["market_median_f"])
        for r in rows[-2:]
    ]

    assert (
        last
        == [  # mids 0.31 and 0.615, the others without quotes: half of 0.925 lies 0.1525 into the second
            (NOW - timedelta(minutes=60), 83, 84, 85, 85, 86, D("84.0")),
            (NOW, None, None, None, None, None, D("84.0")),
        ]
    )


@pytest.mark.story("6.1")
def test_the_page_state_is_one_row_on_the_worlds_clock(warehouse: Warehouse) -> None:
    assert warehouse.rows("select * from analytics.v_page_state") == [
        {"as_of": NOW, "world": "testworld", "mode": "DEMO", "last_cycle_at": CYCLES[5], "cities_ok": 1}
    ]


@pytest.mark.story("5.1")
def test_a_second_refresh_changes_nothing(warehouse: Warehouse) -> None:
    before = warehouse.everything()

    warehouse.refresh()

    assert warehouse.everything() == before


@pytest.mark.story("8.9")
def test_gates_are_judged_from_the_day_after_registration_by_the_same_bound_as_in_python(
    warehouse: Warehouse,
) -> None:
    gates, sha256 = read_gates()
    since = NOW - timedelta(days=50)
    advantages = [0.004 * math.sin(7.0 * day) + 0.002 for day in range(45)]
    schema = "analytics_intermediate.int_golive"
    add = "insert into ops.approvals (kind, verdict, evidence, given_by, given_at, recorded_at) "
    add += "values (%s, %s, %s, 'ann', %s, %s)"
    with psycopg.connect(warehouse.urls.analytics, row_factory=dict_row) as connection:
        registered = Jsonb({"sha256": sha256, **gates.model_dump(mode="json")})
        connection.execute(add.encode(), ("go_live_gates", "registered", registered, since, since))
        now = datetime.now(UTC)
        whole = Jsonb({"cycles": 3000, "identical": 3000, "since": None})
        connection.execute(add.encode(), ("replay", "pass", whole, now, now))
        connection.execute(f"delete from {schema}__trading_days where true".encode())
        for day, advantage in enumerate(advantages):
            row = (since.date() + timedelta(days=day - 2), advantage)  # three of them came too early
            connection.execute(
                f"insert into {schema}__skill_days values (%s, 'SHADOW', 60, %s)".encode(), row
            )
        for day in range(1, 12):
            connection.execute(
                f"insert into {schema}__trading_days (mode, day, cycles_completed, fill_count, gap_sum, "
                "gap_square_sum, sent_count, refused_count, break_count, drawdown) "
                "values ('DEMO', %s, 286, 6, 0.03, 0.0003, 8, %s, 0, 0.01)".encode(),
                (since.date() + timedelta(days=day), int(day in (3, 4))),
            )
        found = connection.execute(b"select * from analytics.go_live_gates").fetchall()
        rows = {row["gate"]: row for row in found}
        connection.rollback()  # this warehouse is other tests', too

    assert list(rows) == [gate.gate for gate in gates.gates]
    expected = lower_bound(advantages[3:], float(gates.alpha), gates.tuned_for_days)
    assert float(rows["skill"]["lo"]) == pytest.approx(expected, abs=1e-6)
    assert rows["skill"]["count"] == 42
    assert rows["skill"]["verdict"] == ("pass" if expected and expected >= 0 else "fail")
    assert rows["drawdown"]["verdict"] == "not_enough_data"  # SHADOW has no day of trading
    assert (rows["uptime"]["figure"], rows["uptime"]["count"]) == (D("0.993056"), 3168)  # 286 of 288
    assert rows["uptime"]["verdict"] == "pass"
    assert (rows["fill_gap"]["figure"], rows["fill_gap"]["verdict"]) == (D("0.005"), "pass")
    assert rows["fill_gap"]["count"] == 66
    # 2 of 88 refused: (0.0227 + 0.0154 + 1.645 * 0.0184) / 1.0307
    assert rows["reject_rate"]["hi"] == pytest.approx(D("0.0664"), abs=D("0.0001"))
    assert rows["reject_rate"]["verdict"] == "fail"
    assert rows["breaks"]["verdict"] == "pass"
    assert (rows["replay"]["figure"], rows["replay"]["verdict"]) == (1, "pass")


@pytest.mark.story("5.1")
def test_a_rollup_that_cannot_connect_fails_in_words_without_the_password(tmp_path: Path) -> None:
    result = rollup("postgresql://milkbot_dbt:s3cr3t-word@127.0.0.1:1/none", data_dir=tmp_path)

    assert not result.success
    assert "expected a connection to the database, found none" in result.summary()
    assert "s3cr3t-word" not in result.summary()


@pytest.mark.story("5.1")
def test_the_password_is_in_no_file_that_a_run_leaves(warehouse: Warehouse) -> None:
    secret = (urlsplit(warehouse.urls.analytics).password or "").encode()
    files = [p.read_bytes() for p in warehouse.data_dir.rglob("*") if p.is_file()]

    assert len(files) > 3
    assert len(secret) > 20
    assert not any(secret in body for body in files)


@pytest.mark.story("5.1")
def test_two_runs_at_once_come_one_after_the_other(
    warehouse: Warehouse, pg_server: Server, tmp_path: Path
) -> None:
    before = warehouse.everything()
    database = urlsplit(warehouse.urls.analytics).path.removeprefix("/")
    count = b"select count(*) from pg_stat_activity where usename = 'milkbot_dbt' and datname = %s"
    held: list[int] = []
    with (
        psycopg.connect(pg_server.superuser_url, autocommit=True) as connection,
        ThreadPoolExecutor() as pool,
    ):
        runs = [
            pool.submit(rollup, warehouse.urls.analytics, data_dir=folder)
            for folder in (tmp_path, warehouse.data_dir)
        ]
        while not all(run.done() for run in runs):
            held += connection.execute(count, (database,)).fetchone() or ()
            time.sleep(0.02)
    done = [run.result() for run in runs]

    assert [(d.success, d.failures) for d in done] == [(True, ())] * 2
    assert warehouse.everything() == before
    assert max(held) <= 5, "the role has ten, and a server may hold two databases"


@pytest.mark.story("5.1")
def test_a_rollup_refuses_an_unknown_selector_and_a_url_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="expected refresh or deploy, found all"):
        rollup("postgresql://a:b@c/d", selector="all", data_dir=tmp_path)
    with pytest.raises(ConfigurationError, match="ANALYTICS_DATABASE_URL"):
        rollup("sqlite:///x", data_dir=tmp_path)


@pytest.mark.story("5.4")
def test_worlds_that_differ_in_the_last_hour_look_equal_to_the_public_role(
    warehouse: Warehouse, pg_server: Server, tmp_path: Path
) -> None:
    """Here, and on the public's own server to its superuser. ``make worlds`` looks at each world, at one of
    them twice, and at leaks put in on purpose.
    """
    is_whole = ENV.get("WORLDS") == "all"
    template = urlsplit(warehouse.urls.analytics).path.removeprefix("/")
    manifest = warehouse.data_dir / "dbt/target/manifest.json"
    with (
        PublicServer(tmp_path / "public", warehouse.urls.analytics, manifest) as public,
        two_worlds.Worlds(pg_server, template, warehouse.data_dir, public) as worlds,
    ):
        still = worlds.observe(two_worlds.nothing)
        for change in two_worlds.WORLDS if is_whole else (two_worlds.loss_limit,):
            seen = worlds.observe(change)
            there = sum(map(two_worlds.is_public, seen))
            refused = sum(
                answer.startswith("refused")
                for name, answer in seen.items()
                if not two_worlds.is_public(name)
            )
            found = two_worlds.differing(still, seen)
            residue = [name for name in found if two_worlds.is_public(name)]
            sys.stdout.write(
                f"{change.__name__}: {len(seen) - there} observables of the warehouse, {refused} refused, "
                f"{len(found) - len(residue)} differ; {there} of the public server, {len(residue)} differ\n"
            )
            assert found == []
            assert len(seen) - there - refused > 300, "there is something to see"
            assert there > 1500
        if is_whole:
            again = worlds.observe(two_worlds.nothing)
            by_chance = sorted(name for name in still if again[name] != still[name])
            sys.stdout.write(f"differ between two looks at one world: {', '.join(by_chance)}\n")
            assert two_worlds.differing(still, again) == []
            plants = "; ".join(statement for statement, _ in two_worlds.PLANTS.values() if statement)
            without = worlds.observe(two_worlds.nothing, plants)
            leaks = two_worlds.differing(without, worlds.observe(two_worlds.loss_limit, plants))
            channels = [channel for channel, (_, tells) in two_worlds.PLANTS.items() if tells in leaks]
            sys.stdout.write(f"planted leaks found: {len(channels)} of {len(two_worlds.PLANTS)}\n")
            assert channels == list(two_worlds.PLANTS)


@pytest.mark.story("5.1")
def test_a_table_with_other_columns_than_its_model_is_refused_and_stays_as_it_was(
    warehouse: Warehouse, pg_server: Server, tmp_path: Path
) -> None:
    template = urlsplit(warehouse.urls.analytics).path.removeprefix("/")
    create_database(pg_server, "other_columns", is_test=True, template=template)
    table = "analytics_intermediate.int_metrics__city_days"
    try:
        url = database_urls(pg_server, "other_columns", role_passwords(pg_server)).analytics
        with psycopg.connect(url) as connection:
            connection.execute(f"alter table {table} add column more integer default 7".encode())
        done = rollup(url, data_dir=tmp_path)
        with psycopg.connect(url) as connection:
            kept = connection.execute(f"select min(more), count(*) > 0 from {table}".encode()).fetchone()
    finally:
        drop_database(pg_server, "other_columns")

    assert "int_metrics__city_days error" in done.summary()
    assert "found another more" in done.summary()
    assert kept == (7, True)


@pytest.mark.story("8.10")
def test_no_public_query_reads_more_when_history_is_longer(warehouse: Warehouse, pg_server: Server) -> None:
    template = urlsplit(warehouse.urls.analytics).path.removeprefix("/")
    create_database(pg_server, "long_history", is_test=True, template=template)
    try:
        sizes = plans.lengthen(superuser_url(pg_server, "long_history"))
        read = plans.read_by(database_urls(pg_server, "long_history", role_passwords(pg_server)).dashboard)
    finally:
        drop_database(pg_server, "long_history")

    too_much = {
        (table, count): statement
        for statement, tables in read.items()
        for table, count in tables.items()
        if count > plans.MOST and table not in plans.DAILY
    }
    sys.stdout.writelines(f"reads {n:,} of {table}: {text}\n" for (table, n), text in too_much.items())
    assert too_much == {}
    assert sum(size > 3 * plans.MOST for size in sizes.values()) >= 11, sizes
    unknown = {t for tables in read.values() for t in tables} - {n.split(".")[1] for n in plans.GROWING}
    assert unknown - set(plans.SMALL) == set()
