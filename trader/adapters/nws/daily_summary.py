"""The station's own daily summary message (DSM): the raw numbers that a climate report is made from.

It comes minutes after the climate day ends, before anyone has looked at it, and sometimes within the day: the
earliest near-final number, good for a cross-check and nothing else. Source: recorded collectives; the rain of
the 24 hours must add up to the day's, or the message is refused.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time

from trader.adapters.nws.refusal import ReportRefused, lines_of
from trader.domain.amounts import Amount, add_amounts
from trader.domain.climate_day import climate_date

_EXTREME = r"(?:M|(?P<{0}>-?\d{{1,3}})(?P<{0}_at>\d{{4}}))"
_MESSAGE = re.compile(
    r"(?P<station>[A-Z][A-Z0-9]{3}) DS (?P<mark>COR )?(?:(?P<until>\d{4}) )?(?P<day>\d\d)/(?P<month>\d\d) ?"
    + _EXTREME.format("high")
    + "/ ?"
    + _EXTREME.format("low")
    + r"// ?(?:M|-?\d{1,3})?/ ?(?:M|-?\d{1,3})?//(?:M|-|\d{3}(?:\d{4})?)?/(?P<rain>M|T|-|\d{1,4})?/"
    r"(?P<hours>(?:(?:M|T|-|\d{1,4})?/){24})"
)


@dataclass(frozen=True, slots=True)
class DailySummary:
    """One message: whole degrees Fahrenheit, local standard times, rain; None where it has M.

    ``until`` is the time up to which an intermediate message counts, None for the whole day.
    """

    climate_date: date
    until: time | None
    is_corrected: bool
    high_f: int | None
    high_at: time | None
    low_f: int | None
    low_at: time | None
    rain: Amount | None


def parse_daily_summaries(
    text: str, *, station: str, issued_at: datetime, std_utc_offset_hours: int
) -> tuple[DailySummary, ...]:
    """Return the station's messages in a product, which may hold many stations'; () without one.

    A message names day and month; the year is that of ``issued_at``, or the one before it at New Year.
    Raises ReportRefused when a message of the station cannot be read.
    """
    issued_on = climate_date(issued_at, std_utc_offset_hours)
    found = []
    for message in _messages(lines_of(text)):
        if not message.startswith(f"{station} DS "):
            continue
        match = _MESSAGE.match(message)
        if match is None:
            raise ReportRefused(
                "UNKNOWN_LAYOUT", f"summary of {station}: expected its groups, found {message[:60]!r}"
            )
        found.append(_summary(match, issued_on))
    return tuple(found)


def _messages(lines: Iterable[str]) -> Iterator[str]:
    """A message begins a line and is wrapped anywhere."""
    message = ""
    for line in lines:
        if re.match(r"[A-Z][A-Z0-9]{3} DS ", line):
            yield message
            message = ""
        message += line
    yield message


def _summary(match: re.Match[str], issued_on: date) -> DailySummary:
    day = _day(match, issued_on)
    high, low = (None if match[name] is None else int(match[name]) for name in ("high", "low"))
    if high is not None and low is not None and high < low:
        raise ReportRefused(
            "VALUE_IMPLAUSIBLE", f"summary: expected low at most high, found {low}, {high}", day
        )
    return DailySummary(
        climate_date=day,
        until=_time(match["until"], day),
        is_corrected=match["mark"] is not None,
        high_f=high,
        high_at=_time(match["high_at"], day),
        low_f=low,
        low_at=_time(match["low_at"], day),
        rain=_rain(match, day),
    )


def _day(match: re.Match[str], issued_on: date) -> date:
    """Of the years that are possible, the day that is not after the issue and at most a year before it."""
    for year in (issued_on.year, issued_on.year - 1):
        try:
            day = date(year, int(match["month"]), int(match["day"]))
        except ValueError:
            continue
        if day <= issued_on:
            return day
    written = f"{match['day']}/{match['month']}"
    raise ReportRefused("DATE_MISMATCH", f"summary: expected a day up to {issued_on}, found {written}")


def _time(text: str | None, day: date) -> time | None:
    if text is None:
        return None
    try:
        return time(int(text[:2]), int(text[2:]))
    except ValueError as error:
        raise ReportRefused(
            "VALUE_IMPLAUSIBLE", f"summary: expected a time of day, found {text}", day
        ) from error


def _rain(match: re.Match[str], day: date) -> Amount | None:
    total = _depth(match["rain"])
    hours = [_depth(word) for word in match["hours"].split("/")[:-1]]
    known = [amount for amount in hours if amount is not None]
    if total is not None and len(known) == len(hours) and add_amounts(known) != total:
        raise ReportRefused(
            "VALUE_IMPLAUSIBLE",
            f"summary: expected {total.units} hundredths from the hours, found others",
            day,
        )
    return total


def _depth(text: str | None) -> Amount | None:
    if text in (None, "", "M", "-"):
        return None
    return Amount(units=0, is_trace=True) if text == "T" else Amount(units=int(text or ""))
