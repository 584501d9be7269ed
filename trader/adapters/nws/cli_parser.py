"""The Daily Climate Report's text: what one station measured on one climate day, or a typed refusal.

Narrow on purpose: one heading layout, one station, one day. Everything that a person would have to think
about is refused with a reason. Traps it knows: the normals block repeats MAXIMUM, a tied record's year stands
on a line of its own, flags (R, E) touch values, colon times shift a column, and a morning report's maximum is
the night's. Rain and snow never cost the temperatures: what of them is missing or unreadable is None.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Literal

from trader.adapters.nws.cli_rows import Row, section_rows
from trader.adapters.nws.refusal import ReportRefused, lines_of
from trader.domain.amounts import Amount, parse_amount
from trader.domain.climate_day import climate_date as climate_date_of
from trader.domain.types import MarketType

Oddity = Literal["AVERAGE_DISAGREES", "FAR_FROM_NORMAL", "RAIN_MONTH_BELOW_DAY", "SNOW_MONTH_BELOW_DAY"]
"""What does not refuse a report but deserves a look: the signs of hand-edited values."""
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
_HEADING = re.compile(r"^WEATHER ITEM   OBSERVED TIME   RECORD YEAR(?P<normal> NORMAL)?", re.MULTILINE)
_AMOUNT_SECTIONS = {MarketType.RAIN: "PRECIPITATION (IN)", MarketType.SNOW: "SNOWFALL (IN)"}
LOWEST_F, HIGHEST_F = -80, 140
FARTHEST_FROM_NORMAL_F = 45


@dataclass(frozen=True, slots=True)
class Fallen:
    """Rain or snow of the day and of the month up to and with it; None when missing or not reported."""

    day: Amount | None
    month: Amount | None


@dataclass(frozen=True, slots=True)
class ClimateText:
    """Values of one report: whole degrees Fahrenheit, times of day in local standard time, depths.

    ``is_corrected`` tells a mark of correction; a reissue may carry none.
    """

    climate_date: date
    is_preliminary: bool
    is_corrected: bool
    is_estimated: bool
    high_f: int
    low_f: int
    high_at: time | None
    low_at: time | None
    rain: Fallen
    snow: Fallen
    oddities: tuple[Oddity, ...]


def parse_climate_report(
    text: str, *, location: str, headline: str, issued_at: datetime, std_utc_offset_hours: int
) -> ClimateText:
    """Read the report of one station: ``location`` as in ``CLINYC`` without CLI, ``headline`` its site name.

    ``issued_at`` decides whether the day was over. Raises ReportRefused.
    """
    lines = lines_of(text)
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
    heading = _HEADING.search(section)
    if heading is None:
        raise ReportRefused(
            "UNKNOWN_LAYOUT", "heading: expected the standard columns, found another layout", day
        )
    rows = section_rows(section, "TEMPERATURE (F)", has_normal=heading["normal"] is not None)
    if rows is None:
        raise ReportRefused("UNKNOWN_LAYOUT", "section: expected TEMPERATURE (F), found none", day)
    word = _check_label(rows, is_preliminary, day)
    high, low = _value(rows, "MAXIMUM", day), _value(rows, "MINIMUM", day)
    if high < low or low < LOWEST_F or high > HIGHEST_F:
        raise ReportRefused(
            "VALUE_IMPLAUSIBLE", f"values: expected low at most high, found {high} and {low}", day
        )
    fallen = {kind: _fallen(section, kind, word) for kind in _AMOUNT_SECTIONS}
    return ClimateText(
        climate_date=day,
        is_preliminary=is_preliminary,
        is_corrected=bool(wmo_mark or head["mark"] or "CLIMATE REPORT (CORRECTION)" in body),
        is_estimated=any("E" in row.flag for row in rows.values()),
        high_f=high,
        low_f=low,
        high_at=rows["MAXIMUM"].at,
        low_at=rows["MINIMUM"].at,
        rain=fallen[MarketType.RAIN],
        snow=fallen[MarketType.SNOW],
        oddities=_oddities(rows, high, low, fallen),
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


def _check_label(rows: Mapping[str, Row], is_preliminary: bool, day: date) -> str:
    """Return the word that heads the day's values in every section."""
    expected, other = ("TODAY", "YESTERDAY") if is_preliminary else ("YESTERDAY", "TODAY")
    if expected not in rows or other in rows:
        found = next((label for label in (expected, other) if label in rows), "neither word")
        raise ReportRefused("STATUS_UNCLEAR", f"temperature block: expected {expected}, found {found}", day)
    return expected


def _value(rows: Mapping[str, Row], label: str, day: date) -> int:
    value = rows[label].value if label in rows else None
    if value is None or re.fullmatch(r"-?\d+", value) is None:
        raise ReportRefused(
            "VALUE_MISSING", f"{label}: expected a whole degree, found {value or 'none'}", day
        )
    return int(value)


def _fallen(section: str, kind: MarketType, word: str) -> Fallen:
    """A report may lack the section (no snow in summer); its day stands under the temperatures' own word."""
    rows = section_rows(section, _AMOUNT_SECTIONS[kind], has_normal=False) or {}
    return Fallen(_amount(rows.get(word), kind), _amount(rows.get("MONTH TO DATE"), kind))


def _amount(row: Row | None, kind: MarketType) -> Amount | None:
    try:
        return parse_amount(row.value, kind) if row is not None and row.value is not None else None
    except ValueError:
        return None


def _oddities(
    rows: Mapping[str, Row], high: int, low: int, fallen: Mapping[MarketType, Fallen]
) -> tuple[Oddity, ...]:
    average = rows["AVERAGE"].value if "AVERAGE" in rows else None
    normals = ((high, rows["MAXIMUM"].normal), (low, rows["MINIMUM"].normal))
    below = {
        kind: part.day is not None and part.month is not None and not part.month.is_at_least(part.day)
        for kind, part in fallen.items()
    }
    found: dict[Oddity, bool] = {
        # half up, below zero too
        "AVERAGE_DISAGREES": average not in (None, "MM") and average != str((high + low + 1) // 2),
        "FAR_FROM_NORMAL": any(
            normal is not None and abs(value - normal) > FARTHEST_FROM_NORMAL_F for value, normal in normals
        ),
        "RAIN_MONTH_BELOW_DAY": below[MarketType.RAIN],
        "SNOW_MONTH_BELOW_DAY": below[MarketType.SNOW],
    }
    return tuple(name for name, is_so in found.items() if is_so)
