"""The domain models: each takes its sample, keeps it exactly, and refuses everything else."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tests.factories import PAYLOADS, sample_market_snapshot, sample_order_fill, sample_weather_snapshot
from trader.domain.markets import Level, MarketSnapshot, OrderBook
from trader.domain.orders import Fill, Order
from trader.domain.positions import Position
from trader.domain.risk import Cap, HealthStatus, RiskEvent, StateChange
from trader.domain.signals import Distribution, Signal
from trader.domain.types import (
    MEANINGS,
    Frozen,
    OrderStatus,
    ReasonCode,
    Side,
    Verdict,
)
from trader.domain.weather import Observation, WeatherSnapshot

D = Decimal
ROOT = Path(__file__).resolve().parents[4]
Model = type[Frozen]
MODELS = list(PAYLOADS)
REQUIRED = [
    (model, name) for model in MODELS for name, field in model.model_fields.items() if field.is_required()
]
INSTANTS = [
    (model, name)
    for model in MODELS
    for name, value in PAYLOADS[model].items()
    if isinstance(value, str) and value.endswith("Z")
]
WRONG: list[tuple[Model, str, object]] = [
    (MarketSnapshot, "yes_bid", "forty"),
    (MarketSnapshot, "yes_ask", "1.01"),
    (MarketSnapshot, "volume", "-1"),
    (MarketSnapshot, "status", "open"),
    (MarketSnapshot, "climate_date", "July 16"),
    (MarketSnapshot, "ticker", 5),
    (MarketSnapshot, "book", []),
    (MarketSnapshot, "market_type", "high"),
    (WeatherSnapshot, "high_so_far_f", 140.1),
    (WeatherSnapshot, "low_so_far_f", -80.1),
    (WeatherSnapshot, "latest", "80"),
    (WeatherSnapshot, "is_fetch_stale", "no"),
    (WeatherSnapshot, "is_fetch_stale", 0),
    (WeatherSnapshot, "problems", ["SUN"]),
    (Signal, "p_yes", "1.000001"),
    (Signal, "p_yes", "0.1234567"),
    (Signal, "decision", "LONG"),
    (Signal, "qty", "-1"),
    (Signal, "side", "MAYBE"),
    (Order, "qty", "0"),
    (Order, "limit_price", "-0.01"),
    (Order, "status", "SUBMITTED"),
    (Order, "filled_qty", "20.01"),
    (Order, "booked_qty", "12.51"),
    (Order, "is_foreign", 1),
    (Fill, "qty", "0"),
    (Fill, "price", "1.5"),
    (Fill, "mode", "PAPER"),
    (Fill, "is_taker", "true"),
    (Fill, "fee", "free"),
    (Fill, "filled_at", "yesterday"),
    (Position, "status", "open"),
    (Position, "avg_entry", "2"),
    (Position, "cost_usd", None),
    (RiskEvent, "severity", "FATAL"),
    (RiskEvent, "payload", "text"),
    (HealthStatus, "component", "cat"),
    (HealthStatus, "status", "OK"),
]


def parsed(model: Model, payload: dict[str, Any]) -> Frozen:
    return model.model_validate_json(json.dumps(payload))


@pytest.mark.story("1.1")
def test_the_three_samples_import_without_database_network_or_settings() -> None:
    code = (
        "from tests.factories import sample_market_snapshot, sample_weather_snapshot, sample_order_fill\n"
        "import sys\n"
        "outside = ('psycopg', 'httpx', 'structlog', 'trader.app', 'trader.adapters')\n"
        "print([name for name in outside if name in sys.modules])"
    )

    found = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )

    assert (found.returncode, found.stdout) == (0, "[]\n"), found.stderr


@pytest.mark.story("1.1")
def test_the_three_samples_are_of_their_models() -> None:
    assert isinstance(parsed(MarketSnapshot, sample_market_snapshot), MarketSnapshot)
    assert isinstance(parsed(WeatherSnapshot, sample_weather_snapshot), WeatherSnapshot)
    assert isinstance(parsed(Fill, sample_order_fill), Fill)


@pytest.mark.story("1.5")
@pytest.mark.parametrize("model", MODELS)
def test_a_model_takes_its_sample_and_gives_it_back_unchanged(model: Model) -> None:
    found = parsed(model, PAYLOADS[model])

    assert parsed(model, found.model_dump(mode="json")) == found
    assert set(PAYLOADS[model]) == set(model.model_fields)


@pytest.mark.story("1.5")
@pytest.mark.parametrize(("model", "name"), REQUIRED)
def test_a_missing_field_is_refused_by_name(model: Model, name: str) -> None:
    payload = {key: value for key, value in PAYLOADS[model].items() if key != name}

    with pytest.raises(ValidationError) as refused:
        parsed(model, payload)

    assert [(e["loc"], e["type"]) for e in refused.value.errors()] == [((name,), "missing")]


@pytest.mark.story("1.5")
@pytest.mark.parametrize("model", MODELS)
def test_a_renamed_field_is_refused(model: Model) -> None:
    first, *_ = model.model_fields
    payload = {f"{key}_2" if key == first else key: value for key, value in PAYLOADS[model].items()}

    with pytest.raises(ValidationError) as refused:
        parsed(model, payload)

    assert {e["type"] for e in refused.value.errors()} >= {"extra_forbidden"}


@pytest.mark.story("1.5")
@pytest.mark.parametrize(("model", "name", "value"), WRONG)
def test_a_value_of_another_type_or_out_of_range_is_refused(model: Model, name: str, value: object) -> None:
    with pytest.raises(ValidationError):
        parsed(model, PAYLOADS[model] | {name: value})


@pytest.mark.story("1.5")
@pytest.mark.parametrize("model", MODELS)
def test_a_model_cannot_be_changed(model: Model) -> None:
    found = parsed(model, PAYLOADS[model])
    first, *_ = model.model_fields

    with pytest.raises(ValidationError, match="frozen"):
        setattr(found, first, getattr(found, first))


@pytest.mark.story("1.5")
@pytest.mark.parametrize(("model", "name"), INSTANTS)
def test_an_instant_without_a_zone_is_refused_and_any_zone_becomes_utc(model: Model, name: str) -> None:
    payload = PAYLOADS[model]
    with pytest.raises(ValidationError, match="expected an aware instant"):
        parsed(model, payload | {name: payload[name].removesuffix("Z")})
    utc = datetime.fromisoformat(payload[name])

    found = parsed(
        model, payload | {name: (utc + timedelta(hours=5, minutes=30)).isoformat()[:-6] + "+05:30"}
    )

    value = getattr(found, name)
    assert value == utc
    assert value.tzinfo is UTC


@pytest.mark.story("1.5")
def test_money_keeps_every_digit() -> None:
    found = parsed(Fill, PAYLOADS[Fill] | {"fee": "0.10000000000000000001", "price": "0.4275"})

    assert isinstance(found, Fill)
    assert (str(found.fee), str(found.price)) == ("0.10000000000000000001", "0.4275")


# ---- what the models compute


def test_the_ask_of_one_side_is_the_bid_of_the_other() -> None:
    book = OrderBook(
        captured_at=datetime(2026, 7, 16, tzinfo=UTC),
        yes_bids=(Level(price=D("0.41"), size=D(5)), Level(price=D("0.40"), size=D(9))),
        no_bids=(Level(price=D("0.57"), size=D(8)),),
    )

    assert book.asks(Side.YES) == (Level(price=D("0.43"), size=D(8)),)
    assert [(x.price, x.size) for x in book.asks(Side.NO)] == [(D("0.59"), D(5)), (D("0.60"), D(9))]
    assert (book.best_bid, book.best_ask, book.spread) == (D("0.41"), D("0.43"), D("0.02"))


@pytest.mark.parametrize(("yes", "no"), [((), ()), ((), ("0.5",)), (("0.5",), ())])
def test_a_book_without_both_sides_has_no_spread(yes: tuple[str, ...], no: tuple[str, ...]) -> None:
    book = OrderBook(
        captured_at=datetime(2026, 7, 16, tzinfo=UTC),
        yes_bids=tuple(Level(price=D(p), size=D(1)) for p in yes),
        no_bids=tuple(Level(price=D(p), size=D(1)) for p in no),
    )

    assert book.spread is None


@pytest.mark.parametrize("status", OrderStatus)
def test_nothing_can_fill_once_an_order_is_closed(status: OrderStatus) -> None:
    order = parsed(Order, PAYLOADS[Order] | {"status": status})

    assert isinstance(order, Order)
    assert order.open_qty == (D(0) if status.is_closed else D("7.50"))


def test_a_closed_order_is_denied_filled_canceled_expired_or_rejected() -> None:
    closed = {status for status in OrderStatus if status.is_closed}

    assert closed == {
        OrderStatus.DENIED,
        OrderStatus.FILLED,
        OrderStatus.CANCELED,
        OrderStatus.EXPIRED,
        OrderStatus.REJECTED,
    }


@pytest.mark.parametrize(
    ("lo", "hi", "expected"),
    [
        (None, None, "1"),
        (85, 85, "0.5"),
        (None, 84, "0.2"),
        (86, None, "0.3"),
        (None, 70, "0"),
        (99, None, "0"),
        (80, 84, "0.2"),
        (86, 85, "0"),
    ],
)
def test_a_distribution_sums_over_whole_degrees(lo: int | None, hi: int | None, expected: str) -> None:
    found = Distribution(start=84, ppm=(200_000, 500_000, 300_000), mean_f=85.1, sd_f=0.7)

    assert found.between(lo, hi) == D(expected)


@pytest.mark.parametrize("ppm", [(999_999,), (1_000_001,), (1_500_000, -500_000)])
def test_a_distribution_that_is_none_is_refused(ppm: tuple[int, ...]) -> None:
    with pytest.raises(ValidationError, match="expected millionths summing to 1000000"):
        Distribution(start=84, ppm=ppm, mean_f=85.0, sd_f=1.0)


@pytest.mark.parametrize(("probability", "degree"), [(0.0, 84), (0.2, 84), (0.21, 85), (0.7, 85), (1.0, 86)])
def test_a_quantile_is_the_first_degree_that_reaches_it(probability: float, degree: int) -> None:
    found = Distribution(start=84, ppm=(200_000, 500_000, 300_000), mean_f=85.1, sd_f=0.7)

    assert found.quantile(probability) == degree


@pytest.mark.parametrize(
    ("equity", "limit"), [("5000", "100"), ("1000", "20"), ("50000", "100"), ("-1", "0")]
)
def test_a_cap_is_the_smaller_of_dollars_and_share_and_never_negative(equity: str, limit: str) -> None:
    assert Cap(usd=D(100), fraction=D("0.02")).limit(D(equity)) == D(limit)


@pytest.mark.parametrize("scope", ["book", "city:NYC", "market:KXHIGHNY-26JUL16-B84.5"])
def test_a_halt_names_book_city_or_market(scope: str) -> None:
    fields: dict[str, Any] = {
        "state": "HALTED",
        "reason": "OPERATOR_HALT",
        "note": "",
        "set_by": "ann",
        "set_at": "2026-07-16T01:30:00Z",
    }

    assert parsed(StateChange, fields | {"scope": scope}).model_dump()["scope"] == scope
    for wrong in ("", "city:nyc", "city:NYCX", "market:", "Book"):
        with pytest.raises(ValidationError):
            parsed(StateChange, fields | {"scope": wrong})


def test_a_verdict_is_as_true_as_it_is_allowing() -> None:
    assert Verdict(allowed=True)
    assert not Verdict(allowed=False, reasons=(ReasonCode.BOOK_STALE,))


@pytest.mark.story("4.1")
def test_every_reason_code_has_a_sentence_of_its_own() -> None:
    assert set(MEANINGS) == set(ReasonCode)
    assert len(set(MEANINGS.values())) == len(MEANINGS)
    assert all(text.endswith(".") for text in MEANINGS.values())


@pytest.mark.parametrize("temp_f", [-80.1, 140.1, float("nan"), float("inf")])
def test_an_impossible_temperature_is_no_observation(temp_f: float) -> None:
    with pytest.raises(ValidationError):
        Observation(station="KNYC", observed_at=datetime(2026, 7, 16, tzinfo=UTC), temp_f=temp_f)


@pytest.mark.story("1.5")
def test_every_model_of_the_story_has_a_sample() -> None:
    names = {model.__name__ for model in PAYLOADS}

    assert names == {
        *("WeatherSnapshot", "MarketSnapshot", "Signal", "Order", "Fill", "Position", "RiskEvent"),
        "HealthStatus",
    }
