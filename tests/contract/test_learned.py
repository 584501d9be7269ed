"""What was forecast, how it settled and which parameters are in force, by memory and by Postgres alike."""

from datetime import timedelta

import pytest

from tests.contract import ops_samples as a
from tests.contract.ops_samples import AT, DAY
from tests.contract.test_ops_store import begun, open_store, save_report, store
from trader.domain.canonical import content_hash
from trader.domain.types import MarketType
from trader.ports.ops_store import OpsStore

__all__ = ["open_store", "store"]  # fixtures
HIGH, LOW = MarketType.HIGH, MarketType.LOW


def test_of_each_block_of_six_hours_the_first_issue_is_kept(store: OpsStore) -> None:
    early, late = AT.replace(hour=7), AT.replace(hour=11)
    for at, value in ((late, 91.0), (early, 90.0), (AT.replace(hour=12), 92.0)):
        forecasts = (
            a.forecast(issued_at=at, value_f=value, members_f=()),
            a.forecast(variable=LOW, issued_at=at),
        )
        store.weather.save_snapshot(a.weather(forecasts=forecasts), at=AT)

    kept = [(i.variable, i.issued_at, i.value_f) for i in store.learned.issues(climate_date=DAY)]

    assert [(v, at) for v, at, _ in kept] == [
        (kind, at) for kind in (HIGH, LOW) for at in (late, AT.replace(hour=12))
    ]
    assert kept[0][2] == 91.0
    assert store.learned.issues(climate_date=DAY + timedelta(days=1)) == ()
    assert len(store.learned.issues(issued_at=AT.replace(hour=12))) == 2


def test_an_ensemble_is_kept_by_the_mean_of_its_members(store: OpsStore) -> None:
    store.weather.save_snapshot(a.weather(forecasts=(a.forecast(members_f=(80.0, 84.0)),)), at=AT)

    assert [i.value_f for i in store.learned.issues()] == [82.0]


def test_a_cycle_keeps_the_issues_it_saw(store: OpsStore) -> None:
    for n in range(2):
        store.cycles.save_inputs(begun(store, f"issue {n}"), a.inputs(), at=AT)

    found = store.learned.issues()
    assert [(i.city_code, i.source, i.variable) for i in found] == sorted(
        {("NYC", f.source, f.variable) for f in a.weather().forecasts}
    )


def test_outcomes_are_the_first_final_of_the_citys_own_station(store: OpsStore) -> None:
    before = store.learned.marker()
    save_report(store, status="preliminary", high_f=70, issued_at=AT)
    assert store.learned.marker() == before
    save_report(store, issued_at=AT + timedelta(days=1), high_f=88, low_f=70)
    save_report(store, issued_at=AT + timedelta(days=2), high_f=90, low_f=71,
                payload=a.payload("later", content_type="text/plain", sha256="8" * 64))  # fmt: skip
    other = a.payload("CLIORD", content_type="text/plain", sha256="9" * 64)
    save_report(store, pil="CLIORD", city_code="CHI", payload=other)

    assert [(o.city_code, o.variable, o.climate_date, o.value) for o in store.learned.outcomes(DAY)] == [
        ("NYC", HIGH, DAY, 88), ("NYC", LOW, DAY, 70),
    ]  # fmt: skip
    assert store.learned.outcomes(DAY + timedelta(days=1)) == ()
    assert store.learned.marker() > before


def test_the_newest_role_of_a_set_holds_and_the_set_before_is_remembered(store: OpsStore) -> None:
    first, second = a.parameters("first"), a.parameters("second")

    def give(parameters: object, role: str) -> str:
        return store.learned.save_set(parameters, role=role, set_by="eve", note="why", at=AT)  # type: ignore[arg-type]

    assert store.learned.sets() == ()
    assert give(first, "CURRENT") == content_hash(first)
    assert store.learned.current_before() is None
    give(second, "CANDIDATE")
    assert [(s.parameters, s.role) for s in store.learned.sets()] == [
        (second, "CANDIDATE"), (first, "CURRENT"),
    ]  # fmt: skip
    before = store.learned.marker()
    give(second, "CURRENT")

    assert [s.parameters.name for s in store.learned.sets()] == ["second", "first"]
    assert store.learned.sets()[0][2:] == ("CURRENT", "eve", "why", AT)
    assert store.learned.current_before() == content_hash(first)
    assert store.learned.marker() > before


def test_of_each_day_the_last_distribution_before_it_began_is_found_by_version(store: OpsStore) -> None:
    evening, next_day = AT - timedelta(hours=20), AT
    for n, at in enumerate((evening - timedelta(hours=1), evening, next_day)):
        cycle_id, seen = begun(store, f"predicted {n}", at=at), a.inputs(now=at)
        store.cycles.save_inputs(cycle_id, seen, at=at)
        shifted = a.prediction().distribution.model_copy(update={"start": 80 + n})
        predictions = (
            a.prediction(strategy_version="2-aaaaaaaa", distribution=shifted),
            a.prediction(strategy_version="2-bbbbbbbb"),
        )
        store.cycles.save_plan(cycle_id, a.plan(seen, predictions=predictions), at=at)

    found = store.learned.predictions(DAY, "aaaaaaaa")

    assert [(code, kind, day, d.start) for code, kind, day, d in found] == [("NYC", HIGH, DAY, 81)]
    assert store.learned.predictions(DAY + timedelta(days=1), "aaaaaaaa") == ()


@pytest.mark.parametrize("role", ["CANDIDATE", "WITHDRAWN"])
def test_a_set_that_was_never_current_is_not_before_anything(store: OpsStore, role: str) -> None:
    store.learned.save_set(a.parameters("x"), role=role, set_by="eve", note="", at=AT)

    assert store.learned.current_before() is None
