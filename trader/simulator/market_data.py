"""Public routes of the exchange: series, events, markets, order books, status; answers are cached bytes."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from datetime import datetime

from trader.domain.types import MarketStatus
from trader.simulator.envelopes import (
    book_bytes,
    book_json,
    event_json,
    market_json,
    quote_json,
    rfc3339,
    series_json,
)
from trader.simulator.exchange import Exchange
from trader.simulator.http import RENDERED, Answer, Request, Route, answer, as_json
from trader.simulator.lifecycle import maintenance_windows
from trader.simulator.paging import limit_of, page, seconds_of
from trader.simulator.refusals import bad_query, not_found
from trader.simulator.world import Market

BASE = "/trade-api/v2"
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_FILTERS = {
    "unopened": {MarketStatus.INITIALIZED},
    "open": {MarketStatus.ACTIVE},
    "paused": {MarketStatus.INACTIVE},
    "closed": {MarketStatus.CLOSED, MarketStatus.DETERMINED, MarketStatus.DISPUTED, MarketStatus.AMENDED},
    "settled": {MarketStatus.FINALIZED},
}
_CacheKey = tuple[MarketStatus, int | None, int]


def _wrap(name: str, parts: Iterable[bytes], cursor: str) -> Answer:
    body = b'{"%s":[%s],"cursor":%s}' % (name.encode(), b",".join(parts), as_json(cursor))
    return Answer(200, body, headers=(RENDERED,))


class MarketData:
    """Serves what the exchange shows in public."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange, self._world = exchange, exchange.world
        self._listed: dict[str, tuple[MarketStatus, bytes]] = {}
        self._markets: dict[str, tuple[_CacheKey, bytes]] = {}
        self._books: dict[str, tuple[_CacheKey, bytes]] = {}
        self._events = {ticker: as_json(event_json(rows[0])) for ticker, rows in self._world.events.items()}
        self._series = {ticker: as_json(series_json(self._world, ticker)) for ticker in self._world.series}

    def routes(self) -> tuple[Route, ...]:
        table = (
            ("/series", "read_series", self.series_list),
            ("/series/fee_changes", "read_series", self.fee_changes),
            ("/events/fee_changes", "read_events", self.event_fee_changes),
            ("/historical/markets", "read_markets", self.archived),
            ("/series/{series}", "read_series", self.series),
            ("/events", "read_events", self.events),
            ("/events/{event}", "read_events", self.event),
            ("/markets", "read_markets", self.markets),
            ("/markets/orderbooks", "read_books", self.books),
            ("/markets/{ticker}", "read_markets", self.market),
            ("/markets/{ticker}/orderbook", "read_books", self.book),
            ("/exchange/status", "read_status", self.status),
            ("/exchange/schedule", "read_status", self.schedule),
        )
        return tuple(Route("GET", BASE + path, operation, handler) for path, operation, handler in table)

    def _key(self, market: Market, now: datetime) -> _CacheKey:
        status = self._exchange.status(market, now)
        books = self._exchange.books
        standing = books.capture if status is MarketStatus.ACTIVE else None
        return status, standing, books.version.get(market.ticker, 0)

    def _market_bytes(self, market: Market, now: datetime) -> bytes:
        key = self._key(market, now)
        cached = self._markets.get(market.ticker)
        if cached is None or cached[0] != key:
            quote = as_json(quote_json(self._exchange.depth(market, now)))
            cached = self._markets[market.ticker] = (key, b"%s,%s" % (self._terms(market, key[0]), quote[1:]))
        return cached[1]

    def _terms(self, market: Market, status: MarketStatus) -> bytes:
        """Return the market's object without its quote and without its last brace."""
        known = self._listed.get(market.ticker)
        if known is None or known[0] is not status:
            shown = as_json(market_json(self._world, market, self._exchange.life(market), status))
            known = self._listed[market.ticker] = (status, shown[:-1])
        return known[1]

    def _book_bytes(self, market: Market, now: datetime) -> bytes:
        key = self._key(market, now)
        cached = self._books.get(market.ticker)
        if cached is None or cached[0] != key:
            cached = self._books[market.ticker] = (key, book_bytes(self._exchange.depth(market, now)))
        return cached[1]

    def series_list(self, request: Request) -> Answer:
        category, tags = request.query.get("category", ""), request.query.get("tags", "")
        listed = category in ("", "Climate and Weather") and (
            "Daily temperature" in tags.split(",") or not tags
        )
        return Answer(
            200, b'{"series":[%s]}' % b",".join(self._series.values() if listed else ()), headers=(RENDERED,)
        )

    def series(self, request: Request) -> Answer:
        body = self._series.get(request.params["series"])
        if body is None:
            raise not_found()
        return Answer(200, b'{"series":%s}' % body, headers=(RENDERED,))

    def fee_changes(self, _: Request) -> Answer:
        return answer(200, {"series_fee_change_arr": []}, RENDERED)

    def event_fee_changes(self, _: Request) -> Answer:
        return answer(200, {"event_fee_changes": [], "cursor": ""}, RENDERED)

    def archived(self, _: Request) -> Answer:
        """A world is younger than the three months for which markets stay listed."""
        return answer(200, {"markets": [], "cursor": ""}, RENDERED)

    def events(self, request: Request) -> Answer:
        now, query = self._exchange.advance(), request.query
        limit = limit_of(query, "GetEvents", 200, 200)
        wanted = self._status_filter(query, "GetEvents")
        tickers = [ticker for ticker in query.get("tickers", "").split(",") if ticker]
        min_close = seconds_of(query, "min_close_ts", "GetEvents")
        series = query.get("series_ticker")
        named = self._world.events if series is None else sorted(self._of_series(series, wanted, now))
        rows = [
            (ticker, markets)
            for ticker, markets in ((name, self._world.events[name]) for name in named)
            if markets[0].created_at <= now
            and query.get("series_ticker", markets[0].series_ticker) == markets[0].series_ticker
            and (not tickers or ticker in tickers)
            and (min_close is None or self._exchange.life(markets[0]).close_at >= min_close)
            and (wanted is None or any(self._exchange.status(market, now) in wanted for market in markets))
        ]
        chosen, cursor = page(rows, query, limit)
        nested = query.get("with_nested_markets") == "true"
        return _wrap("events", (self._event_bytes(ticker, nested, now) for ticker, _ in chosen), cursor)

    def _event_bytes(self, ticker: str, nested: bool, now: datetime) -> bytes:
        if not nested:
            return self._events[ticker]
        inner = b",".join(self._market_bytes(market, now) for market in self._world.events[ticker])
        return self._events[ticker][:-1] + b',"markets":[%s]}' % inner

    def event(self, request: Request) -> Answer:
        now, ticker = self._exchange.advance(), request.params["event"]
        markets = self._world.events.get(ticker)
        if markets is None or markets[0].created_at > now:
            raise not_found()
        nested = request.query.get("with_nested_markets") == "true"
        beside = b"" if nested else b",".join(self._market_bytes(market, now) for market in markets)
        event = self._event_bytes(ticker, nested, now)
        return Answer(200, b'{"event":%s,"markets":[%s]}' % (event, beside), headers=(RENDERED,))

    def _status_filter(self, query: Mapping[str, str], operation: str) -> set[MarketStatus] | None:
        text = query.get("status", "")
        if text and text not in _FILTERS:
            raise bad_query(operation, "Status", "oneof")
        return _FILTERS[text] if text else None

    def _candidates(
        self, query: Mapping[str, str], wanted: set[MarketStatus] | None, now: datetime
    ) -> Iterable[Market]:
        """Narrow by the most telling filter first; a call per series must not look at every market."""
        if tickers := query.get("tickers"):
            return (self._world.markets[name] for name in tickers.split(",") if name in self._world.markets)
        if event := query.get("event_ticker"):
            return self._world.events.get(event, ())
        if series := query.get("series_ticker"):
            names = self._of_series(series, wanted, now)
            return (market for name in names for market in self._world.events[name])
        return (market for rows in self._world.events.values() for market in rows)

    def _of_series(self, series: str, wanted: set[MarketStatus] | None, now: datetime) -> list[str]:
        """Return a series' events, newest first; open ones are looked for among those not over."""
        names = self._world.series.get(series, ())
        first = 0
        if wanted == _FILTERS["open"]:
            first = bisect_right(names, now, key=lambda name: self._world.events[name][0].close_at)
        return list(reversed(names[first:]))

    def markets(self, request: Request) -> Answer:
        now, query = self._exchange.advance(), request.query
        limit = limit_of(query, "GetMarkets", 100, 1000)
        wanted = self._status_filter(query, "GetMarkets")
        bounds = {
            name: seconds_of(query, name, "GetMarkets")
            for name in ("min_close_ts", "max_close_ts", "min_settled_ts", "max_settled_ts")
        }
        series, event = query.get("series_ticker"), query.get("event_ticker")
        rows = [
            market
            for market in self._candidates(query, wanted, now)
            if market.created_at <= now
            and (not series or market.series_ticker == series)
            and (not event or market.event_ticker == event)
            and (wanted is None or self._exchange.status(market, now) in wanted)
            and _within(self._exchange.life(market).close_at, bounds["min_close_ts"], bounds["max_close_ts"])
            and _within(
                self._exchange.life(market).settled_at, bounds["min_settled_ts"], bounds["max_settled_ts"]
            )
        ]
        if query.get("mve_filter") == "only":
            rows = []
        chosen, cursor = page(rows, query, limit)
        return _wrap("markets", (self._market_bytes(market, now) for market in chosen), cursor)

    def market(self, request: Request) -> Answer:
        now = self._exchange.advance()
        market = self._exchange.market(request.params["ticker"], now)
        return Answer(200, b'{"market":%s}' % self._market_bytes(market, now), headers=(RENDERED,))

    def book(self, request: Request) -> Answer:
        now = self._exchange.advance()
        market = self._exchange.market(request.params["ticker"], now)
        text = request.query.get("depth", "0")
        if not text.isascii() or not text.isdigit() or int(text) > 100:
            raise bad_query("GetMarketOrderbook", "Depth", "lte" if text.isdigit() else "number")
        depth = int(text)
        if depth == 0:
            return Answer(200, b'{"orderbook_fp":%s}' % self._book_bytes(market, now), headers=(RENDERED,))
        yes, no = self._exchange.depth(market, now)
        return answer(200, {"orderbook_fp": book_json((yes[-depth:], no[-depth:]))}, RENDERED)

    def books(self, request: Request) -> Answer:
        now = self._exchange.advance()
        names = [name for name in request.query.get("tickers", "").split(",") if name]
        if not 0 < len(names) <= 100:
            raise bad_query("GetMarketOrderbooks", "Tickers", "max" if names else "required")
        markets = [self._exchange.market(name, now) for name in names]
        parts = (
            b'{"ticker":%s,"orderbook_fp":%s}' % (as_json(market.ticker), self._book_bytes(market, now))
            for market in markets
        )
        return Answer(200, b'{"orderbooks":[%s]}' % b",".join(parts), headers=(RENDERED,))

    def status(self, _: Request) -> Answer:
        now, lifecycle = self._exchange.advance(), self._exchange.lifecycle
        flags = {
            "exchange_active": not lifecycle.is_stopped(now),
            "trading_active": not lifecycle.is_trading_paused(now),
            "intra_exchange_transfers_active": True,
        }
        shards = [{"exchange_index": 0, "description": "default", **flags}]
        return answer(200, {**flags, "exchange_index_statuses": shards}, RENDERED)

    def schedule(self, _: Request) -> Answer:
        """The weekly pause; what happens unannounced is not in it."""
        whole_day = [{"open_time": "00:00", "close_time": "00:00"}]
        bounds = {"start_time": rfc3339(self._world.start), "end_time": rfc3339(self._world.end)}
        hours = [{**bounds, **dict.fromkeys(_WEEKDAYS, whole_day)}]
        windows = [
            {"start_datetime": rfc3339(a), "end_datetime": rfc3339(b)}
            for a, b in maintenance_windows(self._world.start, self._world.end)
        ]
        return answer(200, {"schedule": {"standard_hours": hours, "maintenance_windows": windows}}, RENDERED)


def _within(at: datetime | None, earliest: datetime | None, latest: datetime | None) -> bool:
    if earliest is None and latest is None:
        return True
    return at is not None and (earliest is None or at >= earliest) and (latest is None or at <= latest)
