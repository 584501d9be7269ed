"""A year of ten cities without a database, in CPU time: traded through the exchange, and decided again."""

import tempfile
import time
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from tests.performance.measured import Measured
from tests.simulation.run import quiet
from trader.app.replay import recompute
from trader.domain.plan import CycleInputs
from trader.ports.ops_store import OpsStore
from trader.rehearsal.backtest import play
from trader.rehearsal.stage import books_in_memory, set_up
from trader.simulator.world import World

YEAR_CYCLES = 365 * 288
MAX_MIN = 60.0
"""What a year may take on two cores."""
CORES = 2
_UNIT, _ROUNDS = 1_000_000, 9


@dataclass(frozen=True)
class Stored:
    """One decision as it was stored."""

    inputs: CycleInputs
    inputs_hash: str
    plan_hash: str


def stored(store: OpsStore) -> list[Stored]:
    return [
        Stored(store.cycles.load_inputs(row.cycle_id), row.inputs_hash, row.plan_hash)
        for row in store.cycles.list()
        if row.inputs_hash is not None and row.plan_hash is not None
    ]


def again(decisions: list[Stored], share: range) -> tuple[int, float]:
    """Decide a share of them again; return how many were identical, and the CPU seconds it took."""
    begun = time.process_time()
    identical = sum(
        recompute(each.inputs, each.inputs_hash, each.plan_hash).difference is None
        for each in (decisions[n] for n in share)
    )
    return identical, time.process_time() - begun


def on_cores(decisions: list[Stored], cores: int) -> float:
    """Return the CPU seconds of the busiest of ``cores`` processes that share all decisions: what they take
    where nothing else runs.
    """
    shares = [range(n, len(decisions), cores) for n in range(cores)]
    with get_context("fork").Pool(cores, initializer=quiet) as pool:
        done = pool.map(partial(again, decisions), shares, chunksize=1)
    identical = sum(found for found, _ in done)
    assert identical == len(decisions), f"expected {len(decisions)} identical decisions, found {identical}"
    return max(seconds for _, seconds in done)


def measure() -> list[Measured]:
    """Return a traded cycle and a replayed one of the recorded week against a million additions, in CPU time.

    Ten cities, 120 to 240 markets, some twenty levels a side; each recorded book is looked at five times,
    because what is done once a day would weigh too much otherwise.
    """
    quiet()
    world = World.load("july2026")
    looks = [at + timedelta(seconds=s) for at in world.captures for s in range(5, 30, 6)]
    with tempfile.TemporaryDirectory(prefix="milkbot-bench-") as folder:
        play(set_up(world, Path(folder), is_limited=False), books_in_memory(), looks[:2], label="warm")
        store, stage = books_in_memory(), set_up(world, Path(folder), is_limited=False)
        begun = time.process_time()
        ran = play(stage, store, looks, label="bench")
        traded_s = (time.process_time() - begun) / ran.cycles
    decisions = stored(store)
    alone_s = on_cores(decisions, 1) / len(decisions)
    together_s = on_cores(decisions, CORES) / len(decisions)
    unit_s = min(_sums() for _ in range(_ROUNDS))
    markets = sum(len(each.inputs.snapshots) for each in decisions) / len(decisions)
    return [
        Measured(
            "a traded cycle of ten cities, in memory",
            traded_s,
            unit_s,
            notes=(_note("traded through the simulated exchange, one core", traded_s, ran.cycles, markets),),
        ),
        Measured(
            "a replayed cycle of ten cities",
            alone_s,
            unit_s,
            p99_s=together_s,
            limit_s=MAX_MIN * 60 / YEAR_CYCLES,
            notes=(
                _note("decided again, one core", alone_s, len(decisions), markets),
                _note(f"decided again, {CORES} cores", together_s, len(decisions), markets),
            ),
        ),
    ]


def _sums() -> float:
    begun = time.process_time()
    sum(range(_UNIT))
    return time.process_time() - begun


def _note(what: str, cycle_s: float, cycles: int, markets: float) -> str:
    return (
        f"{what}: {1 / cycle_s:.1f} cycles a CPU second over {cycles} of {markets:.0f} markets; "
        f"a year of 288 a day in {cycle_s * YEAR_CYCLES / 60:.0f} minutes, extrapolated"
    )
