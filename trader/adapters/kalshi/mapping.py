"""The exchange's market JSON in our words. Strict: the unexpected refuses that market, never a default.

With portfolio.py this is the only place that knows field names of the exchange (API of October 2026).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Literal, cast

from trader.adapters.fields import Fields
from trader.adapters.kalshi.days import CLOSES_EARLY_BY, climate_date_of
from trader.domain.amounts import UNIT_IN
from trader.domain.canonical import content_hash
from trader.domain.cities import CityConfig
from trader.domain.errors import MalformedPayload
from trader.domain.markets import Contract, Level, MarketSnapshot, OrderBook
from trader.domain.orders import MarketResult
from trader.domain.rules_words import NWS
from trader.domain.terms import bracket_bounds, prove_rules, rules_bounds, settlement_source
from trader.domain.types import MarketStatus, MarketType, ReasonCode

CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class SeriesTerms:
    """Fee of a series; an event may override it."""

    ticker: str
    fee_type: str
    fee_multiplier: Decimal


@dataclass(frozen=True, slots=True)
class EventTerms:
    """What an event adds to its markets. ``sources`` are names as written; ``rules_url`` is the first's
    address.
    """

    event_ticker: str
    series_ticker: str
    strike_at: datetime | None
    sources: tuple[str, ...]
    rules_url: str
    fee_type: str | None
    fee_multiplier: Decimal | None


@dataclass(frozen=True, slots=True)
class Quote:
    """Best prices of the market object with their sizes, used when order books cannot be read."""

    yes_bid: Decimal | None
    yes_bid_size: Decimal
    yes_ask: Decimal | None
    yes_ask_size: Decimal


def parse_series(fields: Fields) -> SeriesTerms:
    series = fields.child("series")
    _default_shard(series)
    return SeriesTerms(series.text("ticker"), series.text("fee_type"), _multiplier(series, "fee_multiplier"))


def parse_event(event: Fields) -> EventTerms:
    _default_shard(event)
    sources = list(event.children("settlement_sources")) if event.has("settlement_sources") else []
    has_multiplier = event.has("fee_multiplier_override")
    return EventTerms(
        event_ticker=event.text("event_ticker"),
        series_ticker=event.text("series_ticker"),
        strike_at=event.instant("strike_date") if event.has("strike_date") else None,
        sources=tuple(source.text("name") for source in sources),
        rules_url=sources[0].text("url", allow_empty=True) if sources else "",
        fee_type=event.text("fee_type_override") if event.has("fee_type_override") else None,
        fee_multiplier=_multiplier(event, "fee_multiplier_override") if has_multiplier else None,
    )


def parse_contract(
    market: Fields, event: EventTerms, series: SeriesTerms, city: CityConfig, market_type: MarketType
) -> Contract:
    """Return a market's terms, proven or with the reasons why not.

    Raises MalformedPayload when a field is missing, of another type, contradicts another, or is of a kind we
    do not know (scalar market, strike type, shard).
    """
    _default_shard(market)
    market.one_of("market_type", ("binary",))
    market.one_of("event_ticker", (event.event_ticker,))
    floor, cap = (
        market.number(name) if market.has(name) else None for name in ("floor_strike", "cap_strike")
    )
    try:
        unit = UNIT_IN.get(market_type, Decimal(1))
        lo, hi = bracket_bounds(market.text("strike_type"), floor, cap, unit)
    except ValueError as error:
        raise MalformedPayload(f"{market.what}: {error}") from error
    close_at = market.instant("close_time")
    day = climate_date_of(market, event.event_ticker, close_at, city, market_type)
    is_daily = market_type not in UNIT_IN
    strike_at = event.strike_at if is_daily else None
    if strike_at is not None and not timedelta(0) <= strike_at - close_at <= CLOSES_EARLY_BY:
        raise MalformedPayload(
            f"{market.what}: expected close_time at strike_date {strike_at}, found {close_at}"
        )
    text = f"{market.text('rules_primary')}\n\n{market.text('rules_secondary', allow_empty=True)}"
    fee_type = event.fee_type or series.fee_type
    multiplier = series.fee_multiplier if event.fee_multiplier is None else event.fee_multiplier
    terms = {
        "rules": text,
        "bounds": (lo, hi),
        "close": close_at,
        "sources": event.sources,
        "fee": (fee_type, multiplier),
        "tick": _tick(market),
    }
    return Contract(
        ticker=market.text("ticker"),
        event_ticker=event.event_ticker,
        series_ticker=event.series_ticker,
        city_code=city.code,
        market_type=market_type,
        climate_date=day,
        label=market.text("yes_sub_title"),
        lo=lo,
        hi=hi,
        open_time=market.instant("open_time"),
        close_time=close_at,
        rules_text=text,
        rules_url=event.rules_url,
        rules_hash=content_hash(text),
        settlement_source=settlement_source(text),
        station=city.settlement_station if is_daily else f"K{city.report_location(market_type)}",
        fee_type=fee_type,
        fee_multiplier=multiplier,
        tick=_tick(market),
        terms_hash=content_hash(terms),
        proof=_proof(text, (lo, hi), event, city, market_type, day),
    )


def _proof(
    text: str,
    bounds: tuple[int | None, int | None],
    event: EventTerms,
    city: CityConfig,
    market_type: MarketType,
    day: date,
) -> tuple[ReasonCode, ...]:
    """Rules text must prove the market, name the strikes' own bracket and agree with the event's sources."""
    reasons = prove_rules(text, city=city, market_type=market_type, climate_date=day)
    agrees = rules_bounds(text) == bounds and _is_source(settlement_source(text), event.sources)
    return reasons or (() if agrees else (ReasonCode.RULES_NOT_PROVEN,))


def _is_source(source: str, named: tuple[str, ...]) -> bool:
    """Events of months have been seen to name the service's report, as in "NWS Climatological Report NY"."""
    return not named or source in named or (source == NWS and any(name.startswith("NWS ") for name in named))


def parse_snapshot(
    market: Fields, contract: Contract, book: OrderBook | None, *, seen_at: datetime, payload_hash: str
) -> MarketSnapshot:
    """Return the market with its book; best prices are the book's where there is one."""
    quote = parse_quote(market)
    return MarketSnapshot(
        ticker=contract.ticker,
        event_ticker=contract.event_ticker,
        city_code=contract.city_code,
        market_type=contract.market_type,
        climate_date=contract.climate_date,
        captured_at=book.captured_at if book else seen_at,
        status=parse_status(market),
        yes_bid=book.best_bid if book else quote.yes_bid,
        yes_ask=book.best_ask if book else quote.yes_ask,
        volume=market.count("volume_fp"),
        open_interest=market.count("open_interest_fp"),
        close_time=contract.close_time,
        rules_url=contract.rules_url,
        terms_hash=contract.terms_hash,
        book=book,
        payload_hash=payload_hash,
    )


def parse_status(market: Fields) -> MarketStatus:
    return MarketStatus(market.one_of("status", tuple(status.value for status in MarketStatus)))


def parse_quote(market: Fields) -> Quote:
    """An empty side is written as a bid of 0 or an ask of 1."""
    bid, ask = market.price("yes_bid_dollars"), market.price("yes_ask_dollars")
    return Quote(
        yes_bid=bid or None,
        yes_bid_size=market.count("yes_bid_size_fp"),
        yes_ask=ask if ask < 1 else None,
        yes_ask_size=market.count("yes_ask_size_fp"),
    )


def parse_book(fields: Fields, received_at: datetime) -> OrderBook:
    """Return a book best first, whatever order it came in; it has no time of its own. Both sides are bids."""
    sides = fields.child("orderbook_fp")
    return OrderBook(
        captured_at=received_at, yes_bids=_levels(sides, "yes_dollars"), no_bids=_levels(sides, "no_dollars")
    )


def book_of_best_prices(quote: Quote, received_at: datetime) -> OrderBook:
    """Return a book of one level a side: what is known when full books ask for a signature we do not have."""
    yes = [Level(price=quote.yes_bid, size=quote.yes_bid_size)] if quote.yes_bid is not None else []
    no = [Level(price=1 - quote.yes_ask, size=quote.yes_ask_size)] if quote.yes_ask is not None else []
    return OrderBook(
        captured_at=received_at,
        yes_bids=tuple(level for level in yes if level.size),
        no_bids=tuple(level for level in no if level.size),
    )


def _levels(sides: Fields, name: str) -> tuple[Level, ...]:
    levels: dict[Decimal, Decimal] = {}
    for place, row in enumerate(sides.items(name)):
        if not isinstance(row, list) or len(row) != 2:
            raise MalformedPayload(
                f"{sides.what}.{name}[{place}]: expected [price, size], found {str(row)[:40]!r}"
            )
        level = Fields({"price": row[0], "size": row[1]}, f"{sides.what}.{name}[{place}]")
        price, size = level.price("price"), level.count("size")
        if not 0 < price < 1 or price in levels:
            raise level.error("price", "a new price between 0 and 1 dollars")
        levels[price] = size
    return tuple(
        Level(price=price, size=levels[price]) for price in sorted(levels, reverse=True) if levels[price]
    )


def parse_result(market: Fields, cities: Mapping[str, CityConfig]) -> MarketResult | None:
    """Return the published outcome, None while there is none or when it is a fair price instead of yes or no.

    Keyed on status and result: a determined market may not name its value yet.
    """
    status, result = parse_status(market), market.one_of("result", ("yes", "no", "scalar", ""))
    if status not in (MarketStatus.DETERMINED, MarketStatus.FINALIZED) or result not in ("yes", "no"):
        return None
    event_ticker = market.text("event_ticker")
    city = city_of_series(event_ticker.rpartition("-")[0], cities)
    if city is None:
        raise MalformedPayload(f"{market.what}: expected an event of our series, found {event_ticker}")
    settled = market.has("settlement_ts")
    return MarketResult(
        ticker=market.text("ticker"),
        event_ticker=event_ticker,
        climate_date=climate_date_of(market, event_ticker, market.instant("close_time"), *city),
        result=cast(Literal["yes", "no"], result),
        value=_settled_value(market, city[1]),
        determined_at=market.instant("settlement_ts" if settled else "updated_time"),
    )


def _settled_value(market: Fields, market_type: MarketType) -> int | None:
    """``"67.00"`` degrees are 67 units, ``"3.05"`` inches of rain 305.

    None before the value is named, and for a fraction of a unit.
    """
    if market.text("expiration_value", allow_empty=True) == "":
        return None
    value = market.decimal("expiration_value") / UNIT_IN.get(market_type, Decimal(1))
    return int(value) if value == value.to_integral_value() else None


def city_of_series(series: str, cities: Mapping[str, CityConfig]) -> tuple[CityConfig, MarketType] | None:
    """Return the city and type whose series this is. A list of our own, never read out of a ticker."""
    for city in cities.values():
        for market_type in MarketType:
            if city.series(market_type) == series:
                return city, market_type
    return None


def _tick(market: Fields) -> Decimal:
    """The step of a single price band; whole cents are valid on every grid with several."""
    bands = list(market.children("price_ranges"))
    steps = {band.price("step") for band in bands}
    if not bands or 0 in steps or any(CENT % step for step in steps):
        raise market.error("price_ranges", "bands whose steps divide a cent")
    return steps.pop() if len(steps) == 1 else CENT


def _multiplier(fields: Fields, name: str) -> Decimal:
    value = fields.number(name)
    if value < 0:
        raise fields.error(name, "a multiplier from 0")
    return value


def _default_shard(fields: Fields) -> None:
    """Weather trades on shard 0, where our cash is; another shard would refuse orders for want of cash."""
    if fields.has("exchange_index") and fields.whole("exchange_index") != 0:
        raise fields.error("exchange_index", "0")
