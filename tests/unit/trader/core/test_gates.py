"""Each gate alone: what it lets through and the one reason it gives."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.trader.core.builders import NOW, book, contract, event_contracts, snapshot, weather
from trader.core import gates
from trader.core.strategies.base import signal_for
from trader.domain.markets import MarketSnapshot
from trader.domain.risk import GateLimits
from trader.domain.types import MarketStatus, ReasonCode, Side

D = Decimal
R = ReasonCode
TERMS = contract(82, 83)
LIMITS = GateLimits()


def market(bid: str | None = "0.40", ask: str | None = "0.42", **changes: Any) -> MarketSnapshot:
    return snapshot(TERMS, book(bid, ask), **changes)


@pytest.mark.story("4.3")
@pytest.mark.parametrize(
    ("bid", "ask", "reasons"),
    [
        ("0.40", "0.43", ()),  # exactly 3 cents
        ("0.40", "0.44", (R.SPREAD_TOO_WIDE,)),
        ("0.40", None, (R.BOOK_MISSING,)),
        (None, "0.43", (R.BOOK_MISSING,)),
    ],
)
def test_spread_of_at_most_three_cents_passes(
    bid: str | None, ask: str | None, reasons: tuple[ReasonCode, ...]
) -> None:
    verdict = gates.check_spread(market(bid, ask), LIMITS)

    assert (bool(verdict), verdict.reasons) == (not reasons, reasons)


@pytest.mark.story("4.3")
@pytest.mark.parametrize(
    ("side", "qty", "limit", "passes"),
    [
        (Side.YES, "200", "0.42", True),
        (Side.YES, "201", "0.42", False),
        (Side.YES, "1", "0.41", False),
        (Side.NO, "200", "0.60", True),
        (Side.NO, "1", "0.59", False),
    ],
)
def test_liquidity_counts_contracts_within_the_limit(side: Side, qty: str, limit: str, passes: bool) -> None:
    verdict = gates.check_liquidity(market(), side, D(qty), D(limit))

    assert (bool(verdict), verdict.reasons) == (passes, () if passes else (R.LIQUIDITY_TOO_LOW,))


@pytest.mark.story("4.3")
@pytest.mark.parametrize(
    ("edge", "reasons"),
    [("0.03", ()), ("0.029999", (R.EDGE_TOO_SMALL,)), (None, (R.BOOK_MISSING,)),
     ("0.25", ()), ("0.250001", (R.EDGE_IMPLAUSIBLE,))],
)  # fmt: skip
def test_edge_within_minimum_and_maximum_passes(edge: str | None, reasons: tuple[ReasonCode, ...]) -> None:
    signal = signal_for(TERMS, strategy=("s", "1"), reasons=(R.EDGE_FOUND,), edge=D(edge) if edge else None)

    assert gates.check_edge(signal, LIMITS).reasons == reasons


@pytest.mark.parametrize(
    ("age_s", "reasons"),
    [(0, ()), (30, ()), (30.000001, (R.BOOK_STALE,)), (-0.000001, (R.BOOK_FROM_FUTURE,))],
)
def test_a_book_is_at_most_thirty_seconds_old_and_never_from_the_future(
    age_s: float, reasons: tuple[ReasonCode, ...]
) -> None:
    quoted = snapshot(TERMS, book("0.40", "0.42", at=NOW - timedelta(seconds=age_s)))

    assert gates.check_book(quoted, NOW, LIMITS).reasons == reasons


@pytest.mark.parametrize(
    ("quoted", "reasons"),
    [
        (None, (R.BOOK_MISSING,)),
        (snapshot(TERMS, None), (R.BOOK_MISSING,)),
        (market(None, "0.42"), (R.BOOK_MISSING,)),
        (market("0.42", "0.42"), (R.BOOK_CROSSED,)),
        (market("0.43", "0.42"), (R.BOOK_CROSSED,)),
    ],
)
def test_a_missing_or_crossed_book_is_an_answer(
    quoted: MarketSnapshot | None, reasons: tuple[ReasonCode, ...]
) -> None:
    assert gates.check_book(quoted, NOW, LIMITS).reasons == reasons


def test_a_market_without_a_book_has_neither_spread_nor_liquidity() -> None:
    none = snapshot(TERMS, None)

    assert gates.check_spread(none, LIMITS).reasons == (R.BOOK_MISSING,)
    assert gates.check_liquidity(none, Side.YES, D(1), D(1)).reasons == (R.BOOK_MISSING,)


@pytest.mark.parametrize(
    ("changes", "needs_observation", "reasons"),
    [
        ({}, True, ()),
        ({"is_fetch_stale": True}, False, (R.WEATHER_STALE,)),
        ({"fetched_at": NOW - timedelta(minutes=15)}, False, ()),
        (
            {"fetched_at": NOW - timedelta(minutes=15, seconds=1)},
            False,
            (R.WEATHER_STALE,),
        ),  # grown old since
        ({"is_observation_stale": True}, True, (R.OBSERVATION_STALE,)),
        ({"is_observation_stale": True}, False, ()),  # tomorrow's forecast does not read the station
        ({"problems": (R.WEATHER_IMPLAUSIBLE,)}, False, (R.WEATHER_IMPLAUSIBLE,)),
        ({"problems": (R.WEATHER_FROM_FUTURE,)}, False, (R.WEATHER_FROM_FUTURE,)),
    ],
)
def test_weather_must_be_fetched_in_time_and_plausible(
    changes: dict[str, Any], needs_observation: bool, reasons: tuple[ReasonCode, ...]
) -> None:
    seen = weather("NYC", **changes)

    assert gates.check_freshness(seen, NOW, LIMITS, needs_observation=needs_observation).reasons == reasons


def test_no_weather_at_all_is_stale() -> None:
    assert gates.check_freshness(None, NOW, LIMITS, needs_observation=False).reasons == (R.WEATHER_STALE,)


@pytest.mark.parametrize(
    ("changes", "reasons"),
    [
        ({}, ()),
        ({"status": MarketStatus.INACTIVE}, (R.MARKET_NOT_OPEN,)),
        ({"status": MarketStatus.CLOSED}, (R.MARKET_NOT_OPEN,)),
        ({"close_time": NOW + timedelta(seconds=600)}, ()),
        ({"close_time": NOW + timedelta(seconds=599)}, (R.MARKET_CLOSING,)),
    ],
)
def test_a_market_is_active_and_not_about_to_close(
    changes: dict[str, Any], reasons: tuple[ReasonCode, ...]
) -> None:
    assert gates.check_open(TERMS, market(**changes), NOW, LIMITS).reasons == reasons


def test_a_market_before_its_opening_or_without_a_quote_is_not_open() -> None:
    early = TERMS.open_time - timedelta(seconds=1)

    assert gates.check_open(TERMS, market(), early, LIMITS).reasons == (R.MARKET_NOT_OPEN,)
    assert gates.check_open(TERMS, None, NOW, LIMITS).reasons == (R.BOOK_MISSING,)


@pytest.mark.story("4.3")
def test_rules_must_prove_the_market_its_bracket_and_be_those_of_the_quote() -> None:
    unproven = TERMS.model_copy(update={"proof": (R.RULES_NOT_PROVEN,)})
    other_bracket = TERMS.model_copy(update={"lo": 84, "hi": 85})
    changed = market(terms_hash="b" * 64)

    assert gates.check_terms(TERMS, market())
    assert gates.check_terms(TERMS, None)
    for terms, quoted in ((unproven, market()), (other_bracket, market()), (TERMS, changed)):
        assert gates.check_terms(terms, quoted).reasons == (R.RULES_NOT_PROVEN,)


def test_the_brackets_of_an_event_must_partition_the_degrees() -> None:
    brackets = event_contracts()

    assert gates.check_partition(brackets)
    assert gates.check_partition(brackets[1:]).reasons == (R.BRACKETS_NOT_PARTITION,)
