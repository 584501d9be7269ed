"""Quotes, books and results of the exchange in our words. Strict: the unexpected refuses that market.

With terms.py, calendar.py and portfolio.py this is the only place that knows field names of the exchange (API
of October 2026).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from operator import attrgetter
from typing import Literal, NoReturn, cast

from trader.adapters.fields import Fields, fixed_point, is_count
from trader.adapters.kalshi.days import climate_date_of
from trader.domain.amounts import UNIT_IN
from trader.domain.cities import CityConfig
from trader.domain.errors import InvariantViolation, MalformedPayload
from trader.domain.markets import Contract, Level, MarketSnapshot, OrderBook
from trader.domain.orders import MarketResult
from trader.domain.types import MarketStatus, MarketType

CENT = Decimal("0.01")
_STATUSES = tuple(status.value for status in MarketStatus)


@dataclass(frozen=True, slots=True)
class Quote:
    """Best prices of the market object with their sizes, used when order books cannot be read."""

    yes_bid: Decimal | None
    yes_bid_size: Decimal
    yes_ask: Decimal | None
    yes_ask_size: Decimal


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
    return MarketStatus(market.one_of("status", _STATUSES))


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
    """Return the levels of a side, best first; a level without size is none."""
    rows = sides.items(name)
    plain = [_plain(*row) if _is_pair(row) else None for row in rows]
    found = [level for level in plain if level is not None]
    if len({level.price for level in found}) < len(rows):
        _refuse_level(sides, name)
    return tuple(sorted((level for level in found if level.size), key=_price, reverse=True))


_price = attrgetter("price")


def _is_pair(row: object) -> bool:
    return type(row) is list and len(row) == 2 and type(row[0]) is str and type(row[1]) is str


@lru_cache(maxsize=1 << 13)  # the same prices and sizes from book to book
def _plain(price_text: str, size_text: str) -> Level | None:
    price, size = fixed_point(price_text), fixed_point(size_text)
    if price is None or size is None or not 0 < price < 1 or not is_count(size):
        return None
    return Level(price=price, size=size)


def _refuse_level(sides: Fields, name: str) -> NoReturn:
    """Name the first level that is not as it should be: of another form, or of a price that was there."""
    prices: set[Decimal] = set()
    for place, row in enumerate(sides.items(name)):
        what = f"{sides.what}.{name}[{place}]"
        if not isinstance(row, list) or len(row) != 2:
            raise MalformedPayload(f"{what}: expected [price, size], found {str(row)[:40]!r}")
        level = Fields({"price": row[0], "size": row[1]}, what)
        price, _ = level.price("price"), level.count("size")
        if not 0 < price < 1 or price in prices:
            raise level.error("price", "a new price between 0 and 1 dollars")
        prices.add(price)
    raise InvariantViolation(
        f"{sides.what}.{name}: expected a level to be refused, found none; nothing was read"
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
