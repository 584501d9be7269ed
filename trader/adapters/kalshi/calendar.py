"""When the exchange does not trade, by its own schedule: gaps between sessions and maintenance windows."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from trader.adapters.fields import Fields
from trader.ports.exchange import Pause

EASTERN = ZoneInfo("America/New_York")
WEEKLY_PAUSE = (3, time(3), time(5))
"""Every Thursday 03:00 to 05:00 Eastern no order is taken, whatever the schedule says.

Source: the exchange's page on maintenance and pauses, October 2026.
"""

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class _Week:
    """Sessions by weekday, wall clock Eastern, in force within ``span``."""

    span: Span
    sessions: tuple[tuple[tuple[time, time], ...], ...]


@dataclass(frozen=True, slots=True)
class Calendar:
    """An empty one knows the weekly pause only."""

    weeks: tuple[_Week, ...] = ()
    windows: tuple[Span, ...] = ()

    def pause(self, now: datetime, ahead: timedelta = timedelta(days=8)) -> Pause | None:
        """Return the pause running at ``now``, else the next one that begins within ``ahead``, else None."""
        end = now + ahead
        day, last = (at.astimezone(EASTERN).date() for at in (now - timedelta(days=1), end))
        closed = [*self.windows]
        while day <= last:
            if day.weekday() == WEEKLY_PAUSE[0]:
                closed.append((_at(day, WEEKLY_PAUSE[1]), _at(day, WEEKLY_PAUSE[2])))
            closed += self._gaps(day)
            day += timedelta(days=1)
        for begins, ends in _merged(closed):
            if ends > now and begins < end:
                return Pause(begins_at=begins, ends_at=ends)
        return None

    def _gaps(self, day: date) -> Iterator[Span]:
        """What a day's sessions leave closed. A day no week is in force for is not told about."""
        noon = _at(day, time(12))
        week = next((week for week in self.weeks if week.span[0] <= noon < week.span[1]), None)
        if week is None:
            return
        at = _at(day, time())
        for opens, closes in sorted(week.sessions[day.weekday()]):
            if _at(day, opens) > at:
                yield at, _at(day, opens)
            # a session that ends at or before its begin ends on the next day: 00:00 to 00:00 is all day
            at = max(at, _at(day if closes > opens else day + timedelta(days=1), closes))
        if (midnight := _at(day + timedelta(days=1), time())) > at:
            yield at, midnight


def parse_calendar(body: Fields) -> Calendar:
    """Return the schedule. Raises MalformedPayload for anything unexpected."""
    schedule = body.child("schedule")
    weeks = tuple(
        _Week(
            _span(row, "start_time", "end_time"),
            tuple(
                tuple((_clock(s, "open_time"), _clock(s, "close_time")) for s in row.children(day))
                for day in _DAYS
            ),
        )
        for row in schedule.children("standard_hours")
    )
    windows = schedule.children("maintenance_windows")
    return Calendar(weeks, tuple(_span(row, "start_datetime", "end_datetime") for row in windows))


def _span(row: Fields, start: str, end: str) -> Span:
    found = row.instant(start), row.instant(end)
    if found[1] < found[0]:
        raise row.error(end, f"not before {start}")
    return found


def _session(session: Fields) -> tuple[time, time]:
    return _clock(session, "open_time"), _clock(session, "close_time")


def _clock(session: Fields, name: str) -> time:
    text = session.text(name)
    try:
        return time() if text == "24:00" else time.fromisoformat(text)
    except ValueError as error:
        raise session.error(name, "a time of day HH:MM") from error


def _at(day: date, clock: time) -> datetime:
    return datetime.combine(day, clock, EASTERN).astimezone(UTC)


def _merged(spans: list[Span]) -> list[Span]:
    merged: list[Span] = []
    for begins, ends in sorted(spans):
        if merged and begins <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], ends)
        else:
            merged.append((begins, ends))
    return merged
