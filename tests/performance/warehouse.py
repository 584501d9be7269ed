"""The warehouse on made-up histories: what a refresh and a public query cost, and whether history matters.

For each history (``--fills``, ten times as many snapshots): the full build against one sequential aggregate
of its facts, the refresh after one cycle in a resident process against the same compiled SQL by hand, each
public query beside ``select 1``. ``make bench`` measures two sizes, ``make scale`` those it is given.
"""

import argparse
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, Final, TypeVar

import psycopg

from dashboard import queries
from dashboard.bundles import TradeFilter
from dashboard.db import Database, Reader
from tests.performance.history import END, fill, one_cycle
from tests.performance.measured import Measured
from trader.app import migrate, postgres
from trader.app.postgres.databases import superuser_url
from trader.app.rollup import REFRESH, ROOT, Dbt

ROUNDS = 5
READS = 200  # of each public query
SIZES = (10_000, 100_000)  # fills
T = TypeVar("T")
LIMIT_S: Final = 0.050  # of a public query, 99th percentile
BARE: Final = "select 1"


@dataclass(frozen=True)
class Cost:
    """What one history cost, seconds; ``queries`` are median and 99th percentile of each public query."""

    fills: int
    build_s: float
    aggregate_s: float
    refresh_s: float
    by_hand_s: float
    queries: dict[str, tuple[float, float]]

    @property
    def slow(self) -> list[str]:
        return [name for name, (_, p99) in self.queries.items() if p99 > LIMIT_S]


def main(argv: list[str]) -> int:
    """Print the figures; exit 1 when a public query is slower than its limit."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--fills", type=int, nargs="+", default=SIZES, help="sizes of the histories")
    parser.add_argument("--reads", type=int, default=READS, help="of each public query")
    options = parser.parse_args(argv)
    costs = on_a_server(ROOT / ".milkbot" / "scale", options.fills, options.reads)
    slow = [f"{name} on {cost.fills} fills" for cost in costs for name in cost.slow]
    for name in slow:
        say(f"SLOW {name}: expected p99 of at most {LIMIT_S * 1e3:.0f} ms")
    return int(bool(slow))


def measure(folder: Path) -> list[Measured]:
    """The warehouse's budgets as ratios, on a short and a long history."""
    costs = on_a_server(folder, SIZES)
    (short, long), measured = costs, []
    for cost in costs:
        name, (took, _) = max(cost.queries.items(), key=lambda found: found[1][0])
        on = f"on {cost.fills // 1_000}k fills"
        measured += [
            Measured(f"full build {on}, to an aggregate", cost.build_s, cost.aggregate_s),
            Measured(f"refresh {on}, to its SQL by hand", cost.refresh_s, cost.by_hand_s),
            Measured(
                f"slowest public query {on}, to {BARE}",
                took,
                cost.queries[BARE][0],
                p99_s=max(p99 for _, p99 in cost.queries.values()),
                limit_s=LIMIT_S,
                notes=(name,),
            ),
        ]
    return [*measured, Measured("refresh on 100k fills, to 10k", long.refresh_s, short.refresh_s)]


def on_a_server(folder: Path, sizes: list[int] | tuple[int, ...], reads: int = READS) -> list[Cost]:
    server = postgres.ensure_server(folder)
    postgres.create_roles(server.superuser_url, server.roles_file)
    costs = []
    try:
        for fills in sizes:
            with database(server) as (urls, superuser):
                costs.append(cost_of(urls, superuser, folder, fills, reads))
    finally:
        postgres.stop_server(folder)
    return costs


@contextmanager
def database(server: postgres.Server) -> Iterator[tuple[postgres.Urls, str]]:
    postgres.drop_database(server, "scale")
    urls = postgres.create_database(server, "scale", is_test=True)
    migrate.up(urls.owner)
    yield urls, superuser_url(server, "scale")
    postgres.drop_database(server, "scale")


def cost_of(urls: postgres.Urls, superuser: str, folder: Path, fills: int, reads: int) -> Cost:
    wrote, counts = timed(lambda: fill(superuser, fills))
    rows = f"{counts['fills']} fills, {counts['market_snapshots']} snapshots"
    say(f"history of {rows}: written in {wrote:.0f} s")
    with Dbt(urls.analytics, data_dir=folder) as dbt:
        run(dbt, "--resource-type", "model", "--select", "stg_ops__cities")  # reads the project
        built, nodes = timed(lambda: run(dbt, "--resource-type", "model"))
        summed = aggregate(urls)
        say(
            f"  full build: {built:.1f} s; one sequential aggregate of its facts: {summed:.2f} s; "
            f"{slowest(nodes)}"
        )
        with psycopg.connect(superuser, autocommit=True) as connection:
            connection.execute("vacuum analyze")
        refreshed, by_hand = refreshes(urls, superuser, dbt, folder)
    return Cost(fills, built, summed, refreshed, by_hand, public_queries(urls, reads))


def refreshes(urls: postgres.Urls, superuser: str, dbt: Dbt, folder: Path) -> tuple[float, float]:
    """Medians of the refresh after each of a few cycles, and of the same SQL by hand right after it."""
    found = []
    for number in range(ROUNDS + 1):
        one_cycle(superuser, END + timedelta(minutes=5 * number))
        took, nodes = timed(lambda: run(dbt, *REFRESH, "--resource-type", "model"))
        by_hand, _ = timed(partial(hand, urls.analytics, nodes, folder / "dbt" / "target"))
        found.append((took, by_hand))
    took, by_hand = (median(column) for column in zip(*found[1:], strict=True))  # the first one plans
    say(
        f"  refresh after one cycle: {took:.2f} s; the same SQL by hand: {by_hand:.2f} s; "
        f"{took / by_hand:.1f} x; {slowest(nodes)}"
    )
    return took, by_hand


def run(dbt: Dbt, *options: str) -> list[dict[str, Any]]:
    told = dbt._ask([*options, "--threads", "2"])  # selections are not for the product
    bad = [node for node in told["nodes"] if node["status"] not in ("success", "no-op")]
    assert told["nodes"], told["said"]
    assert not bad, bad[:2]
    nodes: list[dict[str, Any]] = told["nodes"]
    return nodes


def hand(url: str, nodes: list[dict[str, Any]], target: Path) -> None:
    """Run what dbt compiled, model after model, on one connection."""
    with psycopg.connect(url, autocommit=True) as connection:
        for name in (str(node["unique_id"]).rsplit(".", 1)[-1] for node in nodes):
            (wanted,), (write,) = (list((target / kind).rglob(f"{name}.sql")) for kind in ("compiled", "run"))
            statement = write.read_text()
            staged = re.search(r'"(\w+__dbt_tmp\w*)"', statement)
            assert staged, f"{name}: expected an increment, found another statement"
            connection.execute("begin")
            connection.execute(
                f'create temp table "{staged[1]}" on commit drop as ({wanted.read_text()})'.encode()
            )
            connection.execute(statement.encode())
            connection.execute("commit")


def slowest(nodes: list[dict[str, Any]]) -> str:
    top = sorted(nodes, key=lambda node: -float(node["s"]))[:4]
    return "slowest: " + ", ".join(f"{str(n['unique_id']).split('.')[-1]} {n['s']:.2f} s" for n in top)


def aggregate(urls: postgres.Urls) -> float:
    """Seconds of one sequential sum over the facts, the better of two: the first may find them on disk."""
    asked = b"select (select sum(qty * price) from ops.fills), (select sum(volume) from ops.market_snapshots)"
    with psycopg.connect(urls.analytics) as connection:
        return min(timed(lambda: connection.execute(asked).fetchall())[0] for _ in range(2))


def public_queries(urls: postgres.Urls, reads: int) -> dict[str, tuple[float, float]]:
    """Each query of the page and the API, through the page's own pool."""
    found = {}
    with Database(urls.dashboard, max_size=1) as opened:
        with opened.reading() as read:
            page = queries.page_state(read)
        assert page
        assert page.mode
        mode, as_of, shown = page.mode, page.as_of, TradeFilter(mode=page.mode)
        asked: dict[str, Callable[[Reader], object]] = {
            BARE: lambda read: read("select 1 as one"),
            "page_state": queries.page_state,
            "board": queries.board,
            "health": queries.health,
            "trades": lambda read: queries.trades(read, shown),
            "count_trades": lambda read: queries.count_trades(read, shown),
            "equity, 30 days": lambda read: queries.equity(read, mode, as_of, 30),
            "equity, all": lambda read: queries.equity(read, mode, as_of, None),
            "city_metrics": lambda read: queries.city_metrics(read, mode, 100),
            "strategy_metrics": lambda read: queries.strategy_metrics(read, mode, 100),
            "funnel": lambda read: queries.funnel(read, mode, as_of),
            "scores": lambda read: queries.scores(read, mode),
            "path": lambda read: queries.path(read, "NYC", "HIGH", as_of.date()),
            "anomalies": queries.anomalies,
        }
        for name, query in asked.items():
            times = []
            for _ in range(reads):
                with opened.reading() as read:
                    times.append(timed(lambda read=read, query=query: query(read))[0])  # type: ignore[misc]
            p99 = sorted(times)[int(0.99 * len(times))]
            say(f"  {name:18} median {median(times) * 1e3:7.2f} ms, p99 {p99 * 1e3:7.2f} ms")
            found[name] = (median(times), p99)
    return found


def timed(call: Callable[[], T]) -> tuple[float, T]:
    began = time.perf_counter()
    done = call()
    return time.perf_counter() - began, done


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
