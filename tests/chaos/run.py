"""``make chaos``: what visitor, operator, trader see when a part of the server breaks; writes docs/chaos.md.

The disk is a small file system over Postgres' own folder in a mount namespace of this run; only root can make
one. Otherwise that night is said to be not run; under STRICT=1 it then fails.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from pydantic import TypeAdapter

from tests.chaos import nights, table
from tests.chaos.machine import CYCLE_S, ROOT, Machine, machine
from tests.performance.soak import Stage
from tests.simulation.run import say
from trader.simulator.server import Ready

PAGE = ROOT / "docs" / "chaos.md"
ROWS = ROOT / ".milkbot" / "chaos.json"
LIST = TypeAdapter(list[table.Row])
POSTGRES = Path("/var/lib/postgresql")
DISK_MB = 1000
INSIDE = "CHAOS_NAMESPACE"


@contextmanager
def _home(folder: Path) -> Iterator[tuple[Path, str]]:
    """Where Postgres lives: on a disk that may be filled, or, with the reason, elsewhere."""
    if os.environ.get(INSIDE) and POSTGRES.is_dir():
        options = f"size={DISK_MB}m,mode=0755"
        mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(POSTGRES)]
        done = subprocess.run(mount, capture_output=True, text=True)
        if done.returncode == 0:
            yield POSTGRES / "chaos", ""  # the mount ends with the namespace
            return
    yield folder / "pg", "disk full: not run: no file system may be mounted here"


def books(on: Machine) -> list[str]:
    """Stop the trader cleanly; what in our books contradicts itself or the exchange's ledger."""
    on.held.add("trader")
    trader = on.running["trader"]
    trader.terminate()
    code = trader.wait(60)
    port = int(on.origin.rpartition(":")[2])
    found = Stage(on.urls, Ready(port, 0, "", ""), on.folder, "DEMO").faults_at_rest()
    return found + ([f"trader: expected exit code 0 after SIGTERM, found {code}"] if code else [])


def _keep(row: table.Row) -> None:
    """Put the row in the place of the last one of its name."""
    ROWS.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    ROWS.write_bytes(LIST.dump_json([old for old in _kept() if old.name != row.name] + [row]))


def _kept() -> list[table.Row]:
    """Rows of the last run: one night may be repeated without the others."""
    return LIST.validate_json(ROWS.read_bytes()) if ROWS.exists() else []


def _made() -> str:
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"Last run {datetime.now(UTC):%Y-%m-%d %H:%M UTC}, on {os.cpu_count()} shared cores and "
        f"{memory:.0f} GB ({os.uname().sysname} {os.uname().release.partition('-')[0]}), on top of commit "
        f"{commit.stdout.strip() or 'unknown'}."
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--only", action="append", metavar="NAME", help="this night only; the others' rows stay as they were"
    )
    parser.add_argument("--keep", type=Path, metavar="DIR", help="leave logs here")
    options = parser.parse_args()
    if os.geteuid() == 0 and not os.environ.get(INSIDE):
        words = ["unshare", "--mount", "--propagation", "private", sys.executable, "-m", "tests.chaos.run"]
        os.execvpe(words[0], [*words, *sys.argv[1:]], os.environ | {INSIDE: "1"})  # noqa: S606 - no shell
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # unwinds: nothing that was started stays
    rows: list[table.Row] = []
    if not options.only:
        ROWS.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(prefix="milkbot-chaos-") as name:
        folder = options.keep or Path(name)
        folder.mkdir(exist_ok=True)
        folder.chmod(0o711)
        with _home(folder) as (home, missing), machine(folder, home) as on:
            chosen = [n for n in nights.NIGHTS if not options.only or n.name in options.only]
            chosen = [n for n in chosen if not (missing and n.name == "disk full")]
            for night in chosen:
                say(f"{night.name}: {night.how}")
                row = nights.live_through(on, night)
                _keep(row)
                rows.append(row)
                say(
                    f"  told {len(row.told)}, orders before {row.before}, during {row.during}; {row.recovery}"
                )
                for problem in row.problems:
                    say(f"  NOT HELD {problem}")
            wrong = books(on)
    for problem in wrong:
        say(f"NOT HELD books: {problem}")
    say(missing or f"books: ours equal the exchange's, {len(wrong)} differences")
    made = f"{_made()}{f' {missing}.' if missing else ''}"
    made += f" Afterwards our books were held against the exchange's ledger: {len(wrong)} differences."
    order = [night.name for night in nights.NIGHTS]
    PAGE.write_text(table.page(sorted(_kept(), key=lambda r: order.index(r.name)), made), encoding="utf-8")
    say(f"written: {PAGE.relative_to(ROOT)}, a cycle every {CYCLE_S} s")
    is_bad = any(row.problems for row in rows) or bool(wrong)
    return 1 if is_bad or (missing and os.environ.get("STRICT") == "1") else 0


if __name__ == "__main__":
    raise SystemExit(main())
