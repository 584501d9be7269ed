"""Processes that a command starts: a free port, a clear word when they do not come up, and no orphans."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from trader.app.children import Children, free_port
from trader.domain.errors import ConfigurationError

ROOT = Path(__file__).resolve().parents[4]
SLEEPER = [sys.executable, "-c", "import time; time.sleep(60)"]
IGNORE = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print('up', flush=True)
time.sleep(60)
"""
STUBBORN = [sys.executable, "-c", IGNORE]
ENV = {"PATH": os.environ["PATH"]}


@pytest.fixture
def children(tmp_path: Path) -> Iterator[Children]:
    made = Children(tmp_path / "logs")
    yield made
    made.stop()


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_for(what: Callable[[], bool], timeout_s: float = 10.0) -> bool:
    deadline = time.monotonic() + timeout_s
    while not what() and time.monotonic() < deadline:
        time.sleep(0.02)
    return what()


def test_a_free_port_is_taken_as_asked() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    assert free_port(port) == port


def test_a_busy_port_is_replaced_by_another() -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        wanted = busy.getsockname()[1]

        found = free_port(wanted)

    assert found != wanted
    assert 1024 <= found <= 65535


def test_a_child_is_up_when_it_answers_and_gone_after_stop(children: Children, tmp_path: Path) -> None:
    port = free_port(0)
    serve = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"]
    children.start("files", serve, env=ENV, cwd=tmp_path)

    assert children.wait_http("files", f"http://127.0.0.1:{port}/") < 30
    assert children.dead() is None
    children.stop()

    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{port}/", timeout=2)
    assert (tmp_path / "logs" / "files.log").exists()


def test_a_child_that_fails_is_named_with_the_end_of_its_log(children: Children, tmp_path: Path) -> None:
    failing = [sys.executable, "-c", "raise SystemExit('no such thing')"]
    children.start("page", failing, env=ENV, cwd=tmp_path)

    with pytest.raises(ConfigurationError, match=r"page: expected http.* to answer(.|\n)*no such thing"):
        children.wait_http("page", f"http://127.0.0.1:{free_port(0)}/", timeout_s=20)

    assert children.dead() == "page"


def test_a_child_that_never_answers_is_given_up(children: Children, tmp_path: Path) -> None:
    children.start("page", SLEEPER, env=ENV, cwd=tmp_path)

    with pytest.raises(ConfigurationError, match="within 0 s"):
        children.wait_http("page", f"http://127.0.0.1:{free_port(0)}/", timeout_s=0.3)


def test_children_get_the_given_environment_and_nothing_else(children: Children, tmp_path: Path) -> None:
    show = [sys.executable, "-c", "import os; print(sorted(os.environ))"]
    children.start("show", show, env={"ONLY": "this"}, cwd=tmp_path)
    log = tmp_path / "logs" / "show.log"

    assert wait_for(lambda: children.dead() == "show")
    names = set(log.read_text().strip("[]\n").replace("'", "").split(", "))
    assert names - {"LC_CTYPE", "__CF_USER_TEXT_ENCODING"} == {"ONLY"}


def test_a_child_that_ignores_the_request_to_end_is_killed(
    children: Children, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trader.app.children.STOP_TIMEOUT_S", 0.2)
    children.start("stubborn", STUBBORN, env=ENV, cwd=tmp_path)
    log = tmp_path / "logs" / "stubborn.log"
    assert wait_for(lambda: log.read_text() == "up\n")

    children.stop()

    assert children.dead() is None


@pytest.mark.skipif(sys.platform != "linux", reason="not run: only Linux ends children with their parent")
def test_a_child_dies_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    code = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from trader.app.children import Children\n"
        "children = Children(Path(sys.argv[1]))\n"
        "asleep = [sys.executable, '-c', 'import os, time; print(os.getpid(), flush=True); time.sleep(60)']\n"
        "children.start('asleep', asleep, env={}, cwd=Path(sys.argv[1]))\n"
        "time.sleep(60)\n"
    )
    log = tmp_path / "asleep.log"
    parent = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], env=ENV | {"PYTHONPATH": str(ROOT)}
    )
    try:
        assert wait_for(lambda: log.exists() and log.read_text().endswith("\n"), 30)
        child = int(log.read_text())
        assert is_alive(child)
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.wait()

    assert wait_for(lambda: not is_alive(child))
