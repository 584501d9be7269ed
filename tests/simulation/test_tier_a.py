"""A sample of the simulation in every test run: some seeds, those of fixed failures, repeatability."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.episode import run
from tests.simulation.plan import MAX_CYCLES, plan
from tests.simulation.run import quiet
from tests.simulation.witness import REPOSITORIES, WRITES
from trader.ports import ops_store

ROOT = Path(__file__).resolve().parents[2]
REGRESSIONS: dict[str, str] = json.loads(
    Path(__file__).with_name("regressions.json").read_text(encoding="utf-8")
)
"""Seeds that once broke an invariant, with what was wrong; they stay for ever."""

pytestmark = pytest.mark.story("9.1")


@pytest.fixture(autouse=True, scope="module")
def _quiet() -> None:
    quiet()


@pytest.mark.parametrize("first", range(0, 24, 12))
def test_no_invariant_breaks_in_a_sample_of_seeds(first: int) -> None:
    broken = {seed: outcome.problem for seed in range(first, first + 12) if (outcome := run(seed)).problem}

    assert not broken


@pytest.mark.parametrize("seed", sorted(REGRESSIONS))
def test_a_seed_that_once_failed_passes(seed: str) -> None:
    outcome = run(int(seed))

    assert outcome.problem is None, REGRESSIONS[seed]


def test_one_seed_has_one_hash_in_any_process_hash_seed_and_zone() -> None:
    code = "from tests.simulation.run import quiet; quiet(); from tests.simulation.episode import run; "
    code += "print(run(11).digest)"
    env = {**os.environ, "PYTHONHASHSEED": "77", "TZ": "Australia/Lord_Howe"}
    other = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60
    )

    assert other.stdout.strip() == run(11).digest, other.stderr


def test_an_episode_is_short_and_every_seed_is_another_one() -> None:
    plans = [plan(seed) for seed in range(500)]

    assert all(one.noisy + one.quiet + 6 <= MAX_CYCLES for one in plans)
    assert len({(one.day, one.codes, one.begins, one.env["ORDER_POLICY"]) for one in plans}) > 450
    assert {kind.value for one in plans for kind in (fault.kind for fault in one.faults)}


def test_every_method_of_the_books_is_known_to_read_or_to_write() -> None:
    """A new method that writes must be seen as one, or a fault of the database would never strike it."""
    writes = {
        name
        for protocol in vars(ops_store).values()
        if isinstance(protocol, type) and protocol.__name__.endswith(("Repository", "Store"))
        for name in vars(protocol)
        if not name.startswith("_") and WRITES.fullmatch(name)
    }

    assert writes >= {
        "save_state",
        "transition",
        "book",
        "settle",
        "create",
        "save_inputs",
        "probe_write",
        "close",
    }
    assert set(REPOSITORIES) == set(ops_store.OpsStore.__annotations__)
