"""Every recorded answer of the exchange: the values a person reads in it, or a refusal with its reason."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tests.fakes.samples import NOW, exchange_case, intent, sample
from trader.adapters.fields import Fields, read_json
from trader.adapters.http import Response
from trader.adapters.kalshi import mapping, portfolio, terms
from trader.adapters.kalshi.client import refusal_code
from trader.domain.cities import load_cities
from trader.domain.errors import MalformedPayload
from trader.domain.rules_words import NWS
from trader.domain.types import MarketType, Side, TradingMode

CITIES = load_cities()
D = Decimal
SAMPLES = sample("kalshi/demo_rest_exchanges_2026-06-11.json")["exchanges"]

REFUSED = {
    "auth__bad_signature": (401, "authentication_error"),
    "auth__missing_signature_header": (401, "signature_is_missing_from_headers"),
    "auth__skew_minus30s": (401, "header_timestamp_expired"),
    "auth__skew_minus5min": (401, "header_timestamp_expired"),
    "auth__skew_plus5min": (401, "header_timestamp_expired"),
    "auth__unknown_key_id": (401, "authentication_error"),
    "markets__limit_over_max": (400, "parameter_validation"),
    "orders__cancel_already_canceled": (404, "not_found"),
    "orders__cancel_executed": (404, "not_found"),
    "orders__cancel_unknown_id": (404, "not_found"),
    "orders__duplicate_client_order_id": (409, "order_already_exists"),
    "orders__insufficient_balance": (400, "insufficient_balance"),
    "orders__invalid_price_structure": (400, "invalid_price"),
    "orders__numeric_field_types": (400, "bad_request"),
    "orders__post_only_cross": (400, "invalid_order"),
    "orders__reuse_canceled_client_id": (409, "order_already_exists"),
}
CREATED = {  # filled, remaining
    "orders__create_v2_maker": ("0.00", "1.00"),
    "orders__create_v2_taker_ioc": ("1.00", "0.00"),
    "orders__settlement_seed": ("1.00", "0.00"),
    "orders__stp_self_cross": ("0.00", "0.00"),
    "orders__stp_setup": ("0.00", "1.00"),
}
ORDERS = {  # side, status, limit, filled, remaining
    "orders__get_after_cancel": (Side.YES, "resting", "0.01", 0, 1),  # 360 ms after a cancel: reads lag
    "orders__get_after_create": (Side.YES, "resting", "0.01", 0, 1),
    "orders__stp_resting_after": (Side.YES, "resting", "0.48", 0, 1),
}
BALANCES = ("auth__balance_alt_host", "auth__balance_ok", "auth__skew_minus5s", "auth__skew_plus5s")
OTHERS = {  # read by a test of its own
    *("account__endpoint_costs", "account__limits", "exchange__status", "fills__after_taker"),
    *("orderbook__base", "orders__cancel_v2", "portfolio__orders_list", "portfolio__positions"),
    *("series__fee_changes", "settlements__end_of_session", "settlements__page"),
}
GONE = {"orders__legacy_cancel", "orders__legacy_create"}  # paths that answer 410 now; never asked for


def fields(case: str) -> Fields:
    return Fields(exchange_case(case)["response_body"], case)


def test_every_recorded_exchange_has_its_expectation() -> None:
    known = {*REFUSED, *CREATED, *ORDERS, *BALANCES, *OTHERS, *GONE}

    assert {case["case"] for case in SAMPLES} == known


@pytest.mark.story("3.1")
@pytest.mark.story("3.3")
@pytest.mark.parametrize("case", REFUSED)
def test_recorded_refusal_has_its_status_and_code(case: str) -> None:
    recorded = exchange_case(case)
    response = Response(recorded["status"], {}, json.dumps(recorded["response_body"]).encode(), NOW, NOW)

    assert (response.status, refusal_code(response)) == REFUSED[case]


@pytest.mark.story("3.3")
@pytest.mark.parametrize("case", CREATED)
def test_recorded_create_is_accepted_with_its_quantities(case: str) -> None:
    recorded = exchange_case(case)
    order = intent(client_order_id=recorded["request_body"]["client_order_id"])

    found = portfolio.parse_created(fields(case), order)

    assert found.kalshi_order_id == recorded["response_body"]["order_id"]
    assert (found.filled_qty, found.remaining_qty) == tuple(D(text) for text in CREATED[case])


@pytest.mark.story("3.3")
@pytest.mark.parametrize("case", ORDERS)
def test_recorded_order_reads_as_a_person_reads_it(case: str) -> None:
    found = portfolio.parse_order(fields(case).child("order"))
    side, status, limit, filled, remaining = ORDERS[case]

    assert (found.side, found.status, found.limit_price) == (side, status, D(limit))
    assert (found.filled_qty, found.remaining_qty, found.qty) == (D(filled), D(remaining), D(1))


@pytest.mark.story("3.4")
def test_recorded_lists_of_the_account_read_as_a_person_reads_them() -> None:
    orders = [portfolio.parse_order(row) for row in fields("portfolio__orders_list").children("orders")]
    fills = [
        portfolio.parse_fill(row, TradingMode.DEMO) for row in fields("fills__after_taker").children("fills")
    ]
    (position,) = (
        portfolio.parse_position(row) for row in fields("portfolio__positions").children("market_positions")
    )

    assert [(o.status, o.limit_price, o.filled_qty) for o in orders[:2]] == [
        ("executed", D("0.99"), D(1)),
        ("canceled", D("0.01"), D(0)),
    ]
    assert (fills[0].side, fills[0].qty, fills[0].price, fills[0].fee) == (
        Side.YES,
        D(1),
        D("0.52"),
        D("0.0175"),
    )
    assert fills[0].filled_at == datetime(2026, 6, 11, 6, 29, 30, 164956, UTC)
    assert fills[0].kalshi_order_id == orders[0].kalshi_order_id
    assert (position.position, position.exposure_usd, position.fees_usd) == (D(3), D("2.5"), D("0.0189"))
    for case in ("settlements__page", "settlements__end_of_session"):
        assert fields(case).items("settlements") == []


@pytest.mark.story("3.1")
@pytest.mark.parametrize("case", BALANCES)
def test_recorded_balance_is_read_to_the_last_digit(case: str) -> None:
    assert portfolio.parse_balance(fields(case)).cash_usd == D("98.0186")


def test_recorded_cancel_status_and_book_read_as_a_person_reads_them() -> None:
    canceled = exchange_case("orders__cancel_v2")["response_body"]
    book = mapping.parse_book(fields("orderbook__base"), NOW)

    assert portfolio.parse_canceled(fields("orders__cancel_v2"), canceled["order_id"]) is not None
    assert fields("exchange__status").flag("trading_active") is True
    assert (book.best_bid, book.best_ask) == (D("0.47"), D("0.52"))
    assert [(level.price, level.size) for level in book.asks(Side.YES)] == [(D("0.52"), D(3))]
    assert list(fields("series__fee_changes").children("series_fee_change_arr")) == []


@pytest.mark.story("3.1")
@pytest.mark.parametrize(
    ("ticker", "bid", "ask", "volume", "lo", "hi"),
    [
        ("KXHIGHNY-26JUL12-T89", None, "0.01", "1944.25", 90, None),
        ("KXHIGHNY-26JUL12-T82", "0.16", "0.19", "1303.54", None, 81),
        ("KXHIGHNY-26JUL12-B88.5", "0.02", "0.03", "422", 88, 89),
    ],
)
def test_open_market_of_july_reads_as_a_person_reads_it(
    ticker: str, bid: str | None, ask: str, volume: str, lo: int | None, hi: int | None
) -> None:
    rows = {row["ticker"]: row for row in sample("kalshi_samples/kxhighny_open_trimmed.json")["markets"]}
    market = Fields(rows[ticker], "market")
    event = terms.EventTerms("KXHIGHNY-26JUL12", "KXHIGHNY", None, (NWS,), "", None, None)
    series = terms.SeriesTerms("KXHIGHNY", "quadratic", D(1))

    contract = terms.parse_contract(market, event, series, CITIES["NYC"], MarketType.HIGH)
    found = mapping.parse_snapshot(market, contract, None, seen_at=NOW, payload_hash="0" * 64)

    assert (contract.lo, contract.hi, contract.proof, contract.settlement_source) == (lo, hi, (), NWS)
    assert (found.yes_bid, found.yes_ask) == (D(bid) if bid else None, D(ask))
    assert found.volume == D(volume)
    assert contract.close_time == datetime(2026, 7, 13, 4, 59, tzinfo=UTC)


def test_markets_of_2024_in_whole_cents_are_refused_for_their_first_missing_field() -> None:
    recorded = sample("kalshi_samples/event_KXHIGHDEN-24DEC16.json")
    event = terms.parse_event(Fields(recorded["event"], "event"))
    series = terms.SeriesTerms("KXHIGHDEN", "quadratic", D(1))

    for row in recorded["markets"]:
        with pytest.raises(MalformedPayload, match="expected field price_ranges, found none"):
            terms.parse_contract(Fields(row, row["ticker"]), event, series, CITIES["DEN"], MarketType.HIGH)


def test_market_that_is_not_about_our_weather_gives_no_result() -> None:
    (row,) = sample("kalshi_samples/demo_market_finalized_example_2026-06-11.json")["markets"]

    with pytest.raises(MalformedPayload, match="expected an event of our series"):
        mapping.parse_result(Fields(row, row["ticker"]), CITIES)


@pytest.mark.parametrize(
    "body", [b"", b"<html>502</html>", b"[1]", b'{"price": NaN}', b'"text"', b"\xff\xfe"]
)
def test_body_that_is_no_object_is_refused_with_its_size(body: bytes) -> None:
    with pytest.raises(MalformedPayload):
        read_json(body, "markets")
