"""What the exchange's markets are about, remembered: series, events and contracts with their terms."""

from datetime import UTC, datetime, time, timedelta

from trader.adapters.fields import Fields, read_json
from trader.adapters.http import Response, join_path
from trader.adapters.kalshi import terms
from trader.adapters.kalshi.client import KalshiClient
from trader.domain.cities import CityConfig
from trader.domain.errors import MalformedPayload, TransientError, VenueRejected
from trader.domain.markets import Contract
from trader.domain.types import MarketType
from trader.ports.clock import Clock
from trader.ports.exchange import Notice, RawPayload

EVENTS_PER_PAGE = 200
_FEES_AGAIN = timedelta(hours=1)
# What moves without changing a market's terms; with any other difference the terms are read anew.
_MOVES = frozenset(
    f"{name}_dollars"
    for name in (
        *("yes_bid", "yes_ask", "no_bid", "no_ask", "last_price", "previous_price"),
        *("previous_yes_bid", "previous_yes_ask", "liquidity"),
    )
) | {"yes_bid_size_fp", "yes_ask_size_fp", "volume_fp", "volume_24h_fp", "open_interest_fp", "updated_time"}


class Catalogue:
    """Series and events are read once a UTC day, when a new event shows and when an announced fee change is
    due; a contract anew whenever anything but its quotes differs.
    """

    def __init__(self, client: KalshiClient, *, clock: Clock) -> None:
        self._client, self._clock = client, clock
        self._events: dict[str, terms.EventTerms] = {}
        self._series: dict[str, terms.SeriesTerms] = {}
        self._contracts: dict[str, tuple[object, Contract]] = {}
        self._fee_changes: tuple[terms.FeeChange, ...] = ()
        self._fees_unread = ""
        self._fees_again = self._valid_until = datetime.min.replace(tzinfo=UTC)
        self._bodies: list[Response] = []

    def refresh(self) -> None:
        """Forget what may have changed by now; call it at the start of each look."""
        now = self._clock.now()
        if now >= self._valid_until:
            for known in (self._events, self._series, self._contracts):
                known.clear()
            self._fees_again = now
        if now >= self._fees_again:
            self._read_fee_changes(now)
        tomorrow = datetime.combine(now.date() + timedelta(days=1), time(), UTC)
        coming = [change.at for change in self._fee_changes if change.at > now]
        self._valid_until = min([tomorrow, *coming])

    def take_payloads(self) -> list[RawPayload]:
        """Return the bodies read since the last call."""
        taken, self._bodies = self._bodies, []
        return [response.payload() for response in taken]

    def notices(self) -> tuple[Notice, ...]:
        """What the exchange announces of our series: changed rules, coming fees, and what was not read."""
        found = {notice.key: notice for series in self._series.values() if (notice := series.notice)}
        for change in self._fee_changes:
            if change.series_ticker in self._series:
                found[f"fee {change.subject}"] = Notice(key=f"fee {change.subject}", text=change.words())
        if self._fees_unread:
            found["fees"] = Notice(key="fees", text=self._fees_unread)
        return tuple(found[key] for key in sorted(found))

    def contract(self, market: Fields, series: str, city: CityConfig, market_type: MarketType) -> Contract:
        """Return a market's terms. Raises MalformedPayload, VenueRejected or TransientError."""
        if series not in self._series:
            what = f"series {series}"
            response = self._client.get(join_path("series", series), what=what)
            self._bodies.append(response)
            self._series[series] = terms.parse_series(read_json(response.body, what))
        ticker = market.text("event_ticker")
        if ticker not in self._events:
            self._read_events(series)
        event = self._events.get(ticker)
        if event is None or event.series_ticker != series:
            raise MalformedPayload(
                f"{market.what}: expected event {ticker} of {series} among open events, found none"
            )
        read_from = (market.without(_MOVES), event, self._series[series])
        known = self._contracts.get(market.text("ticker"))
        if known is None or known[0] != read_from:
            contract = terms.parse_contract(market, event, self._series[series], city, market_type)
            known = self._contracts[contract.ticker] = (read_from, contract)
        return known[1]

    def _read_events(self, series: str) -> None:
        wanted = {"series_ticker": series, "status": "open"}
        pages = self._client.get_pages(
            "/events", "events", what=f"events of {series}", params=wanted, limit=EVENTS_PER_PAGE
        )
        self._bodies += [page.response for page in pages]
        for page in pages:
            for fields in page.fields.children("events"):
                event = terms.parse_event(fields)
                self._events[event.event_ticker] = event

    def _read_fee_changes(self, now: datetime) -> None:
        """Coming changes of fees. Trading does not hang on this list: each contract has its fee of today."""
        try:
            what = "fee changes"
            listed = read_json(self._client.get("/series/fee_changes", what=what).body, what)
            found = [terms.parse_series_fee_change(row) for row in listed.children("series_fee_change_arr")]
            pages = self._client.get_pages(
                "/events/fee_changes",
                "event_fee_changes",
                what="fee changes of events",
                limit=EVENTS_PER_PAGE,
            )
            found += [
                terms.parse_event_fee_change(row)
                for page in pages
                for row in page.fields.children("event_fee_changes")
            ]
        except (TransientError, VenueRejected, MalformedPayload) as error:
            self._fees_unread = f"coming fee changes could not be read: {error}"[:300]
            self._fees_again = now + _FEES_AGAIN
            return
        self._fees_unread = ""
        self._fees_again = datetime.max.replace(tzinfo=UTC)
        self._fee_changes = tuple(change for change in found if change.at > now)
