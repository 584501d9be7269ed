"""A few planted bugs in every run, and the whole table's form; ``make mutants`` plants all of them."""

import subprocess
import sys

import pytest

from tests.proofs.mutants import ROOT, Edit, Mutant, table

pytestmark = pytest.mark.story("9.1")
FAST = ("send before commit", "buying YES is an ask")


def test_every_planted_bug_still_applies_to_the_source_and_changes_it() -> None:
    mutants = table()

    for mutant in mutants:
        for module, text in mutant.texts().items():
            compile(text, module, "exec")
    assert len(mutants) >= 30
    assert all(edit.old != edit.new for mutant in mutants for edit in mutant.edits)


def test_a_replacement_that_no_longer_applies_is_an_error() -> None:
    gone = Mutant("gone", (Edit("trader/core/ledger.py", "no such line", ""),))

    with pytest.raises(ValueError, match="found it 0 times"):
        gone.texts()


def test_planted_bugs_are_caught_and_their_seeds_hold_without_them() -> None:
    only = [word for name in FAST for word in ("--only", name)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.proofs.mutants", "--jobs", "1", *only],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(FAST)} of {len(FAST)} planted bugs caught" in done.stdout
    assert "0 broken" in done.stdout
