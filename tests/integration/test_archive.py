"""A closed month as Parquet: what is read back equals, what leaves comes back, and what is open stays."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.integration.warehouse_history import fill_history
from trader.app.archive import TABLES, archive, attach
from trader.app.parquet import read, sha256_of
from trader.app.postgres import Urls
from trader.domain.errors import ConfigurationError, PersistenceError

JULY = date(2026, 7, 1)
LATER = datetime(2026, 9, 15, tzinfo=UTC)
ROLLED_UP = """
    create table analytics_intermediate.int_rollups__finished as
    select 'analytics' as component, timestamptz '2026-09-02 00:00+00' as last_ok_at"""


@pytest.fixture
def urls(database_urls: Urls) -> Urls:
    """July's history, nothing held, and a warehouse that has seen it."""
    fill_history(database_urls.trader)
    with psycopg.connect(database_urls.trader) as connection:
        connection.execute(
            "insert into ops.payloads values ('2026-07-01', %s, 'application/json', %s, null, %s), "
            "('2026-07-01', %s, 'text/plain', null, %s, %s)",
            ("a" * 64, Jsonb({"t": [84.5, None, "\u00b0"]}), JULY, "b" * 64, "MAXIMUM 84\r\n\u00b0", JULY),
        )
    with psycopg.connect(database_urls.analytics) as connection:
        connection.execute(ROLLED_UP.encode())
    return database_urls


def rows(urls: Urls) -> dict[str, list[Any]]:
    with psycopg.connect(urls.owner) as connection:
        return {
            table: sorted(t for (t,) in connection.execute(f"select t::text from ops.{table} as t".encode()))
            for table in TABLES
        }


def test_a_month_is_written_leaves_and_comes_back_equal_also_from_its_file(
    urls: Urls, tmp_path: Path
) -> None:
    before = rows(urls)

    done = {p.table: p for p in archive(urls.owner, JULY, tmp_path, now=LATER, is_detaching=True)}
    without = rows(urls)

    home = tmp_path / "2026-07"
    assert {table: part.rows for table, part in done.items()} == {t: len(r) for t, r in before.items()}
    assert sum(part.rows for part in done.values()) > 50
    for part in done.values():
        assert sha256_of(home / part.file) == part.sha256
        assert sum(map(len, read(home / part.file))) == part.rows
    kept = {table for table, part in done.items() if not part.is_detached}
    assert kept == {"signals"}, "orders refer to the signals behind them"
    assert {table: r for table, r in without.items() if r} == {"signals": before["signals"]}

    with psycopg.connect(urls.owner) as connection:  # one is dropped by hand: it is made again from its file
        connection.execute("drop table ops.market_snapshots_202607")
    attach(urls.owner, JULY, tmp_path)
    assert rows(urls) == before
    with psycopg.connect(urls.owner) as connection, pytest.raises(psycopg.errors.RestrictViolation):
        connection.execute("truncate ops.market_snapshots_202607")


def test_what_is_not_closed_is_refused_and_nothing_leaves(urls: Urls, tmp_path: Path) -> None:
    def asked(now: datetime = LATER, month: date = JULY) -> None:
        archive(urls.owner, month, tmp_path, now=now, is_detaching=True)

    with pytest.raises(ConfigurationError, match="expected a month that ended before 2026-07-30"):
        asked(datetime(2026, 8, 30, tzinfo=UTC))
    with pytest.raises(ConfigurationError, match="found none in payloads"):
        asked(month=date(2025, 7, 1))
    with psycopg.connect(urls.analytics) as connection:
        connection.execute(
            "update analytics_intermediate.int_rollups__finished set last_ok_at = '2026-08-20 00:00+00'"
        )
    with pytest.raises(ConfigurationError, match="expected a rollup after 2026-09-01, found the last one at"):
        asked()
    with psycopg.connect(urls.owner) as connection:
        connection.execute(
            "insert into ops.positions (mode, ticker, event_ticker, city_code, side, qty, avg_entry, "
            "cost_usd, realized_pnl_usd, fees_usd, status, opened_at, updated_at) "
            "select 'DEMO', ticker, event_ticker, city_code, 'YES', 1, 0.5, 0.5, 0, 0, 'OPEN', "
            "%(at)s, %(at)s from ops.contracts limit 1",
            {"at": LATER},
        )
    with pytest.raises(ConfigurationError, match="to be settled, found"):
        asked()
    assert all(rows(urls).values())


def test_a_file_that_is_not_the_one_written_is_not_attached(urls: Urls, tmp_path: Path) -> None:
    archive(urls.owner, JULY, tmp_path, now=LATER, is_detaching=True)
    (tmp_path / "2026-07/predictions_202607.parquet").write_bytes(b"PAR1")

    with pytest.raises(
        PersistenceError, match=r"expected predictions_202607.parquet with sha256 .*nothing was"
    ):
        attach(urls.owner, JULY, tmp_path)
    with pytest.raises(ConfigurationError, match=r"manifest\.json, found none"):
        attach(urls.owner, date(2026, 6, 1), tmp_path)
