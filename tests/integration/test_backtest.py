"""A backtest and the live path decide the same, over sockets and Postgres or in one process and memory; the
whole command with its database and warehouse.
"""

import json
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.integration.world import EVENING, settings_for, step
from trader.adapters.http import HttpClient
from trader.adapters.ops.pool import Database
from trader.adapters.ops.store import PostgresOpsStore
from trader.app.clock import SteppedClock
from trader.app.context import Trader
from trader.app.cycle import run_cycle
from trader.app.postgres import Urls
from trader.app.postgres.urls import ENV_NAMES, read_env_file
from trader.app.replay import replay
from trader.app.results import settle
from trader.app.wiring import start_trader
from trader.app.world import SimulatorProcess
from trader.domain.canonical import canonical_json
from trader.domain.errors import ConfigurationError
from trader.ports.ops_store import OpsStore
from trader.rehearsal.arguments import add_arguments
from trader.rehearsal.backtest import play, slot_of
from trader.rehearsal.command import trade
from trader.rehearsal.stage import books_in_memory, set_up
from trader.simulator.world import World

WORLD = World.load("july2026")
INSTANTS = tuple(at for at in WORLD.cycle_instants if EVENING <= at <= EVENING + timedelta(hours=3))
BEGINS = INSTANTS[0] - timedelta(minutes=1)
"""When the trader starts: a start takes a moment of virtual time, because it reads the balance twice."""


def decisions(store: OpsStore) -> dict[str, tuple[str, str]]:
    """Inputs and plan of each cycle in canonical bytes, by slot."""
    return {
        row.slot: (
            canonical_json(store.cycles.load_inputs(row.cycle_id)),
            canonical_json(store.cycles.load_plan(row.cycle_id)),
        )
        for row in store.cycles.list()
    }


@contextmanager
def live(simulator: SimulatorProcess, database_url: str, data_dir: Path) -> Iterator[Trader]:
    """The live path: real sockets, Postgres. Cities are asked one by one, because the instants at which
    threads retry in virtual time are not the same twice.
    """
    settings = settings_for(simulator, database_url, data_dir)
    clock = SteppedClock(BEGINS)
    with Database(database_url) as database, HttpClient(clock=clock, seed=0) as http:
        store = PostgresOpsStore(database, lock_url=database_url)
        yield start_trader(
            settings, store=store, http=http, clock=clock, command="test", world="july2026", weather_workers=1
        )
        store.close()


def test_backtest_and_live_path_decide_the_same_bytes(tmp_path: Path, database_urls: Urls) -> None:
    with SimulatorProcess(tmp_path / "live", world="july2026") as simulator:
        simulator.step_to(BEGINS)
        with live(simulator, database_urls.trader, tmp_path / "live") as trader:
            for at in INSTANTS:
                step(simulator, trader, at)
                settle(trader)
                run_cycle(trader, slot=slot_of(at))
            decided, replayed = decisions(trader.store), replay(trader.store)
    store = books_in_memory()
    ran = play(set_up(WORLD, tmp_path, at=BEGINS, is_limited=False), store, INSTANTS, label="july2026")

    backtest = decisions(store)
    assert (ran.cycles, ran.failed) == (len(INSTANTS), 0)
    assert len(decided) == len(INSTANTS) >= 3
    assert list(decided) == list(backtest)
    for slot, (inputs, plan) in decided.items():
        assert backtest[slot] == (inputs, plan), slot
    assert any('"intents":[{' in plan for _, plan in backtest.values())
    assert replayed.cycles == replayed.identical == replay(store).identical == len(INSTANTS)


def part_of_july() -> World:
    """Six captures, the payout of the 17th and the look at 18:00 that reads its results: what was recorded,
    less the later days.
    """
    return replace(WORLD, captures=WORLD.captures[:6], end=datetime(2026, 7, 18, 18, 5, tzinfo=UTC))


def traded(folder: Path, env: dict[str, str], *words: str) -> tuple[int, dict[str, Any]]:
    """Exit code and report of ``milkbot backtest`` in that part of the world."""
    parser, said = ArgumentParser(), list[str]()
    add_arguments(parser)
    asked = ["--world", "july2026", "--name", "a part of July", "--lookahead", "1", "--json", *words]
    code = trade(
        part_of_july(), parser.parse_args(asked), {"MILKBOT_DATA_DIR": str(folder)} | env, said.append
    )
    return code, json.loads("".join(said))


def test_the_command_trades_into_a_database_of_its_own_and_reports_from_its_warehouse(
    tmp_path: Path, new_database: Callable[..., Urls]
) -> None:
    urls = new_database(is_migrated=False)
    env = {name: getattr(urls, role) for role, name in ENV_NAMES.items()}

    code, found = traded(tmp_path, env)

    assert (code, found["problems"], found["failed_cycles"]) == (0, [], 0)
    assert found["cycles"] == len(part_of_july().cycle_instants) > 10
    assert found["lookahead"] == {"checked": 1, "leaks": 0}
    assert found["settled"] > 0
    assert found["conclusion"].startswith("not enough data: ")
    with psycopg.connect(urls.owner) as connection:

        def ask(statement: str) -> Any:
            return connection.execute(statement.encode()).fetchone()

        assert ask("select count(*), count(distinct cycle_id) from ops.signals")[1] == found["cycles"]
        signals, fills = ask("select (select count(*) from ops.signals), (select count(*) from ops.fills)")
        fees, first, world = ask(
            "select (select sum(fee) from ops.fills), (select min(filled_at) from ops.fills),"
            " (select world from ops.world_clock)"
        )
        # what the warehouse was built from is what was traded, and all of it is disclosed
        assert ask("select count(*), min(mode::text) from analytics.v_public_trades") == (fills, "DEMO")
    assert (fills, fees) == (found["fills"], Decimal(found["fees"]))
    assert first.date() == datetime(2026, 7, 17, tzinfo=UTC).date()
    assert world == "a part of July"
    funnel = {step["step"]: step for step in found["funnel"]}
    assert funnel["seen"]["reached"] == signals
    steps = [step["reached"] for step in found["funnel"]]
    assert steps == sorted(steps, reverse=True)
    assert funnel["sent"]["reached"] == sum(found["orders"].values()) > 0
    by_city = found["by_city"]
    assert sum(row["fills"] for row in by_city) == fills
    assert sum(Decimal(row["fees"]) for row in by_city) == fees
    assert sum(row["wins"] + row["losses"] for row in by_city) == found["settled"]

    in_memory = traded(tmp_path / "memory", {}, "--memory")[1]
    for name in ("cycles", "orders", "fills", "settled", "wins", "unsettled"):
        assert in_memory[name] == found[name], name
    for name in ("equity_end", "max_drawdown_usd", "fees"):
        assert Decimal(in_memory[name]) == Decimal(found[name]), name
    assert in_memory["funnel"] == []
    assert [(row["city"], Decimal(row["pnl"])) for row in in_memory["by_city"]] == [
        (row["city"], Decimal(row["pnl"])) for row in by_city
    ]
    with Database(urls.trader) as database:
        store = PostgresOpsStore(database, lock_url=urls.trader)
        again = replay(store)
        store.close()
    assert again.cycles == again.identical == found["cycles"], again.differences

    kept = read_env_file(tmp_path / "milkbot_a_part_of_july.env")
    assert kept["DATABASE_URL"] == urls.trader
    with pytest.raises(ConfigurationError, match="expected an empty database behind the given URLs"):
        traded(tmp_path, env)
