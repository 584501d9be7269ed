"""The account on the exchange. The only code that puts a create or cancel on the wire.

A send has three outcomes: accepted, refused with proof, unknown. Nothing here sends a second time.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import TypeVar

from trader.adapters.fields import Fields, read_json
from trader.adapters.http import Response, join_path
from trader.adapters.kalshi import portfolio
from trader.adapters.kalshi.archive import Archive, Line
from trader.adapters.kalshi.client import EXPIRED, PAGE_LIMIT, KalshiClient, refusal_code
from trader.adapters.kalshi.market_data import KalshiMarketData
from trader.domain.errors import (
    ConfigurationError,
    InvariantViolation,
    MalformedPayload,
    TransientError,
    VenueRejected,
)
from trader.domain.orders import (
    Accepted,
    Balance,
    Canceled,
    CancelOutcome,
    Fill,
    Refused,
    SendOutcome,
    Settlement,
    Transfer,
    Unknown,
    VenueOrder,
    VenuePosition,
)
from trader.domain.signals import OrderIntent
from trader.domain.types import TradingMode
from trader.ports.clock import Clock
from trader.ports.exchange import Fence, clock_words

__all__ = ["KalshiExchange", "KalshiMarketData"]

# An empty id would turn a cancel into "cancel everything"; the exchange's ids are UUIDs.
_ORDER_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{7,63}")
_ORDERS = "/portfolio/events/orders"
TRANSFERS_PER_PAGE = 500
MAX_SKEW_S = 5.0
"""A clock further off than this explains a refused signature; the exchange accepts more than 5 and less than
30 s.
"""
Row = TypeVar("Row")
Answer = TypeVar("Answer", Accepted, Canceled)


class KalshiExchange:
    """Implements the exchange port for DEMO and LIVE."""

    def __init__(self, client: KalshiClient, *, clock: Clock, mode: TradingMode) -> None:
        self._client, self._clock, self.mode = client, clock, mode
        self._archive = Archive(client, clock=clock)

    def authenticate(self) -> str:
        """Prove the key with a signed balance read and return a name of the account that is no secret.

        Raises ConfigurationError when there is no key or the exchange refuses it, TransientError otherwise:
        also when our clock is off, as after a boot before the time is set, because that passes by itself.
        """
        account = self._client.account
        if account is None:
            raise ConfigurationError(f"{self.mode}: expected a key, found none; nothing was started")
        try:
            portfolio.parse_balance(self._read("/portfolio/balance", "account balance"))
        except VenueRejected as error:
            skew = self._client.skew_s
            if error.code == EXPIRED or (skew is not None and abs(skew) > MAX_SKEW_S):
                words = f"{self.mode} key: refused with {error.status} {error.code}"
                raise TransientError(f"{words}; {clock_words(skew)}") from error
            raise ConfigurationError(
                f"{self.mode} key: expected a signed read to succeed, found {error.status} {error.code}; "
                "nothing was started"
            ) from error
        except MalformedPayload as error:
            raise TransientError(str(error)) from error
        return f"{self.mode.value.lower()}-{account}"

    def create_order(self, intent: OrderIntent, *, fence: Fence) -> SendOutcome:
        """Send one create. Raises, before the first byte, what the fence raises, and InvariantViolation for
        another mode's intent.
        """
        if intent.mode is not self.mode:
            raise InvariantViolation(
                f"order {intent.intent_key}: expected {self.mode}, found {intent.mode}; nothing was sent"
            )
        body = portfolio.create_body(intent)
        what = f"create of {intent.ticker}"

        def accepted(answer: Fields) -> Accepted:
            return portfolio.parse_created(answer, intent)

        return self._send(
            lambda: self._client.write("POST", _ORDERS, what=what, params={}, fence=fence, body=body),
            what,
            accepted,
        )

    def cancel_order(self, kalshi_order_id: str, ticker: str, *, fence: Fence) -> CancelOutcome:
        """Send one cancel. "Not found" proves nothing: the order may have filled, so it is unknown.

        Raises InvariantViolation for an id that is none, because an empty one would cancel everything.
        """
        path = join_path("portfolio", "events", "orders", _order_id(kalshi_order_id))
        what = f"cancel in {ticker}"

        def canceled(answer: Fields) -> Canceled:
            return portfolio.parse_canceled(answer, kalshi_order_id)

        # without the ticker the request goes to the default shard only
        params = {"market_ticker": ticker}
        outcome = self._send(
            lambda: self._client.write("DELETE", path, what=what, params=params, fence=fence), what, canceled
        )
        if isinstance(outcome, Refused) and outcome.status == 404:
            return Unknown(why="not_found")
        return outcome

    def data_as_of(self) -> datetime | None:
        """Return how fresh the account's lists are, by the exchange's clock; None where it does not say.

        Raises TransientError when it does not answer.
        """
        try:
            return self._read("/exchange/user_data_timestamp", "age of the lists").instant("as_of_time")
        except VenueRejected:
            return None
        except MalformedPayload as error:
            raise TransientError(f"{error}; the lists were not used") from error

    def list_orders(self, since: datetime | None = None) -> tuple[VenueOrder, ...]:
        """Return what rests and what was created at or after ``since``, or all there ever was; all pages.

        Raises TransientError; a partial list is never returned.
        """
        found = [] if since is None else self._rows("orders", {"status": "resting"}, portfolio.parse_order)
        found += self._since("orders", since, portfolio.parse_order, "orders_updated_ts")
        return tuple({order.kalshi_order_id: order for order in found}.values())

    def get_order(self, kalshi_order_id: str) -> VenueOrder | None:
        """Return one order; None when the exchange knows none, which right after a create proves nothing.

        Raises TransientError without a readable answer, InvariantViolation for an id that is none.
        """
        what = "order"
        try:
            path = join_path("portfolio", "orders", _order_id(kalshi_order_id))
            return portfolio.parse_order(self._read(path, what).child("order"))
        except VenueRejected as error:
            if error.status == 404:
                return None
            raise TransientError(f"{error}; the order's state is not known") from error
        except MalformedPayload as error:
            raise TransientError(f"{error}; the order's state is not known") from error

    def cancel_all(self, *, fence: Fence) -> Refused | Unknown | None:
        """Cancel everything that rests, by whomever, and what is placed within the next minute.

        Returns None when the exchange confirmed it; which orders had filled before, the lists tell.
        """
        what = "cancel of all orders"
        try:
            response = self._client.write("DELETE", _ORDERS, what=what, params={}, fence=fence)
        except TransientError as error:
            return Unknown(why=str(error))
        code = refusal_code(response)
        if response.status == 204:
            return None
        if 400 <= response.status < 500 and response.status != 408 and code is not None:
            return Refused(status=response.status, code=code)
        return Unknown(why=f"{what}: status {response.status} {code or 'without a code'}")

    def get_fills(self, since: datetime | None = None) -> tuple[Fill, ...]:
        """Return fills executed at or after ``since``, each once, oldest first. Raises TransientError."""
        found = self._since(
            "fills", since, lambda row: portfolio.parse_fill(row, self.mode), "trades_created_ts"
        )
        once = {fill.fill_id: fill for fill in found if since is None or fill.filled_at >= since}
        return tuple(sorted(once.values(), key=lambda fill: (fill.filled_at, fill.fill_id)))

    def get_positions(self) -> tuple[VenuePosition, ...]:
        """Return open positions. Raises TransientError."""
        params = {"count_filter": "position"}
        return tuple(self._rows("positions", params, portfolio.parse_position, name="market_positions"))

    def get_balance(self) -> Balance:
        """Return cash. Raises TransientError."""
        try:
            return portfolio.parse_balance(self._read("/portfolio/balance", "account balance"))
        except (VenueRejected, MalformedPayload) as error:
            raise TransientError(f"{error}; the balance is not known") from error

    def get_settlements(self, since: datetime | None = None) -> tuple[Settlement, ...]:
        """Return payouts, oldest first, the newest of each market. Raises TransientError."""
        found = self._rows(
            "settlements", _from(since), lambda row: portfolio.parse_settlement(row, self.mode)
        )
        in_time = [row for row in found if since is None or row.settled_at >= since]
        kept = {row.ticker: row for row in sorted(in_time, key=lambda row: row.settled_at)}
        return tuple(sorted(kept.values(), key=lambda row: (row.settled_at, row.ticker)))

    def get_transfers(self) -> tuple[Transfer, ...]:
        """Return deposits and withdrawals that reached the balance, oldest first. Raises TransientError."""
        found = [
            transfer
            for path, sign in (("deposits", 1), ("withdrawals", -1))
            for transfer in self._rows(
                path, {}, partial(portfolio.parse_transfer, sign=sign), is_transfer=True
            )
        ]
        return tuple(sorted((t for t in found if t is not None), key=lambda t: (t.applied_at, t.ref)))

    def _since(
        self, path: str, since: datetime | None, parse: Callable[[Fields], Row], line: Line
    ) -> list[Row]:
        """Rows of a list from an instant on, from the archive too where it reaches so far."""
        found = self._rows(path, _from(since), parse)
        if self._archive.reaches(line, since):
            found += self._rows(path, _from(since), parse, address=f"/historical/{path}")
        return found

    def _read(self, path: str, what: str) -> Fields:
        return read_json(self._client.get(path, what=what).body, what)

    def _rows(
        self,
        path: str,
        params: Mapping[str, str],
        parse: Callable[[Fields], Row],
        *,
        name: str | None = None,
        address: str | None = None,
        is_transfer: bool = False,
    ) -> list[Row]:
        """Read and parse a whole list. One row that cannot be read spoils it: leaving it out would be a
        claim.
        """
        listed = name or path
        what = f"account {path}"
        try:
            pages = self._client.get_pages(
                address or f"/portfolio/{path}",
                listed,
                what=what,
                params=params,
                limit=TRANSFERS_PER_PAGE if is_transfer else PAGE_LIMIT,
                needs_cursor=not is_transfer,
            )
            return [parse(row) for page in pages for row in page.fields.children(listed)]
        except (VenueRejected, MalformedPayload) as error:
            raise TransientError(f"{error}; the list was not used") from error

    def _send(
        self, send: Callable[[], Response], what: str, accepted: Callable[[Fields], Answer]
    ) -> Answer | Refused | Unknown:
        """Send once and read what the answer proves (statuses as in the exchange's error table)."""
        try:
            response = send()
        except TransientError as error:
            return Unknown(why=str(error))
        status, code = response.status, refusal_code(response)
        if 200 <= status < 300:
            try:
                return accepted(read_json(response.body, what))
            except MalformedPayload as error:
                return Unknown(why=f"status {status} without a readable order: {error}")
        if not 400 <= status < 500 or status == 408 or code is None:
            return Unknown(why=f"{what}: status {status} {code or 'with an unreadable body'}")
        if code.lower() == "order_already_exists":
            return Unknown(why=code)
        return Refused(status=status, code=code)


def _order_id(text: str) -> str:
    if not _ORDER_ID.fullmatch(text):
        raise InvariantViolation(f"order: expected an exchange's id, found {text!r}; nothing was sent")
    return text


def _from(since: datetime | None) -> dict[str, str]:
    """The filter counts whole seconds; the rest is cut here and filtered by the caller."""
    return {} if since is None else {"min_ts": str(int(since.timestamp()))}
