"""Processes a command starts: they end with it, even when it is killed."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx

from trader.domain.errors import ConfigurationError

PR_SET_PDEATHSIG = 1
STOP_TIMEOUT_S = 5.0


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def free_port(wanted: int) -> int:
    """Return ``wanted`` when nothing listens there on loopback, else a free port the system chooses."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise ConfigurationError("Ports: expected a free port on 127.0.0.1, found none; nothing was started")


class Children:
    """Child processes by name; ``stop`` ends them all, newest first."""

    def __init__(self, log_dir: Path) -> None:
        self._log_dir = log_dir
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, command: Sequence[str], *, env: Mapping[str, str], cwd: Path) -> None:
        """Start a process whose output goes to ``log_dir/name.log``."""
        self._log_dir.mkdir(parents=True, exist_ok=True)
        with (self._log_dir / f"{name}.log").open("wb") as log:
            self._running[name] = subprocess.Popen(
                list(command),
                env=dict(env),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - we start no threads before a fork
            )

    def wait_http(self, name: str, url: str, *, timeout_s: float = 60.0) -> float:
        """Wait until ``url`` answers 200; return the seconds it took.

        Raises ConfigurationError with the log's end.
        """
        began = time.monotonic()
        while time.monotonic() - began < timeout_s:
            if self._running[name].poll() is not None:
                break
            try:
                if httpx.get(url, timeout=2).status_code == 200:
                    return time.monotonic() - began
            except httpx.HTTPError:
                time.sleep(0.1)
        tail = (self._log_dir / f"{name}.log").read_text(errors="replace")[-1500:]
        raise ConfigurationError(f"{name}: expected {url} to answer within {timeout_s:.0f} s, found:\n{tail}")

    def dead(self) -> str | None:
        """Name of a child that has ended by itself."""
        return next((name for name, child in self._running.items() if child.poll() is not None), None)

    def stop(self) -> None:
        for child in reversed(self._running.values()):
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGTERM)
        for child in self._running.values():
            try:
                child.wait(timeout=STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
        self._running.clear()
