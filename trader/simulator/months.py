"""Markets of a month's rain or snow in the exchange's words. Rendered, never recorded: no price, book or
whole answer of such a market was. The sentence is the recorded one of 2026 (docs/settlement.md, "Months").
"""

from trader.domain.cities import CityConfig
from trader.domain.types import MarketType
from trader.simulator.world import Market

_KIND = {MarketType.RAIN: ("precipitation", "Rain"), MarketType.SNOW: ("snowfall", "Snow")}
_SECONDARY = (
    "The official and final value used to determine this market is the total {word} as reported by the "
    "corresponding NWS Climatological Report (Daily) linked in the rules above. Trace amounts are counted as "
    "0 inches."
)


def series_title(kind: MarketType, city: CityConfig) -> str:
    return f"{_KIND[kind][1]} in {city.name} by month"


def event_title(market: Market, city: CityConfig) -> str:
    return f"{_KIND[market.market_type][1]} in {city.name} in {_month(market)}?"


def month_label(market: Market) -> str:
    """Return the rung in words; ``floor`` is whole inches."""
    return f"Above {market.floor} inches"


def rules(market: Market, city: CityConfig) -> tuple[str, str]:
    """Return primary and secondary rules: strictly more than the floor, at the report of rain and snow."""
    word, location = _KIND[market.market_type][0], city.report_location(market.market_type)
    primary = (
        f"If the total {word} at CLI{location} in {city.name} in {_month(market)} is strictly greater than "
        f"{market.floor} inches, then the market resolves to Yes."
    )
    return primary, _SECONDARY.format(word=word)


def _month(market: Market) -> str:
    return f"{market.climate_date:%b %Y}"
