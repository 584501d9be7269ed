"""What the terms of a monthly rain or snow market say, and whether they prove what we think we trade.

Source: texts of April to October 2026 as quoted in public repositories ("If the total precipitation at CLIORD
in Chicago in Oct 2026 is strictly greater than 3 inches, then the market resolves to Yes."; New York names
Central Park in words; snow says "total snowfall"). The sentence names no source; the secondary rules do.
docs/settlement.md, "Months", has them all.
"""

import re
from calendar import monthrange
from datetime import date
from decimal import Decimal

from trader.domain.amounts import UNIT_IN
from trader.domain.cities import CityConfig
from trader.domain.rules_words import NWS, TWC, UNKNOWN_SOURCE, month_number, names_station
from trader.domain.types import MarketType

_RULE = re.compile(
    r"\bIf the total (?P<word>precipitation|snowfall) (?:at|in) (?P<place>.+?) "
    r"in (?P<month>[A-Z][a-z]{2,8})\.? (?P<year>\d{4}) "
    r"is strictly greater than (?P<inches>\d+(?:\.\d+)?) inch(?:es)?, then the market resolves to Yes\b"
)
_KINDS = {"precipitation": MarketType.RAIN, "snowfall": MarketType.SNOW}
_DECIDES = re.compile(
    r"official and final value used to determine this market\b[^.]*?\bas reported by (?:the )?"
    r"(?:corresponding )?(?P<source>NWS Climatological Report \(Daily\)|Weather Company\b)"
)
_TRACE_IS_NOTHING = re.compile(
    r"\btrace\W+(?:amounts? )?[^.]*?\bcounted as (?:0|zero) inches\b", re.IGNORECASE
)


def monthly_bounds(text: str) -> tuple[int, None] | None:
    """Return the lowest total that wins, in units of the kind, and no upper end; None when unreadable."""
    rule = _RULE.search(text)
    if rule is None:
        return None
    units = Decimal(rule["inches"]) / UNIT_IN[_KINDS[rule["word"]]]
    return (int(units) + 1, None) if units == units.to_integral_value() else None


def monthly_source(text: str) -> str:
    """Return the authority whose value is said to be official and final: NWS, TWC, or UNKNOWN_SOURCE."""
    named = {TWC if match["source"].startswith("Weather") else NWS for match in _DECIDES.finditer(text)}
    return named.pop() if len(named) == 1 else UNKNOWN_SOURCE


def monthly_gaps(text: str, *, city: CityConfig, market_type: MarketType, last_day: date) -> tuple[str, ...]:
    """Return what the text fails to prove: ``wording``, ``variable``, ``station``, ``date``, ``source``, and
    ``trace`` where a mere trace could decide.

    ``last_day`` is the last day of the month meant.
    """
    rule = _RULE.search(text)
    if rule is None:
        return ("wording",)
    gaps = []
    if _KINDS[rule["word"]] is not market_type:
        gaps.append("variable")
    if not names_station(rule["place"], city, city.report_location(market_type)):
        gaps.append("station")
    month = month_number(rule["month"])
    if month == 0 or month_end(int(rule["year"]), month) != last_day:
        gaps.append("date")
    if monthly_source(text) == UNKNOWN_SOURCE:
        gaps.append("source")
    if Decimal(rule["inches"]) == 0 and not _TRACE_IS_NOTHING.search(text):
        gaps.append("trace")
    return tuple(gaps)


def month_end(year: int, month: int) -> date:
    """Return the last day of a month, the climate date by which its total is known."""
    return date(year, month, monthrange(year, month)[1])
