"""The measure of a replayed year can fail: a decision that is not as stored is not counted."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.performance.replayed import again, on_cores, stored
from trader.rehearsal.backtest import play
from trader.rehearsal.stage import books_in_memory, set_up
from trader.simulator.world import World


def test_a_decision_that_differs_from_the_stored_one_is_not_counted(tmp_path: Path) -> None:
    world, store = World.load("july2026"), books_in_memory()
    looks = [world.captures[4] + timedelta(seconds=s) for s in (5, 11)]
    play(set_up(world, tmp_path, is_limited=False), store, looks, label="two")
    kept = stored(store)
    spoiled = [replace(kept[0], plan_hash="0" * 64), replace(kept[1], inputs_hash="0" * 64)]

    assert again(kept, range(2))[0] == 2
    assert again(spoiled, range(2))[0] == 0
    with pytest.raises(AssertionError, match="expected 2 identical decisions, found 0"):
        on_cores(spoiled, 1)
