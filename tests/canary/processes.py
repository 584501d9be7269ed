"""Command lines and environments of all processes, read again and again while services run."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.canary.marks import Hit, Mark, search


@dataclass
class Looked:
    """How many looks were taken and at how many different processes, and what was found."""

    looks: int = 0
    seen: set[int] = field(default_factory=set)
    hits: set[Hit] = field(default_factory=set)


@contextmanager
def looking(marks: list[Mark], names: Callable[[], Mapping[int, str]]) -> Iterator[Looked]:
    """``names`` tells process id -> service of this moment; a child counts as the service that started it.

    A command line may hold no secret, an environment only those whose home its service is. Processes that
    nobody in ``names`` started are strangers: they may hold none at all.
    """
    looked, stop = Looked(), threading.Event()

    def loop() -> None:
        while not stop.wait(0.2):
            look(marks, names(), looked)

    thread = threading.Thread(target=loop, daemon=True)
    thread.start()
    try:
        yield looked
    finally:
        stop.set()
        thread.join(10)


def look(marks: list[Mark], names: Mapping[int, str], looked: Looked, proc: Path = Path("/proc")) -> None:
    parents = _parents(proc)
    looked.looks += 1
    for pid in parents:
        looked.seen.add(pid)
        service = _service(pid, parents, names)
        try:
            line, env = ((proc / str(pid) / name).read_bytes() for name in ("cmdline", "environ"))
        except OSError:
            continue  # it ended, or belongs to somebody whose environment we may not see
        looked.hits |= set(search(marks, f"command line of {service or 'a stranger'}", line))
        foreign = [mark for mark in marks if service not in mark.home]
        looked.hits |= set(search(foreign, f"environment of {service or 'a stranger'}", env))


def _parents(proc: Path) -> dict[int, int]:
    found = {}
    for path in proc.glob("[0-9]*/stat"):
        try:
            found[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    return found


def _service(pid: int, parents: Mapping[int, int], names: Mapping[int, str]) -> str:
    while pid in parents:
        if pid in names:
            return names[pid]
        pid = parents[pid]
    return ""
