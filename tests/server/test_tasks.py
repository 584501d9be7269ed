"""The runbook and the script that performs it are the same commands, none left out without a reason."""

from pathlib import Path

import pytest

from tests.architecture.source import ROOT
from tests.server.tasks import NOT_RUN, RUNBOOK, TASKS, Task, missing, written


@pytest.mark.story("10.3")
def test_every_command_of_the_runbook_is_performed_or_says_why_not() -> None:
    known = "\n".join([*(task.command for task in TASKS), *NOT_RUN])

    commands = written(RUNBOOK.read_text())

    assert len(commands) >= 45
    assert [command for command in commands if command not in known] == []


def test_every_command_that_is_performed_stands_in_the_runbook_letter_by_letter() -> None:
    assert missing(RUNBOOK.read_text()) == []


def test_a_task_is_met_by_its_words_and_its_code_together() -> None:
    task = Task("status", "sudo milkbot status", "HALTED", 3)

    assert task.is_met("mode SHADOW: HALTED", 3)
    assert not task.is_met("mode SHADOW: HALTED", 0)
    assert not task.is_met("mode SHADOW: ACTIVE", 3)
    assert not Task("quiet", "true").is_met("words nobody expected", 0)


@pytest.mark.story("10.3")
def test_the_last_performance_is_in_the_docs_and_every_task_was_as_expected() -> None:
    rows = [
        line
        for line in Path(ROOT / "docs" / "runbook_times.md").read_text().splitlines()
        if line.startswith("| ")
    ]
    done = {row.split(" | ")[0].removeprefix("| "): row.split(" | ")[3] for row in rows[1:]}

    assert {task.name for task in TASKS} - set(done) == set()
    assert {name for name, verdict in done.items() if verdict != "yes"} == set()
