"""No value of the exchange is ever defaulted: a body that changed its form is refused, or changed nothing.

Each recorded body is changed at every place in every way; what is parsed from it must be refused or equal to
what the original said. Fields whose absence has a meaning of its own are listed with that meaning.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from tests.fakes.mutations import Path, mutations
from tests.fakes.samples import NOW, exchange_case, intent, sample
from trader.adapters.fields import Fields
from trader.adapters.kalshi import mapping, portfolio, terms
from trader.adapters.kalshi.calendar import parse_calendar
from trader.core.fees import check_fee_type
from trader.domain.cities import load_cities
from trader.domain.errors import MalformedPayload
from trader.domain.markets import Contract, MarketSnapshot
from trader.domain.types import MarketType, ReasonCode, TradingMode

CITIES = load_cities()
EVENT = sample("kalshi_samples/prod_event_KXHIGHNY-26SEP23_2026-09-22.json")
SERIES = sample("kalshi_samples/prod_series_KXHIGHNY_2026-09-23.json")
BOOK = sample("kalshi_samples/prod_orderbook_KXHIGHCHI-26SEP25-B68.5_2026-09-24.json")
SETTLED = sample("kalshi/prod_markets_KXHIGHNY_settled_2026-07-11_trimmed.json")["markets"][0]
CREATED = exchange_case("orders__create_v2_taker_ioc")
OF = terms.parse_event(Fields(EVENT["event"], "event"))
TERMS = terms.parse_series(Fields(SERIES, "series"))
SETTLEMENT = {
    "ticker": "KXHIGHNY-26JUL16-B85.5",
    "event_ticker": "KXHIGHNY-26JUL16",
    "market_result": "no",
    "yes_count_fp": "0.00",
    "no_count_fp": "12.00",
    "revenue": 1200,
    "settled_time": "2026-07-17T14:15:00Z",
}
WEEK = ("mon", "tues", "wednes", "thurs", "fri", "satur", "sun")
SCHEDULE = {
    "schedule": {
        "standard_hours": [
            {"start_time": "2026-01-01T00:00:00Z", "end_time": "2027-01-01T00:00:00Z"}
            | {f"{day}day": [{"open_time": "08:00", "close_time": "23:00"}] for day in WEEK}
        ],
        "maintenance_windows": [
            {"start_datetime": "2026-07-20T12:00:00Z", "end_datetime": "2026-07-20T13:30:00Z"}
        ],
    }
}


def market(body: Any) -> tuple[Contract, MarketSnapshot]:
    fields = Fields(body, "market")
    contract = terms.parse_contract(fields, OF, TERMS, CITIES["NYC"], MarketType.HIGH)
    return contract, mapping.parse_snapshot(fields, contract, None, seen_at=NOW, payload_hash="0" * 64)


def event(body: Any) -> object:
    """What an event adds, as its market's contract shows it."""
    found = terms.parse_event(Fields(body, "event"))
    row = Fields(EVENT["markets"][0], "market")
    return terms.parse_contract(row, found, TERMS, CITIES["NYC"], MarketType.HIGH)


def created(body: Any) -> object:
    order = intent(client_order_id=CREATED["response_body"]["client_order_id"])
    return portfolio.parse_created(Fields(body, "create"), order)


def account(parse: Callable[..., object], *more: object) -> Callable[[Any], object]:
    return lambda body: parse(Fields(body, "row"), *more)


ABSENT: dict[str, dict[str, str]] = {
    "series": {
        "series.product_metadata": "no notice",
        "series.product_metadata.important_info": "no notice",
        "series.product_metadata.important_info.id": "no notice",
        "series.product_metadata.important_info.markdown": "no notice",
    },
    "event": {
        "settlement_sources": "the rules text alone names the source",
        "strike_date": "the close alone names the day",
        "settlement_sources.0.url": "no address to show",
    },
    "result": {"settlement_ts": "determined, not settled: the update's time stands"},
    "order": {"created_time": "not said", "expiration_time": "none", "client_order_id": "placed by hand"},
}
BODIES: dict[str, tuple[Any, Callable[[Any], object]]] = {
    "series": (SERIES, account(terms.parse_series)),
    "event": (EVENT["event"], event),
    "market, tail": (EVENT["markets"][0], market),
    "market, bracket": (EVENT["markets"][1], market),
    "result": (SETTLED, lambda body: mapping.parse_result(Fields(body, "market"), CITIES)),
    "book": (BOOK, lambda body: mapping.parse_book(Fields(body, "book"), NOW)),
    "fill": (
        exchange_case("fills__after_taker")["response_body"]["fills"][0],
        account(portfolio.parse_fill, TradingMode.DEMO),
    ),
    "order": (
        exchange_case("portfolio__orders_list")["response_body"]["orders"][0],
        account(portfolio.parse_order),
    ),
    "position": (
        exchange_case("portfolio__positions")["response_body"]["market_positions"][0],
        account(portfolio.parse_position),
    ),
    "balance": (exchange_case("auth__balance_ok")["response_body"], account(portfolio.parse_balance)),
    "settlement": (SETTLEMENT, account(portfolio.parse_settlement, TradingMode.DEMO)),
    "created": (CREATED["response_body"], created),
    "schedule": (SCHEDULE, lambda body: parse_calendar(Fields(body, "schedule"))),
}


@pytest.mark.story("3.1")
@pytest.mark.story("3.4")
@pytest.mark.parametrize("name", BODIES)
def test_changed_form_is_refused_or_changes_nothing(name: str) -> None:
    body, parse = BODIES[name]
    original, allowed = parse(body), ABSENT.get(name, {})
    refused = untouched = 0
    defaulted = []

    for path, how, mutated in mutations(body):
        try:
            found = parse(mutated)
        except MalformedPayload:
            refused += 1
            continue
        if found == original:
            untouched += 1
        elif not _is_absence(path, how, allowed):
            defaulted.append((path, how))

    assert defaulted == []
    assert refused > 10  # the mutations do hit what is read
    assert refused + untouched > 25


def _is_absence(path: Path, how: str, allowed: dict[str, str]) -> bool:
    place = ".".join(str(part) for part in path)
    return place in allowed and (how in ("dropped", "renamed", "null") or place.startswith("series.product"))


@pytest.mark.parametrize(
    ("field", "word"),
    [
        ("status", "resolving"),
        ("market_type", "ternary"),
        ("strike_type", "roughly"),
        ("price_ranges", [{"start": "0.0000", "end": "1.0000", "step": "0.0070"}]),
        ("price_ranges", [{"start": "0.0000", "end": "1.0000", "step": "0.0000"}]),
        ("exchange_index", 2),
        ("yes_bid_dollars", "1.0100"),
        ("yes_bid_dollars", "56"),
        ("volume_fp", "1.001"),
    ],
)
def test_new_word_tick_or_unit_of_a_market_is_refused(field: str, word: Any) -> None:
    with pytest.raises(MalformedPayload):
        market(EVENT["markets"][1] | {field: word})


@pytest.mark.parametrize("step", ["0.0010", "0.0050", "0.0025"])
def test_finer_tick_is_taken_as_it_is(step: str) -> None:
    bands = [{"start": "0.0000", "end": "1.0000", "step": step}]
    contract, _ = market(EVENT["markets"][1] | {"price_ranges": bands})

    assert contract.tick == Decimal(step)


@pytest.mark.parametrize(
    ("name", "field", "word"),
    [
        ("order", "status", "pending"),
        ("order", "book_side", "both"),
        ("order", "outcome_side", "maybe"),
        ("fill", "outcome_side", "no"),
        ("settlement", "market_result", "void"),
        ("result", "result", "perhaps"),
        ("result", "status", "archived"),
    ],
)
def test_new_word_of_the_account_is_refused(name: str, field: str, word: str) -> None:
    body, parse = BODIES[name]

    with pytest.raises(MalformedPayload):
        parse(body | {field: word})


def test_new_fee_type_is_carried_on_and_never_priced_as_a_known_one() -> None:
    series = terms.parse_series(Fields({"series": SERIES["series"] | {"fee_type": "cubic"}}, "series"))
    row = Fields(EVENT["markets"][0], "market")
    contract = terms.parse_contract(row, OF, series, CITIES["NYC"], MarketType.HIGH)

    assert contract.fee_type == "cubic"
    assert check_fee_type(contract).reasons == (ReasonCode.FEE_TYPE_UNKNOWN,)
