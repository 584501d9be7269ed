"""Replay: every stored decision recomputed, and every way in which rows may have been changed is seen."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.fakes.desk import Desk
from trader.app.cycle import run_cycle
from trader.app.replay import replay
from trader.domain.plan import CycleInputs, CyclePlan

D = Decimal


class Tampered:
    """The cycle rows with one changed on the way out."""

    def __init__(self, inner: object, **changed: Any) -> None:
        self._inner, self._changed = inner, changed

    def __getattr__(self, name: str) -> Any:
        return self._changed.get(name) or getattr(self._inner, name)


@pytest.fixture
def decided(desk: Desk) -> Desk:
    run_cycle(desk.trader, slot="one")
    desk.clock.advance(300)
    run_cycle(desk.trader, slot="two")
    return desk


def test_stored_decisions_replay_identically(decided: Desk) -> None:
    result = replay(decided.store)

    assert (result.cycles, result.identical, result.signals, result.differences) == (2, 2, 12, ())


def test_replay_begins_where_it_is_told(decided: Desk) -> None:
    assert replay(decided.store, decided.clock.now()).cycles == 1
    assert replay(decided.store, decided.clock.now() + timedelta(seconds=1)).cycles == 0


def test_a_cycle_without_a_decision_is_not_counted(decided: Desk) -> None:
    decided.exchange.is_away = True
    decided.clock.advance(300)
    run_cycle(decided.trader, slot="three")

    assert len(decided.store.cycles.list()) == 3
    assert replay(decided.store).cycles == 2


def test_changed_inputs_are_seen(decided: Desk) -> None:
    honest = decided.store.cycles.load_inputs

    def changed(cycle_id: int) -> CycleInputs:
        return honest(cycle_id).model_copy(update={"cash_usd": D(1)}) if cycle_id == 2 else honest(cycle_id)

    decided.store.cycles = Tampered(decided.store.cycles, load_inputs=changed)

    result = replay(decided.store)

    assert (result.cycles, result.identical) == (2, 1)
    assert result.differences == ("cycle 2: stored rows do not give the stored inputs hash",)


def test_a_changed_plan_is_seen(decided: Desk) -> None:
    honest = decided.store.cycles.load_plan

    def changed(cycle_id: int) -> CyclePlan:
        return honest(cycle_id).model_copy(update={"intents": ()})

    decided.store.cycles = Tampered(decided.store.cycles, load_plan=changed)

    assert replay(decided.store).differences[0] == (
        "cycle 1: the stored rows differ from the recomputed plan"
    )


def test_a_changed_plan_hash_is_seen(decided: Desk) -> None:
    rows = [row.model_copy(update={"plan_hash": "0" * 64}) for row in decided.store.cycles.list()]
    decided.store.cycles = Tampered(decided.store.cycles, list=lambda since: tuple(rows))

    result = replay(decided.store)

    assert result.identical == 0
    assert "another hash than the stored one" in result.differences[1]
