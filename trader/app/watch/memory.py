"""What the watch remembers between looks and restarts: a file, because the database may be what is down."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from pydantic import BaseModel, ValidationError

from trader.domain.alerts import OpenAlert
from trader.domain.types import Instant


class Memory(BaseModel):
    """Open alerts, the evening that was said, and how far each inbox was read."""

    alerts: dict[str, OpenAlert] = {}
    looked_at: Instant | None = None
    evening_of: date | None = None
    cursors: dict[str, str] = {}


class MemoryFile:
    """One holder at a time: the watch for a round, or a command that acknowledges."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def open(self) -> Iterator[Memory]:
        """Lend the memory and write back what became of it, also when the round fails halfway.

        A file that cannot be read as ours is begun anew: repeating an alert is better than silence.
        """
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self.path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            try:
                memory = Memory.model_validate_json(self.path.read_bytes())
            except (FileNotFoundError, ValidationError):
                memory = Memory()
            try:
                yield memory
            finally:
                new = self.path.with_suffix(".new")
                new.write_text(memory.model_dump_json(), encoding="utf-8")
                new.replace(self.path)
