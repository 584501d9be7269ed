"""The exchange in our words. Only the adapter translates to the venue's YES book of bids and asks."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from trader.domain.markets import Contract, MarketSnapshot
from trader.domain.orders import (
    Balance,
    CancelOutcome,
    Fill,
    MarketResult,
    SendOutcome,
    Settlement,
    Transfer,
    VenueOrder,
    VenuePosition,
)
from trader.domain.plan import RefusedMarket
from trader.domain.signals import OrderIntent
from trader.domain.types import Frozen, Instant, TradingMode

Fence = Callable[[], None]
"""Asked after a request is signed and right before its first byte; what it raises stops the send."""


class RawPayload(Frozen):
    """A body as received: JSON or a text product as text, ``sha256`` over the received bytes."""

    sha256: str
    content_type: str
    body: str
    received_at: Instant


class Notice(Frozen):
    """Something the exchange announces, as a changed rule or a coming fee. No decision hangs on it."""

    key: str
    text: str


class MarketView(Frozen):
    """One look at the markets of some series: contracts with terms, snapshots with books, what was refused,
    raw bodies, what the exchange announces.
    """

    contracts: tuple[Contract, ...]
    snapshots: tuple[MarketSnapshot, ...]
    refused: tuple[RefusedMarket, ...]
    payloads: tuple[RawPayload, ...]
    notices: tuple[Notice, ...] = ()


class Pause(Frozen):
    """A span in which the exchange takes no orders, by its own schedule."""

    begins_at: Instant
    ends_at: Instant


class ExchangeStatus(Frozen):
    """Whether the exchange trades, and its clock as its answer's date header told; ``skew_s`` is ours minus
    theirs.

    ``pause`` is the scheduled pause that runs now or comes next within eight days.
    """

    exchange_active: bool
    trading_active: bool
    server_time: Instant | None
    skew_s: float | None
    pause: Pause | None = None


def clock_words(skew_s: float | None) -> str:
    """How our clock stands to the exchange's (seconds, ours minus theirs), and where to look."""
    if skew_s is None:
        return "our clock differs from the exchange's by an unknown time; look: timedatectl"
    side = "ahead of" if skew_s > 0 else "behind"
    return f"our clock is {abs(skew_s):.1f} s {side} the exchange's; look: timedatectl"


class MarketData(Protocol):
    """Public market data; needs no key. Raises TransientError when the venue does not answer."""

    def status(self) -> ExchangeStatus: ...

    def look(self, series: Sequence[str]) -> MarketView:
        """Return every open market of the series with its full book, stamped on receipt."""
        ...

    def results(self, tickers: Sequence[str]) -> tuple[MarketResult, ...]:
        """Return the published results among these markets."""
        ...


class Exchange(Protocol):
    """The account. Creates and cancels are never retried here; reads are."""

    mode: TradingMode

    def authenticate(self) -> str:
        """Prove the key with a signed read; return the account's identity. Raises ConfigurationError."""
        ...

    def create_order(self, intent: OrderIntent, *, fence: Fence) -> SendOutcome: ...

    def cancel_order(self, kalshi_order_id: str, ticker: str, *, fence: Fence) -> CancelOutcome: ...

    def data_as_of(self) -> datetime | None:
        """Return the exchange's instant up to which the lists below are complete, None where it does not say.

        Ask before the lists. Raises TransientError when it does not answer.
        """
        ...

    def list_orders(self, since: datetime | None = None) -> tuple[VenueOrder, ...]:
        """Return all orders that rest and all created at or after ``since`` (None: all that is listed).

        All pages; raises TransientError: a partial list is never returned.
        """
        ...

    def get_fills(self, since: datetime | None = None) -> tuple[Fill, ...]:
        """Return fills executed at or after ``since``, all pages, oldest first; ``order_id`` is None."""
        ...

    def get_positions(self) -> tuple[VenuePosition, ...]: ...

    def get_balance(self) -> Balance: ...

    def get_transfers(self) -> tuple[Transfer, ...]:
        """Return deposits and withdrawals that reached the balance, oldest first. Raises TransientError."""
        ...

    def get_settlements(self, since: datetime | None = None) -> tuple[Settlement, ...]: ...
