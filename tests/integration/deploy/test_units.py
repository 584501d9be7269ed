"""The units as installed: judged by systemd's own tools, their commands started under a manager's socket."""

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.integration.deploy.proxy import free_ports
from trader.app.postgres import Urls

ROOT = Path(__file__).resolve().parents[3]
UNITS = ROOT / "deploy" / "systemd"
SERVICES = sorted(path.stem for path in UNITS.glob("*.service"))
TIMERS = sorted(path.name for path in UNITS.glob("*.timer"))


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root folder with the distribution's units and ours, laid out as deploy/install.sh does."""
    root = tmp_path_factory.mktemp("root")
    (root / "usr" / "lib" / "systemd").mkdir(parents=True)
    shutil.copytree("/usr/lib/systemd/system", root / "usr/lib/systemd/system", symlinks=True)
    units = root / "etc" / "systemd" / "system"
    units.mkdir(parents=True)
    for path in UNITS.iterdir():
        if path.suffix in {".service", ".timer"}:
            shutil.copy(path, units)
    for name in SERVICES:
        (units / f"{name}.service.d").mkdir()
        shutil.copy(UNITS / "hardening.conf", units / f"{name}.service.d" / "10-hardening.conf")
        program = re.findall(r"^ExecStart=(\S+)", (units / f"{name}.service").read_text(), re.MULTILINE)[0]
        (root / program[1:]).parent.mkdir(parents=True, exist_ok=True)
        (root / program[1:]).write_text("#!/bin/sh\n")
        (root / program[1:]).chmod(0o755)
    return root


def analyze(tree: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = ["systemd-analyze", "--no-pager", f"--root={tree}", *words]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.needs_systemd
@pytest.mark.story("8.1")
def test_every_unit_is_verified_in_silence(tree: Path) -> None:
    done = analyze(tree, "--man=no", "verify", *(f"{name}.service" for name in SERVICES), *TIMERS)

    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.needs_systemd
def test_a_wrong_word_in_a_unit_is_heard(tree: Path) -> None:
    folder = tree / "etc" / "systemd" / "system"
    (folder / "odd.service").write_text("[Service]\nExecStart=/bin/true\nProtectSistem=strict\n")

    done = analyze(tree, "--man=no", "verify", "odd.service")

    assert "ProtectSistem" in done.stderr


@pytest.mark.needs_systemd
@pytest.mark.story("8.1")
@pytest.mark.parametrize("name", SERVICES)
def test_exposure_is_two_or_less(tree: Path, name: str) -> None:
    done = analyze(tree, "security", "--offline=true", "--threshold=20", f"{name}.service")

    assert done.returncode == 0, done.stdout[-400:]
    found = re.search(r"exposure level for \S+ (\d+\.\d)", done.stdout)
    assert found
    assert float(found[1]) <= 2.0


def unit(name: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in (UNITS / f"{name}.service").read_text().splitlines():
        key, sign, value = line.partition("=")
        if sign and not line.startswith("#"):
            found.setdefault(key, []).append(value)
    return found


@pytest.mark.story("8.1")
def test_only_those_whose_work_is_outside_may_leave_the_machine() -> None:
    rules = {name: unit(name) for name in SERVICES}

    outside = {"trader", "backup", "advisor", "watch"}
    assert {name for name in SERVICES if "any" in rules[name].get("IPAddressAllow", [])} == outside
    for name in set(SERVICES) - outside:
        assert rules[name]["IPAddressDeny"] == ["any"]


@pytest.mark.story("8.7")
def test_no_unit_holds_a_secret_and_none_reads_another_services_file() -> None:
    files = {name: unit(name)["EnvironmentFile"] for name in SERVICES}

    assert files == {
        name: [f"/etc/milkbot/{'dashboard' if name == 'api' else name}.env"] for name in SERVICES
    }
    for name in SERVICES:
        assert not re.search(r"postgresql://|PASSWORD=|SECRET=", (UNITS / f"{name}.service").read_text())


@contextmanager
def started(
    name: str, port: int | None, env: dict[str, str], log: Path = Path(os.devnull)
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a unit's command as the manager would: its folder, its environment, a clean stop by SIGTERM.

    Of the unit's own variables those that name a place on a server are left to ``env``.
    """
    said = unit(name)
    own = [word.partition("=") for line in said.get("Environment", []) for word in line.split()]
    (line,) = said["ExecStart"]
    words = [
        word.replace("/opt/milkbot/current/.venv/bin/", f"{Path(sys.executable).parent}/").replace(
            "/opt/milkbot/current", str(ROOT)
        )
        for word in shlex.split(line)
    ]
    if port is not None:
        words = [re.sub(r"^(--server\.port=)?(8501|8000)$", rf"\g<1>{port}", word) for word in words]
    folder = said["WorkingDirectory"][0].replace("/opt/milkbot/current", str(ROOT))
    base = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    base |= {key: value for key, _, value in own if "/" not in value}
    with log.open("ab") as lines:
        process = subprocess.Popen(words, cwd=folder, env=base | env, stdout=lines, stderr=lines)
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()


def answers(port: int, path: str, within_s: float = 40) -> int:
    end = time.monotonic() + within_s
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            error.close()
            return int(error.code)
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


@pytest.mark.story("8.1")
@pytest.mark.story("8.6")
@pytest.mark.parametrize(("name", "path"), [("dashboard", "/_stcore/health"), ("api", "/v1/health")])
def test_service_answers_on_loopback_and_stops_cleanly(
    name: str, path: str, database_urls: Urls, tmp_path: Path
) -> None:
    (port,) = free_ports(1)
    env = {"DASHBOARD_DATABASE_URL": database_urls.dashboard, "HOME": str(tmp_path)}

    with started(name, port, env) as process:
        status = answers(port, path)
        process.send_signal(signal.SIGTERM)
        code = process.wait(float(unit(name)["TimeoutStopSec"][0]))

    assert status in {200, 503}
    assert code in {0, -signal.SIGTERM}


@pytest.mark.story("8.1")
def test_trader_says_ready_feeds_the_watchdog_with_cycles_and_says_stopping(
    database_urls: Urls, tmp_path: Path
) -> None:
    from trader.app.world import SimulatorProcess

    with (
        tempfile.TemporaryDirectory(prefix="mb") as short,
        SimulatorProcess(tmp_path, world="july2026", extra=("--speed", "1")) as exchange,
    ):
        address = f"{short}/notify"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(address)
            manager.settimeout(30)
            env = {
                "NOTIFY_SOCKET": address,
                "TRADING_MODE": "SHADOW",
                "DATABASE_URL": database_urls.trader,
                "KALSHI_BASE_URL": f"{exchange.origin}/trade-api/v2",
                "NWS_BASE_URL": exchange.origin,
                "MILKBOT_DATA_DIR": str(tmp_path / "data"),
                "MIN_FORECAST_PAIRS": "0",
            }
            with started("trader", None, env) as process:
                heard = [manager.recv(4096).split(b"\n")[0] for _ in range(2)]
                process.send_signal(signal.SIGTERM)
                heard.append(manager.recv(4096).split(b"\n")[0])
                code = process.wait(120)

    assert heard == [b"READY=1", b"WATCHDOG=1", b"STOPPING=1"]
    assert code == 0


@pytest.mark.story("8.1")
def test_misconfigured_trader_ends_with_the_code_that_is_not_restarted(tmp_path: Path) -> None:
    with started("trader", None, {"TRADING_MODE": "DEMO", "MILKBOT_DATA_DIR": str(tmp_path)}) as process:
        code = process.wait(30)

    assert str(code) == unit("trader")["RestartPreventExitStatus"][0]
