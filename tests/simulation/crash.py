"""Kill the trader everywhere: ``make crash``. Real processes, a real Postgres, the simulator over HTTP.

A start and its cycle are played once and every point is numbered: before and after each commit, and before
each request, between its last byte and its answer, and after the answer. Then, for each point, everything is
set up again, the trader is killed there by SIGKILL, and a new process starts 20 seconds later, as the service
manager would start it. ``--pairs N`` kills that one too, at a point drawn from ``--seed``. The judge is the
exchange's ledger. Each process is forked after everything was imported.
"""

import argparse
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import Any

from tests.simulation.ground import (
    Ground,
    Told,
    VenueClock,
    database,
    forked,
    grounds,
    require_clean,
    struck,
    venue,
)
from tests.simulation.run import quiet, say
from tests.simulation.strike import Striker
from trader.app import postgres
from trader.app.context import Trader
from trader.app.migrate import up
from trader.app.money import equity_now
from trader.domain.types import OrderStatus

STRUCK = datetime(2026, 7, 16, 14, 5, 1, tzinfo=UTC)
RESTART, INTERVAL = timedelta(seconds=20), timedelta(minutes=5)
READY = "crash_ready"
WAITING = (OrderStatus.SUBMITTING, OrderStatus.UNKNOWN, OrderStatus.PENDING_CANCEL)


def first(ground: Ground, origin: str, url: str, at: int | None, tell: Callable[..., None]) -> None:
    """The trader that is killed: its start and one cycle."""
    striker = Striker(at, lambda name: tell(at=name))
    with struck(ground, origin, url, STRUCK, striker) as schedule:
        schedule.run_now("cycle")
        require_clean(schedule)
    tell(names=striker.names)


def next_on_time(now: datetime) -> datetime:
    """The instant of the next cycle that is on time."""
    return STRUCK + ((now - STRUCK) // INTERVAL + 1) * INTERVAL


def second(
    ground: Ground, origin: str, url: str, begins: datetime, at: int | None, tell: Callable[..., None]
) -> None:
    """The one that comes after: a start, the cycle at once, the next one and another; judged after these."""
    striker = Striker(at, lambda name: tell(at=name))
    with struck(ground, origin, url, begins, striker) as schedule:
        trader, clock = schedule.trader, schedule.trader.clock
        assert isinstance(clock, VenueClock)
        schedule.run_now("cycle")
        clock.step_to(next_on_time(clock.now()))
        schedule.run_now("cycle")
        require_clean(schedule)
        tell(names=striker.names)
        problem = unequal(trader, clock.ledger())
        waiting = sum(o.status in WAITING for o in trader.store.orders.open_orders(trader.mode))
        if not problem:
            clock.step_to(next_on_time(clock.now()))
            schedule.run_now("cycle")
            require_clean(schedule)
            problem = unequal(trader, clock.ledger()) or still_waiting(trader)
        ledger = clock.ledger()
        facts = {"orders": len(ledger["orders"]), "fills": len(ledger["fills"]), "waiting": waiting}
        tell(problem=problem, facts=facts)


def unequal(trader: Trader, truth: dict[str, Any]) -> str:
    """Compare our books with the exchange's ledger to the last digit; "" when all is equal, each once."""
    store, mode = trader.store, trader.mode
    twice = [
        key for key, count in Counter(o["client_order_id"] for o in truth["orders"]).items() if count > 1
    ]
    if twice:
        return f"duplicate orders: {twice}"
    ours = Counter((f.fill_id, f.kalshi_order_id, f.qty, f.fee) for f in store.fills.get(mode))
    theirs = Counter(
        (f["fill_id"], f["order_id"], Decimal(f["count_fp"]), Decimal(f["fee_cost"])) for f in truth["fills"]
    )
    if ours != theirs:
        return f"fills lost {list((theirs - ours).items())[:2]}, invented {list((ours - theirs).items())[:2]}"
    held = {p.ticker: p.qty if p.side.value == "YES" else -p.qty for p in store.positions.held(mode)}
    real = {p["ticker"]: Decimal(p["position_fp"]) for p in truth["positions"]}
    if held != {ticker: count for ticker, count in real.items() if count}:
        return f"positions {held}, at the exchange {real}"
    cash = equity_now(trader).cash_usd
    if cash != Decimal(truth["cash_dollars"]):
        return f"cash {cash}, at the exchange {truth['cash_dollars']}"
    unknown = [o["order_id"] for o in truth["orders"] if store.orders.get_by_kalshi_id(o["order_id"]) is None]
    if unknown:
        return f"orders that our books lack: {unknown}"
    breaks = store.risk.open_breaks(mode)
    return f"differences stand: {breaks}" if breaks else ""


def still_waiting(trader: Trader) -> str:
    """Name what is not decided although its end has passed, and halts that nobody ordered."""
    orders = [o for o in trader.store.orders.open_orders(trader.mode) if o.status in WAITING]
    states = trader.store.risk.states(trader.mode, trader.clock.now())
    halts = [s for s in states if s.set_by != "ann"]
    found = [f"{o.client_order_id} {o.status}" for o in orders] + [f"{s.scope} {s.reason}" for s in halts]
    return f"ten minutes later: {', '.join(found)}" if found else ""


@dataclass(frozen=True)
class Trial:
    """Kill at these points, one process after the other."""

    points: tuple[int, ...]


@dataclass(frozen=True)
class Result:
    trial: Trial
    where: tuple[str, ...]
    problem: str
    seconds: float
    facts: dict[str, int]


def attempt(ground: Ground, trial: Trial) -> Result:
    """Set everything up, kill, recover, judge."""
    began, where = time.monotonic(), list[str]()
    with database(ground.server, ground.template) as url, venue(ground) as origin:
        told = forked(partial(first, ground, origin, url, trial.points[0]))
        where.append(told.at)
        if told.code != -signal.SIGKILL or not told.at:
            problem = f"expected a kill at point {trial.points[0]}, found exit {told.code} {told.problem}"
            return Result(trial, tuple(where), problem, time.monotonic() - began, {})
        for number, point in enumerate((*trial.points[1:], None), 1):
            told = forked(partial(second, ground, origin, url, STRUCK + number * RESTART, point))
            if told.code != -signal.SIGKILL:
                break
            where.append(told.at)
    problem = told.problem or ("" if told.code == 0 else f"ended with {told.code}")
    return Result(trial, tuple(where), problem, time.monotonic() - began, dict(told.facts))


def enumerated(ground: Ground) -> tuple[Told, Told]:
    """Play both processes without a kill: the points of each. Raises AssertionError when that fails."""
    with database(ground.server, ground.template) as url, venue(ground) as origin:
        one = forked(partial(first, ground, origin, url, None))
        two = forked(partial(second, ground, origin, url, STRUCK + RESTART, None))
    for told in (one, two):
        if told.code or told.problem or not told.names:
            raise AssertionError(f"expected a run without a kill to hold, found {told.problem or told}")
    return one, two


def drawn(one: Told, two: Told, pairs: int, seed: int) -> list[Trial]:
    """Draw pairs of points: any of the first process, any of the one that recovers."""
    random = Random(f"pairs {seed}")
    return [
        Trial((random.randint(1, len(one.names)), random.randint(1, len(two.names)))) for _ in range(pairs)
    ]


class Toll:
    """Counts results and prints those that do not hold."""

    def __init__(self) -> None:
        self.kinds: Counter[str] = Counter()
        self.facts: Counter[str] = Counter()
        self.done = self.kills = self.orders = self.fills = self.waiting = 0
        self.broken: list[Result] = []
        self.seconds = 0.0

    def add(self, result: Result) -> None:
        self.done += 1
        self.kills += len(result.where)
        self.kinds.update(
            " ".join(name.split()[:2]) if "commit" in name else name.split()[0] for name in result.where
        )
        self.facts.update(result.facts)
        self.waiting += result.facts.get("waiting", 0) > 0
        self.seconds += result.seconds
        if result.problem:
            self.broken.append(result)
            say(
                f"BROKEN {' '.join(map(str, result.trial.points))} ({'; '.join(result.where)}): "
                f"{result.problem}"
            )


def attempted(
    server: postgres.Server, template: str, trials: list[Trial], share: int, of: int
) -> list[Result]:
    """One worker's share of the trials, on a ground of its own."""
    quiet()
    found = []
    with (
        tempfile.TemporaryDirectory(prefix="milkbot-crash-") as name,
        grounds(server, template, Path(name)) as ground,
    ):
        for number, trial in enumerate(trials[share::of], 1):
            found.append(attempt(ground, trial))
            if found[-1].problem or number % 20 == 0:
                left = len(trials[share::of]) - number
                say(f"  worker {share}: {number} done, {left} left, last took {found[-1].seconds:.1f} s")
    return found


def play(pairs: int, seed: int, jobs: int, every: int) -> int:
    """Kill at every ``every``-th single point and at the drawn pairs; print figures; return the exit code."""
    with tempfile.TemporaryDirectory(prefix="milkbot-crash-pg-") as name:
        home = Path(name)
        home.chmod(0o711)
        server = postgres.ensure_server(home / "pg", is_durable=False)
        try:
            up(postgres.create_database(server, READY, is_test=True).owner)
            with grounds(server, READY, home) as ground:
                one, two = enumerated(ground)
            trials = [Trial((point,)) for point in range(1, len(one.names) + 1, every)]
            say(
                f"{len(one.names)} points in a start and its cycle, {len(two.names)} in the recovery; "
                f"{len(trials)} single points and {pairs} pairs (seed {seed}) are struck"
            )
            trials += drawn(one, two, pairs, seed)
            began, toll = time.monotonic(), Toll()
            work = partial(attempted, server, READY, trials, of=jobs)
            with ProcessPoolExecutor(jobs, mp_context=get_context("fork")) as pool:
                for results in pool.map(work, range(jobs)):
                    for result in results:
                        toll.add(result)
                        expected = one.names[result.trial.points[0] - 1]
                        if result.where[:1] != (expected,):
                            toll.broken.append(result)
                            say(f"BROKEN: expected a kill at {expected}, found it at {result.where}")
        finally:
            postgres.stop_server(home / "pg")
    report(toll, time.monotonic() - began)
    return 1 if toll.broken else 0


def report(toll: Toll, seconds: float) -> None:
    kinds = ", ".join(f"{name} {count}" for name, count in sorted(toll.kinds.items()))
    say(
        f"\n{toll.done} trials, {toll.kills} kills ({kinds})\n"
        f"in {seconds:.0f} s, {toll.seconds / max(1, toll.done):.1f} s a trial; "
        f"{toll.facts['orders']} orders and {toll.facts['fills']} fills at the exchange\n"
        f"{len(toll.broken)} broken; books equal within one cycle in all others, "
        f"of which {toll.waiting} still waited for proof of an order's absence"
    )


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=0, help="pairs of kills to draw (default 0)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the pairs (default 0)")
    parser.add_argument("--every", type=int, default=1, help="strike every n-th single point (default: all)")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, help="processes (default: all cores)"
    )
    options = parser.parse_args(argv)
    quiet()
    return play(options.pairs, options.seed, options.jobs, options.every)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
