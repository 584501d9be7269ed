"""When the exchange pauses: every Thursday, between sessions, and in announced maintenance."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from trader.adapters.fields import Fields
from trader.adapters.kalshi.calendar import Calendar, parse_calendar
from trader.domain.errors import MalformedPayload

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
ALL_DAY = [{"open_time": "00:00", "close_time": "00:00"}]
WEEK: dict[str, Any] = {
    "start_time": "2026-01-01T00:00:00Z",
    "end_time": "2027-01-01T00:00:00Z",
    **dict.fromkeys(DAYS, ALL_DAY),
}


def calendar(*windows: tuple[str, str], **week: Any) -> Calendar:
    listed = [{"start_datetime": a, "end_datetime": b} for a, b in windows]
    body = {"schedule": {"standard_hours": [WEEK | week], "maintenance_windows": listed}}
    return parse_calendar(Fields(body, "schedule"))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.story("3.1")
@pytest.mark.parametrize(
    ("now", "begins", "ends"),
    [
        ("2026-07-15T12:00", "2026-07-16T07:00", "2026-07-16T09:00"),  # 03:00 EDT
        ("2026-07-16T07:00", "2026-07-16T07:00", "2026-07-16T09:00"),
        ("2026-07-16T09:00", "2026-07-23T07:00", "2026-07-23T09:00"),
        ("2026-11-24T12:00", "2026-11-26T08:00", "2026-11-26T10:00"),  # 03:00 EST
        ("2026-10-30T00:00", "2026-11-05T08:00", "2026-11-05T10:00"),  # clocks fall back in between
    ],
)
@pytest.mark.parametrize("known", [Calendar(), calendar()])
def test_weekly_pause_is_known_without_a_schedule_and_follows_the_eastern_clock(
    known: Calendar, now: str, begins: str, ends: str
) -> None:
    pause = known.pause(at(now))

    assert pause is not None
    assert (pause.begins_at, pause.ends_at) == (at(begins), at(ends))


def test_announced_maintenance_and_a_gap_that_touch_are_one_pause() -> None:
    early = {"monday": [{"open_time": "08:00", "close_time": "00:00"}]}
    known = calendar(("2026-07-20T12:00:00Z", "2026-07-20T13:30:00Z"), **early)

    pause = known.pause(at("2026-07-19T00:00"))

    assert pause is not None  # midnight to 08:00 EDT, then to 09:30 EDT
    assert (pause.begins_at, pause.ends_at) == (at("2026-07-20T04:00"), at("2026-07-20T13:30"))


def test_day_without_a_session_is_closed_and_two_sessions_leave_a_gap() -> None:
    split = [{"open_time": "00:00", "close_time": "11:00"}, {"open_time": "13:00", "close_time": "24:00"}]
    known = calendar(saturday=[], sunday=split)

    saturday, sunday = (known.pause(at(text)) for text in ("2026-07-18T00:00", "2026-07-19T05:00"))

    assert saturday is not None
    assert sunday is not None
    assert (saturday.begins_at, saturday.ends_at) == (at("2026-07-18T04:00"), at("2026-07-19T04:00"))
    assert (sunday.begins_at, sunday.ends_at) == (at("2026-07-19T15:00"), at("2026-07-19T17:00"))


def test_week_that_is_not_in_force_tells_nothing() -> None:
    known = calendar(start_time="2026-09-01T00:00:00Z", saturday=[])

    pause = known.pause(at("2026-07-17T00:00"), ahead=timedelta(days=3))

    assert pause is None


@pytest.mark.parametrize(
    "change",
    [
        {"monday": None},
        {"monday": [{"open_time": "8 am", "close_time": "00:00"}]},
        {"monday": [{"open_time": "08:00"}]},
        {"end_time": "2025-01-01T00:00:00Z"},
        {"start_time": "2026-01-01"},
    ],
)
def test_schedule_of_another_form_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(MalformedPayload):
        calendar(**change)
