"""The processes of a cluster: its pid file, who is alive, what a crash left, what the log says."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from trader.domain.errors import ConfigurationError

POLL_S = 0.01
children: dict[int, subprocess.Popen[bytes]] = {}  # servers this process started, so that it can reap them


def wait_until(is_done: Callable[[], bool], timeout_s: float) -> bool:
    end = time.monotonic() + timeout_s
    while not is_done():
        if time.monotonic() > end:
            return False
        time.sleep(POLL_S)
    return True


def read_pid_file(data: Path) -> tuple[int | None, int | None]:
    """Return pid and port from ``postmaster.pid``, None for what is not (yet) in it."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
    except OSError:
        return None, None
    numbers = [int(line) if line.strip().isdigit() else None for line in lines]
    return (numbers[0] if numbers else None), (numbers[3] if len(numbers) > 3 else None)


def is_alive(pid: int) -> bool:
    """Whether the process runs; a dead child nobody has waited for yet does not."""
    if (child := children.get(pid)) is not None and child.poll() is not None:
        return False
    stat_file = Path(f"/proc/{pid}/stat")
    if stat_file.parent.parent.joinpath("self").exists():
        try:
            return stat_file.read_text().rpartition(")")[2].split()[0] not in "ZX"
        except (FileNotFoundError, ProcessLookupError):
            return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def is_postmaster(pid: int, data: Path) -> bool:
    """Whether ``pid`` is a live process of this cluster; without /proc a live process is believed."""
    if not is_alive(pid):
        return False
    if not Path("/proc/self").exists():
        return True
    try:
        return Path(f"/proc/{pid}/cwd").readlink() == data
    except OSError:
        return False  # another account's process: the number was reused after a crash


def clear_after_crash(data: Path) -> None:
    """End what a killed postmaster left, then drop its pid file.

    Postgres refuses a start while the number in the file belongs to any process, also to a stranger after the
    number was reused. We remove the file only after no process of the cluster is left, because two servers on
    one directory would destroy it. Without /proc the decision stays with Postgres.
    """
    if not Path("/proc/self").exists() or not (data / "postmaster.pid").exists():
        return

    def left() -> list[int]:
        return [int(p.name) for p in Path("/proc").glob("[0-9]*") if is_postmaster(int(p.name), data)]

    for pid in left():
        try:
            os.kill(pid, signal.SIGQUIT)
        except ProcessLookupError:
            continue  # gone by itself: they end when they notice that the postmaster is dead
    if not wait_until(lambda: not left(), 10.0):
        raise ConfigurationError(
            f"Postgres of {data} crashed and left processes {left()}: expected them to end within 10 s, "
            "found them "
            "running; no server was started. End them and try again."
        )
    (data / "postmaster.pid").unlink(missing_ok=True)


def log_end(log: Path) -> str:
    if not log.exists():
        return "(no log)"
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 4000))
        return file.read().decode(errors="replace")


def last_lines(text: str, count: int = 12) -> str:
    return "\n".join(text.strip().splitlines()[-count:])
