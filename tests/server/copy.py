"""A copy of this machine in which a server may be installed: an overlay in memory, entered with chroot.

Nothing of it outlives the process: mounts, processes and, in the second part, the network are its own. It is
the system this machine runs, so packages that are here are there; a service manager is not.
"""

import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PATH = "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Said:
    """What a command said, with its exit code and seconds."""

    text: str
    code: int
    seconds: float


@dataclass(frozen=True)
class Copy:
    root: Path

    def run(self, line: str, env: Mapping[str, str] | None = None, *, timeout_s: float = 900) -> Said:
        """A line for bash, as root, in the copy; standard output and errors in their order."""
        command = [
            "chroot",
            str(self.root),
            "/usr/bin/env",
            "-i",
            f"PATH={PATH}",
            "HOME=/srv",
            "LANG=C.UTF-8",
        ]
        command += [
            *(f"{name}={value}" for name, value in (env or {}).items()),
            "bash",
            "-c",
            f"cd /srv; {line}",
        ]
        began = time.monotonic()
        with (self.root / "tmp" / "said").open("w+b") as said:  # a pipe would stay open with a service on it
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, timeout=timeout_s
            )
            said.seek(0)
            text = said.read().decode("utf-8", "replace")
        return Said(text, done.returncode, time.monotonic() - began)


def mount(kind: str, source: str, target: Path, options: str = "") -> None:
    more = ["-o", options] if options else []
    subprocess.run(["mount", "-t", kind, *more, source, str(target)], check=True)


@contextmanager
def copied(top: Path) -> Iterator[Copy]:
    """Mount the copy below ``top``; needs a mount and a process namespace of its own (see ``run.py``)."""
    mount("tmpfs", "tmpfs", top, "size=6g")
    for name in ("upper", "work", "root"):
        (top / name).mkdir()
    root = top / "root"
    mount("overlay", "overlay", root, f"lowerdir=/,upperdir={top / 'upper'},workdir={top / 'work'}")
    mount("proc", "proc", root / "proc")
    for name in ("tmp", "run"):
        mount("tmpfs", "tmpfs", root / name, "mode=1777" if name == "tmp" else "mode=755")
    (root / "run" / "lock").mkdir(mode=0o1777)
    subprocess.run(["mount", "--bind", "/dev", str(root / "dev")], check=True)
    mount("tmpfs", "tmpfs", root / "dev" / "shm", "mode=1777")
    yield Copy(root)
