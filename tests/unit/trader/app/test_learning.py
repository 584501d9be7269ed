"""What a cycle has learnt, from our books."""

from datetime import UTC, date, datetime, timedelta

import pytest

from tests.contract import ops_samples as a
from trader.adapters.memory.store import MemoryOpsStore
from trader.app.learning import Learner
from trader.core.strategies.extreme import shipped_parameters
from trader.domain.canonical import content_hash
from trader.domain.cities import load_cities
from trader.domain.types import MarketType
from trader.domain.weather import Forecast
from trader.ports.weather import ClimateReport

CITIES = load_cities()
DAY = date(2026, 7, 10)
NOW = datetime(2026, 7, 20, 12, tzinfo=UTC)


def forecast(day: date, issued_at: datetime, value: float = 85.0) -> Forecast:
    return Forecast(
        source="nws_grid", variable=MarketType.HIGH, climate_date=day, issued_at=issued_at, value_f=value
    )


def store_with(days: int, error: int = 3) -> MemoryOpsStore:
    """Each day the evening before said 85 and it became 85 + ``error``."""
    store = MemoryOpsStore()
    for n in range(days):
        day = DAY + timedelta(days=n)
        at = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=2)
        store.weather.save_snapshot(a.weather(forecasts=(forecast(day, at),)), at=at)
        report = ClimateReport(
            pil="CLINYC", city_code="NYC", climate_date=day, issued_at=at + timedelta(hours=35),
            status="final_first", high_f=85 + error, low_f=70, refusal=None,
            payload=a.payload(f"{n}", content_type="text/plain", sha256=f"{n:064d}"),
        )  # fmt: skip
        store.weather.save_climate_report(report, at=at)
    return store


def test_pairs_in_the_books_become_bias_and_count_of_their_source_and_lead() -> None:
    learner = Learner(store_with(8).learned, CITIES)

    found = learner.knowledge(NOW)

    assert found.current == shipped_parameters()
    (one,) = (r for r in found.residuals if r.lead_days == 1)
    assert (one.city_code, one.source, one.variable, one.count) == ("NYC", "nws_grid", MarketType.HIGH, 8)
    assert one.bias_f == pytest.approx(3.0)
    assert one.parameters == content_hash(shipped_parameters())
    assert len(found.correlations) == 45


def test_nothing_is_learnt_anew_until_a_final_report_or_a_role_is_stored() -> None:
    store = store_with(3)
    learner = Learner(store.learned, CITIES)

    before = learner.knowledge(NOW)

    assert learner.knowledge(NOW + timedelta(hours=1)) is before
    sha256 = store.learned.save_set(a.parameters("new"), role="CANDIDATE", set_by="eve", note="", at=NOW)
    beside = learner.knowledge(NOW)
    assert [p.name for p in beside.candidates] == ["new"]
    assert {r.parameters for r in beside.residuals} == {content_hash(shipped_parameters()), sha256}
    store.learned.save_set(a.parameters("new"), role="CURRENT", set_by="eve", note="", at=NOW)
    assert learner.knowledge(NOW).current.name == "new"
    assert learner.knowledge(NOW).candidates == ()


def test_a_forecast_tells_what_its_older_issues_said_also_after_a_restart() -> None:
    store = MemoryOpsStore()
    day = DAY + timedelta(days=2)
    at = datetime(2026, 7, 11, 12, tzinfo=UTC)
    said = [(30, 80.0), (24, 82.0), (12, 84.0), (6, 86.0)]  # hours before, value
    running = Learner(store.learned, CITIES)
    for hours, value in said:
        seen = a.weather(captured_at=at - timedelta(hours=hours),
                         forecasts=(forecast(day, at - timedelta(hours=hours), value),))  # fmt: skip
        store.weather.save_snapshot(running.with_lags(seen), at=at)
    newest = a.weather(captured_at=at, forecasts=(forecast(day, at, 88.0),))

    for learner in (running, Learner(store.learned, CITIES)):
        (found,) = learner.with_lags(newest).forecasts
        assert found.older_f == 81.0  # 30 and 24 hours before
        assert found.spread_f == pytest.approx(1.632993)  # of 84, 86 and 88
    (alone,) = Learner(MemoryOpsStore().learned, CITIES).with_lags(newest).forecasts
    assert (alone.older_f, alone.spread_f) == (None, None)
