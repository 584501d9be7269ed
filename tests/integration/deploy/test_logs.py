"""The logs' life: rotated daily, compressed after a day, gone here after 30; one file each, lines of JSON."""

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from tests.integration.deploy.proxy import free_ports
from tests.integration.deploy.test_units import answers, started
from trader.app.postgres import Urls

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

    assert "error:" not in said.lower()
    assert f"{logs}/web-errors.txt" in said
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


AWAY = "postgresql://milkbot_some:sekret-4712@127.0.0.1:1/away"


def events(log: Path) -> list[dict[str, object]]:
    """Every line as an object with the four keys all services share; the time is one in UTC."""
    found = [json.loads(line) for line in log.read_text().splitlines()]
    for event in found:
        assert {"timestamp", "level", "logger", "event"} <= set(event), event
        assert datetime.fromisoformat(event["timestamp"]).utcoffset() == timedelta(0)
    assert "sekret-4712" not in log.read_text()
    return found


@pytest.mark.story("8.5")
@pytest.mark.parametrize(("name", "path"), [("dashboard", "/_stcore/health"), ("api", "/v1/health?x=1")])
def test_page_and_api_write_nothing_but_json_from_start_to_stop(
    name: str, path: str, database_urls: Urls, tmp_path: Path
) -> None:
    (port,), log = free_ports(1), tmp_path / "log"
    env = {"DASHBOARD_DATABASE_URL": database_urls.dashboard, "HOME": str(tmp_path)}

    with started(name, port, env, log) as process:
        status = answers(port, path)
        process.terminate()
        process.wait(20)
    found = events(log)

    said = [event["event"] for event in found]
    assert "Finished server process" in f"{said}"
    if name == "api":
        (asked,) = [event for event in found if event["event"] == "request"]
        assert (asked["method"], asked["path"], asked["status"]) == ("GET", path, status)
    else:
        assert f"URL: http://127.0.0.1:{port}" in said


@pytest.mark.story("8.5")
@pytest.mark.parametrize("name", ["dashboard", "api"])
def test_server_that_cannot_start_says_why_with_the_traceback_in_its_object(
    name: str, tmp_path: Path
) -> None:
    (port,), log = free_ports(1), tmp_path / "log"

    with started(
        name, port, {"DASHBOARD_DATABASE_URL": "mysql://sekret-4712", "HOME": str(tmp_path)}, log
    ) as process:
        code = process.wait(40)
    errors = [event for event in events(log) if event["level"] == "error"]

    assert code != 0
    (trace,) = [f"{event}" for event in errors if "Traceback" in f"{event}"]
    assert "SettingsError: DASHBOARD_DATABASE_URL: expected" in trace


@pytest.mark.story("8.5")
def test_page_that_breaks_under_a_visitor_leaves_one_object_with_its_traceback(tmp_path: Path) -> None:
    (port,), log = free_ports(1), tmp_path / "log"
    (tmp_path / "broken.py").write_text("raise ValueError('broken under a visitor')\n")
    shutil.copytree(ROOT / "dashboard" / ".streamlit", tmp_path / ".streamlit")
    words = [sys.executable, "-m", "dashboard.logged", "streamlit", "run", "broken.py"]
    env = {"PATH": PATH, "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)}

    with log.open("wb") as lines:
        process = subprocess.Popen(
            [*words, f"--server.port={port}"], cwd=tmp_path, env=env, stdout=lines, stderr=lines
        )
        try:
            answers(port, "/_stcore/health")
            visit(port)
        finally:
            process.terminate()
            process.wait(20)
    (broken,) = [event for event in events(log) if event["level"] == "error"]

    assert broken["event"] == "Uncaught app execution"
    assert str(broken["exception"]).endswith("ValueError: broken under a visitor")


def visit(port: int) -> None:
    """Run the page's script once as a browser does, and wait until it has ended."""
    asked, answer = BackMsg(), ForwardMsg()
    asked.rerun_script.query_string = ""
    address = f"ws://127.0.0.1:{port}/_stcore/stream"
    with connect(address, subprotocols=[Subprotocol("streamlit")]) as socket:
        socket.send(asked.SerializeToString())
        while answer.WhichOneof("type") != "script_finished":
            said = socket.recv(timeout=20)
            assert isinstance(said, bytes)
            answer.ParseFromString(said)


@pytest.mark.story("8.5")
@pytest.mark.parametrize(
    ("name", "env", "event", "words"),
    [
        ("trader", {"TRADING_MODE": "DEMO"}, "command_failed", "KALSHI_DEMO_KEY_ID: expected"),
        ("trader", {"DATABASE_URL": AWAY}, "command_failed", "Connection refused"),
        ("analytics", {"ANALYTICS_DATABASE_URL": AWAY}, "refresh_failed", "expected a connection"),
        ("advisor", {"ADVISOR_DATABASE_URL": AWAY}, "command_failed", "Connection refused"),
        ("watch", {"MILKBOT_HEALTH_PORT": "80"}, "command_failed", "MILKBOT_HEALTH_PORT: expected"),
        ("backup", {"BACKUP_DATABASE_URL": AWAY}, "backup_failed", "Connection refused"),
        ("backup", {"BACKUP_STATE_DIR": "/dev/null/none"}, "overheard", "/dev/null"),
        ("watch", {"MILKBOT_DATA_DIR": "/dev/null/x"}, "uncaught_error", "NotADirectoryError"),
    ],
)  # fmt: skip
def test_service_in_trouble_says_so_in_json(
    name: str, env: dict[str, str], event: str, words: str, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    home = {"HOME": str(tmp_path), "MILKBOT_DATA_DIR": str(tmp_path), "MILKBOT_PYTHON": sys.executable}
    home |= {"WATCH_DATABASE_URL": AWAY, "BACKUP_STATE_DIR": str(tmp_path), "BACKUP_STAMP_DIR": str(tmp_path)}

    with started(name, None, home | env, log) as process:
        code = process.wait(60)
    found = [e for e in events(log) if e["event"] == event]

    assert code in {1, 2}
    assert words in f"{found}"
