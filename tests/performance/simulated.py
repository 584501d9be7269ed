"""How many trading days tier A of the simulation plays in a second, on one core."""

import time

from tests.performance.measured import Measured
from tests.simulation.episode import run
from tests.simulation.run import Tally, quiet

SEEDS = 60
_UNIT = 1_000_000


def measure() -> Measured:
    """Return the seconds of one simulated day against those of a million additions."""
    quiet()
    for seed in range(SEEDS, SEEDS + 5):
        run(seed)  # the worlds' and models' first use is not what many seeds cost
    tally, begun = Tally(), time.perf_counter()
    for seed in range(SEEDS):
        tally.add(run(seed))
    took = time.perf_counter() - begun
    begun = time.perf_counter()
    sum(range(_UNIT))
    unit = time.perf_counter() - begun
    note = (
        f"tier A: {tally.days / took:.2f} days a second and core, {took / SEEDS:.3f} s a seed; "
        f"{SEEDS} seeds, {tally.days:.1f} days, {tally.cycles} cycles, {tally.faults} faults, "
        f"{len(tally.broken)} broken"
    )
    return Measured("a simulated day against a million sums", took / tally.days, unit, notes=(note,))
