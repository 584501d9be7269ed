"""The warehouse on made-up histories: what a refresh and a public query cost, and whether history matters.

``make scale`` builds a small and a large history (``--fills``, ten times as many snapshots) and prints, for
each, the full build, the refresh after one cycle in a resident process, the same compiled SQL run by hand,
and each public query beside ``select 1``.
"""

import argparse
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from statistics import median
from typing import Any, TypeVar

import psycopg

from dashboard import queries
from dashboard.bundles import TradeFilter
from dashboard.db import Database, Reader
from tests.performance.history import END, fill, one_cycle
from trader.app import migrate, postgres
from trader.app.postgres.databases import superuser_url
from trader.app.rollup import REFRESH, ROOT, Dbt

FOLDER = ROOT / ".milkbot" / "scale"
ROUNDS = 3
T = TypeVar("T")
LIMIT_S = 0.050  # of a public query, 99th percentile


def main(argv: list[str]) -> int:
    """Print the figures; exit 1 when a public query is slower than its limit."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--fills", type=int, nargs="+", default=[10_000, 100_000], help="sizes of the histories"
    )
    parser.add_argument("--reads", type=int, default=200, help="of each public query")
    options = parser.parse_args(argv)
    server = postgres.ensure_server(FOLDER)
    postgres.create_roles(server.superuser_url, server.roles_file)
    slow: list[str] = []
    try:
        for fills in options.fills:
            with database(server) as (urls, superuser):
                slow += judge(urls, superuser, fills, options.reads)
    finally:
        postgres.stop_server(FOLDER)
    for name in slow:
        say(f"SLOW {name}: expected p99 of at most {LIMIT_S * 1e3:.0f} ms")
    return int(bool(slow))


@contextmanager
def database(server: postgres.Server) -> Iterator[tuple[postgres.Urls, str]]:
    postgres.drop_database(server, "scale")
    urls = postgres.create_database(server, "scale", is_test=True)
    migrate.up(urls.owner)
    yield urls, superuser_url(server, "scale")
    postgres.drop_database(server, "scale")


def judge(urls: postgres.Urls, superuser: str, fills: int, reads: int) -> list[str]:
    began = time.perf_counter()
    counts = fill(superuser, fills)
    say(
        f"history of {counts['fills']} fills, {counts['market_snapshots']} snapshots: "
        f"written in {time.perf_counter() - began:.0f} s"
    )
    with Dbt(urls.analytics, data_dir=FOLDER) as dbt:
        run(dbt, "--resource-type", "model", "--select", "stg_ops__cities")  # reads the project
        took, nodes = timed(lambda: run(dbt, "--resource-type", "model"))
        say(f"  full build: {took:.1f} s; one sequential aggregate of its facts: {aggregate(urls):.1f} s")
        say(f"    {slowest(nodes)}")
        with psycopg.connect(superuser, autocommit=True) as connection:
            connection.execute("vacuum analyze")
        refreshes(urls, superuser, dbt)
    return public_queries(urls, reads)


def refreshes(urls: postgres.Urls, superuser: str, dbt: Dbt) -> None:
    """The refresh after each of a few cycles, and right after it the same SQL by hand."""
    found = []
    for number in range(ROUNDS + 1):
        one_cycle(superuser, END + timedelta(minutes=5 * number))
        took, nodes = timed(lambda: run(dbt, *REFRESH, "--resource-type", "model"))
        by_hand, _ = timed(partial(hand, urls.analytics, nodes))
        found.append((took, by_hand))
    took, by_hand = (median(column) for column in zip(*found[1:], strict=True))  # the first one plans
    say(f"    {slowest(nodes)}")
    say(
        f"  refresh after one cycle: {took:.2f} s; the same SQL by hand: {by_hand:.2f} s; "
        f"{took / by_hand:.1f} x"
    )


def run(dbt: Dbt, *options: str) -> list[dict[str, Any]]:
    told = dbt._ask([*options, "--threads", "2"])  # selections are not for the product
    bad = [node for node in told["nodes"] if node["status"] not in ("success", "no-op")]
    assert told["nodes"], told["said"]
    assert not bad, bad[:2]
    nodes: list[dict[str, Any]] = told["nodes"]
    return nodes


def hand(url: str, nodes: list[dict[str, Any]]) -> None:
    """Run what dbt compiled, model after model, on one connection."""
    target = FOLDER / "dbt" / "target"
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
    asked = b"select (select sum(qty * price) from ops.fills), (select sum(volume) from ops.market_snapshots)"
    with psycopg.connect(urls.analytics) as connection:
        return timed(lambda: connection.execute(asked).fetchall())[0]


def public_queries(urls: postgres.Urls, reads: int) -> list[str]:
    """Each query of the page and the API, through the page's own pool; those above the limit."""
    slow = []
    with Database(urls.dashboard, max_size=1) as opened:
        with opened.reading() as read:
            page = queries.page_state(read)
        assert page
        assert page.mode
        mode, as_of, shown = page.mode, page.as_of, TradeFilter(mode=page.mode)
        asked: dict[str, Callable[[Reader], object]] = {
            "select 1": lambda read: read("select 1 as one"),
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
            if p99 > LIMIT_S:
                slow.append(name)
    return slow


def timed(call: Callable[[], T]) -> tuple[float, T]:
    began = time.perf_counter()
    done = call()
    return time.perf_counter() - began, done


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
