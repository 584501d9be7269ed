"""Checks before any trade. Each returns a Verdict with its reason; each can be asked alone; none raises."""

from datetime import datetime, timedelta
from decimal import Decimal

from trader.core.edge import depth_within
from trader.core.settlement import fits_together
from trader.domain.markets import Contract, MarketSnapshot, OrderBook
from trader.domain.risk import GateLimits
from trader.domain.signals import Signal
from trader.domain.terms import rules_bounds
from trader.domain.types import MarketStatus, ReasonCode, Side, Verdict
from trader.domain.weather import WeatherSnapshot

R = ReasonCode
OK = Verdict(allowed=True)
_DENIED = {reason: Verdict(allowed=False, reasons=(reason,)) for reason in ReasonCode}
_REFUSED_VALUES = (R.WEATHER_IMPLAUSIBLE, R.WEATHER_FROM_FUTURE, R.GRID_CELL_MISPLACED)


def check_book(market: MarketSnapshot | None, now: datetime, limits: GateLimits) -> Verdict:
    """A book with both sides, not crossed, captured at most ``max_book_age_s`` before ``now`` and never after
    it.
    """
    if market is None or market.book is None:
        return _DENIED[R.BOOK_MISSING]
    book = market.book
    if book.captured_at > now:
        return _DENIED[R.BOOK_FROM_FUTURE]
    if now - book.captured_at > timedelta(seconds=limits.max_book_age_s):
        return _DENIED[R.BOOK_STALE]
    spread = book.spread
    if spread is None:
        return _DENIED[R.BOOK_MISSING]
    return _DENIED[R.BOOK_CROSSED] if spread <= 0 else OK


def check_spread(market: MarketSnapshot, limits: GateLimits) -> Verdict:
    """Ask minus bid of at most ``max_spread_usd`` dollars; a missing side is BOOK_MISSING."""
    spread = market.book.spread if market.book is not None else None
    if spread is None:
        return _DENIED[R.BOOK_MISSING]
    return OK if spread <= limits.max_spread_usd else _DENIED[R.SPREAD_TOO_WIDE]


def check_liquidity(market: MarketSnapshot, side: Side, qty: Decimal, limit: Decimal) -> Verdict:
    """At least ``qty`` contracts of ``side`` offered at ``limit`` dollars or cheaper."""
    if market.book is None:
        return _DENIED[R.BOOK_MISSING]
    return OK if has_depth(market.book, side, qty, limit) else _DENIED[R.LIQUIDITY_TOO_LOW]


def has_depth(book: OrderBook, side: Side, qty: Decimal, limit: Decimal) -> bool:
    return depth_within(book, side, limit) >= qty


def check_edge(signal: Signal, limits: GateLimits) -> Verdict:
    """Edge after fees inside the limits; without a price there is none."""
    return _DENIED[R.BOOK_MISSING] if signal.edge is None else judge_edge(signal.edge, limits)


def judge_edge(edge: Decimal, limits: GateLimits) -> Verdict:
    """Dollars per contract from ``min_edge_usd`` to ``max_edge_usd``.

    Above the maximum it is likelier that our forecast is wrong than that a calibrated market is: on 292
    public station-days the model did worse the more it disagreed. Source: docs/settlement.md, "Edge".
    """
    if edge < limits.min_edge_usd:
        return _DENIED[R.EDGE_TOO_SMALL]
    return OK if edge <= limits.max_edge_usd else _DENIED[R.EDGE_IMPLAUSIBLE]


def check_freshness(
    weather: WeatherSnapshot | None, now: datetime, limits: GateLimits, *, needs_observation: bool
) -> Verdict:
    """Weather fetched in time, no refused value, and a recent station report where the day has begun.

    The snapshot's flags were judged when it was taken; the markets were read after it, so the fetch is judged
    once more at ``now``.
    """
    if weather is None:
        return _DENIED[R.WEATHER_STALE]
    reasons = [reason for reason in _REFUSED_VALUES if reason in weather.problems]
    limit = timedelta(seconds=limits.max_fetch_age_s)
    if weather.is_fetch_stale or (weather.fetched_at is not None and now - weather.fetched_at > limit):
        reasons.append(R.WEATHER_STALE)
    if needs_observation and weather.is_observation_stale:
        reasons.append(R.OBSERVATION_STALE)
    return Verdict(allowed=not reasons, reasons=tuple(reasons))


def check_open(
    contract: Contract, market: MarketSnapshot | None, now: datetime, limits: GateLimits
) -> Verdict:
    """Listed as active, past its opening, and at least ``min_time_to_close_s`` before its close."""
    if market is None:
        return _DENIED[R.BOOK_MISSING]
    if market.status is not MarketStatus.ACTIVE or now < contract.open_time:
        return _DENIED[R.MARKET_NOT_OPEN]
    closes = min(market.close_time, contract.close_time)
    if closes - now < timedelta(seconds=limits.min_time_to_close_s):
        return _DENIED[R.MARKET_CLOSING]
    return OK


def check_terms(contract: Contract, market: MarketSnapshot | None) -> Verdict:
    """Rules text proves the market and its bracket, and the quote was taken under these very terms."""
    if contract.proof:
        return Verdict(allowed=False, reasons=contract.proof)
    is_same = market is None or market.terms_hash == contract.terms_hash
    if not is_same or rules_bounds(contract.rules_text) != (contract.lo, contract.hi):
        return _DENIED[R.RULES_NOT_PROVEN]
    return OK


def check_partition(contracts: tuple[Contract, ...]) -> Verdict:
    """The event's brackets cover every whole degree exactly once, or are the thresholds of one total."""
    return OK if fits_together(contracts) else _DENIED[R.BRACKETS_NOT_PARTITION]
