"""Settings, rows against dbt's contracts, and what is kept while the database is away."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from dashboard import queries
from dashboard.db import Database, DatabaseAwayError, MartMissingError, Reader
from dashboard.rows import BoardRow, Row
from dashboard.settings import SettingsError, load_settings
from dashboard.snapshots import Keeper
from tests.unit.dashboard import marts, sample

URL = "postgresql://milkbot_dashboard:secret@127.0.0.1:1/none"


@pytest.mark.parametrize("mart", marts.ROW_OF)
def test_every_column_the_page_reads_is_in_the_marts_contract(mart: str) -> None:
    assert set(marts.ROW_OF[mart].columns()) <= set(marts.contracts()[mart])


def test_a_row_of_another_shape_is_refused() -> None:
    good = sample.board_row("NYC").model_dump()

    with pytest.raises(ValidationError):
        BoardRow.model_validate({**good, "event_status": "maybe"})
    with pytest.raises(ValidationError):
        BoardRow.model_validate({k: v for k, v in good.items() if k != "climate_date"})


def test_settings_hold_one_credential_and_hide_it() -> None:
    settings = load_settings({"DASHBOARD_DATABASE_URL": URL, "DATABASE_URL": "postgresql://trader@h/d"})

    assert settings.database_url == URL
    assert "secret" not in repr(settings)


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({}, "DASHBOARD_DATABASE_URL: expected .* found nothing"),
        ({"DASHBOARD_DATABASE_URL": "mysql://u:secret@h/d"}, "found another kind of URL"),
        ({"DASHBOARD_DATABASE_URL": URL, "DASHBOARD_ORIGIN": "nonsense"}, "DASHBOARD_ORIGIN: expected"),
        ({"DASHBOARD_DATABASE_URL": URL, "DASHBOARD_ORIGIN": "https://secret/x"}, "another form"),
    ],
)
def test_wrong_settings_name_the_variable_and_no_secret(env: dict[str, str], words: str) -> None:
    with pytest.raises(SettingsError, match=words) as caught:
        load_settings(env)

    assert "secret" not in str(caught.value)


def test_the_last_good_rows_stay_while_the_database_is_away() -> None:
    keeper: Keeper[tuple[str, ...]] = Keeper(("empty",))
    outcomes: list[tuple[str, ...] | Exception] = [
        MartMissingError("not deployed"),
        ("good",),
        DatabaseAwayError("gone"),
        MartMissingError("being replaced"),
        ("better",),
    ]

    @contextmanager
    def reading() -> Iterator[Reader]:
        yield lambda _sql, _params=None: []

    def load(_: Reader) -> tuple[str, ...]:
        if isinstance(outcome := outcomes.pop(0), Exception):
            raise outcome
        return outcome

    seen = [keeper.get(reading, load) for _ in range(5)]

    assert [k.value for k in seen] == [("empty",), ("good",), ("good",), ("good",), ("better",)]
    assert [k.is_away for k in seen] == [False, False, True, False, False]


def test_a_server_that_is_not_there_is_away_and_not_an_accident() -> None:
    with (
        Database(URL) as database,
        pytest.raises(DatabaseAwayError, match="did not answer"),
        database.reading(),
    ):
        pytest.fail("nothing listens there")


def test_rows_cannot_be_changed_after_they_were_read() -> None:
    row: Row = sample.page()

    with pytest.raises(ValidationError):
        row.mode = "LIVE"  # type: ignore[attr-defined]  # the point of the test


@pytest.mark.parametrize("days", [1, 30, 365, 980, 4_000])
def test_a_line_asks_for_no_more_points_than_it_has_pixels(days: int) -> None:
    asked: list[Mapping[str, Any]] = []

    def read(_: str, params: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        asked.append(params or {})
        return []

    queries.equity(read, "DEMO", datetime(2026, 7, 23, 1, 3, tzinfo=UTC), days)

    ((since, until, step),) = [(a["since"], a["until"], a["step"]) for a in asked]
    assert (until - since) / step <= 720 + 1
