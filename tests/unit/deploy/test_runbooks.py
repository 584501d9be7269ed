"""The runbooks name only what exists: commands, verbs, units, files and pages."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from trader.domain.alerts import RULES

ROOT = Path(__file__).resolve().parents[3]
BOOKS = {
    name: (ROOT / "docs" / name).read_text()
    for name in (
        "DEPLOYMENT_RUNBOOK.md",
        "OPERATIONS_RUNBOOK.md",
        "SECURITY.md",
        "SRE_PLAYBOOKS.md",
        "DEMO_TO_LIVE_PLAYBOOK.md",
        "DISASTER_RECOVERY.md",
    )
}
ALL = "\n".join(BOOKS.values())
OURS = {path.name for path in (ROOT / "deploy" / "systemd").iterdir()} | {"dashboard-2.service"}
FOREIGN = {"nginx", "postgresql"}


@pytest.mark.story("8.8")
@pytest.mark.story("10.3")
def test_every_verb_of_the_runbooks_is_one_of_the_command_line() -> None:
    verbs = sorted(set(re.findall(r"sudo milkbot ([a-z][a-z-]+)", ALL)))

    said = subprocess.run(
        [sys.executable, "-m", "trader", "--help"], cwd=ROOT, capture_output=True, text=True
    ).stdout
    known = set(re.findall(r"^ {4}([a-z-]+)", said, re.MULTILINE))

    assert len(verbs) >= 6
    assert set(verbs) <= known


@pytest.mark.story("8.8")
def test_every_file_of_the_code_that_is_named_exists() -> None:
    named = {
        *re.findall(r"/opt/milkbot/current/([\w/.-]+\w)", ALL),
        *re.findall(r"`(tests/[\w/.]+\w|deploy/[\w/.-]+\w)", ALL),
    }

    assert len(named) >= 8
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


@pytest.mark.story("10.3")
def test_every_unit_that_is_named_exists() -> None:
    lines = re.findall(
        r"systemctl (?:restart|start|stop|status|is-active|reload) ([a-z0-9. -]+?)(?: --|[`\n&|]|$)", ALL
    )
    named = {word for line in lines for word in line.split()}

    known = OURS | {name.removesuffix(".service") for name in OURS} | FOREIGN
    assert len(named) >= 8
    assert named - known == set()


def test_every_operators_command_that_is_named_is_installed() -> None:
    named = set(re.findall(r"sudo (milkbot-[a-z-]+)", ALL))
    installed = {path.name for path in (ROOT / "deploy" / "bin").iterdir()} | {"milkbot-restore"}

    assert named
    assert named - installed == set()


def test_every_alert_names_a_section_of_the_operations_runbook() -> None:
    headings = set(re.findall(r"^### (.+)$", BOOKS["OPERATIONS_RUNBOOK.md"], re.MULTILINE))

    assert {rule.do for rule in RULES.values()} <= headings


@pytest.mark.parametrize("name", BOOKS)
def test_every_link_leads_to_a_page(name: str) -> None:
    links = re.findall(r"\]\(([\w.-]+\.md)\)", BOOKS[name])

    assert [link for link in links if not (ROOT / "docs" / link).exists()] == []


@pytest.mark.story("8.8")
@pytest.mark.parametrize(
    "words",
    [
        "First installation",
        "Upgrade and going back",
        "migrations",
        "Restart order",
        "rollback",
        "could not be",
    ],
)
def test_deployment_runbook_covers(words: str) -> None:
    assert words.lower() in BOOKS["DEPLOYMENT_RUNBOOK.md"].lower()


@pytest.mark.story("8.9")
@pytest.mark.parametrize(
    "words",
    ["Key swap", "Limits reviewed", "Capital", "Monitoring", "The way back", "refuses to start", "ten days"],
)
def test_playbook_covers(words: str) -> None:
    assert words.lower() in BOOKS["DEMO_TO_LIVE_PLAYBOOK.md"].lower()


@pytest.mark.story("10.3")
@pytest.mark.parametrize(
    "words", ["restart everything", "Read the logs", "Reconcile by hand", "Stop and start", "Symptom"]
)
def test_operations_runbook_covers(words: str) -> None:
    assert words.lower() in BOOKS["OPERATIONS_RUNBOOK.md"].lower()
