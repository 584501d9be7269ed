"""The logs' life: rotated daily, compressed after a day, gone here after 30; one file each, lines of JSON."""

import gzip
import json
import os
import re
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
RULE = ROOT / "deploy" / "logrotate" / "milkbot"
PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"
pytestmark = [pytest.mark.needs_logrotate]


def rule_for(folder: Path) -> Path:
    """The installed rule with its folder moved; ``su`` names accounts a test cannot become."""
    text = RULE.read_text().replace("/var/log/milkbot", str(folder))
    target = folder.parent / "rule"
    target.write_text(re.sub(r"^\s*su .*\n", "", text, flags=re.MULTILINE))
    target.chmod(0o644)
    return target


def logrotate(folder: Path, *words: str) -> str:
    program = shutil.which("logrotate", path=PATH) or "logrotate"
    command = [program, "--state", str(folder.parent / "state"), *words, str(rule_for(folder))]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stderr


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    folder = tmp_path / "log"
    folder.mkdir(mode=0o750)
    for service in ("trader", "analytics", "dashboard", "web"):
        (folder / f"{service}.log").write_text(
            json.dumps({"event": "cycle_finished", "logger": service}) + "\n"
        )
    return folder


@pytest.mark.story("8.5")
def test_installed_rule_is_accepted_without_a_complaint(logs: Path) -> None:
    said = logrotate(logs, "--debug")

    assert "error" not in said.lower()
    assert "after 1 days (30 rotations)" in said


@pytest.mark.story("8.5")
def test_rotation_leaves_yesterday_readable_and_compresses_the_day_before(logs: Path) -> None:
    day = datetime.now(UTC).date()  # logrotate itself names the file after the machine's day
    (logs / f"trader.log-{day - timedelta(days=1)}").write_text('{"event": "older"}\n')

    with (logs / "trader.log").open("a") as held_open:  # as the service manager holds it
        logrotate(logs, "--force")
        held_open.write('{"event": "after"}\n')

    rotated = sorted(path.name for path in logs.glob("trader.log*"))
    assert len(rotated) == 3
    assert rotated[0] == "trader.log"
    (plain,) = [n for n in rotated[1:] if not n.endswith(".gz")]
    (packed,) = [n for n in rotated if n.endswith(".gz")]
    assert json.loads((logs / plain).read_text())["event"] == "cycle_finished"
    with gzip.open(logs / packed, "rt") as file:
        assert json.loads(file.read())["event"] == "older"
    assert (logs / "trader.log").read_text() == '{"event": "after"}\n'


@pytest.mark.story("8.5")
def test_thirty_days_stay_and_older_ones_go(logs: Path) -> None:
    day = datetime.now(UTC).date()
    for age in range(1, 41):
        path = logs / f"trader.log-{day - timedelta(days=age)}.gz"
        path.write_bytes(gzip.compress(b"{}\n"))
        then = (datetime.now(UTC) - timedelta(days=age)).timestamp()
        os.utime(path, (then, then))

    logrotate(logs, "--force")

    assert len(list(logs.glob("trader.log-*"))) == 30
    assert not (logs / f"trader.log-{day - timedelta(days=31)}.gz").exists()


@pytest.mark.story("8.5")
def test_each_service_writes_a_file_of_its_own_and_its_lines_are_json(logs: Path) -> None:
    units = {path.stem: path.read_text() for path in (ROOT / "deploy" / "systemd").glob("*.service")}
    files = {name: re.findall(r"append:(\S+)", text) for name, text in units.items()}
    program = shutil.which("jq")
    command = [program, "-r", ".logger", str(logs / "trader.log")] if program else None

    assert {name: set(found) for name, found in files.items()} == {
        name: {f"/var/log/milkbot/{name}.log"} for name in units
    }
    assert all(json.loads(line) for path in logs.glob("*.log") for line in path.read_text().splitlines())
    if command:
        assert subprocess.run(command, capture_output=True, text=True).stdout == "trader\n"
