"""The command as a process of its own: ready file, signals, orphaned server, misuse."""

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

COMMAND = (sys.executable, "-m", "trader.simulator")


@pytest.fixture
def processes() -> Iterator[list[subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait()
        if process.stdin:
            process.stdin.close()


def wait_for(path: Path) -> Any:
    deadline = time.monotonic() + 20
    while not path.exists():
        assert time.monotonic() < deadline, f"expected {path} within 20 s"
        time.sleep(0.02)
    return json.loads(path.read_text())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_process_says_where_it_is_and_ends_cleanly(
    tmp_path: Path, processes: list[subprocess.Popen[bytes]], number: signal.Signals
) -> None:
    ready = tmp_path / "ready.json"
    command = [
        *COMMAND,
        "--ready",
        str(ready),
        "--key-dir",
        str(tmp_path),
        "--cash",
        "12.34",
        "--speed",
        "60",
    ]
    process = subprocess.Popen(command)
    processes.append(process)

    found = wait_for(ready)
    clock = httpx.get(f"http://127.0.0.1:{found['port']}/sim/clock").json()
    ledger = httpx.get(f"http://127.0.0.1:{found['port']}/sim/ledger").json()

    assert found["pid"] == process.pid
    assert stat.S_IMODE(Path(found["key_file"]).stat().st_mode) == 0o600
    assert (clock["speed"], clock["frozen"], ledger["cash_dollars"]) == (60.0, False, "12.34")
    process.send_signal(number)
    assert process.wait(timeout=10) == 0


def test_the_process_ends_by_itself_when_its_parent_is_gone(
    tmp_path: Path, processes: list[subprocess.Popen[bytes]]
) -> None:
    ready = tmp_path / "ready.json"
    parent = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    command = [*COMMAND, "--ready", str(ready), "--key-dir", str(tmp_path), "--parent", str(parent.pid)]
    process = subprocess.Popen(command)
    processes += [parent, process]
    wait_for(ready)

    parent.kill()
    parent.wait()

    assert process.wait(timeout=10) == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--world", "june1999"], "expected one of july2026, found 'june1999'"),
        (["--speed", "-1"], "speed: expected 0 or more, found -1.0"),
        (["--faults", "absent.json"], "faults absent.json: expected a JSON list"),
        (["--key", "id=absent.pem"], "key absent.pem: expected a PEM public key"),
        (["--key", "id"], "expected KEYID=PUBLIC_PEM_FILE, found 'id'"),
        (["--cash", "much"], "expected dollars such as 5000.00, found 'much'"),
    ],
)
def test_misuse_exits_2_and_names_what_was_found(tmp_path: Path, options: list[str], message: str) -> None:
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[4])}
    command = [*COMMAND, "--key-dir", str(tmp_path), *options]
    found = subprocess.run(command, capture_output=True, text=True, timeout=30, cwd=tmp_path, env=environment)

    assert found.returncode == 2
    assert message in found.stderr
    assert found.stdout == ""
