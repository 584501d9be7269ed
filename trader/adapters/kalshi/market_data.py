"""Public market data of the exchange: markets with terms, full books, results, status. Needs no key."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from trader.adapters.fields import Fields, read_json
from trader.adapters.http import Response, join_path
from trader.adapters.kalshi import mapping
from trader.adapters.kalshi.calendar import Calendar, parse_calendar
from trader.adapters.kalshi.catalogue import Catalogue
from trader.adapters.kalshi.client import KalshiClient
from trader.domain.cities import CityConfig
from trader.domain.errors import ConfigurationError, MalformedPayload, TransientError, VenueRejected
from trader.domain.markets import Contract, MarketSnapshot, OrderBook
from trader.domain.orders import MarketResult
from trader.domain.plan import RefusedMarket
from trader.domain.types import ReasonCode
from trader.ports.clock import Clock
from trader.ports.exchange import ExchangeStatus, MarketView, Notice, RawPayload

BOOKS_PER_CALL, MARKETS_PER_CALL = 100, 100
_SCHEDULE_AGAIN = timedelta(hours=6)
_Row = tuple[Contract, Fields, Response]


class _View:
    """What one look has found so far."""

    def __init__(self) -> None:
        self.rows: list[_Row] = []
        self.refused: list[RefusedMarket] = []
        self.payloads: list[RawPayload] = []
        self.books: dict[str, OrderBook] = {}


class KalshiMarketData:
    """Implements the market data port. Events and series are read once a day and when a new event shows.

    ``is_depth_limited`` turns true when full books ask for a signature we do not have: books then hold one
    level a side, the size at the best price. ``refused_results`` are markets whose result could not be read.
    """

    def __init__(self, client: KalshiClient, *, cities: Mapping[str, CityConfig], clock: Clock) -> None:
        self._client, self._cities, self._clock = client, cities, clock
        self._catalogue = Catalogue(client, clock=clock)
        self._calendar, self._calendar_until = Calendar(), datetime.min.replace(tzinfo=UTC)
        self._calendar_unread: tuple[Notice, ...] = ()
        self.is_depth_limited = False
        self.refused_results: tuple[RefusedMarket, ...] = ()

    def status(self) -> ExchangeStatus:
        """Return whether the exchange trades; it may say so with status 503 or 504. Raises TransientError."""
        what = "exchange status"
        try:
            response = self._client.get("/exchange/status", what=what, is_answer=_names_status)
            fields = read_json(response.body, what)
            active, trading = fields.flag("exchange_active"), fields.flag("trading_active")
        except (VenueRejected, MalformedPayload) as error:
            raise TransientError(f"{error}; the status is not known") from error
        return ExchangeStatus(
            exchange_active=active,
            trading_active=trading,
            server_time=self._client.server_time,
            skew_s=self._client.skew_s,
            pause=self._read_calendar().pause(self._clock.now()),
        )

    def _read_calendar(self) -> Calendar:
        """The schedule, read a few times a day; while it cannot be read the last one known stays."""
        if (now := self._clock.now()) >= self._calendar_until:
            self._calendar_until = now + _SCHEDULE_AGAIN
            what = "exchange schedule"
            try:
                body = self._client.get("/exchange/schedule", what=what).body
                self._calendar = parse_calendar(read_json(body, what))
            except (TransientError, VenueRejected, MalformedPayload) as error:
                text = f"the schedule could not be read, the last one known stays: {error}"[:300]
                self._calendar_unread = (Notice(key="schedule", text=text),)
            else:
                self._calendar_unread = ()
        return self._calendar

    def list_markets(self, series_ticker: str) -> tuple[MarketSnapshot, ...]:
        """Return the open markets of one series with their books."""
        return self.look([series_ticker]).snapshots

    def get_orderbook(self, ticker: str) -> OrderBook | None:
        """Return one market's full book, None when the exchange has none. Raises TransientError."""
        what = f"order book of {ticker}"
        try:
            response = self._client.get(join_path("markets", ticker, "orderbook"), what=what)
            return mapping.parse_book(read_json(response.body, what), response.received_at)
        except VenueRejected as error:
            if error.status == 404:
                return None
            raise TransientError(str(error)) from error
        except MalformedPayload as error:
            raise TransientError(str(error)) from error

    def look(self, series: Sequence[str]) -> MarketView:
        """Return every open market of the series with its book. Raises TransientError without an answer."""
        self._catalogue.refresh()
        view = _View()
        for name in series:
            self._look_at_series(name, view)
        tickers = [contract.ticker for contract, _, _ in view.rows]
        for start in range(0, len(tickers), BOOKS_PER_CALL):
            self._read_books(tickers[start : start + BOOKS_PER_CALL], view)
        view.payloads += self._catalogue.take_payloads()
        return self._assemble(view)

    def _look_at_series(self, name: str, view: _View) -> None:
        known = mapping.city_of_series(name, self._cities)
        if known is None:
            raise ConfigurationError(
                f"series: expected one of the ten cities', found {name!r}; nothing was read"
            )
        city, market_type = known
        try:
            wanted = {"series_ticker": name, "status": "open"}
            pages = self._client.get_pages("/markets", "markets", what=f"markets of {name}", params=wanted)
        except VenueRejected as error:
            view.refused.append(_refused(name, name, city, str(error)))
            return
        view.payloads += [page.response.payload() for page in pages]
        for page in pages:
            for place, row in enumerate(page.fields.items("markets")):
                shown = f"{name}[{place}]"
                ticker, event = _names(row, shown)
                try:
                    market = Fields(row, f"market {ticker}")
                    contract = self._catalogue.contract(market, name, city, market_type)
                    mapping.parse_status(market)
                    view.rows.append((contract, market, page.response))
                except (MalformedPayload, VenueRejected, ValueError) as error:
                    view.refused.append(_refused(ticker, event, city, str(error)))

    def _read_books(self, tickers: Sequence[str], view: _View) -> None:
        """Read many books in one call; when a market vanished meanwhile the call fails: then one by one."""
        if self.is_depth_limited:
            return
        try:
            response = self._client.get(
                "/markets/orderbooks", what="order books", params={"tickers": ",".join(tickers)}
            )
        except VenueRejected as error:
            if error.status in (401, 403) and self._client.account is None:
                self.is_depth_limited = True
            elif error.status == 404:
                found = {ticker: self.get_orderbook(ticker) for ticker in tickers}
                view.books |= {ticker: book for ticker, book in found.items() if book is not None}
            else:
                raise TransientError(str(error)) from error
            return
        view.payloads.append(response.payload())
        try:
            rows = read_json(response.body, "order books").items("orderbooks")
        except MalformedPayload as error:
            raise TransientError(str(error)) from error
        for place, row in enumerate(rows):
            ticker, _ = _names(row, f"orderbooks[{place}]")
            try:
                view.books[ticker] = mapping.parse_book(
                    Fields(row, f"order book of {ticker}"), response.received_at
                )
            except MalformedPayload as error:
                self._refuse(ticker, str(error), view)

    def _refuse(self, ticker: str, detail: str, view: _View) -> None:
        """A refused market is in ``refused`` and nowhere else, so that its event is no partition any more."""
        for contract, _, _ in view.rows:
            if contract.ticker == ticker:
                city = self._cities[contract.city_code]
                view.refused.append(_refused(ticker, contract.event_ticker, city, detail))
        view.rows = [row for row in view.rows if row[0].ticker != ticker]

    def _assemble(self, view: _View) -> MarketView:
        snapshots = []
        for contract, market, response in tuple(view.rows):
            try:
                book = view.books.get(contract.ticker)
                if self.is_depth_limited:
                    book = mapping.book_of_best_prices(mapping.parse_quote(market), response.received_at)
                snapshots.append(
                    mapping.parse_snapshot(
                        market, contract, book, seen_at=response.received_at, payload_hash=response.sha256
                    )
                )
            except MalformedPayload as error:
                self._refuse(contract.ticker, str(error), view)
        return MarketView(
            contracts=tuple(contract for contract, _, _ in view.rows),
            snapshots=tuple(snapshots),
            refused=tuple(view.refused),
            payloads=tuple(view.payloads),
            notices=(*self._catalogue.notices(), *self._calendar_unread),
        )

    def results(self, tickers: Sequence[str]) -> tuple[MarketResult, ...]:
        """Return the published results among these markets. Raises TransientError without an answer.

        Markets that settled months ago are listed under the exchange's historical address only.
        """
        found: dict[str, MarketResult] = {}
        refused: list[RefusedMarket] = []
        for start in range(0, len(tickers), MARKETS_PER_CALL):
            wanted = set(tickers[start : start + MARKETS_PER_CALL])
            for path in ("/markets", "/historical/markets"):
                if wanted:
                    wanted -= self._read_results(path, sorted(wanted), found, refused)
        self.refused_results = tuple(refused)
        return tuple(found.values())

    def _read_results(
        self, path: str, tickers: list[str], found: dict[str, MarketResult], refused: list[RefusedMarket]
    ) -> set[str]:
        """Read one list; return the tickers that it names."""
        what = f"results from {tickers[0]} on"
        try:
            pages = self._client.get_pages(path, "markets", what=what, params={"tickers": ",".join(tickers)})
        except VenueRejected as error:
            raise TransientError(str(error)) from error
        named = set()
        for row in (row for page in pages for row in page.fields.items("markets")):
            ticker, event = _names(row, what)
            named.add(ticker)
            try:
                result = mapping.parse_result(Fields(row, f"market {ticker}"), self._cities)
            except MalformedPayload as error:
                refused.append(_refused(ticker, event, None, str(error)))
            else:
                found |= {ticker: result} if result else {}
        return named


def _names_status(response: Response) -> bool:
    try:
        fields = read_json(response.body, "exchange status")
        fields.flag("exchange_active")
        fields.flag("trading_active")
    except MalformedPayload:
        return False
    return response.status in (200, 503, 504)


def _names(row: object, fallback: str) -> tuple[str, str]:
    """Return ticker and event ticker of a row, as well as they can be told, to name it in a refusal."""
    value = row if isinstance(row, dict) else {}
    found = [value.get(name) for name in ("ticker", "event_ticker")]
    ticker, event = (name if isinstance(name, str) and name else fallback for name in found)
    return ticker, event


def _refused(ticker: str, event: str, city: CityConfig | None, detail: str) -> RefusedMarket:
    return RefusedMarket(
        ticker=ticker,
        event_ticker=event,
        city_code=city.code if city else "",
        reason=ReasonCode.PAYLOAD_MALFORMED,
        detail=detail[:300],
    )
