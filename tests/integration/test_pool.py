"""The pool against a real Postgres: story 2.1."""

import time
from collections.abc import Callable
from decimal import Decimal
from urllib.parse import urlsplit

import psycopg
import pytest

from trader.adapters.ops.pool import Database
from trader.app.postgres import Server, Urls
from trader.domain.errors import ConfigurationError, PersistenceError

pytestmark = pytest.mark.story("2.1")


@pytest.fixture(scope="module")
def urls(new_database: Callable[..., Urls]) -> Urls:
    return new_database()


def sessions_of(server: Server, urls: Urls) -> int:
    name = urlsplit(urls.trader).path.removeprefix("/")
    with psycopg.connect(server.superuser_url) as connection:
        row = connection.execute(
            "select count(*) from pg_stat_activity where datname = %s", (name,)
        ).fetchone()
    assert row is not None
    return int(row[0])


def test_pool_is_a_context_manager_and_closing_releases_every_connection(
    pg_server: Server, urls: Urls
) -> None:
    with Database(urls.trader, min_size=3, max_size=3) as database:
        with database.connection() as connection:
            assert connection.execute("select 1").fetchone() == (1,)
        assert sessions_of(pg_server, urls) == 3

    end = time.monotonic() + 5  # a session ends a moment after its socket closes
    while sessions_of(pg_server, urls) and time.monotonic() < end:
        time.sleep(0.01)
    assert sessions_of(pg_server, urls) == 0
    with pytest.raises(PersistenceError), database.connection():
        pass


def test_block_commits_when_it_ends_and_rolls_back_when_it_raises(urls: Urls) -> None:
    with Database(urls.owner) as database:
        with database.connection() as connection:
            connection.execute("create table ops.pool_probe (amount numeric not null)")
            connection.execute("insert into ops.pool_probe values (%s)", (Decimal("0.10"),))

        with pytest.raises(ZeroDivisionError), database.connection() as connection:
            connection.execute("insert into ops.pool_probe values (%s)", (Decimal("0.20"),))
            _ = 1 / 0

        with database.connection() as connection:
            assert connection.execute("select amount from ops.pool_probe").fetchall() == [(Decimal("0.10"),)]


def test_transaction_is_one_commit_of_everything_this_thread_does_in_its_block(urls: Urls) -> None:
    with Database(urls.owner) as database:
        with database.connection() as connection:
            connection.execute("create table ops.pool_steps (step integer primary key)")

        with database.transaction():
            for step in (1, 2):
                with database.connection() as connection:
                    connection.execute("insert into ops.pool_steps values (%s)", (step,))
        with pytest.raises(PersistenceError, match="duplicate key"), database.transaction():
            with database.connection() as connection:
                connection.execute("insert into ops.pool_steps values (3)")
            with database.connection() as connection:
                connection.execute("insert into ops.pool_steps values (1)")

        with database.connection() as connection:
            assert connection.execute("select count(*) from ops.pool_steps").fetchone() == (2,)
        assert database.unconfirmed is not None
        assert "duplicate key" in database.unconfirmed


def test_health_is_true_while_the_database_answers_and_false_after(urls: Urls) -> None:
    with Database(urls.trader) as database:
        assert database.health() is True

    assert database.health() is False


def test_broken_connection_is_replaced_before_it_is_lent(pg_server: Server, urls: Urls) -> None:
    with Database(urls.trader, min_size=1, max_size=1) as database:
        with database.connection() as connection:
            pid = connection.info.backend_pid
        with psycopg.connect(pg_server.superuser_url) as superuser:
            superuser.execute("select pg_terminate_backend(%s, 5000)", (pid,))

        with database.connection() as connection:
            assert connection.info.backend_pid != pid


def test_wait_for_a_free_connection_ends_after_the_configured_time(urls: Urls) -> None:
    with Database(urls.trader, min_size=1, max_size=1, timeout_s=0.2) as database, database.connection():
        began = time.monotonic()

        with pytest.raises(PersistenceError, match="PoolTimeout"), database.connection():
            pass

        assert 0.15 < time.monotonic() - began < 5


def test_statement_over_its_time_is_ended_by_the_server(urls: Urls) -> None:
    with (
        Database(urls.trader, statement_timeout_ms=50) as database,
        pytest.raises(PersistenceError, match="57014"),
        database.connection() as connection,
    ):
        connection.execute("select pg_sleep(5)")


def test_sessions_are_in_utc_and_named(urls: Urls) -> None:
    with (
        Database(urls.trader, application_name="milkbot trader") as database,
        database.connection() as connection,
    ):
        assert connection.execute("show timezone").fetchone() == ("UTC",)
        assert connection.execute("show application_name").fetchone() == ("milkbot trader",)


@pytest.mark.parametrize("part", ["password", "port", "database"])
def test_unreachable_database_is_one_clear_error_without_the_password(urls: Urls, part: str) -> None:
    password = urlsplit(urls.trader).password or ""
    bad = {
        "password": urls.trader.replace(password, "wrong-secret"),
        "port": urls.trader.replace(f":{urlsplit(urls.trader).port}/", ":9/"),
        "database": urls.trader + "_gone",
    }[part]

    with pytest.raises(PersistenceError) as caught:
        Database(bad, timeout_s=2).open()

    assert "milkbot_trader@127.0.0.1" in str(caught.value)
    text = f"{caught.value} {caught.value.__cause__}"
    assert password not in text
    assert "wrong-secret" not in text


def test_url_that_is_none_is_refused_without_repeating_it() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Database("postgresql://milkbot:hunter2@host:port:port/x?y")

    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "sizes",
    [
        {"min_size": 3, "max_size": 2},
        {"min_size": 0, "max_size": 0},
        {"timeout_s": 0.0},
        {"statement_timeout_ms": -1},
    ],
)
def test_sizes_that_make_no_pool_are_refused(sizes: dict[str, int]) -> None:
    with pytest.raises(ConfigurationError, match="expected 0 <= min_size"):
        Database("postgresql://milkbot@127.0.0.1/milkbot", **sizes)  # type: ignore[arg-type]


def test_failed_statement_names_the_cause_but_not_the_values_of_the_row(urls: Urls) -> None:
    with Database(urls.owner) as database:
        with database.connection() as connection:
            connection.execute("create table ops.pool_unique (word text primary key)")
            connection.execute("insert into ops.pool_unique values ('secret word')")

        with (
            pytest.raises(PersistenceError, match="UniqueViolation") as caught,
            database.connection() as connection,
        ):
            connection.execute("insert into ops.pool_unique values ('secret word')")

    assert "secret word" not in str(caught.value)
    assert isinstance(caught.value.__cause__, psycopg.errors.UniqueViolation)
