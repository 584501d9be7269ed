"""Rows of a climate report's sections: label, observed value, flag, time, normal, cut at fixed columns.

Columns of the standard heading, from 0: label up to 15, value from 16 to 22, time of day from 23, normal from
42. Source: recorded reports of 2013 to 2026, among them all of the six offices that we have.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time

_LABEL_ENDS, _VALUE_STARTS_BEFORE = 16, 23
_NORMAL = slice(42, 49)
_VALUE = re.compile(
    r"(?P<value>-?\d{1,3}|\d{0,3}\.\d{1,2}|MM|T)(?P<flag>R|E|\(E\)|\*| R)?(?=\s|$)"
    r"(?:\s+(?P<clock>(?P<hour>\d{1,2}?):?(?P<minute>\d\d)? ?(?P<half>[AP])M)(?=\s|$))?"
)


@dataclass(frozen=True, slots=True)
class Row:
    """One line. ``value`` is the text as written, None when the column is empty or unreadable.

    ``at`` is the time of day in local standard time, None when none was given; ``normal`` a whole number.
    """

    value: str | None
    flag: str
    at: time | None
    normal: int | None


def section_rows(report: str, title: str, *, has_normal: bool) -> Mapping[str, Row] | None:
    """Return the rows under a section's title up to the blank line, by label; None without the section.

    Rows without a label (further years of a tied record) are left out; of equal labels the first counts.
    """
    block = re.search(rf"^{re.escape(title)}[ \t]*\n(?P<rows>(?:[ \t]*\S[^\n]*\n)+)", report, re.MULTILINE)
    if block is None:
        return None
    rows: dict[str, Row] = {}
    for line in block["rows"].splitlines():
        if label := line[:_LABEL_ENDS].strip():
            rows.setdefault(label, _row(line, has_normal=has_normal))
    return rows


def _row(line: str, *, has_normal: bool) -> Row:
    start = len(line) - len(line[_LABEL_ENDS:].lstrip())
    match = _VALUE.match(line, start) if start < _VALUE_STARTS_BEFORE else None
    if match is None:
        return Row(None, "", None, None)
    written = line[_NORMAL].strip() if has_normal else ""
    normal = int(written) if re.fullmatch(r"-?\d{1,3}", written) else None
    return Row(match["value"], (match["flag"] or "").strip(), _time(match), normal)


def _time(match: re.Match[str]) -> time | None:
    """``301 PM``, ``2:31 PM`` and ``12 AM`` are times; 12 AM is the day's first minute."""
    if match["clock"] is None:
        return None
    hour, minute = int(match["hour"]), int(match["minute"] or 0)
    if not (1 <= hour <= 12 and minute < 60):
        return None
    return time(hour % 12 + (12 if match["half"] == "P" else 0), minute)
