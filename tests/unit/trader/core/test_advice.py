"""Rules of the advisor: classes at their limits, words from numbers, text that is safe to show."""

import unicodedata
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.hostile import TEXTS
from trader.core.advice import explain, find, invented_numbers, numbers_in, plain_text
from trader.domain.advice import AnomalyClass, AnomalyKind, MarketFacts, SignalFacts
from trader.domain.types import Decision, MarketType, Side

NORMAL, SUSPICIOUS, ALERT = AnomalyClass.NORMAL, AnomalyClass.SUSPICIOUS, AnomalyClass.ALERT


def market(**more: object) -> MarketFacts:
    facts: dict[str, object] = {
        "ticker": "E-B1",
        "event_ticker": "E",
        "city_code": "NYC",
        "yes_bid": "0.40",
        "yes_ask": "0.42",
        "top_size": "50",
        "p_yes": "0.41",
    }
    return MarketFacts.model_validate(facts | more, strict=False)


def class_of(kind: AnomalyKind, *markets: MarketFacts) -> AnomalyClass | None:
    return next((f.anomaly_class for f in find(markets) if f.kind is kind), None)


@pytest.mark.story("7.3")
@pytest.mark.parametrize(
    ("ask", "expected"),
    [("0.49", NORMAL), ("0.50", SUSPICIOUS), ("0.64", SUSPICIOUS), ("0.65", ALERT)],  # bid 0.40
)
def test_spread_is_classed_at_its_limits(ask: str, expected: AnomalyClass) -> None:
    assert class_of(AnomalyKind.WIDE_SPREAD, market(yes_ask=ask)) is expected


@pytest.mark.story("7.3")
@pytest.mark.parametrize(
    ("size", "expected"), [("10", NORMAL), ("9.99", SUSPICIOUS), ("0.01", SUSPICIOUS), ("0", ALERT)]
)
def test_liquidity_is_classed_at_its_limits(size: str, expected: AnomalyClass) -> None:
    assert class_of(AnomalyKind.LOW_LIQUIDITY, market(top_size=size)) is expected


@pytest.mark.story("7.3")
@pytest.mark.parametrize(
    ("p_yes", "expected"),
    [("0.655", NORMAL), ("0.66", SUSPICIOUS), ("0.80", SUSPICIOUS), ("0.81", ALERT), ("0.01", ALERT)],
)
def test_disagreement_with_the_market_is_classed_at_its_limits(p_yes: str, expected: AnomalyClass) -> None:
    assert class_of(AnomalyKind.FORECAST_DISAGREEMENT, market(p_yes=p_yes)) is expected


@pytest.mark.story("7.3")
@pytest.mark.parametrize(
    ("means", "expected"), [((80.0, 83.9), NORMAL), ((80.0, 84.0), SUSPICIOUS), ((80.0, 85.0, 88.0), ALERT)]
)
def test_strategies_that_disagree_among_themselves_are_noticed(
    means: tuple[float, ...], expected: AnomalyClass
) -> None:
    assert class_of(AnomalyKind.FORECAST_DISAGREEMENT, market(mean_f=means)) is expected


def test_a_market_far_from_the_money_is_not_called_thin_or_wide() -> None:
    tail = market(yes_bid="0.00", yes_ask="0.09", top_size="0", p_yes="0.02")

    assert {f.kind for f in find([tail])} == {AnomalyKind.FORECAST_DISAGREEMENT}


def test_nothing_is_said_of_a_market_without_prices() -> None:
    assert find([market(yes_bid=None, yes_ask=None, top_size=None)]) == ()


def test_order_of_arrival_does_not_matter_and_each_event_speaks_once_a_kind() -> None:
    some = [market(ticker=f"E{n % 2}-{n}", event_ticker=f"E{n % 2}", yes_ask=f"0.5{n}") for n in range(6)]

    found = find(some)

    assert found == find(reversed(some))
    assert len({(f.event_ticker, f.kind) for f in found}) == len(found) == 6


FACTS = SignalFacts(
    signal_id=1,
    decided_at=datetime(2026, 7, 16, 15, tzinfo=UTC),
    ticker="E-B1",
    city="New York",
    market_type=MarketType.HIGH,
    climate_date=date(2026, 7, 17),
    label="88° to 89°",
    strategy_name="daily_high",
    p_yes=Decimal("0.31"),
    decision=Decision.SELL,
    side=Side.NO,
    price=Decimal("0.555"),
    fee=Decimal("0.0175"),
    edge=Decimal("0.1175"),
    qty=Decimal(20),
    allowed_qty=Decimal("12.5"),
    yes_bid=Decimal("0.44"),
    yes_ask=Decimal("0.46"),
    mean_f=87.94,
    sd_f=2.06,
    lead_h=9.0,
    observed_extreme_f=None,
)


@pytest.mark.story("7.2")
def test_explanation_says_forecast_price_fee_and_what_the_limits_left() -> None:
    assert explain(FACTS) == (
        "New York, high of July 17, 88° to 89°: Our forecast (87.9 °F, give or take 2.1) gives NO 69 %. "
        "Buying NO costs 55.5 cents and 1.75 cents of fee, "
        "so 11.75 cents are expected to be left per contract. "
        "The limits on risk left 12.5 of 20 contracts."
    )


def test_explanation_of_a_month_names_no_degrees() -> None:
    text = explain(FACTS.model_copy(update={"market_type": MarketType.RAIN, "allowed_qty": None}))

    assert "°F" not in text
    assert "rain of the month" in text


@pytest.mark.parametrize("text", TEXTS)
def test_hostile_text_comes_out_plain_short_and_without_links(text: str) -> None:
    kept = plain_text(text, 300)

    assert len(kept) <= 300
    assert not set(kept) & set("<>`*_#|\\{}[]~\n\r\t")
    assert "://" not in kept
    assert "javascript:" not in kept.lower()
    assert all(unicodedata.category(c)[0] != "C" for c in kept)


@given(st.text(max_size=500))
def test_plain_text_is_stable_and_bounded(text: str) -> None:
    kept = plain_text(text, 120)

    assert len(kept) <= 120
    assert plain_text(kept, 120) == kept


@pytest.mark.parametrize(
    ("text", "expected"),
    [("7.50 cents", {"7.5"}), ("1,000 or 20", {"1000", "20"}), ("100", {"100"}), ("none", set())],
)
def test_numerals_are_read_as_written(text: str, expected: set[str]) -> None:
    assert numbers_in(text) == expected


def test_a_number_that_was_not_given_is_found() -> None:
    assert invented_numbers("69 % at 55.5 cents, 70 soon", explain(FACTS)) == {"70"}
