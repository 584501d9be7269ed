"""The proxy cuts where it says, and a seed of the simulation holds on a real Postgres behind it."""

from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from tests.simulation.proxy import Cut, Proxy
from tests.simulation.run import quiet
from tests.simulation.tier_b import play
from trader.app.postgres import Server, Urls

pytestmark = pytest.mark.story("9.1")


@pytest.fixture
def proxy(pg_server: Server) -> Iterator[Proxy]:
    opened = Proxy(pg_server.host, pg_server.port)
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("cut", "is_told", "is_committed"),
    [
        (Cut.STATEMENT, False, False),
        (Cut.BEFORE_COMMIT, False, False),
        (Cut.AFTER_COMMIT, False, True),
        (Cut.AFTER_ANSWER, True, True),
    ],
)
def test_a_cut_leaves_the_row_and_the_client_as_it_says(
    proxy: Proxy, database_urls: Urls, cut: Cut, is_told: bool, is_committed: bool
) -> None:
    parts = urlsplit(database_urls.owner)
    place = f"{parts.netloc.rpartition('@')[0]}@127.0.0.1:{proxy.port}"
    url = urlunsplit(parts._replace(netloc=place, query="sslmode=disable&gssencmode=disable"))
    insert = "insert into ops.world_clock (world, world_now, updated_at) values ('cut', now(), now())"

    with psycopg.connect(url, autocommit=False) as connection:
        connection.execute("select 1")
        connection.rollback()
        proxy.arm(cut)
        told = True
        try:
            connection.execute(insert)
            connection.commit()
        except psycopg.OperationalError:
            told = False
        struck = proxy.disarm()
        with pytest.raises(psycopg.Error):
            connection.execute("select 1")

    with psycopg.connect(database_urls.owner) as beside:
        row = beside.execute("select count(*) from ops.world_clock where world = 'cut'").fetchone()
    assert (struck, told, row) == (cut, is_told, (int(is_committed),))
    assert proxy.struck[cut] == 1


def test_a_cut_that_is_disarmed_strikes_nothing(proxy: Proxy, database_urls: Urls) -> None:
    parts = urlsplit(database_urls.trader)
    place = f"{parts.netloc.rpartition('@')[0]}@127.0.0.1:{proxy.port}"
    url = urlunsplit(parts._replace(netloc=place, query="sslmode=disable&gssencmode=disable"))

    proxy.arm(Cut.BEFORE_COMMIT)
    assert proxy.disarm() is None
    with psycopg.connect(url) as connection:
        connection.execute("select 1")
        connection.commit()

    assert not proxy.struck


def test_a_seed_with_lost_commits_holds_on_a_real_database(pg_server: Server, pg_template: str) -> None:
    quiet()

    outcome = play(pg_server, pg_template, 33)

    assert outcome.problem is None
    assert outcome.fired[f"cut {Cut.AFTER_COMMIT}"] > 0
    assert outcome.orders > 0
