"""A few cycles of ``make soak``: its own checks must hold, and must see what is wrong."""

from pathlib import Path

import psycopg
import pytest

from tests.performance.soak import Stage, calm
from trader.app.postgres import Urls
from trader.simulator.server import Ready


@pytest.mark.story("4.9")
def test_run_finishes_cycles_of_ten_cities_and_its_books_and_log_hold(
    database_urls: Urls, tmp_path: Path
) -> None:
    assert calm(database_urls, tmp_path, 3, 1.0) == []

    books = Stage(database_urls, Ready(0, 0, "", ""), tmp_path, "SHADOW")
    assert books.rows("select count(*) > 0 from ops.fills") == [(True,)]
    with psycopg.connect(database_urls.owner) as connection:
        connection.execute("update ops.positions set qty = qty + 1 where qty > 0")
    assert any("a position differs" in fault for fault in books.faults_at_rest())
