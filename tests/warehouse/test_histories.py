"""Whatever happens in whatever order: a refresh ends where a full build does, both where the facts do.

``make tieout`` plays 200 histories; the everyday run a few of them.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from random import Random

import pytest

from tests.conftest import ENV
from tests.warehouse.arena import LEAST_DAYS, Arena, comparable
from tests.warehouse.histories import HOUR, MINUTE, START, History
from tests.warehouse.reference import everything
from trader.app.postgres import Urls
from trader.app.postgres.databases import superuser_url
from trader.app.postgres.server import Server

COUNT = int(ENV.get("WAREHOUSE_HISTORIES", "2"))


@pytest.fixture(scope="module")
def arena(
    pg_server: Server, new_database: Callable[..., Urls], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Arena]:
    urls = new_database()
    database = urls.owner.rsplit("/", 1)[-1]
    with Arena(urls, superuser_url(pg_server, database), tmp_path_factory.mktemp("arena")) as opened:
        yield opened


def play(arena: Arena, seed: int) -> tuple[History, int]:
    """Let a history arrive while runs come when they come: some killed halfway, some missed for a day."""
    history, random = History(seed), Random(f"runs {seed}")  # noqa: S311 - must repeat
    arena.clear()
    waiting = list(history.arrivals)
    at, runs = START, 0
    while at < history.end:
        at = min(at + random.choice((20 * MINUTE, 30 * HOUR, 60 * HOUR)), history.end)
        due = [a for a in waiting if a.at <= at]
        waiting = waiting[len(due) :]
        arena.arrive(due)
        if random.random() < 0.3:
            killed_after(arena, random, at)
        arena.refresh(at)
        runs += 1
    assert not waiting
    return history, runs


def killed_after(arena: Arena, random: Random, at: datetime) -> None:
    """What a killed run leaves: some of its tables written, none that needs one which is not.

    A table is one transaction, so no table is ever half written.
    """
    first = random.choice(
        ("int_trades__disclosed_fills", "int_trades__position_steps", "int_signals__reached")
    )
    last = random.choice(("int_equity__by_minute", "int_metrics__funnel_days", "int_forecasts__judged"))
    tables = [
        f"+{name},config.materialized:incremental" for name in (first, last)
    ]  # no view: readers would notice
    arena.refresh(at, "--select", *tables, "--exclude", "resource_type:test", "resource_type:unit_test")


@pytest.mark.story("5.1")
@pytest.mark.story("5.2")
@pytest.mark.story("5.3")
@pytest.mark.parametrize("seed", range(COUNT))
def test_refreshes_end_where_a_full_build_does_and_both_where_the_reference_does(
    arena: Arena, seed: int
) -> None:
    history, _ = play(arena, seed)
    grown = arena.bytes()
    marts = everything(arena.ops(), history.end, least_days=LEAST_DAYS)
    shown = {name: comparable(arena.mart(name)) for name in marts}
    arena.refresh(history.end, "--full-refresh", *(() if seed % 20 == 0 else ("--resource-type", "model")))
    whole = arena.bytes()

    assert sum(map(len, grown.values())) > 500
    for name, rows in whole.items():
        if name != "int_rollups__started":  # says since when the run had to look
            assert grown[name] == rows, f"{name}: refresh and full build differ"
    for name, expected in marts.items():
        assert shown[name] == comparable(expected), f"{name}: the warehouse and the reference differ"
