"""A candidate runs beside the current set before it may replace it, and can be rolled back."""

from datetime import UTC, date, datetime, timedelta

import pytest

from tests.contract import ops_samples as a
from tests.fakes.clock import FakeClock
from tests.unit.trader.app.test_learning import NOW, store_with
from trader.adapters.memory.store import MemoryOpsStore
from trader.app.fit import roles
from trader.core import probability as pr
from trader.core.strategies.extreme import shipped_parameters
from trader.domain.canonical import content_hash
from trader.domain.errors import ConfigurationError

CLOCK = FakeClock(NOW)
SHIPPED = content_hash(shipped_parameters())


def predicted(store: MemoryOpsStore, days: int, centres: dict[str, float]) -> None:
    """Each set's distribution of every day, the evening before."""
    epoch = store.open_epoch(mode=a.MODE, account="x", command="run", version="1", at=NOW)
    for n in range(days):
        day = date(2026, 7, 10) + timedelta(days=n)
        at = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=1)
        cycle_id = store.cycles.begin(epoch=epoch, mode=a.MODE, slot=f"{n}", at=at)
        seen = a.inputs(now=at)
        store.cycles.save_inputs(cycle_id, seen, at=at)
        predictions = tuple(
            a.prediction(
                climate_date=day,
                strategy_version=f"2-{sha256[:8]}",
                distribution=pr.quantise(*pr.student(centre, 3.0, 8.0), mean_f=centre, sd_f=3.0),
            )
            for sha256, centre in centres.items()
        )
        store.cycles.save_plan(cycle_id, a.plan(seen, predictions=predictions), at=at)


def test_a_candidate_no_worse_on_enough_events_may_be_promoted_and_rolled_back() -> None:
    store, better = store_with(31), a.parameters("better")
    sha256 = roles.give_role(store.learned, CLOCK, better, "CANDIDATE", by="eve", note="refit")
    predicted(store, 31, {SHIPPED: 85.0, sha256: 88.0})  # it became 88

    compared = roles.beside(store.learned, sha256, SHIPPED, date(2026, 7, 1))
    assert (compared.events, compared.own is not None and compared.own < (compared.current or 0)) == (
        31,
        True,
    )
    roles.give_role(store.learned, CLOCK, better, "CURRENT", by="eve", note="better")

    assert roles.current_of(store.learned.sets()) == better
    assert roles.roll_back(store.learned, CLOCK, by="eve", note="regret") == SHIPPED
    assert roles.current_of(store.learned.sets()) == shipped_parameters()
    assert {s.parameters.name: s.role for s in store.learned.sets()}["better"] == "WITHDRAWN"


@pytest.mark.parametrize(
    ("days", "centre", "words"),
    [(29, 88.0, "expected 30 settled events .* found 29"), (31, 80.0, "expected a CRPS of at most")],
)
def test_a_candidate_with_too_few_events_or_worse_stays_one(days: int, centre: float, words: str) -> None:
    store, new = store_with(days), a.parameters("new")
    sha256 = roles.give_role(store.learned, CLOCK, new, "CANDIDATE", by="eve", note="")
    predicted(store, days, {SHIPPED: 87.0, sha256: centre})

    with pytest.raises(ConfigurationError, match=words):
        roles.give_role(store.learned, CLOCK, new, "CURRENT", by="eve", note="")

    assert store.learned.sets()[0].role == "CANDIDATE"


def test_our_own_pairs_give_fits_that_know_the_bias() -> None:
    found = roles.fit_stored(store_with(40).learned, date(2026, 9, 1), "own")

    fits = {(f.city_code, f.source, f.lead_days): f for f in found.fits}
    assert set(fits) == {("NYC", "nws_grid", 1)}
    assert fits["NYC", "nws_grid", 1].location[0] == pytest.approx(3.0, abs=0.2)
    assert fits["NYC", "nws_grid", 1].pairs == 40
    assert found.spreads == shipped_parameters().spreads
    with pytest.raises(ConfigurationError, match="expected a source with 30 pairs"):
        roles.fit_stored(store_with(20).learned, date(2026, 9, 1), "own")


def test_nothing_is_rolled_back_before_anything_was_promoted() -> None:
    store = MemoryOpsStore()

    with pytest.raises(ConfigurationError, match="expected a promoted set"):
        roles.roll_back(store.learned, CLOCK, by="eve", note="")
    with pytest.raises(ConfigurationError, match="expected the start of one stored set's hash"):
        roles.named(store.learned.sets(), "ab")
