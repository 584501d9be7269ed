"""Temperature groups of a METAR, and what a whole degree Celsius can mean. Degrees Fahrenheit come out.

A station stores whole Fahrenheit; tenths of Celsius give them back exactly (checked from -40 to 130).
Source: federal observing handbook's T, 1 and 2 groups, as seen in the recorded reports.
"""

import re
from datetime import datetime, timedelta

_REMARK_TENTHS = re.compile(r"\sT([01])(\d{3})[01]\d{3}(?=\s|$)")
_SIX_HOURS = re.compile(r"\s([12])([01])(\d{3})(?=\s|$)")


def exact_f(text: str) -> int | None:
    """Return whole Fahrenheit of the tenths group (``T02890211``), None without one."""
    match = _REMARK_TENTHS.search(_remarks(text))
    return _whole_f(match[1], match[2]) if match else None


def six_hour_extremes(text: str) -> tuple[int | None, int | None]:
    """Return (maximum, minimum) of the six hours before the report in whole Fahrenheit, None where absent."""
    found = {group[0]: _whole_f(group[1], group[2]) for group in _SIX_HOURS.findall(_remarks(text))}
    return found.get("1"), found.get("2")


def six_hour_window(observed_at: datetime) -> tuple[datetime, datetime]:
    """Return the six hours that a report's extremes cover: they end at the next 00, 06, 12 or 18 UTC."""
    end = observed_at.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    return end - timedelta(hours=6), end


def possible_f(whole_c: int) -> tuple[int, int]:
    """Return the lowest and highest whole Fahrenheit that round to this whole Celsius: 29 may be 84 or 85."""
    centre = round(whole_c * 9 / 5 + 32)
    matching = [f for f in range(centre - 2, centre + 3) if _half_up((f - 32) * 5, 9) == whole_c]
    return min(matching), max(matching)


def _half_up(numerator: int, denominator: int) -> int:
    return (2 * numerator + denominator) // (2 * denominator)


def _whole_f(sign: str, tenths: str) -> int:
    celsius_tenths = -int(tenths) if sign == "1" else int(tenths)
    return _half_up(celsius_tenths * 9 + 1600, 50)


def _remarks(text: str) -> str:
    return text.partition(" RMK ")[2].join((" ", " "))
