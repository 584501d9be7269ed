"""The same seeds on a real Postgres behind a proxy that cuts: ``make simulate-db SEEDS=300``.

Where tier A raises an error at a call of the books, here the connection is cut at a statement, before a
commit, between a commit and its answer, or after it; a restart ends all sessions; a backup is pg_dump's.
One seed again: ``--replay SEED``. Exit 1 when an invariant broke, or when a kind of cut never struck in 100
seeds.
"""

import argparse
import logging
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from tests.simulation.episode import Outcome, run
from tests.simulation.proxy import Cut
from tests.simulation.real_books import PostgresShelf
from tests.simulation.run import quiet, report, say, watched
from trader.app import postgres
from trader.app.migrate import up

READY, ENOUGH = "episode_ready", 100


def play(server: postgres.Server, template: str, seed: int, *, keep_log: bool = False) -> Outcome:
    """Play one seed on a database of its own; cuts are counted among the faults."""
    shelf = PostgresShelf(server, template)
    try:
        outcome = run(seed, keep_log=keep_log, shelf=shelf)
    finally:
        shelf.close()
    outcome.fired += Counter({f"cut {cut}": count for cut, count in shelf.proxy.struck.items()})
    return outcome


@contextmanager
def prepared() -> Iterator[postgres.Server]:
    """A server of its own, not durable, with a migrated database to copy."""
    with tempfile.TemporaryDirectory(prefix="milkbot-simulation-pg-") as name:
        home = Path(name)
        home.chmod(0o711)
        server = postgres.ensure_server(home / "pg", is_durable=False)
        try:
            up(postgres.create_database(server, READY, is_test=True).owner)
            yield server
        finally:
            postgres.stop_server(home / "pg")


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=100, help="how many (default 100)")
    parser.add_argument("--from", dest="first", type=int, default=0, help="first seed (default 0)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (default: cores)")
    parser.add_argument("--replay", type=int, metavar="SEED", help="play one seed and print its log")
    options = parser.parse_args(argv)
    quiet()
    logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)  # it tells of every cut
    with prepared() as server:
        if options.replay is not None:
            outcome = play(server, READY, options.replay, keep_log=True)
            say("\n".join(outcome.log))
            say(f"seed {outcome.seed}: {outcome.problem or 'all invariants held'}")
            return 1 if outcome.problem else 0
        seeds, began = range(options.first, options.first + options.seeds), time.monotonic()
        with get_context("fork").Pool(options.jobs, initializer=quiet, maxtasksperchild=50) as pool:
            outcomes = pool.imap_unordered(partial(play, server, READY), seeds, chunksize=1)
            tally = watched(outcomes, seeds, "tests.simulation.tier_b")
    report(tally, time.monotonic() - began, options.jobs)
    cuts = {cut: tally.fired[f"cut {cut}"] for cut in Cut}
    say("cuts: " + ", ".join(f"{cut} {count}" for cut, count in cuts.items()))
    never = [str(cut) for cut, count in cuts.items() if not count and len(seeds) >= ENOUGH]
    if never:
        say(f"FAILED: cuts that never struck: {', '.join(never)}")
    return 1 if tally.broken or never else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
