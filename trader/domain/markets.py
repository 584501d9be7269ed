"""Contracts and quotes. Prices are dollars per YES contract unless a name says otherwise."""

from datetime import date
from decimal import Decimal
from typing import Annotated

from pydantic import Field

from trader.domain.types import Frozen, Instant, MarketStatus, MarketType, Price, Quantity, ReasonCode, Side


class Level(Frozen):
    """A bid: price in dollars of its own side, size in contracts."""

    price: Price
    size: Quantity


class OrderBook(Frozen):
    """Bids of both sides, best first. The YES ask at 1 - p has the size of the NO bid at p.

    ``captured_at`` is the receipt time; the exchange's book carries none.
    """

    captured_at: Instant
    yes_bids: tuple[Level, ...]
    no_bids: tuple[Level, ...]

    def asks(self, side: Side) -> tuple[Level, ...]:
        """Levels at which ``side`` can be bought now, cheapest first, in dollars of that side."""
        opposite = self.no_bids if side is Side.YES else self.yes_bids
        return tuple(Level(price=1 - level.price, size=level.size) for level in opposite)

    @property
    def best_bid(self) -> Decimal | None:
        return self.yes_bids[0].price if self.yes_bids else None

    @property
    def best_ask(self) -> Decimal | None:
        return 1 - self.no_bids[0].price if self.no_bids else None

    @property
    def spread(self) -> Decimal | None:
        """Ask minus bid of YES, None unless both sides stand."""
        if self.best_bid is None or self.best_ask is None:
            return None
        return self.best_ask - self.best_bid


def bracket_wins(lo: int | None, hi: int | None, value: int) -> bool:
    """Whether ``value`` lies in [lo, hi], both ends in; None is an open end."""
    return (lo is None or value >= lo) and (hi is None or value <= hi)


class Contract(Frozen):
    """Terms of one market: wins for whole values in [lo, hi], None is an open end.

    ``terms_hash`` is over rules text, strikes, close time, source and fee; a new hash is a new stored
    version. ``proof`` is empty when rules text proves station, variable, date and source; otherwise why not.
    ``fee_multiplier`` scales the taker fee 0.07 x C x P x (1 - P).
    """

    ticker: str
    event_ticker: str
    series_ticker: str
    city_code: str
    market_type: MarketType
    climate_date: date
    label: str
    lo: int | None
    hi: int | None
    open_time: Instant
    close_time: Instant
    rules_text: str
    rules_url: str
    rules_hash: str
    settlement_source: str
    station: str
    fee_type: str
    fee_multiplier: Annotated[Decimal, Field(ge=0, strict=False)]
    tick: Price
    terms_hash: str
    proof: tuple[ReasonCode, ...] = ()

    def wins(self, value: int) -> bool:
        """Whether this contract pays 1 dollar when the official whole value is ``value``."""
        return bracket_wins(self.lo, self.hi, value)


class MarketSnapshot(Frozen):
    """One market at one instant. ``book`` is None when the exchange had none; that is an answer, not an
    error.
    """

    ticker: str
    event_ticker: str
    city_code: str
    market_type: MarketType
    climate_date: date
    captured_at: Instant
    status: MarketStatus
    yes_bid: Price | None
    yes_ask: Price | None
    volume: Quantity
    open_interest: Quantity
    close_time: Instant
    rules_url: str
    terms_hash: str
    book: OrderBook | None
    payload_hash: str | None = None
