"""The local simulator as the demo sees it: started as a process of its own, stepped through its world."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from trader.domain.errors import ConfigurationError, TransientError

START_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class WorldFacts:
    """What a world is: its name, its span, and the instants at which a cycle is worth running."""

    name: str
    start: datetime
    end: datetime
    cycle_instants: tuple[datetime, ...]


class SimulatorProcess:
    """One simulator on a loopback port. Used as a context manager; the process ends with the block or its
    parent.
    """

    def __init__(self, data_dir: Path, *, world: str, extra: tuple[str, ...] = ()) -> None:
        self._dir = data_dir / "sim"
        self._world = world
        self._extra = extra
        self._process: subprocess.Popen[bytes] | None = None
        self._http = httpx.Client(timeout=10)
        self.origin = ""
        self.key_id = ""
        self.key_file = Path()

    def __enter__(self) -> "SimulatorProcess":
        self._dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        ready = self._dir / "ready.json"
        ready.unlink(missing_ok=True)
        log = self._dir / "requests.jsonl"
        log.unlink(missing_ok=True)
        command = [sys.executable, "-m", "trader.simulator", "--port", "0", "--world", self._world]
        command += ["--ready", str(ready), "--log", str(log), "--key-dir", str(self._dir)]
        command += ["--parent", str(os.getpid()), *self._extra]
        errors = self._dir / "stderr.log"
        with errors.open("wb") as stderr:
            self._process = subprocess.Popen(
                command, stdout=subprocess.DEVNULL, stderr=stderr, start_new_session=True
            )
        facts = self._wait_ready(ready, errors)
        self.origin = f"http://127.0.0.1:{facts['port']}"
        self.key_id, self.key_file = str(facts["key_id"]), Path(str(facts["key_file"]))
        return self

    def _wait_ready(self, ready: Path, errors: Path) -> Mapping[str, Any]:
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            if ready.exists() and (text := ready.read_text()):
                found: Mapping[str, Any] = json.loads(text)
                return found
            if self._process is None or self._process.poll() is not None:
                break
            time.sleep(0.02)
        tail = errors.read_text(errors="replace")[-2000:]
        self.__exit__()
        raise ConfigurationError(
            f"Simulator: expected it to be ready within {START_TIMEOUT_S} s, found:\n{tail}"
        )

    def __exit__(self, *_: object) -> None:
        self._http.close()
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def get(self, path: str) -> dict[str, Any]:
        """Read one of the simulator's own control pages (``/sim/...``)."""
        found: dict[str, Any] = self._http.get(self.origin + path).raise_for_status().json()
        return found

    def facts(self) -> WorldFacts:
        world = self.get("/sim/world")
        return WorldFacts(
            name=world["name"],
            start=datetime.fromisoformat(world["start"]),
            end=datetime.fromisoformat(world["end"]),
            cycle_instants=tuple(datetime.fromisoformat(text) for text in world["cycle_instants"]),
        )

    def step_to(self, instant: datetime) -> None:
        """Move the world's clock forward. Raises TransientError when the simulator refuses."""
        answer = self._http.post(self.origin + "/sim/clock", json={"now": instant.isoformat()})
        if answer.status_code != 200:
            raise TransientError(f"World clock: expected it to move to {instant}, found {answer.text[:200]}")


def world_clock_of(origin: str) -> tuple[str, datetime, float] | None:
    """Ask a loopback server whether it is a simulator; return (world, now, speed), or None when it is not.

    ``now`` is told in the middle of the call: at a high speed the way back is minutes of the world.
    """
    try:
        with httpx.Client(timeout=5) as http:
            http.get(origin + "/sim/clock")  # connecting takes longest, and is not on the clock
            asked_s = time.monotonic()
            answer = http.get(origin + "/sim/clock")
            half_s = (time.monotonic() - asked_s) / 2
        found = answer.json() if answer.status_code == 200 else None
    except (httpx.HTTPError, ValueError):
        return None
    if not isinstance(found, dict) or "world" not in found:
        return None
    speed = float(found["speed"])
    return (
        str(found["world"]),
        datetime.fromisoformat(found["now"]) + timedelta(seconds=half_s * speed),
        speed,
    )
