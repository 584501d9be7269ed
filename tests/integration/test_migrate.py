"""Migrations on a real database: story 2.2."""

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from trader.app import migrate
from trader.app.migrate import migrations_dir, read_migrations
from trader.app.postgres import Urls
from trader.domain.errors import ConfigurationError, PersistenceError

pytestmark = pytest.mark.story("2.2")
VERSIONS = [migration.version for migration in read_migrations(migrations_dir())]
_RIGHTS = (
    "(select array_agg(one::text order by one::text) from unnest({}) as one)::text"  # order says nothing
)
CATALOG = {
    "schemas": f"select nspname, nspowner::regrole::text, {_RIGHTS.format('nspacl')} from pg_namespace "
    "where nspname !~ '^pg_(toast|temp)'",
    "relations": f"select oid::regclass::text, relkind::text, {_RIGHTS.format('relacl')}, "
    "obj_description(oid, 'pg_class') "
    "from pg_class where relnamespace::regnamespace::text !~ '^(pg_|information_schema|migrations)'",
    "columns": "select attrelid::regclass::text, attname, format_type(atttypid, atttypmod), attnotnull, "
    "col_description(attrelid, attnum) from pg_attribute inner join pg_class on pg_class.oid = attrelid "
    "where not attisdropped and relnamespace::regnamespace::text !~ '^(pg_|information_schema|migrations)'",
    "constraints": "select conname, conrelid::regclass::text, pg_get_constraintdef(oid) from pg_constraint "
    "where connamespace::regnamespace::text !~ '^(pg_|information_schema|migrations)'",
    "triggers": "select tgname, tgrelid::regclass::text, pg_get_triggerdef(oid) from pg_trigger "
    "where not tgisinternal",
    "functions": "select oid::regprocedure::text, proacl::text, prosrc from pg_proc "
    "where pronamespace::regnamespace::text !~ '^(pg_|information_schema)'",
    "types": "select oid::regtype::text from pg_type "
    "where typnamespace::regnamespace::text !~ '^(pg_|information_schema|migrations)'",
}


def catalog(url: str) -> dict[str, list[str]]:
    with psycopg.connect(url) as connection:
        return {
            name: sorted(map(str, connection.execute(query.encode()).fetchall()))
            for name, query in CATALOG.items()
        }


def schemas(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        return {
            row[0] for row in connection.execute("select nspname from pg_namespace where nspname !~ '^pg_'")
        }


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Two small migrations of a test's own, free to be spoilt."""
    for number, table in ((1, "a"), (2, "b")):
        (tmp_path / f"000{number}_{table}.sql").write_text(
            f"-- migrate:up\ncreate schema {table};\ncreate table {table}.t (n int);\n"
            f"-- migrate:down\ndrop schema {table} cascade;\n"
        )
    yield tmp_path
    shutil.rmtree(tmp_path)


def test_up_creates_the_schemas_and_records_the_history(empty_database_urls: Urls) -> None:
    url = empty_database_urls.owner

    assert migrate.up(url) == VERSIONS

    assert {
        "ops",
        "analytics",
        "analytics_staging",
        "analytics_intermediate",
        "analytics_operator",
    } <= schemas(url)
    found = migrate.status(url)
    assert [one.version for one in found] == VERSIONS
    assert all(one.applied_at is not None and one.applied_at.utcoffset() is not None for one in found)
    assert migrate.up(url) == []


def test_every_migration_goes_up_down_and_up_to_the_same_catalog(empty_database_urls: Urls) -> None:
    url = empty_database_urls.owner
    seen = [catalog(url)]
    for version in VERSIONS:
        assert migrate.up(url, version) == [version]
        seen.append(catalog(url))

    for position in range(len(VERSIONS), 0, -1):
        assert migrate.down(url) == [VERSIONS[position - 1]]
        below = catalog(url)
        if position > 1:  # below the first only the history is left, compared in the next test
            assert below == seen[position - 1]
    assert migrate.up(url) == VERSIONS

    assert catalog(url) == seen[-1]


def test_down_to_0000_leaves_nothing_but_the_history(empty_database_urls: Urls) -> None:
    url = empty_database_urls.owner
    before = schemas(url)
    migrate.up(url)

    assert migrate.down(url, "0000") == VERSIONS[::-1]

    assert schemas(url) == before | {"migrations"}
    assert {one.applied_at for one in migrate.status(url)} == {None}


def test_down_to_a_version_keeps_it(empty_database_urls: Urls, folder: Path) -> None:
    url = empty_database_urls.owner
    migrate.up(url, folder=folder)

    assert migrate.down(url, "0001", folder=folder) == ["0002"]

    assert "a" in schemas(url)
    assert "b" not in schemas(url)


def test_changed_file_is_refused_with_both_checksums_and_nothing_runs(
    empty_database_urls: Urls, folder: Path
) -> None:
    url = empty_database_urls.owner
    migrate.up(url, "0001", folder=folder)
    with (folder / "0001_a.sql").open("a") as file:
        file.write("-- later thought\n")

    with pytest.raises(ConfigurationError, match=r"0001 changed .* expected sha256 \w{64}, found \w{64}"):
        migrate.up(url, folder=folder)

    assert "b" not in schemas(url)


def test_applied_version_without_a_file_is_refused(empty_database_urls: Urls, folder: Path) -> None:
    url = empty_database_urls.owner
    migrate.up(url, folder=folder)
    (folder / "0002_b.sql").unlink()

    with pytest.raises(ConfigurationError, match="0002 without a file"):
        migrate.down(url, "0000", folder=folder)


def test_history_with_a_hole_is_refused(empty_database_urls: Urls, folder: Path) -> None:
    url = empty_database_urls.owner
    migrate.up(url, folder=folder)
    with psycopg.connect(url) as connection:
        connection.execute("delete from migrations.history where version = '0001'")

    with pytest.raises(ConfigurationError, match="0002 without its predecessor"):
        migrate.status(url, folder=folder)


def test_failing_file_leaves_nothing_and_those_before_stay(empty_database_urls: Urls, folder: Path) -> None:
    url = empty_database_urls.owner
    (folder / "0002_b.sql").write_text(
        "-- migrate:up\ncreate schema b;\nselect * from no_such_table;\n-- migrate:down\ndrop schema b;\n"
    )

    with pytest.raises(PersistenceError, match=r"0002_b up: .*no_such_table.* rolled back"):
        migrate.up(url, folder=folder)

    assert "a" in schemas(url)
    assert "b" not in schemas(url)
    assert [one.applied_at is not None for one in migrate.status(url, folder=folder)] == [True, False]


def test_two_runners_at_once_apply_each_file_once(empty_database_urls: Urls) -> None:
    url = empty_database_urls.owner

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: migrate.up(url), range(2))

    assert sorted(first + second) == VERSIONS


def test_unknown_target_is_refused(empty_database_urls: Urls) -> None:
    with pytest.raises(ConfigurationError, match="found '9999'"):
        migrate.up(empty_database_urls.owner, "9999")


def test_unreachable_database_is_named_without_its_password(empty_database_urls: Urls) -> None:
    url = empty_database_urls.owner + "_gone"

    with pytest.raises(PersistenceError, match="found OperationalError") as caught:
        migrate.up(url)

    assert url not in str(caught.value)


def test_history_is_closed_to_every_other_role(database_urls: Urls) -> None:
    u = database_urls
    for url in (u.trader, u.analytics, u.dashboard, u.backup, u.advisor, u.watch):
        with psycopg.connect(url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select * from migrations.history")
