"""Reading migration files: names, parts, numbers."""

from pathlib import Path

import pytest

from trader.app.migrate import migrations_dir, read_migrations
from trader.domain.errors import ConfigurationError

pytestmark = pytest.mark.story("2.2")
GOOD = "-- why\n-- migrate:up\ncreate table a (n int);\n-- migrate:down\ndrop table a;\n"


def test_file_is_split_into_its_two_parts(tmp_path: Path) -> None:
    (tmp_path / "0001_first.sql").write_text(GOOD)

    (migration,) = read_migrations(tmp_path)

    assert (migration.version, migration.name) == ("0001", "first")
    assert migration.up_sql.strip() == "create table a (n int);"
    assert migration.down_sql.strip() == "drop table a;"


def test_checksum_changes_with_any_byte(tmp_path: Path) -> None:
    path = tmp_path / "0001_first.sql"
    path.write_text(GOOD)
    before = read_migrations(tmp_path)[0].sha256

    path.write_text(GOOD + " ")

    assert read_migrations(tmp_path)[0].sha256 != before


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("1_first.sql", GOOD),
        ("0001_First.sql", GOOD),
        ("0001_first.sql", "create table a (n int);"),
        ("0001_first.sql", GOOD.replace("-- migrate:down", "-- down")),
        ("0001_first.sql", GOOD + GOOD),
        ("0001_first.sql", "-- migrate:down\nselect 1;\n-- migrate:up\nselect 1;\n"),
        ("0001_first.sql", "create table early (n int);\n" + GOOD),
    ],
)
def test_misnamed_or_malformed_file_is_refused(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)

    with pytest.raises(ConfigurationError, match=r"expected NNNN_lower_case.sql .* nothing was migrated"):
        read_migrations(tmp_path)


@pytest.mark.parametrize("names", [[], ["0002_a.sql"], ["0001_a.sql", "0001_b.sql"]])
def test_double_or_missing_first_number_is_refused(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        (tmp_path / name).write_text(GOOD)

    with pytest.raises(ConfigurationError, match="expected each number once, beginning with 0001"):
        read_migrations(tmp_path)


def test_gap_between_reserved_blocks_of_numbers_is_allowed(tmp_path: Path) -> None:
    for name in ("0001_a.sql", "0035_b.sql", "0010_c.sql"):
        (tmp_path / name).write_text(GOOD)

    assert [migration.version for migration in read_migrations(tmp_path)] == ["0001", "0010", "0035"]


def test_the_projects_own_migrations_are_readable_and_the_first_makes_the_schemas() -> None:
    first = read_migrations(migrations_dir())[0]

    assert "create schema ops;" in first.up_sql
    assert "create schema analytics " in first.up_sql
