"""What a market's terms say: bounds of its bracket, and whether the rules text proves what we think we trade.

Sources: recorded rules texts of December 2024, January, June and July 2026 (National Weather Service) and of
September 2026 (The Weather Company); strike fields as in the exchange's market object. Months of rain and
snow: monthly_terms.
"""

import re
from datetime import date
from decimal import Decimal
from functools import lru_cache

from trader.domain.amounts import UNIT_IN
from trader.domain.cities import CityConfig
from trader.domain.monthly_terms import monthly_bounds, monthly_gaps, monthly_source
from trader.domain.rules_words import NWS, TWC, UNKNOWN_SOURCE, month_number, names_station
from trader.domain.types import MarketType, ReasonCode

# One sentence carries all that settles the market; the secondary rules mention other sources on purpose.
_RULE = re.compile(
    r"\bIf the (?P<word>highest|lowest|maximum|minimum) temperature recorded (?:in|at) (?P<place>.+?) "
    r"(?:for|on) (?P<month>[A-Z][a-z]{2,8})\.? (?P<day>\d{1,2}), (?P<year>\d{4})\b(?P<rest>.*?)"
    r"\bthen the market resolves to Yes\b",
    re.DOTALL,
)
_NWS_REPORT = r"(?:Climatological Report \(Daily\)|Daily Climate Report)"
_SOURCES = (
    (r"(?:as reported by|according to) the National Weather Service's " + _NWS_REPORT, NWS),
    (r"according to The Weather Company\b", TWC),
)
_WORDS = {MarketType.HIGH: ("highest", "maximum"), MarketType.LOW: ("lowest", "minimum")}
_BOUNDS = re.compile(
    r"\bis (?:less than (?P<less>-?\d+)|greater than (?P<greater>-?\d+)"
    r"|between (?P<lo>-?\d+)\s?(?:-|to|and)\s?(?P<hi>-?\d+))°"
)
_EXPECTED_STRIKES = {
    "less": "cap", "less_or_equal": "cap", "greater": "floor", "greater_or_equal": "floor", "between": "both",
}  # fmt: skip


def _whole(name: str, value: Decimal, unit: Decimal) -> int:
    units = value / unit
    if units != units.to_integral_value():
        raise ValueError(f"{name}: expected whole units of {unit}, found {value}; the market is refused")
    return int(units)


def bracket_bounds(
    strike_type: str, floor: Decimal | None, cap: Decimal | None, unit: Decimal = Decimal(1)
) -> tuple[int | None, int | None]:
    """Return (lo, hi), the whole units that win, both ends in; None is an open end.

    ``unit`` is one degree, or the inches of one unit of rain or snow. ``less`` wins strictly below ``cap``,
    ``greater`` strictly above ``floor``, ``between`` includes both. Raises ValueError for an unknown type, a
    missing or needless strike, a fraction of a unit, or an empty bracket.
    """
    expected = _EXPECTED_STRIKES.get(strike_type)
    if expected is None:
        known = ", ".join(_EXPECTED_STRIKES)
        raise ValueError(
            f"strike_type: expected one of {known}, found {strike_type!r}; the market is refused"
        )
    found = {(True, True): "both", (True, False): "floor", (False, True): "cap", (False, False): "none"}
    given = found[floor is not None, cap is not None]
    if given != expected:
        raise ValueError(
            f"strikes of {strike_type}: expected {expected}, found {given}; the market is refused"
        )
    lo = None if floor is None else _whole("floor_strike", floor, unit) + (strike_type == "greater")
    hi = None if cap is None else _whole("cap_strike", cap, unit) - (strike_type == "less")
    if lo is not None and hi is not None and lo > hi:
        raise ValueError(f"strikes: expected floor at most cap, found {lo} above {hi}; the market is refused")
    return lo, hi


def settlement_source(text: str) -> str:
    """Return the authority that decides: NWS, TWC, or UNKNOWN_SOURCE."""
    rule = _RULE.search(text)
    if rule is None:
        return monthly_source(text)
    named = [name for pattern, name in _SOURCES if re.search(pattern, rule["rest"])]
    return named[0] if len(named) == 1 else UNKNOWN_SOURCE


@lru_cache(maxsize=4096)  # the same few hundred texts are read every cycle
def rules_bounds(text: str) -> tuple[int | None, int | None] | None:
    """Return the (lo, hi) that the deciding sentence names, or None when it cannot be read."""
    rule = _RULE.search(text)
    if rule is None:
        return monthly_bounds(text)
    bounds = _BOUNDS.search(rule["rest"])
    if bounds is None:
        return None
    if bounds["less"]:
        return None, int(bounds["less"]) - 1
    if bounds["greater"]:
        return int(bounds["greater"]) + 1, None
    return int(bounds["lo"]), int(bounds["hi"])


def rules_gaps(
    text: str, *, city: CityConfig, market_type: MarketType, climate_date: date
) -> tuple[str, ...]:
    """Return what the text fails to prove: ``wording``, ``variable``, ``station``, ``date``, ``source``.

    For a month ``climate_date`` is its last day, and ``trace`` may be a gap too.
    """
    if market_type in UNIT_IN:
        return monthly_gaps(text, city=city, market_type=market_type, last_day=climate_date)
    rule = _RULE.search(text)
    if rule is None:
        return ("wording",)
    gaps = []
    if rule["word"] not in _WORDS.get(market_type, ()):
        gaps.append("variable")
    if not names_station(rule["place"], city, city.cli_location):
        gaps.append("station")
    if _date_of(rule) != climate_date:
        gaps.append("date")
    if settlement_source(text) == UNKNOWN_SOURCE:
        gaps.append("source")
    return tuple(gaps)


def prove_rules(
    text: str, *, city: CityConfig, market_type: MarketType, climate_date: date
) -> tuple[ReasonCode, ...]:
    """Return () when the text proves station, variable, date and source of a market, else why not."""
    is_proven = not rules_gaps(text, city=city, market_type=market_type, climate_date=climate_date)
    return () if is_proven else (ReasonCode.RULES_NOT_PROVEN,)


def _date_of(rule: re.Match[str]) -> date | None:
    try:
        return date(int(rule["year"]), month_number(rule["month"]), int(rule["day"]))
    except ValueError:
        return None
