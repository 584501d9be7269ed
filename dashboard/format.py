"""Numbers, times and words as the page writes them (``docs/ui.md``); the minus sign is U+2212 everywhere.

A value that is missing is ``N/A``; callers put the reason in words beside it.
"""

import re
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from html import escape
from typing import Final
from zoneinfo import ZoneInfo

NA: Final = "N/A"
MINUS: Final = "\N{MINUS SIGN}"
NEW_YORK: Final = "America/New_York"
_CENT = Decimal("0.01")


def esc(text: str) -> str:
    """Text from outside as plain text inside HTML, attribute values included."""
    return escape(text, quote=True)


def fixed(value: Decimal, places: int) -> str:
    """Thousands by comma, half away from zero, U+2212, and never a negative nought."""
    rounded = value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)
    return f"{MINUS if rounded < 0 else ''}{abs(rounded):,.{places}f}"


def signed(value: Decimal, places: int, *, before: str = "", after: str = "") -> str:
    """``+`` or ``−`` before the unit; a value that rounds to nought has no sign."""
    rounded = value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)
    sign = "+" if rounded > 0 else MINUS if rounded < 0 else ""
    return f"{sign}{before}{fixed(abs(rounded), places)}{after}"


def money(dollars: Decimal) -> str:
    text = fixed(abs(dollars), 2)
    return f"{MINUS if dollars < 0 and text != '0.00' else ''}${text}"


def money_signed(dollars: Decimal) -> str:
    return "$0.00" if fixed(dollars, 2) == "0.00" else signed(dollars, 2, before="$")


def percent_signed(share: Decimal) -> str:
    """A return as ``−0.49%``; ``share`` is 0.01 for one percent."""
    return signed(share * 100, 2, after="%")


def rate(share: Decimal | None) -> str:
    """A share as whole percent."""
    return NA if share is None else f"{fixed(share * 100, 0)}%"


def ink(amount: Decimal) -> str:
    """The stylesheet's class for the sign of money; nothing for nought."""
    return "up" if amount > 0 else "down" if amount < 0 else ""


def chance(p: Decimal | None, *, is_final: bool = False) -> str:
    """A chance in percent without its sign: never 0 or 100 while the event is open."""
    if p is None:
        return NA
    if not is_final and not Decimal("0.01") <= p <= Decimal("0.99"):
        return "<1" if p < Decimal("0.5") else ">99"
    return fixed(p * 100, 0)


def cents(dollars: Decimal | None) -> str:
    """A price: ``45¢``, and ``45.5¢`` where the exchange quotes below a cent."""
    if dollars is None:
        return NA
    value = dollars * 100
    return f"{fixed(value, 0 if value == value.to_integral_value() else 1)}¢"


def cents_signed(dollars: Decimal | None) -> str:
    return NA if dollars is None else signed(dollars * 100, 1, after="¢")


def quantity(contracts: Decimal) -> str:
    return fixed(contracts, 0 if contracts == contracts.to_integral_value() else 2)


def short(count: Decimal) -> str:
    """``940``, ``9.4k``, ``74k``, ``1.2M``."""
    for limit, unit, letter in ((999_500, 1_000_000, "M"), (Decimal("999.5"), 1_000, "k")):
        if count >= limit:
            scaled = count / unit
            return f"{fixed(scaled, 1 if scaled < Decimal('9.95') else 0)}{letter}"
    return fixed(count, 0)


def degrees(value: Decimal | None, places: int = 0) -> str:
    return NA if value is None else f"{fixed(value, places)}°"


def local(moment: datetime, zone: str) -> datetime:
    return moment.astimezone(ZoneInfo(zone))


def clock(moment: datetime, zone: str = NEW_YORK) -> str:
    """``09:04``."""
    return f"{local(moment, zone):%H:%M}"


def zone_name(moment: datetime, zone: str = NEW_YORK) -> str:
    """``EDT``."""
    return f"{local(moment, zone):%Z}"


def clock_zone(moment: datetime, zone: str = NEW_YORK) -> str:
    """``09:04 EDT``."""
    return f"{local(moment, zone):%H:%M %Z}"


def when(moment: datetime, as_of: datetime, zone: str = NEW_YORK) -> str:
    """``09:04`` on the day of ``as_of``, ``Jul 20 21:01`` on another, with the year in another year."""
    there, now = local(moment, zone), local(as_of, zone)
    if there.date() == now.date():
        return f"{there:%H:%M}"
    return f"{day(there.date(), now.date())} {there:%H:%M}"


def day(value: date, today: date) -> str:
    """``Jul 21``; the year only when it is not this year."""
    text = f"{value:%b} {value.day}"
    return text if value.year == today.year else f"{text}, {value.year}"


def long_day(value: date) -> str:
    """``July 21, 2026``."""
    return f"{value:%B} {value.day}, {value.year}"


def age(seconds: int) -> str:
    """``48 s``, ``16 min``, ``13 h``, ``3 d``: whole units, rounded down."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{max(seconds, 0)} s"


def bracket(lo: int | None, hi: int | None, *, is_narrow: bool = False) -> str:
    """``≤78``, ``79–80``, ``≥87``, without the degree sign; narrow drops repeated hundreds: ``101–02``."""
    if lo is None or hi is None:
        return f"≤{hi}" if hi is not None else f"≥{lo}" if lo is not None else NA
    if lo == hi:
        return str(lo)
    return f"{lo}–{hi % 100:02d}" if is_narrow and lo >= 100 else f"{lo}–{hi}"


_SUBTITLES = (
    (re.compile(r"^\s*(-?\d+)°?\s*(?:to|-|–)\s*(-?\d+)°?\s*$"), "{0}–{1}°"),
    (re.compile(r"^\s*(?:≤\s*)?(-?\d+)°?\s+or (?:below|less|lower)\s*$"), "≤{0}°"),
    (re.compile(r"^\s*(?:≥\s*)?(-?\d+)°?\s+or (?:above|more|higher)\s*$"), "≥{0}°"),
)


def bracket_label(label: str | None) -> str:
    """The venue's ``79° to 80°`` as ``79–80°``; what does not look like a bracket is left as it is."""
    if label is None:
        return NA
    for pattern, form in _SUBTITLES:
        if match := pattern.match(label):
            return form.format(*match.groups())
    return label


def plural(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"
