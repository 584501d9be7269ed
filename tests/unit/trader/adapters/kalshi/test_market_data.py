"""One look at the markets: whole, or with each refusal named."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.loopback import Asked, Loopback, Reply, reply, serving
from tests.fakes.samples import sample
from trader.adapters.http import HttpClient
from trader.adapters.kalshi.client import KalshiClient
from trader.adapters.kalshi.exchange import KalshiMarketData
from trader.domain.cities import load_cities
from trader.domain.errors import ConfigurationError, TransientError
from trader.domain.types import MarketStatus, ReasonCode

BASE = "/trade-api/v2"
RECORDED = sample("kalshi_samples/prod_event_KXHIGHNY-26SEP23_2026-09-22.json")
SERIES = sample("kalshi_samples/prod_series_KXHIGHNY_2026-09-23.json")
BOOK = {
    "yes_dollars": [["0.4100", "10.00"], ["0.4200", "13.00"]],
    "no_dollars": [["0.4500", "20.00"], ["0.5600", "17.00"]],
}


class Venue:
    """Serves the recorded event; tests change one thing."""

    def __init__(self) -> None:
        self.markets: list[Any] = [dict(market) for market in RECORDED["markets"]]
        self.books: dict[str, Any] = {market["ticker"]: BOOK for market in self.markets}
        self.special: dict[str, Reply] = {}
        self.fee_changes: list[Any] = []
        self.event_fee_changes: list[Any] = []

    def __call__(self, asked: Asked) -> Reply:
        path = asked.path.removeprefix(BASE)
        if path in self.special:
            return self.special[path]
        if path == "/markets":
            return reply({"markets": self.markets, "cursor": ""})
        if path == "/events":
            return reply({"events": [RECORDED["event"]], "cursor": ""})
        if path == "/series/KXHIGHNY":
            return reply(SERIES)
        if path == "/series/fee_changes":
            return reply({"series_fee_change_arr": self.fee_changes})
        if path == "/events/fee_changes":
            return reply({"event_fee_changes": self.event_fee_changes, "cursor": ""})
        if path == "/markets/orderbooks":
            wanted = asked.query["tickers"].split(",")
            return reply(
                {
                    "orderbooks": [
                        {"ticker": t, "orderbook_fp": self.books[t]} for t in wanted if t in self.books
                    ]
                }
            )
        ticker = path.split("/")[2]
        return reply({"orderbook_fp": self.books[ticker]}) if ticker in self.books else reply({}, 404)


@contextmanager
def looking(venue: Callable[[Asked], Reply]) -> Iterator[tuple[KalshiMarketData, Loopback, FakeClock]]:
    clock = FakeClock()
    with serving(venue) as server, HttpClient(clock=clock, timeout_s=10) as http:
        client = KalshiClient(http, server.origin + BASE, clock=clock)
        yield KalshiMarketData(client, cities=load_cities(), clock=clock), server, clock


@pytest.mark.story("3.1")
@pytest.mark.story("3.2")
def test_look_returns_contracts_snapshots_with_books_and_raw_bodies() -> None:
    with looking(Venue()) as (data, _, clock):
        view = data.look(["KXHIGHNY"])

    assert (len(view.contracts), len(view.snapshots), view.refused) == (6, 6, ())
    first = view.snapshots[0]
    assert first.book is not None
    assert (first.yes_bid, first.yes_ask, first.book.spread) == (
        Decimal("0.42"),
        Decimal("0.44"),
        Decimal("0.02"),
    )
    assert (first.status, first.captured_at) == (MarketStatus.ACTIVE, clock.now())
    assert first.terms_hash == view.contracts[0].terms_hash
    assert len(view.payloads) == 4
    assert first.payload_hash in {payload.sha256 for payload in view.payloads}


@pytest.mark.story("3.1")
def test_list_markets_returns_the_snapshots_of_one_series() -> None:
    with looking(Venue()) as (data, _, _):
        assert [market.ticker for market in data.list_markets("KXHIGHNY")] == [
            m["ticker"] for m in RECORDED["markets"]
        ]


def test_terms_of_series_and_events_are_read_once_a_day() -> None:
    with looking(Venue()) as (data, server, clock):
        data.look(["KXHIGHNY"])
        data.look(["KXHIGHNY"])
        assert server.paths().count(f"{BASE}/events") == server.paths().count(f"{BASE}/series/KXHIGHNY") == 1

        clock.advance(timedelta(days=1).total_seconds())
        data.look(["KXHIGHNY"])
        assert server.paths().count(f"{BASE}/events") == server.paths().count(f"{BASE}/series/KXHIGHNY") == 2


COMING = {"id": "1", "series_ticker": "KXHIGHNY", "fee_type": "quadratic", "fee_multiplier": 2}


def test_an_announced_fee_change_is_told_and_read_when_it_is_due() -> None:
    venue = Venue()
    due = FakeClock().now() + timedelta(hours=2)
    venue.fee_changes = [COMING | {"scheduled_ts": due.isoformat()}]

    with looking(venue) as (data, server, clock):
        notices = {notice.key: notice.text for notice in data.look(["KXHIGHNY"]).notices}
        assert notices["fee KXHIGHNY"] == "KXHIGHNY: quadratic x 2 from 2026-07-16 17:00 UTC"

        venue.special["/series/KXHIGHNY"] = reply({"series": SERIES["series"] | {"fee_multiplier": 2}})
        clock.advance(7199)
        assert {c.fee_multiplier for c in data.look(["KXHIGHNY"]).contracts} == {Decimal(1)}
        clock.advance(1)
        assert {c.fee_multiplier for c in data.look(["KXHIGHNY"]).contracts} == {Decimal(2)}
        assert server.paths().count(f"{BASE}/series/KXHIGHNY") == 2


def test_an_event_that_clears_its_own_fee_is_told() -> None:
    venue = Venue()
    cleared: dict[str, Any] = {"id": "2", "event_ticker": "KXHIGHNY-26SEP23", "series_ticker": "KXHIGHNY"}
    cleared |= {"fee_type_override": None, "fee_multiplier_override": None}
    venue.event_fee_changes = [cleared | {"scheduled_ts": "2026-07-20T00:00:00Z"}]

    with looking(venue) as (data, _, _):
        texts = [notice.text for notice in data.look(["KXHIGHNY"]).notices]

    assert "KXHIGHNY-26SEP23: its series' fee from 2026-07-20 00:00 UTC" in texts


def test_the_series_own_notice_is_told_and_an_unknown_form_is_no_notice() -> None:
    venue = Venue()
    with looking(venue) as (data, _, _):
        (notice,) = data.look(["KXHIGHNY"]).notices
    assert notice.key == "notice GLOBALTEMPERATURE-bulk-2026-09-02"
    assert "material error in the initial non-preliminary publication" in notice.text

    venue.special["/series/KXHIGHNY"] = reply({"series": SERIES["series"] | {"product_metadata": []}})
    with looking(venue) as (data, _, _):
        assert data.look(["KXHIGHNY"]).notices == ()


def test_fee_changes_that_cannot_be_read_are_told_and_asked_for_again_within_the_hour() -> None:
    venue = Venue()
    venue.special["/series/fee_changes"] = reply({"series_fee_change_arr": [{"id": "1"}]})

    with looking(venue) as (data, _, clock):
        view = data.look(["KXHIGHNY"])
        assert len(view.contracts) == 6
        assert "fees" in {notice.key for notice in view.notices}

        del venue.special["/series/fee_changes"]
        assert "fees" in {notice.key for notice in data.look(["KXHIGHNY"]).notices}
        clock.advance(3600)
        assert "fees" not in {notice.key for notice in data.look(["KXHIGHNY"]).notices}


@pytest.mark.parametrize(
    "change",
    [
        {"status": "resolving"},
        {"yes_bid_dollars": 42},
        {"close_time": None},
        {"rules_primary": 7},
        {"cap_strike": "65"},
    ],
)
def test_damaged_market_is_refused_alone_and_named(change: dict[str, Any]) -> None:
    venue = Venue()
    venue.markets[0] |= change

    with looking(venue) as (data, _, _):
        view = data.look(["KXHIGHNY"])

    assert [(r.ticker, r.city_code, r.reason) for r in view.refused] == [
        (RECORDED["markets"][0]["ticker"], "NYC", ReasonCode.PAYLOAD_MALFORMED)
    ]
    assert next(iter(change)) in view.refused[0].detail
    assert len(view.contracts) == len(view.snapshots) == 5


@pytest.mark.parametrize("row", ["text", None, {"event_ticker": "KXHIGHNY-26SEP23"}])
def test_market_without_a_name_is_still_counted_as_refused(row: Any) -> None:
    venue = Venue()
    venue.markets[2] = row

    with looking(venue) as (data, _, _):
        view = data.look(["KXHIGHNY"])

    assert [refused.ticker for refused in view.refused] == ["KXHIGHNY[2]"]
    assert len(view.snapshots) == 5


def test_damaged_book_refuses_its_market() -> None:
    venue = Venue()
    ticker = RECORDED["markets"][1]["ticker"]
    venue.books[ticker] = {"yes_dollars": [["0.4100", 10]], "no_dollars": []}

    with looking(venue) as (data, _, _):
        view = data.look(["KXHIGHNY"])

    assert [refused.ticker for refused in view.refused] == [ticker]
    assert ticker not in {contract.ticker for contract in view.contracts}


@pytest.mark.story("3.2")
def test_market_without_a_book_has_none() -> None:
    venue = Venue()
    ticker = RECORDED["markets"][1]["ticker"]
    del venue.books[ticker]

    with looking(venue) as (data, _, _):
        books = {snapshot.ticker: snapshot.book for snapshot in data.look(["KXHIGHNY"]).snapshots}
        assert books[ticker] is None
        assert sum(book is not None for book in books.values()) == 5
        assert data.get_orderbook(ticker) is None
        assert data.get_orderbook(RECORDED["markets"][0]["ticker"]) is not None


def test_books_that_ask_for_a_key_leave_the_best_prices_and_a_flag() -> None:
    venue = Venue()
    venue.special["/markets/orderbooks"] = reply(
        {"error": {"code": "signature_is_missing_from_headers"}}, 401
    )

    with looking(venue) as (data, server, _):
        view = data.look(["KXHIGHNY"])
        data.look(["KXHIGHNY"])

        assert data.is_depth_limited is True
        assert server.paths().count(f"{BASE}/markets/orderbooks") == 1
    for snapshot, market in zip(view.snapshots, RECORDED["markets"], strict=True):
        assert snapshot.book is not None
        assert len(snapshot.book.yes_bids) <= 1
        assert snapshot.yes_ask == Decimal(market["yes_ask_dollars"])


def test_vanished_market_in_a_batch_is_told_from_the_others_one_by_one() -> None:
    venue = Venue()
    ticker = RECORDED["markets"][0]["ticker"]
    venue.special["/markets/orderbooks"] = reply({"error": {"code": "not_found"}}, 404)
    del venue.books[ticker]

    with looking(venue) as (data, _, _):
        view = data.look(["KXHIGHNY"])

    assert [snapshot.book is None for snapshot in view.snapshots] == [True, *[False] * 5]


def test_series_the_exchange_refuses_is_named_and_the_rest_goes_on() -> None:
    venue = Venue()

    def script(asked: Asked) -> Reply:
        if asked.query.get("series_ticker") == "KXHIGHCHI":
            return reply({"error": {"code": "not_found"}}, 404)
        return venue(asked)

    with looking(script) as (data, _, _):
        view = data.look(["KXHIGHCHI", "KXHIGHNY"])

    assert [(refused.ticker, refused.city_code) for refused in view.refused] == [("KXHIGHCHI", "CHI")]
    assert len(view.snapshots) == 6


def test_exchange_that_does_not_answer_is_transient_and_unknown_series_a_mistake() -> None:
    with looking(lambda _: Reply(503)) as (data, _, _), pytest.raises(TransientError):
        data.look(["KXHIGHNY"])
    with looking(Venue()) as (data, _, _), pytest.raises(ConfigurationError, match="KXHIGHNYD"):
        data.look(["KXHIGHNYD"])


def test_event_that_is_not_listed_refuses_its_markets() -> None:
    venue = Venue()
    venue.special["/events"] = reply({"events": [], "cursor": ""})

    with looking(venue) as (data, _, _):
        view = data.look(["KXHIGHNY"])

    assert (len(view.refused), view.contracts) == (6, ())


@pytest.mark.parametrize(
    ("answer", "trading"),
    [
        (reply({"exchange_active": True, "trading_active": True}), True),
        (reply({"exchange_active": True, "trading_active": False}), False),
        (reply({"exchange_active": False, "trading_active": False}, 503), False),
    ],
)
def test_status_is_read_even_from_a_503_that_names_it(answer: Reply, trading: bool) -> None:
    with looking(lambda _: answer) as (data, server, _):
        status = data.status()
        data.status()

        assert status.trading_active is trading
        assert server.paths().count(f"{BASE}/exchange/status") == 2
        assert status.pause is not None  # no schedule could be read here: the weekly pause is known without
        assert data.look([]).notices[-1].key == "schedule"


@pytest.mark.parametrize(
    "answer", [Reply(503), reply({"exchange_active": "yes", "trading_active": True}), Reply(404)]
)
def test_status_that_cannot_be_read_is_not_taken_for_open(answer: Reply) -> None:
    with looking(lambda _: answer) as (data, _, _), pytest.raises(TransientError):
        data.status()


def test_results_are_those_published_and_damaged_ones_are_named() -> None:
    markets = sample("kalshi/prod_markets_KXHIGHNY_settled_2026-07-11_trimmed.json")["markets"]
    event = markets[0]["event_ticker"]
    rows = [market for market in markets if market["event_ticker"] == event]
    damaged = rows[0] | {"result": "perhaps", "ticker": "DAMAGED"}
    old = rows.pop()

    def script(asked: Asked) -> Reply:
        live = asked.path == f"{BASE}/markets"
        return reply({"markets": [*rows, damaged] if live else [old], "cursor": ""})

    with looking(script) as (data, server, _):
        results = data.results([market["ticker"] for market in [*rows, old]])

        assert server.asked[0].query["tickers"].split(",") == sorted(m["ticker"] for m in [*rows, old])
        assert [asked.path for asked in server.asked] == [f"{BASE}/markets", f"{BASE}/historical/markets"]
        assert server.asked[1].query["tickers"] == old["ticker"]
        assert [refused.ticker for refused in data.refused_results] == ["DAMAGED"]
    assert {result.ticker for result in results} == {market["ticker"] for market in [*rows, old]}
    assert all(result.climate_date == date(2026, 7, 10) and result.value == 85 for result in results)
