"""The monthly climate form (CF6): a row per day of one station's month, issued anew each morning.

A cross-check of the daily reports: it shows late changes of quality control. The form proves itself: the day
rows must add up to its own line of sums, or the whole form is refused. Source: recorded forms of 2020.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from trader.adapters.nws.refusal import ReportRefused, lines_of
from trader.domain.amounts import Amount, add_amounts, parse_amount
from trader.domain.types import MarketType

_MONTHS = (
    *("JANUARY", "FEBRUARY", "MARCH", "APRIL", "MAY", "JUNE", "JULY"),
    *("AUGUST", "SEPTEMBER", "OCTOBER", "NOVEMBER", "DECEMBER"),
)
_HEADING = "DY MAX MIN AVG DEP HDD CDD  WTR  SNW DPTH"
_COLUMNS = {"day": (0, 2), "high": (2, 6), "low": (6, 10), "rain": (26, 31), "snow": (31, 36)}
_SUMS = {"high": 1, "low": 2, "rain": 5, "snow": 6}
"""Places of the sums among the words of their line, whose columns are wider than the days'."""


@dataclass(frozen=True, slots=True)
class FormDay:
    """One row: whole degrees Fahrenheit and depths, None where the form has M."""

    high_f: int | None
    low_f: int | None
    rain: Amount | None
    snow: Amount | None


def parse_month_form(text: str, *, location: str) -> Mapping[date, FormDay]:
    """Return the days of a form for ``location`` (``SEA`` of CF6SEA). Raises ReportRefused."""
    lines = lines_of(text)
    product = next((line for line in lines[:6] if line.startswith("CF6")), "none")
    if product != f"CF6{location}":
        raise ReportRefused("WRONG_PRODUCT", f"product: expected CF6{location}, found {product[:10]}")
    year, month = _year_month(lines)
    rulers = [place for place, line in enumerate(lines) if re.fullmatch(r"={40,}", line)]
    if len(rulers) < 4 or not lines[rulers[1] - 1].startswith(_HEADING):
        raise ReportRefused("UNKNOWN_LAYOUT", f"form: expected rulers and the heading {_HEADING}, found none")
    days: dict[date, FormDay] = {}
    for line in filter(None, lines[rulers[1] + 1 : rulers[2]]):
        day, row = _row(line, year, month)
        if day in days:
            raise ReportRefused("DATE_MISMATCH", f"form: expected each day once, found {day} twice", day)
        days[day] = row
    _check_sums(days.values(), lines[rulers[2] + 1])
    return days


def _year_month(lines: list[str]) -> tuple[int, int]:
    """A month stands as a number on one office's form and as a name on another's."""
    found = {
        word: match[1].strip()
        for word in ("MONTH", "YEAR")
        if (match := next(filter(None, (re.match(rf" +{word}: +(\w+)$", line) for line in lines)), None))
    }
    month = found.get("MONTH", "")
    number = int(month) if month.isdigit() else _MONTHS.index(month) + 1 if month in _MONTHS else 0
    if not (1 <= number <= 12 and found.get("YEAR", "").isdigit()):
        raise ReportRefused("DATE_MISMATCH", f"form: expected MONTH and YEAR, found {found}")
    return int(found["YEAR"]), number


def _row(line: str, year: int, month: int) -> tuple[date, FormDay]:
    cut = {name: line[start:end].strip() for name, (start, end) in _COLUMNS.items()}
    try:
        day = date(year, month, int(cut["day"]))
        return day, FormDay(
            high_f=_degrees(cut["high"]),
            low_f=_degrees(cut["low"]),
            rain=_depth(cut["rain"], MarketType.RAIN),
            snow=_depth(cut["snow"], MarketType.SNOW),
        )
    except ValueError as error:
        raise ReportRefused("UNKNOWN_LAYOUT", f"row {line[:41]!r}: {error}") from error


def _degrees(text: str) -> int | None:
    return None if text == "M" else int(text)


def _depth(text: str, kind: MarketType) -> Amount | None:
    return None if text == "M" else parse_amount(text, kind)


def _check_sums(rows: Iterable[FormDay], line: str) -> None:
    """A column that was cut wrongly does not add up. A sum over missing days is still the sum of the rest."""
    listed, words = tuple(rows), line.split()
    if len(words) <= max(_SUMS.values()) or words[0] != "SM":
        raise ReportRefused("UNKNOWN_LAYOUT", f"form: expected a line of sums, found {line[:41]!r}")
    highs, lows = (
        [v for row in listed if (v := getattr(row, name)) is not None] for name in ("high_f", "low_f")
    )
    rain = add_amounts(row.rain for row in listed if row.rain is not None)
    snow = add_amounts(row.snow for row in listed if row.snow is not None)
    ours = {
        "high": str(sum(highs)),
        "low": str(sum(lows)),
        "rain": rain.text(MarketType.RAIN),
        "snow": snow.text(MarketType.SNOW),
    }
    for name, place in _SUMS.items():
        if words[place] not in (ours[name], "M"):
            raise ReportRefused(
                "VALUE_IMPLAUSIBLE",
                f"sum of {name}: expected {ours[name]} from the days, found {words[place]}",
            )
