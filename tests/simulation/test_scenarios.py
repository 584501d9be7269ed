"""One named scenario in every test run; the others and those with real processes: ``make scenarios``."""

from dataclasses import replace

import pytest

from tests.simulation.run import quiet
from tests.simulation.scenarios import SCENARIOS, play

pytestmark = pytest.mark.story("9.1")


def test_a_time_out_after_accept_is_unknown_until_it_is_found() -> None:
    quiet()

    assert [sentence for sentence, is_so in play("E2") if not is_so] == []


def test_a_scenario_whose_fault_does_not_strike_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    quiet()
    monkeypatch.setitem(SCENARIOS, "E2", replace(SCENARIOS["E2"], faults=()))

    assert "it was written down as UNKNOWN" in [sentence for sentence, is_so in play("E2") if not is_so]
