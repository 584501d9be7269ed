"""What a market is about: fee of its series, what its event adds, its strikes and the proof of its rules.

Strict: the unexpected refuses that market, never a default (API of October 2026).
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from trader.adapters.fields import Fields
from trader.adapters.kalshi.days import CLOSES_EARLY_BY, climate_date_of
from trader.domain.amounts import UNIT_IN
from trader.domain.canonical import content_hash
from trader.domain.cities import CityConfig
from trader.domain.errors import MalformedPayload
from trader.domain.markets import Contract
from trader.domain.rules_words import NWS
from trader.domain.terms import bracket_bounds, prove_rules, rules_bounds, settlement_source
from trader.domain.types import MarketType, ReasonCode
from trader.ports.exchange import Notice

CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class SeriesTerms:
    """Fee of a series; an event may override it. ``notice`` is what the exchange announces about it."""

    ticker: str
    fee_type: str
    fee_multiplier: Decimal
    notice: Notice | None = None


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
class FeeChange:
    """A coming fee of a series, or of one of its events (``subject``); None clears an event's own fee."""

    subject: str
    series_ticker: str
    fee_type: str | None
    fee_multiplier: Decimal | None
    at: datetime

    def words(self) -> str:
        fee = f"{self.fee_type} x {self.fee_multiplier}" if self.fee_type else "its series' fee"
        return f"{self.subject}: {fee} from {self.at:%Y-%m-%d %H:%M UTC}"


def parse_series(fields: Fields) -> SeriesTerms:
    series = fields.child("series")
    _default_shard(series)
    return SeriesTerms(
        series.text("ticker"),
        series.text("fee_type"),
        _multiplier(series, "fee_multiplier"),
        _notice(series),
    )


def _notice(series: Fields) -> Notice | None:
    """Changes of rules are announced here. Nothing is decided by it, so an unknown form is no notice."""
    try:
        info = series.child("product_metadata").child("important_info")
        return Notice(key=f"notice {info.text('id')}", text=info.text("markdown")[:2000])
    except MalformedPayload:
        return None


def parse_series_fee_change(row: Fields) -> FeeChange:
    ticker = row.text("series_ticker")
    multiplier = _multiplier(row, "fee_multiplier")
    return FeeChange(ticker, ticker, row.text("fee_type"), multiplier, row.instant("scheduled_ts"))


def parse_event_fee_change(row: Fields) -> FeeChange:
    is_cleared = row.raw("fee_type_override") is None
    return FeeChange(
        row.text("event_ticker"),
        row.text("series_ticker"),
        None if is_cleared else row.text("fee_type_override"),
        None if row.raw("fee_multiplier_override") is None else _multiplier(row, "fee_multiplier_override"),
        row.instant("scheduled_ts"),
    )


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
