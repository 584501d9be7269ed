"""A backtest and the live path decide the same: over sockets and Postgres, or in one process and memory."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from tests.integration.world import EVENING, settings_for, step
from trader.adapters.http import HttpClient
from trader.adapters.ops.pool import Database
from trader.adapters.ops.store import PostgresOpsStore
from trader.app.clock import SteppedClock
from trader.app.context import Trader
from trader.app.cycle import run_cycle
from trader.app.postgres import Urls
from trader.app.replay import replay
from trader.app.results import settle
from trader.app.wiring import start_trader
from trader.app.world import SimulatorProcess
from trader.domain.canonical import canonical_json
from trader.ports.ops_store import OpsStore
from trader.rehearsal.backtest import play, slot_of
from trader.rehearsal.stage import books_in_memory, set_up
from trader.simulator.world import World

WORLD = World.load("july2026")
INSTANTS = tuple(at for at in WORLD.cycle_instants if EVENING <= at <= EVENING + timedelta(hours=3))


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
    clock = SteppedClock(INSTANTS[0])
    with Database(database_url) as database, HttpClient(clock=clock, seed=0) as http:
        store = PostgresOpsStore(database, lock_url=database_url)
        yield start_trader(
            settings, store=store, http=http, clock=clock, command="test", world="july2026", weather_workers=1
        )
        store.close()


def test_backtest_and_live_path_decide_the_same_bytes(tmp_path: Path, database_urls: Urls) -> None:
    with SimulatorProcess(tmp_path / "live", world="july2026") as simulator:
        simulator.step_to(INSTANTS[0])
        with live(simulator, database_urls.trader, tmp_path / "live") as trader:
            for at in INSTANTS:
                step(simulator, trader, at)
                settle(trader)
                run_cycle(trader, slot=slot_of(at))
            decided, replayed = decisions(trader.store), replay(trader.store)
    store = books_in_memory()
    ran = play(set_up(WORLD, tmp_path, at=INSTANTS[0], is_limited=False), store, INSTANTS, label="july2026")

    backtest = decisions(store)
    assert (ran.cycles, ran.failed) == (len(INSTANTS), 0)
    assert len(decided) == len(INSTANTS) >= 3
    assert list(decided) == list(backtest)
    for slot, (inputs, plan) in decided.items():
        assert backtest[slot] == (inputs, plan), slot
    assert any('"intents":[{' in plan for _, plan in backtest.values())
    assert replayed.cycles == replayed.identical == replay(store).identical == len(INSTANTS)
