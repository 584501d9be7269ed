"""Play many seeds over all cores: ``make simulate SEEDS=20000``. One seed again: ``--replay SEED``.

Prints progress, then what was simulated and which faults struck. Exit code 1 when an invariant broke, or when
a fault that this simulation claims to cover never struck; a broken seed has its log in .milkbot/simulation.
"""

import argparse
import gc
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from multiprocessing import get_context
from pathlib import Path

from tests.simulation.episode import Outcome, run
from tests.simulation.plan import AROUND
from trader.app.logs import configure
from trader.simulator.faults import FaultKind

LOGS = Path(".milkbot/simulation")
ENOUGH = 2000
"""Seeds after which every claimed fault must have struck."""
CLAIMED = (*(kind.value for kind in FaultKind), *AROUND)


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def quiet() -> None:
    """Adapters' own words are not wanted here; a simulation keeps its own log."""
    configure(level="CRITICAL", fmt="json", secrets=())
    gc.freeze()
    gc.set_threshold(200_000, 20, 100)  # an episode makes little garbage in circles: a twentieth of the time


def _play(seed: int) -> Outcome:
    return run(seed)


def played(seeds: Iterable[int], jobs: int) -> Iterator[Outcome]:
    """Outcomes as they come, from ``jobs`` processes."""
    if jobs == 1:
        quiet()
        yield from map(_play, seeds)
        return
    with get_context("fork").Pool(jobs, initializer=quiet, maxtasksperchild=500) as pool:
        yield from pool.imap_unordered(_play, seeds, chunksize=4)


class Tally:
    """Sums over outcomes."""

    def __init__(self) -> None:
        self.seeds = self.cycles = self.orders = self.fills = 0
        self.days = 0.0
        self.fired: Counter[str] = Counter()
        self.halts: Counter[str] = Counter()
        self.broken: list[Outcome] = []

    def add(self, outcome: Outcome) -> None:
        self.seeds += 1
        self.cycles += outcome.cycles
        self.orders += outcome.orders
        self.fills += outcome.fills
        self.days += outcome.days
        self.fired += outcome.fired
        self.halts += outcome.halts
        if outcome.problem:
            self.broken.append(outcome)

    @property
    def faults(self) -> int:
        return sum(self.fired.values())

    @property
    def unfired(self) -> list[str]:
        return [name for name in CLAIMED if not self.fired[name]]


def keep(outcome: Outcome) -> Path:
    """Write a broken seed's log."""
    LOGS.mkdir(parents=True, exist_ok=True)
    path = LOGS / f"seed-{outcome.seed}.log"
    path.write_text("\n".join((*outcome.log, str(outcome.problem))) + "\n", encoding="utf-8")
    return path


def watched(outcomes: Iterable[Outcome], seeds: range, module: str) -> Tally:
    """Add up outcomes as they come, saying how far it is and what broke; ``module`` plays a seed again."""
    tally, began, last = Tally(), time.monotonic(), 0.0
    for outcome in outcomes:
        tally.add(outcome)
        if outcome.problem:
            say(f"BROKEN seed {outcome.seed}: {outcome.problem.strip().splitlines()[-1]}")
            say(f"  log: {keep(outcome)}; again: python -m {module} --replay {outcome.seed}")
        passed = time.monotonic() - began
        if passed - last > 10 or tally.seeds == len(seeds):
            last = passed
            left = passed / tally.seeds * (len(seeds) - tally.seeds)
            say(
                f"{tally.seeds:6d} of {len(seeds)} seeds  {tally.days:8.1f} days  {tally.cycles:7d} cycles  "
                f"{tally.faults:8d} faults  {len(tally.broken)} broken  {passed:5.0f} s, {left:.0f} s left"
            )
    return tally


def simulate(seeds: range, jobs: int) -> int:
    """Play the seeds, print figures, return the exit code."""
    began = time.monotonic()
    tally = watched(played(seeds, jobs), seeds, "tests.simulation.run")
    report(tally, time.monotonic() - began, jobs)
    if tally.unfired and len(seeds) >= ENOUGH:
        say(f"FAILED: faults that never struck: {', '.join(tally.unfired)}")
    return 1 if tally.broken or (tally.unfired and len(seeds) >= ENOUGH) else 0


def report(tally: Tally, seconds: float, jobs: int) -> None:
    say(
        f"\n{tally.seeds} seeds, {tally.days:.1f} simulated days, {tally.cycles} cycles, {tally.orders} "
        f"orders, {tally.fills} fills at the exchange, {tally.faults} faults\n"
        f"in {seconds:.0f} s on {jobs} cores: {tally.days / seconds / jobs:.2f} days a second and core; "
        f"{len(tally.broken)} broken"
    )
    width = 4
    rows = [f"{name} {tally.fired[name]}" for name in CLAIMED]
    for start in range(0, len(rows), width):
        say("  " + "".join(f"{row:<32}" for row in rows[start : start + width]).rstrip())
    say(
        "halts that stood at the end: "
        + ", ".join(f"{name} {count}" for name, count in tally.halts.most_common())
    )


def replay(seed: int) -> int:
    """Play one seed and print its whole log."""
    quiet()
    outcome = run(seed, keep_log=True)
    say("\n".join(outcome.log))
    say(f"seed {seed}: hash {outcome.digest}, {outcome.problem or 'all invariants held'}")
    return 1 if outcome.problem else 0


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=500, help="how many (default 500)")
    parser.add_argument("--from", dest="first", type=int, default=0, help="first seed (default 0)")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, help="processes (default: all cores)"
    )
    parser.add_argument("--replay", type=int, metavar="SEED", help="play one seed and print its log")
    options = parser.parse_args(argv)
    if options.replay is not None:
        return replay(options.replay)
    return simulate(range(options.first, options.first + options.seeds), options.jobs)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
