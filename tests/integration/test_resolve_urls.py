"""From nothing to URLs that work: the embedded server on demand, a developer's one all-powerful role."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from trader.app import migrate
from trader.app.postgres import create_database, ensure_server, resolve_urls, stop_server, write_env_file
from trader.app.postgres.roles import ROLES
from trader.domain.errors import ConfigurationError

pytestmark = [pytest.mark.story("2.1")]


@pytest.fixture
def data_dir() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        ensure_server(Path(folder), is_durable=False)
        yield Path(folder)
        stop_server(Path(folder))


def database_of(url: str) -> str:
    with psycopg.connect(url) as connection:
        row = connection.execute("select current_database()").fetchone()
    assert row is not None
    return str(row[0])


def test_without_any_url_the_embedded_database_is_made_once_and_found_again(data_dir: Path) -> None:
    first = resolve_urls({}, data_dir)
    migrate.up(first.owner)

    second = resolve_urls({"MILKBOT_PG": "embedded"}, data_dir)

    assert second == first
    assert database_of(second.dashboard) == "milkbot"
    assert all(one.applied_at for one in migrate.status(second.owner))


def test_database_of_the_last_demo_is_found_even_after_the_server_moved(data_dir: Path) -> None:
    server = ensure_server(data_dir)
    demo = create_database(server, "demo_1", is_test=False)
    write_env_file(data_dir / "env", demo, {})
    stop_server(data_dir)
    (data_dir / "postgres.port").unlink()  # as if another program had taken it

    found = resolve_urls({}, data_dir)

    assert database_of(found.trader) == "demo_1"
    assert database_of(resolve_urls({}, data_dir, database="milkbot").trader) == "milkbot"


def test_one_role_that_may_do_everything_migrates_a_server_without_our_roles(data_dir: Path) -> None:
    server = ensure_server(data_dir)

    applied = migrate.up(server.superuser_url)

    assert applied
    with psycopg.connect(server.superuser_url) as connection:
        rows = connection.execute("select rolcanlogin from pg_roles where rolname = any(%s)", (list(ROLES),))
        assert rows.fetchall() == [(False,)] * len(ROLES)
    assert migrate.down(server.superuser_url, "0000") == applied[::-1]


def test_role_that_may_create_roles_but_is_no_superuser_migrates_too(data_dir: Path) -> None:
    server = ensure_server(data_dir)
    with psycopg.connect(server.superuser_url, autocommit=True) as connection:
        connection.execute("create role dev login createrole password 'dev'")
        connection.execute("create database dev owner dev")

    assert migrate.up(f"postgresql://dev:dev@127.0.0.1:{server.port}/dev")


def test_role_that_may_not_create_roles_is_told_what_is_missing(data_dir: Path) -> None:
    server = ensure_server(data_dir)
    with psycopg.connect(server.superuser_url, autocommit=True) as connection:
        connection.execute("create role plain login password 'plain'")
        connection.execute("create database plain owner plain")

    with pytest.raises(ConfigurationError, match=r"roles are missing: .*milkbot_trader"):
        migrate.up(f"postgresql://plain:plain@127.0.0.1:{server.port}/plain")
