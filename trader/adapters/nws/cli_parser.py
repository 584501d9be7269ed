"""The Daily Climate Report's text: high and low of one station's climate day, or a typed refusal.

Narrow on purpose: one heading layout, one station, one day. Everything that a person would have to think
about is refused with a reason. Traps it knows: the normals block repeats MAXIMUM, a tied record's year stands
on a line of its own, flags (R, E) touch values, colon times shift a column, and a morning report's maximum is
the night's.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from trader.domain.climate_day import climate_date as climate_date_of

Refusal = Literal[
    "WRONG_PRODUCT",
    "WRONG_STATION",
    "UNKNOWN_LAYOUT",
    "STATUS_UNCLEAR",
    "DATE_MISMATCH",
    "VALUE_MISSING",
    "VALUE_IMPLAUSIBLE",
]
_MONTHS = (
    *("JANUARY", "FEBRUARY", "MARCH", "APRIL", "MAY", "JUNE", "JULY"),
    *("AUGUST", "SEPTEMBER", "OCTOBER", "NOVEMBER", "DECEMBER"),
)
_WMO = re.compile(r"CD[A-Z]{2}\d\d [A-Z]{4} \d{6}(?P<mark> (?:CC|RR|AA)[A-Z])?")
_HEADLINE = re.compile(
    r"^\.\.\.THE\s+(?P<site>[^\n]+?)\s+CLIMATE SUMMARY FOR\s+"
    r"(?P<month>[A-Z]+)\s+(?P<day>\d{1,2})\s+(?P<year>\d{4})(?P<mark>\s+CORRECTION)?\s*\.\.\.\s*$",
    re.MULTILINE,
)
_VALID = re.compile(r"^VALID (?:TODAY )?AS OF \d{3,4} [AP]M LOCAL TIME", re.MULTILINE)
# Headings that end earlier, or leave a column blank, keep observed value and time where they are.
_HEADING = re.compile(r"^WEATHER ITEM   OBSERVED TIME   RECORD YEAR", re.MULTILINE)
_SECTION = re.compile(r"^TEMPERATURE \(F\)[ \t]*\n(?P<rows>(?:[ \t]*\S[^\n]*\n)+)", re.MULTILINE)
_LABEL_WIDTH, _VALUE_STARTS_WITHIN = 16, 4
_VALUE = re.compile(r"(?P<value>-?\d{1,3}|MM)(?P<flag>R|E|\(E\)|\*)?(?=\s|$)")
LOWEST_F, HIGHEST_F = -80, 140


class ReportRefused(Exception):
    """A report that must not be used; ``code`` is why, ``climate_date`` its day when it could be told."""

    def __init__(self, code: Refusal, message: str, climate_date: date | None = None) -> None:
        super().__init__(message)
        self.code, self.climate_date = code, climate_date


@dataclass(frozen=True, slots=True)
class ClimateText:
    """Values of one report in whole degrees Fahrenheit.

    ``is_corrected`` tells a mark of correction; a reissue may carry none. ``average_agrees`` is false when
    the report's average is not that of its high and low, a sign of hand-edited extremes; None without an
    average.
    """

    climate_date: date
    is_preliminary: bool
    is_corrected: bool
    is_estimated: bool
    high_f: int
    low_f: int
    average_agrees: bool | None


def parse_climate_report(
    text: str, *, location: str, headline: str, issued_at: datetime, std_utc_offset_hours: int
) -> ClimateText:
    """Read the report of one station: ``location`` as in ``CLINYC`` without CLI, ``headline`` its site name.

    ``issued_at`` decides whether the day was over. Raises ReportRefused.
    """
    lines = [line.rstrip().expandtabs(8) for line in text.replace("\r", "").replace("\x03", "").split("\n")]
    wmo_mark = _identify(lines, location)
    body = "\n".join(lines) + "\n"
    found = list(_HEADLINE.finditer(body))
    named = [head for head in found if " ".join(head["site"].split()) == headline.upper()]
    if len(named) != 1:
        sites = ", ".join(head["site"] for head in found) or "none"
        raise ReportRefused("WRONG_STATION", f"headline: expected {headline} once, found {sites}")
    head = named[0]
    day = _day(head)
    later = [other.start() for other in found if other.start() > head.end()]
    section = body[head.end() : min([*later, len(body)])]
    is_preliminary = _VALID.search(section) is not None
    _check_day(day, is_preliminary, climate_date_of(issued_at, std_utc_offset_hours))
    if not _HEADING.search(section):
        raise ReportRefused(
            "UNKNOWN_LAYOUT", "heading: expected the standard columns, found another layout", day
        )
    rows = _temperature_rows(section, day)
    _check_label(rows, is_preliminary, day)
    high, low = _value(rows, "MAXIMUM", day), _value(rows, "MINIMUM", day)
    if high < low or low < LOWEST_F or high > HIGHEST_F:
        raise ReportRefused(
            "VALUE_IMPLAUSIBLE", f"values: expected low at most high, found {high} and {low}", day
        )
    return ClimateText(
        climate_date=day,
        is_preliminary=is_preliminary,
        is_corrected=bool(wmo_mark or head["mark"] or "CLIMATE REPORT (CORRECTION)" in body),
        is_estimated=any("E" in (match["flag"] or "") for match in rows.values() if match),
        high_f=high,
        low_f=low,
        average_agrees=_average_agrees(rows, high, low),
    )


def _identify(lines: list[str], location: str) -> str | None:
    """The line under the WMO heading names the product: one office issues many under one heading."""
    for place, line in enumerate(lines[:6]):
        if wmo := _WMO.fullmatch(line):
            product = lines[place + 1] if place + 1 < len(lines) else ""
            if product != f"CLI{location}":
                raise ReportRefused(
                    "WRONG_PRODUCT", f"product: expected CLI{location}, found {product[:10]!r}"
                )
            return wmo["mark"]
    raise ReportRefused("WRONG_PRODUCT", "heading: expected a WMO line in the first six lines, found none")


def _day(head: re.Match[str]) -> date:
    try:
        return date(int(head["year"]), _MONTHS.index(head["month"]) + 1, int(head["day"]))
    except ValueError as error:
        written = f"{head['month']} {head['day']} {head['year']}"
        raise ReportRefused("DATE_MISMATCH", f"headline: expected a date, found {written}") from error


def _check_day(day: date, is_preliminary: bool, issued_on: date) -> None:
    """A preliminary is issued on its day; everything else after it, in local standard time."""
    if is_preliminary and day != issued_on:
        raise ReportRefused("DATE_MISMATCH", f"preliminary: expected {issued_on}, found {day}", day)
    if not is_preliminary and day >= issued_on:
        raise ReportRefused("DATE_MISMATCH", f"final: expected a day before {issued_on}, found {day}", day)


def _temperature_rows(section: str, day: date) -> dict[str, re.Match[str] | None]:
    """Return the rows of the temperature block, up to its blank line, by label; None without a value.

    Rows without a label (further years of a tied record) are left out.
    """
    block = _SECTION.search(section)
    if block is None:
        raise ReportRefused("UNKNOWN_LAYOUT", "section: expected TEMPERATURE (F), found none", day)
    rows: dict[str, re.Match[str] | None] = {}
    for line in block["rows"].splitlines():
        label = line[:_LABEL_WIDTH].strip()
        if label:
            rest = line[_LABEL_WIDTH:]
            blanks = len(rest) - len(rest.lstrip())
            value = _VALUE.match(rest.lstrip())
            rows.setdefault(label, value if blanks <= _VALUE_STARTS_WITHIN else None)
    return rows


def _check_label(rows: dict[str, re.Match[str] | None], is_preliminary: bool, day: date) -> None:
    expected, other = ("TODAY", "YESTERDAY") if is_preliminary else ("YESTERDAY", "TODAY")
    if expected not in rows or other in rows:
        found = next((label for label in (expected, other) if label in rows), "neither word")
        raise ReportRefused("STATUS_UNCLEAR", f"temperature block: expected {expected}, found {found}", day)


def _value(rows: dict[str, re.Match[str] | None], label: str, day: date) -> int:
    match = rows.get(label)
    if match is None or match["value"] == "MM":
        raise ReportRefused("VALUE_MISSING", f"{label}: expected a whole degree, found none", day)
    return int(match["value"])


def _average_agrees(rows: dict[str, re.Match[str] | None], high: int, low: int) -> bool | None:
    match = rows.get("AVERAGE")
    if match is None or match["value"] == "MM":
        return None
    return int(match["value"]) == (high + low + 1) // 2  # half up, below zero too
