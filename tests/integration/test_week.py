"""The main job: the recorded week traded end to end, judged by the exchange's ledger, the results and the
replay.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import psycopg
import pytest

from tests.warehouse.arena import comparable, mart, raw_rows
from tests.warehouse.reference import everything
from trader.adapters.ops.marts import MartReader
from trader.adapters.ops.pool import Database
from trader.app import postgres
from trader.app.backtest import lines, report
from trader.app.demo import run_demo
from trader.app.postgres import read_env_file
from trader.app.wiring import open_store
from trader.domain.types import TradingMode

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Week:
    """A finished demo: what it printed, its exit code and its settings for other commands."""

    lines: list[str]
    code: int
    env: dict[str, str]


def _run(data_dir: Path, **env: str) -> Iterator[Week]:
    lines: list[str] = []
    start = {"MILKBOT_DATA_DIR": str(data_dir), "LOG_LEVEL": "WARNING", "PATH": os.environ["PATH"], **env}
    code = run_demo(start, lines.append, serve=False, world="july2026")
    yield Week(lines, code, start | read_env_file(data_dir / "env"))
    postgres.stop_server(data_dir)


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Week]:
    yield from _run(tmp_path_factory.mktemp("week"))


@pytest.fixture(scope="module")
def shadow_week(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Week]:
    yield from _run(tmp_path_factory.mktemp("shadow"), TRADING_MODE="SHADOW")


@pytest.mark.story("4.9")
@pytest.mark.story("9.1")
def test_week_ends_with_our_ledger_equal_to_the_exchanges_and_with_fills(week: Week) -> None:
    text = "\n".join(week.lines)

    assert week.code == 0, text
    (balance,) = [line for line in week.lines if "exchange balance" in line]
    theirs, ours = [Decimal(part.split("$")[1].replace(",", "")) for part in balance.split("=")]
    assert theirs == ours
    with open_store(week.env) as store:
        assert len(store.fills.get(TradingMode.DEMO)) > 0
        assert store.positions.settlements(TradingMode.DEMO)
        assert not store.orders.open_orders(TradingMode.DEMO)
        assert not store.risk.breaks(TradingMode.DEMO)


def test_low_events_are_held_because_this_world_has_no_forecast_of_lows(week: Week) -> None:
    with psycopg.connect(week.env["DATABASE_URL"]) as connection:
        rows = connection.execute(
            "select decision, reasons from ops.signals where market_type = 'LOW' group by decision, reasons"
        ).fetchall()

    assert {decision for decision, _ in rows} == {"HOLD"}
    assert any("NO_FORECAST" in reasons for _, reasons in rows)


@pytest.mark.parametrize(("hash_seed", "zone"), [("0", "UTC"), ("4242", "Asia/Kolkata")])
def test_every_stored_decision_replays_to_identical_bytes(week: Week, hash_seed: str, zone: str) -> None:
    env = week.env | {"PYTHONHASHSEED": hash_seed, "TZ": zone, "PYTHONPATH": str(ROOT)}

    replayed = subprocess.run(
        [sys.executable, "-m", "trader", "replay"],
        env=env,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )

    assert replayed.returncode == 0, replayed.stdout + replayed.stderr
    assert "(100 %)" in replayed.stdout


def test_results_agree_with_our_settlement_of_the_climate_reports(week: Week) -> None:
    with psycopg.connect(week.env["DATABASE_URL"]) as connection:
        rows = connection.execute("select result, our_result from ops.market_results").fetchall()

    assert len(rows) >= 240
    compared = [(theirs, ours) for theirs, ours in rows if ours is not None]
    assert compared
    assert all(theirs == ours for theirs, ours in compared)


@pytest.mark.story("4.10")
def test_shadow_sends_no_order_and_never_opens_the_key(shadow_week: Week) -> None:
    assert shadow_week.code == 0, "\n".join(shadow_week.lines)
    (line,) = [line for line in shadow_week.lines if "SHADOW:" in line]

    assert " 0 requests reached an order path" in line
    log = Path(shadow_week.env["MILKBOT_DATA_DIR"], "sim", "requests.jsonl").read_text()
    assert log
    assert "/portfolio/" not in log
    with open_store(shadow_week.env | {"TRADING_MODE": "SHADOW"}) as store:
        assert store.fills.get(TradingMode.SHADOW)


@pytest.mark.story("5.4")
@pytest.mark.story("9.3")
def test_public_role_reads_the_marts_and_nothing_else(week: Week) -> None:
    with psycopg.connect(week.env["DASHBOARD_DATABASE_URL"], autocommit=True) as public:
        for mart in ("v_public_trades", "equity_curve", "city_metrics", "v_health_summary", "v_city_board"):
            assert public.execute(f"select count(*) from analytics.{mart}").fetchone() is not None
        assert public.execute("select count(*) from analytics.v_public_trades").fetchone() != (0,)
    with psycopg.connect(week.env["MIGRATE_DATABASE_URL"]) as owner:
        hidden = owner.execute(
            "select format('%I.%I', schemaname, name) from ("
            " select schemaname, tablename as name from pg_tables"
            " union all select schemaname, viewname from pg_views"
            ") as relations where schemaname in "
            "('ops', 'migrations', 'analytics_staging', 'analytics_intermediate', 'analytics_operator')"
        ).fetchall()
    assert len(hidden) > 40
    for (relation,) in hidden:
        with (
            psycopg.connect(week.env["DASHBOARD_DATABASE_URL"]) as public,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            public.execute(f"select * from {relation} limit 1")


def test_the_board_shows_what_the_last_cycle_saw(week: Week) -> None:
    with psycopg.connect(week.env["DASHBOARD_DATABASE_URL"]) as connection:
        oldest, priced = connection.execute(
            "select max(now.as_of - board.quotes_as_of), count(*) filter (where leading_bid is not null) "
            "from analytics.v_city_board as board cross join analytics.v_page_state as now "
            "where market_type = 'HIGH'"
        ).fetchone() or (None, 0)

    assert oldest < timedelta(seconds=5)
    assert priced >= 10


@pytest.mark.story("5.1")
@pytest.mark.story("5.2")
@pytest.mark.story("5.3")
def test_every_public_mart_is_what_plain_python_makes_of_the_raw_rows(week: Week) -> None:
    with psycopg.connect(week.env["ANALYTICS_DATABASE_URL"]) as connection:
        row = connection.execute("select as_of from analytics_intermediate.int_rollups__started").fetchone()
    assert row

    expected = everything(raw_rows(week.env["ANALYTICS_DATABASE_URL"]), row[0], least_days=30)

    assert sum(map(len, expected.values())) > 1000
    for name, rows in expected.items():
        assert comparable(mart(week.env["DASHBOARD_DATABASE_URL"], name)) == comparable(rows), name


def test_a_report_reads_funnel_and_cities_from_the_warehouse_with_the_public_role(week: Week) -> None:
    with open_store(week.env) as store, Database(week.env["DASHBOARD_DATABASE_URL"], max_size=1) as database:
        fills = store.fills.get(TradingMode.DEMO)
        found = report(
            store,
            TradingMode.DEMO,
            label="week",
            world="july2026",
            priced_from=fills[0].filled_at,
            cities=("NYC",),
            cycles=67,
            failed_cycles=0,
            assumptions=("recorded depth",),
            marts=MartReader(database),
            exchange_cash=Decimal(0),
        )

    steps = [step.step for step in found.funnel]
    assert steps == ["seen", "priced", "edge", "gates", "risk", "sent", "filled", "settled"]
    for step, following in pairwise(found.funnel):
        assert step.reached == following.reached + step.lost
        assert sum(step.top_reasons.values()) <= step.lost
    assert 0 < sum(row.fills for row in found.by_city) <= len(fills)
    assert 0 < sum(row.fees for row in found.by_city) <= found.fees
    assert sum(row.wins for row in found.by_city) <= found.wins
    assert [words for words in found.problems if words.startswith("cash: expected the exchange's $0.0000")]
    said = lines(found)
    assert any(line.startswith("  seen ") and "most for NO_FORECAST" in line for line in said)
