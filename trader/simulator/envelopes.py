"""Exchange JSON around recorded terms: series, events and markets in the wording of summer 2026.

Wording and shape: the recorded New York markets of June and July 2026. Fields of which nothing was recorded
(volume, open interest, last and previous prices) carry the exchange's own unset value, zero.
"""

from datetime import datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

from trader.domain.cities import CityConfig, load_cities
from trader.domain.types import MarketStatus, MarketType
from trader.simulator import months
from trader.simulator.lifecycle import SCALAR, Life
from trader.simulator.world import SETTLEMENT_TIMER_S, Levels, Market, World

_WORD = {MarketType.HIGH: ("highest", "high", "Highest"), MarketType.LOW: ("lowest", "low", "Lowest")}
_SECONDARY = (
    "Not all weather data is the same. While checking a source like AccuWeather or Google Weather may help "
    "guide your decision, the official and final value used to determine this market is the {word} "
    "temperature as reported by the corresponding NWS Climatological Report (Daily) linked in the rules "
    "above. Preliminary NWS reporting and measurement methods may be subject to underlying rounding and "
    "conversion nuances. Traders should exercise caution when interpreting preliminary NWS data."
)
_EARLY_CLOSE = (
    "The Last Trading Time will be 11:59 PM ET on {day} regardless of any data releases or events occurring. "
    "Expiration will occur on the sooner of the first 7:00 or 8:00\nAM ET following the release of the data "
    "for {day}, or one week after {day}."
)
_DECIDED = (MarketStatus.DETERMINED, MarketStatus.DISPUTED, MarketStatus.AMENDED, MarketStatus.FINALIZED)


def rfc3339(at: datetime) -> str:
    """Return a UTC instant as the exchange writes it: microseconds only when there are any."""
    return at.replace(tzinfo=None).isoformat() + "Z"


def dollars(value: Decimal, places: int = 4) -> str:
    return f"{value:.{places}f}"


def count(value: Decimal) -> str:
    return f"{value:.2f}"


def cents_text(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}00"


@lru_cache(maxsize=1 << 15)
def level_text(level: tuple[int, int]) -> str:
    """Return one level as JSON."""
    return f'["{cents_text(level[0])}","{size_text(level[1])}"]'


def size_text(hundredths: int) -> str:
    return f"{hundredths // 100}.{hundredths % 100:02d}"


def series_json(world: World, ticker: str) -> dict[str, Any]:
    """Return one series; fee fields as recorded for weather series (quadratic, multiplier 1)."""
    market = world.events[world.series[ticker][0]][0]
    city = load_cities()[market.city]
    return {
        "ticker": ticker,
        "title": months.series_title(market.market_type, city)
        if market.is_monthly
        else f"{_WORD[market.market_type][2]} temperature in {_short(city)}",
        "category": "Climate and Weather",
        "frequency": "monthly" if market.is_monthly else "daily",
        "tags": ["Snow and rain" if market.is_monthly else "Daily temperature"],
        "settlement_sources": settlement_sources(city, market.market_type),
        "contract_url": "",
        "contract_terms_url": "",
        "product_metadata": None,
        "fee_type": "quadratic",
        "fee_multiplier": 1,
        "additional_prohibitions": [],
        "exchange_index": 0,
    }


def event_json(market: Market) -> dict[str, Any]:
    """Return the event of which ``market`` is any bracket."""
    city, day = load_cities()[market.city], _short_day(market)
    if market.is_monthly:
        title, subtitle = months.event_title(market, city), f"In {market.climate_date:%b %Y}"
    else:
        title, subtitle = (
            f"{_WORD[market.market_type][2]} temperature in {_short(city)} on {day}?",
            f"On {day}",
        )
    return {
        "event_ticker": market.event_ticker,
        "series_ticker": market.series_ticker,
        "title": title,
        "sub_title": subtitle,
        "category": "Climate and Weather",
        "collateral_return_type": "MECNET",
        "mutually_exclusive": not market.is_monthly,
        "strike_date": rfc3339(market.close_at),
        "strike_period": "",
        "settlement_sources": settlement_sources(city, market.market_type),
        "last_updated_ts": rfc3339(market.created_at),
        "exchange_index": 0,
    }


def settlement_sources(city: CityConfig, kind: MarketType) -> list[dict[str, str]]:
    """Return the named source; the address carries the climate report's location."""
    address = "https://forecast.weather.gov/product.php"
    query = f"site={city.nws_office}&product=CLI&issuedby={city.report_location(kind)}"
    return [{"name": "National Weather Service", "url": f"{address}?{query}"}]


def quote_json(depth: tuple[Levels, Levels]) -> dict[str, str]:
    """Return what of a market moves with its book; an empty side is a bid of 0 and an ask of 1."""
    yes, no = depth
    yes_bid, yes_size = yes[-1] if yes else (0, 0)
    no_bid, no_size = no[-1] if no else (0, 0)
    return {
        "yes_bid_dollars": cents_text(yes_bid),
        "yes_bid_size_fp": size_text(yes_size),
        "yes_ask_dollars": cents_text(100 - no_bid),
        "yes_ask_size_fp": size_text(no_size),
        "no_bid_dollars": cents_text(no_bid),
        "no_ask_dollars": cents_text(100 - yes_bid),
    }


def market_json(world: World, market: Market, life: Life, status: MarketStatus) -> dict[str, Any]:
    """Return one market without ``quote_json``: the same as long as its status is."""
    title, primary, secondary = _words(world, market, load_cities()[market.city])
    noon = datetime.combine(market.climate_date, time(14), market.close_at.tzinfo)
    strikes = {"floor_strike": market.floor, "cap_strike": market.cap}
    is_over = status not in (MarketStatus.INITIALIZED, MarketStatus.ACTIVE, MarketStatus.INACTIVE)
    close_at = life.close_at if is_over else life.listed_close_at or life.close_at
    return {
        "ticker": market.ticker,
        "event_ticker": market.event_ticker,
        "market_type": "binary",
        "title": title,
        "subtitle": label(market),
        "yes_sub_title": label(market),
        "no_sub_title": label(market),
        "status": status.value,
        "created_time": rfc3339(market.created_at),
        "updated_time": rfc3339(life.changed_at(market, status)),
        "open_time": rfc3339(market.open_at),
        "close_time": rfc3339(close_at),
        "expected_expiration_time": rfc3339(noon + timedelta(days=1)),
        "expiration_time": rfc3339(noon + timedelta(days=7)),
        "latest_expiration_time": rfc3339(noon + timedelta(days=7)),
        "occurrence_datetime": rfc3339(noon),
        "settlement_timer_seconds": SETTLEMENT_TIMER_S,
        "can_close_early": True,
        "early_close_condition": _EARLY_CLOSE.format(day=_long_day(market)),
        "strike_type": market.strike_type,
        **{name: value for name, value in strikes.items() if value is not None},
        "rules_primary": primary,
        "rules_secondary": secondary,
        "last_price_dollars": "0.0000",
        "previous_price_dollars": "0.0000",
        "previous_yes_bid_dollars": "0.0000",
        "previous_yes_ask_dollars": "0.0000",
        "volume_fp": "0.00",
        "volume_24h_fp": "0.00",
        "open_interest_fp": "0.00",
        "notional_value_dollars": "1.0000",
        "price_level_structure": "linear_cent",
        "price_ranges": [{"start": "0.0000", "end": "1.0000", "step": "0.0100"}],
        "settlement_bounds_type": "default",
        "exchange_index": 0,
        **_outcome(market, life, status),
    }


def _words(world: World, market: Market, city: CityConfig) -> tuple[str, str, str]:
    """Return title, primary and secondary rules."""
    if market.is_monthly:
        return months.event_title(market, city), *months.rules(market, city)
    word, short, _ = _WORD[market.market_type]
    place = world.places[market.city].get("rules_place", f"at {city.station_name} (CLI{city.cli_location})")
    primary = (
        f"If the {word} temperature recorded {place} for {_long_day(market)} as reported by the "
        f"National Weather Service's Climatological Report (Daily), is {_condition(market)}, "
        "then the market resolves to Yes."
    )
    title = f"Will the **{short} temp in {_short(city)}** be {_mark(market)} on {_short_day(market)}?"
    return title, primary, _SECONDARY.format(word=word)


def _outcome(market: Market, life: Life, status: MarketStatus) -> dict[str, Any]:
    """Result fields: a determined market names its result before the value it settles on.

    A fair price stands for a missing value, so that the value stays empty.
    """
    if status not in _DECIDED or life.result is None:
        return {"result": "", "expiration_value": ""}
    shown: dict[str, Any] = {"result": life.result, "expiration_value": ""}
    shown["settlement_value_dollars"] = dollars(life.value)
    if status is MarketStatus.FINALIZED and life.settled_at is not None:
        shown["settlement_ts"] = rfc3339(life.settled_at)
        if life.result != SCALAR and market.settled_value is not None:
            shown["expiration_value"] = count(market.settled_value)
    return shown


def book_json(depth: tuple[Levels, Levels]) -> dict[str, list[list[str]]]:
    """Return bids of both sides, ascending, best last."""
    yes, no = ([[cents_text(cents), size_text(size)] for cents, size in side] for side in depth)
    return {"yes_dollars": yes, "no_dollars": no}


def book_bytes(depth: tuple[Levels, Levels]) -> bytes:
    """Return ``book_json`` as it is sent."""
    yes, no = (",".join(map(level_text, side)) for side in depth)
    return f'{{"yes_dollars":[{yes}],"no_dollars":[{no}]}}'.encode()


def label(market: Market) -> str:
    """Return the bracket in words, as on the exchange."""
    if market.is_monthly:
        return months.month_label(market)
    if market.floor is None and market.cap is not None:
        return f"{market.cap - 1}° or below"
    if market.cap is None and market.floor is not None:
        return f"{market.floor + 1}° or above"
    return f"{market.floor}° to {market.cap}°"


def _condition(market: Market) -> str:
    if market.floor is None:
        return f"less than {market.cap}°"
    return f"greater than {market.floor}°" if market.cap is None else f"between {market.floor}-{market.cap}°"


def _mark(market: Market) -> str:
    if market.floor is None:
        return f"<{market.cap}°"
    return f">{market.floor}°" if market.cap is None else f"{market.floor}-{market.cap}°"


def _short(city: CityConfig) -> str:
    return "NYC" if city.code == "NYC" else city.name


def _short_day(market: Market) -> str:
    return f"{market.climate_date:%b} {market.climate_date.day}, {market.climate_date.year}"


def _long_day(market: Market) -> str:
    return f"{market.climate_date:%B} {market.climate_date.day}, {market.climate_date.year}"
