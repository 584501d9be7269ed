"""The climate day: midnight to midnight in local STANDARD time, all year.

Source: the Daily Climate Report's definition of its day; the exchange's markets close at the end of it (00:00
standard time), which the recorded close times of all ten cities confirm.
"""

from datetime import UTC, date, datetime, time, timedelta, timezone


def climate_date(instant: datetime, std_utc_offset_hours: int) -> date:
    """Return the climate day that ``instant`` belongs to.

    ``std_utc_offset_hours`` is local standard time's fixed offset (-5 for New York), never the summer one.
    Raises ValueError for an instant without a zone.
    """
    if instant.tzinfo is None:
        raise ValueError(
            f"climate day: expected an aware instant, found {instant.isoformat()}; nothing was computed"
        )
    return instant.astimezone(timezone(timedelta(hours=std_utc_offset_hours))).date()


def climate_day_bounds(day: date, std_utc_offset_hours: int) -> tuple[datetime, datetime]:
    """Return the UTC bounds [start, end) of a climate day; always 24 hours apart.

    Under daylight time the day starts at 01:00 on the wall clock.
    """
    start = datetime.combine(day, time(), timezone(timedelta(hours=std_utc_offset_hours))).astimezone(UTC)
    return start, start + timedelta(days=1)
