"""Recorded markets become contracts, snapshots and results; anything else is refused."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.samples import NOW, sample
from trader.adapters.fields import Fields
from trader.adapters.kalshi import mapping, terms
from trader.domain.cities import load_cities
from trader.domain.errors import MalformedPayload
from trader.domain.markets import Contract, MarketSnapshot
from trader.domain.rules_words import NWS, TWC
from trader.domain.types import MarketStatus, MarketType, ReasonCode, Side

CITIES = load_cities()
EVENT_FILE = "kalshi_samples/prod_event_KXHIGHNY-26SEP23_2026-09-22.json"
D = Decimal


def series(ticker: str = "KXHIGHNY") -> terms.SeriesTerms:
    parsed = terms.parse_series(
        Fields(sample("kalshi_samples/prod_series_KXHIGHNY_2026-09-23.json"), "series")
    )
    return terms.SeriesTerms(ticker, parsed.fee_type, parsed.fee_multiplier)


def event(**changes: Any) -> terms.EventTerms:
    return terms.parse_event(Fields(sample(EVENT_FILE)["event"] | changes, "event"))


def contract(market: Any, *, of: terms.EventTerms | None = None) -> Contract:
    return terms.parse_contract(
        Fields(market, "market"), of or event(), series(), CITIES["NYC"], MarketType.HIGH
    )


def snapshot(market: Any) -> MarketSnapshot:
    return mapping.parse_snapshot(
        Fields(market, "market"), contract(market), None, seen_at=NOW, payload_hash="0" * 64
    )


@pytest.mark.story("3.1")
def test_recorded_event_becomes_six_proven_contracts_that_partition_the_degrees() -> None:
    contracts = [contract(market) for market in sample(EVENT_FILE)["markets"]]

    assert sorted((c.lo, c.hi) for c in contracts if c.lo is not None and c.hi is not None) == [
        (65, 66),
        (67, 68),
        (69, 70),
        (71, 72),
    ]
    assert all(sum(c.wins(value) for c in contracts) == 1 for value in range(-50, 130))
    for found in contracts:
        assert found.proof == ()
        assert found.settlement_source == TWC
        assert found.climate_date == date(2026, 9, 23)
        assert found.close_time == datetime(2026, 9, 24, 5, tzinfo=UTC)
        assert (found.station, found.fee_type, found.tick) == ("KNYC", "quadratic", D("0.01"))
        assert found.fee_multiplier == 1
        assert found.rules_url == "https://weather.com/kalshi"


def test_recorded_low_markets_of_chicago_are_proven() -> None:
    of = event(
        event_ticker="KXLOWTCHI-26SEP25", series_ticker="KXLOWTCHI", strike_date="2026-09-26T06:00:00Z"
    )
    markets = sample("kalshi_samples/prod_markets_KXLOWTCHI_2026-09-24_trimmed.json")["markets"]

    for market in markets:
        found = terms.parse_contract(
            Fields(market, "market"), of, series("KXLOWTCHI"), CITIES["CHI"], MarketType.LOW
        )
        assert found.proof == ()
        assert found.climate_date == date(2026, 9, 25)


def test_market_of_the_wrong_city_variable_or_source_is_not_proven() -> None:
    market = sample(EVENT_FILE)["markets"][0]
    other = terms.parse_contract(Fields(market, "market"), event(), series(), CITIES["PHL"], MarketType.HIGH)
    wrong_variable = terms.parse_contract(
        Fields(market, "market"), event(), series(), CITIES["NYC"], MarketType.LOW
    )
    wrong_source = contract(market, of=event(settlement_sources=[{"name": "AccuWeather", "url": ""}]))
    wrong_bracket = contract(market | {"cap_strike": 64})

    for found in (other, wrong_variable, wrong_source, wrong_bracket):
        assert found.proof == (ReasonCode.RULES_NOT_PROVEN,)


def test_june_markets_that_close_a_minute_early_belong_to_the_same_day() -> None:
    for market in sample("kalshi/demo_markets_KXHIGHNY_2026-06-14.json")["markets"]:
        of = event(
            event_ticker=market["event_ticker"],
            strike_date=market["close_time"],
            settlement_sources=[{"name": NWS, "url": "https://example.org"}],
        )
        found = contract(market, of=of)

        assert f"KXHIGHNY-{found.climate_date:%y%b%d}".upper() == market["event_ticker"]
        assert found.settlement_source == NWS
        assert found.proof == ()


def test_event_fees_override_those_of_the_series() -> None:
    market = sample(EVENT_FILE)["markets"][0]

    found = contract(market, of=event(fee_type_override="flat", fee_multiplier_override=D("0.5")))

    assert (found.fee_type, found.fee_multiplier) == ("flat", D("0.5"))
    assert found.terms_hash != contract(market).terms_hash


def test_terms_hash_moves_with_rules_strikes_and_close_only() -> None:
    market = sample(EVENT_FILE)["markets"][0]
    same = contract(market | {"yes_bid_dollars": "0.0100", "volume_fp": "9.00"})

    assert same.terms_hash == contract(market).terms_hash
    for change in ({"rules_secondary": "other"}, {"cap_strike": 64}):
        assert contract(market | change).terms_hash != same.terms_hash


@pytest.mark.story("3.2")
def test_recorded_book_is_best_first_whatever_its_order_and_asks_mirror_bids() -> None:
    body = sample("kalshi_samples/prod_orderbook_KXHIGHCHI-26SEP25-B68.5_2026-09-24.json")
    body["orderbook_fp"]["yes_dollars"].reverse()

    book = mapping.parse_book(Fields(body, "book"), NOW)

    assert (len(book.yes_bids), len(book.no_bids)) == (30, 39)
    assert (book.best_bid, book.best_ask, book.spread) == (D("0.37"), D("0.38"), D("0.01"))
    assert book.yes_bids[0].size == 13
    assert book.asks(Side.YES)[0].size == D("146.05")
    assert book.asks(Side.NO)[0].price == D("0.63")
    assert book.captured_at == NOW


def test_empty_book_has_no_prices_and_no_spread() -> None:
    book = mapping.parse_book(Fields({"orderbook_fp": {"yes_dollars": [], "no_dollars": []}}, "book"), NOW)

    assert (book.best_bid, book.best_ask, book.spread) == (None, None, None)


@pytest.mark.parametrize(
    "side",
    [
        [["0.4100"]],
        [[0.41, "1.00"]],
        [["0.4100", 1]],
        [["1.0000", "1.00"]],
        [["0.0000", "1.00"]],
        [["0.4100", "-1.00"]],
        [["0.4100", "1.001"]],
        [["0.41", "1.00"], ["0.4100", "2.00"]],
        ["0.4100"],
        None,
        {},
    ],
)
def test_damaged_book_is_refused(side: Any) -> None:
    with pytest.raises(MalformedPayload):
        mapping.parse_book(Fields({"orderbook_fp": {"yes_dollars": side, "no_dollars": []}}, "book"), NOW)


def test_empty_sides_of_a_quote_are_no_prices() -> None:
    market = sample(EVENT_FILE)["markets"][0] | {"yes_bid_dollars": "0.0000", "yes_ask_dollars": "1.0000"}

    found = snapshot(market)

    assert (found.yes_bid, found.yes_ask, found.book) == (None, None, None)
    assert mapping.book_of_best_prices(mapping.parse_quote(Fields(market, "m")), NOW).spread is None


def test_best_prices_make_a_book_of_one_level_a_side() -> None:
    market = sample(EVENT_FILE)["markets"][0]

    book = mapping.book_of_best_prices(mapping.parse_quote(Fields(market, "m")), NOW)

    assert len(book.yes_bids) == len(book.no_bids) == 1
    assert book.best_bid == D(market["yes_bid_dollars"])
    assert book.best_ask == D(market["yes_ask_dollars"])
    assert book.asks(Side.YES)[0].size == D(market["yes_ask_size_fp"])


def test_published_results_are_keyed_on_status_and_result() -> None:
    file = "kalshi/prod_markets_KXHIGHNY_settled_2026-07-11_trimmed.json"
    markets = sample(file)["markets"]
    results = [mapping.parse_result(Fields(market, "market"), CITIES) for market in markets]

    assert {(r.result, r.value, r.climate_date) for r in results if r} >= {("no", 85, date(2026, 7, 10))}
    early = markets[0] | {"status": "determined", "expiration_value": ""}
    early.pop("settlement_ts", None)
    found = mapping.parse_result(Fields(early, "market"), CITIES)
    assert found is not None
    assert (found.value, found.determined_at) == (None, Fields(early, "m").instant("updated_time"))
    for change in ({"status": "closed"}, {"result": ""}, {"result": "scalar"}):
        assert mapping.parse_result(Fields(markets[0] | change, "market"), CITIES) is None


REQUIRED = (
    *(
        "ticker",
        "event_ticker",
        "market_type",
        "status",
        "strike_type",
        "cap_strike",
        "open_time",
        "close_time",
    ),
    *("rules_primary", "rules_secondary", "yes_sub_title", "price_ranges", "volume_fp", "open_interest_fp"),
    *("yes_bid_dollars", "yes_ask_dollars", "yes_bid_size_fp", "yes_ask_size_fp"),
)
WRONG: tuple[Any, ...] = (None, True, [], {}, "", 3.5, -1, "maybe", "1e3", "NaN", ["0.5"])


@pytest.mark.parametrize("field", REQUIRED)
@pytest.mark.parametrize("how", ["dropped", "renamed"])
def test_market_without_a_field_is_refused(field: str, how: str) -> None:
    market = sample(EVENT_FILE)["markets"][0]
    value = market.pop(field)
    if how == "renamed":
        market[f"{field}_v2"] = value

    with pytest.raises(MalformedPayload, match=r"expected"):
        snapshot(market)


@given(st.sampled_from(REQUIRED), st.sampled_from(WRONG))
def test_market_with_a_field_of_another_kind_is_refused(field: str, value: Any) -> None:
    market = sample(EVENT_FILE)["markets"][0]
    free_text = ("ticker", "rules_primary", "rules_secondary", "yes_sub_title")
    if isinstance(value, str) and (field in free_text[:3:2] or (value and field in free_text)):
        return  # any words are possible rules or names; what they prove is another test's question
    market[field] = value

    with pytest.raises(MalformedPayload):
        snapshot(market)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(sorted(set(REQUIRED) | {"floor_strike", "exchange_index", "result"})), json_values)
def test_no_value_of_any_field_ends_in_another_error(field: str, value: Any) -> None:
    market = sample(EVENT_FILE)["markets"][0] | {field: value}

    try:
        found = snapshot(market)
        mapping.parse_result(Fields(market, "market"), CITIES)
    except MalformedPayload:
        return
    assert found.status in MarketStatus


@pytest.mark.parametrize(
    "change",
    [
        {"close_time": "2026-09-24T05:00:01Z"},
        {"close_time": "2026-09-25T05:00:00Z"},
        {"event_ticker": "KXHIGHNY-26SEP24"},
        {"close_time": "2026-09-24T05:00:00"},
        {"market_type": "scalar"},
        {"strike_type": "structured"},
        {"exchange_index": 2},
        {"price_ranges": [{"start": "0.0000", "end": "1.0000", "step": "0.0030"}]},
        {"floor_strike": 60},
    ],
)
def test_market_that_contradicts_itself_is_refused(change: dict[str, Any]) -> None:
    of = event(event_ticker=change.get("event_ticker", "KXHIGHNY-26SEP23"))

    with pytest.raises(MalformedPayload):
        contract(sample(EVENT_FILE)["markets"][0] | change, of=of)


def test_unknown_status_is_refused_not_guessed() -> None:
    with pytest.raises(MalformedPayload, match="expected status to be one of"):
        mapping.parse_status(Fields({"status": "resolving"}, "market"))
