"""The benchmark's generator writes what it says into the schema as it is."""

import psycopg
import pytest

from tests.performance.history import END, fill, one_cycle
from trader.app.postgres import Server, Urls
from trader.app.postgres.databases import superuser_url

pytestmark = pytest.mark.xdist_group("roles")


def test_a_made_up_history_is_marked_and_whole(pg_server: Server, database_urls: Urls) -> None:
    superuser = superuser_url(pg_server, database_urls.owner.rsplit("/", 1)[-1])

    counts = fill(superuser, 2_000)
    with psycopg.connect(database_urls.trader) as connection:
        before = connection.execute("select count(*) from ops.market_snapshots").fetchone()
    one_cycle(superuser, END)

    assert counts["fills"] == counts["orders"] == counts["signals"] == 2 * 1_020
    assert before
    assert before[0] == counts["market_snapshots"]
    assert counts["market_snapshots"] > 9 * counts["fills"]
    with psycopg.connect(database_urls.trader) as connection:
        (world, added, alone) = connection.execute(
            "select (select world from ops.world_clock), (select count(*) from ops.market_snapshots), "
            "(select count(*) from ops.fills as f left join ops.orders as o using (order_id) "
            "left join ops.signals as s using (signal_id) left join ops.contracts as c "
            "on c.ticker = s.ticker where c.ticker is null)"
        ).fetchone() or (None, 0, 0)
    assert world == "benchmark"
    assert added == before[0] + 60 + 60  # the day under way and the next one's, listed already
    assert alone == 0
