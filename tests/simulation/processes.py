"""Bad nights with real processes, a real Postgres and real sockets: the second half of ``make scenarios``.

The trader is a process that stops itself (SIGSTOP) around its first send; the judge is the exchange's ledger.
The full disk is a small file system that only root can mount: else that one is said to be not run, and
STRICT=1 makes it a failure.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg

from tests.integration.test_restart import assert_books_equal
from tests.integration.world import EVENING, ROOT, process_env, settings_for, step, trader_at
from tests.simulation.run import quiet, say
from trader.app import postgres
from trader.app.books import reconcile
from trader.app.cycle import run_cycle
from trader.app.migrate import up
from trader.app.world import SimulatorProcess
from trader.domain.errors import MilkbotError, PersistenceError

INTERVAL = timedelta(minutes=5)
DISK_MB = 110
FENCED = ("LostWriterLock", "InvariantViolation")
"""How a trader ends that goes on too late: it lost the lock, or its successor has moved its order on."""
_CUT = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'milkbot writer lock'"


@dataclass
class Stage:
    """An exchange, a Postgres of its own, an empty database. ``server`` may be stopped and started."""

    folder: Path
    server: postgres.Server
    urls: postgres.Urls
    exchange: SimulatorProcess

    @property
    def home(self) -> Path:
        return self.server.data_dir

    def env(self) -> dict[str, str]:
        return process_env(self.exchange, self.urls.trader, self.folder, DB_TIMEOUT_S="2")

    def sent(self) -> list[dict[str, Any]]:
        """Orders that the exchange has."""
        found: list[dict[str, Any]] = self.exchange.get("/sim/ledger")["orders"]
        return found


@contextmanager
def stage(home: Path | None = None) -> Iterator[Stage]:
    with tempfile.TemporaryDirectory(prefix="milkbot-night-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        home = home or folder / "pg"
        server = postgres.ensure_server(home, is_durable=False)
        try:
            urls = postgres.create_database(server, "night", is_test=True)
            up(urls.owner)
            with SimulatorProcess(folder, world="july2026") as exchange:
                exchange.step_to(EVENING)
                yield Stage(folder, server, urls, exchange)
        finally:
            postgres.stop_server(home)


def stopped(on: Stage, point: str) -> subprocess.Popen[str]:
    """Start a trader and return it once it has stopped itself."""
    command = [sys.executable, "-m", "tests.integration.killed_trader", point, EVENING.isoformat()]
    process = subprocess.Popen(command, env=on.env(), cwd=ROOT, stderr=subprocess.PIPE, text=True)
    _, status = os.waitpid(process.pid, os.WUNTRACED)
    if not os.WIFSTOPPED(status):
        raise AssertionError(f"expected a trader that stopped at {point}, found {status}: {_words(process)}")
    return process


def go_on(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Let it go on; return its exit code and its last line."""
    process.send_signal(signal.SIGCONT)
    said = _words(process)
    return process.returncode, said


def _words(process: subprocess.Popen[str]) -> str:
    lines = process.communicate(timeout=120)[1].strip().splitlines() or [""]
    return lines[-1][:160]


def lease(point: str) -> None:
    """P2: stopped beyond its session's life, another one trades, then it goes on."""
    with stage() as on:
        first = stopped(on, point)
        with psycopg.connect(on.server.superuser_url, autocommit=True) as admin:
            admin.execute(_CUT)
        settings = settings_for(on.exchange, on.urls.trader, on.folder)
        later = next(at for at in on.exchange.facts().cycle_instants if at > EVENING + INTERVAL)
        with trader_at(on.exchange, settings, later - timedelta(minutes=1), command="second") as second:
            step(on.exchange, second, later)  # after such an end it waits for 30 s, and books stand again
            run_cycle(second, slot="second")
            before = len(on.sent())
            assert before > 0, "the second trader sent nothing"
            code, said = go_on(first)
            assert code != 0, "the first trader finished its cycle without its lock"
            assert any(name in said for name in FENCED), said
            assert len(on.sent()) == before, "the first trader sent an order without its lock"
            for minutes in (3, 5):
                step(on.exchange, second, later + timedelta(minutes=minutes))
                reconcile(second)
            assert_books_equal(second, on.exchange)
        say(f"    {before} orders by the second trader, none by the first, which said: {said}")


def halt_command() -> None:
    """`milkbot halt` while a plan is being sent: the create in flight is the last one."""
    with stage() as on:
        trader = stopped(on, "stop_after_send")
        command = [sys.executable, "-m", "trader", "halt", "--reason", "smoke"]
        done = subprocess.run(command, env=on.env(), cwd=ROOT, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        code, said = go_on(trader)
        assert code == 0, said
        assert len(on.sent()) == 1, f"expected the create in flight alone, found {len(on.sent())}"
        say(f"    1 create, the one in flight; the command said: {done.stdout.strip().splitlines()[-1]}")


def halt_file() -> None:
    """The halt file while Postgres is stopped: the create in flight is the last one."""
    with stage() as on:
        trader = stopped(on, "stop_after_send")
        postgres.stop_server(on.home)
        (on.folder / "HALT").write_text("smoke\n")
        code, said = go_on(trader)
        assert code != 0, "a trader without database finished its cycle"
        assert "PersistenceError" in said, said
        assert len(on.sent()) == 1, f"expected the create in flight alone, found {len(on.sent())}"
        postgres.ensure_server(on.home, is_durable=False)
        settings = settings_for(on.exchange, on.urls.trader, on.folder)
        with trader_at(on.exchange, settings, EVENING + INTERVAL, command="restart") as again:
            summary = run_cycle(again, slot="again")
            assert summary.orders == 0, summary
            assert_books_equal(again, on.exchange)
        say("    1 create, the one in flight; after the database was back: halted, books equal")


@contextmanager
def small_disk() -> Iterator[Path]:
    """A file system of DISK_MB megabytes. Raises PermissionError where none may be mounted."""
    with tempfile.TemporaryDirectory(prefix="milkbot-disk-") as name:
        options = f"size={DISK_MB}m,mode=0711"
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", name], capture_output=True, text=True
        )
        if mounted.returncode != 0:
            raise PermissionError(f"not run: no file system may be mounted here: {mounted.stderr.strip()}")
        try:
            yield Path(name)
        finally:
            subprocess.run(["umount", "--lazy", name], check=True)


def full_disk() -> None:
    """D3: no space left under Postgres while trading; then there is space again."""
    with small_disk() as disk, stage(disk / "pg") as on:
        settings = settings_for(on.exchange, on.urls.trader, on.folder, DB_TIMEOUT_S="2")
        with trader_at(on.exchange, settings, EVENING) as trader:
            run_cycle(trader, slot="first")
            filler = disk / "filler"
            space = os.statvfs(disk)
            with filler.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, space.f_bavail * space.f_frsize)
            problem, before = "", len(on.sent())
            for number in range(1, 40):
                step(on.exchange, trader, EVENING + number * INTERVAL)
                before = len(on.sent())
                try:
                    run_cycle(trader, slot=f"full {number}")
                except PersistenceError as error:
                    problem = str(error)
                    break
            assert problem, "expected a write that fails, found none in 39 cycles"
            step(on.exchange, trader, EVENING + (number + 1) * INTERVAL)
            sent = len(on.sent())
            try:
                run_cycle(trader, slot="still full")
            except MilkbotError as error:
                problem = f"{problem}; then {type(error).__name__}"
            assert len(on.sent()) == sent, "an order was sent after a write had failed"
        filler.unlink()
        postgres.stop_server(on.home)
        postgres.ensure_server(on.home, is_durable=False)
        with trader_at(on.exchange, settings, EVENING + 50 * INTERVAL, command="restart") as again:
            reconcile(again)
            summary = run_cycle(again, slot="space again")
            assert summary.error is None, summary
            assert_books_equal(again, on.exchange)
        say(f"    {before} orders before cycle {number}, in which: {problem[:150]}")


NIGHTS: dict[str, tuple[str, Callable[[], None]]] = {
    "P2 before the fence": (
        "SIGSTOP before the first send, past the lease",
        lambda: lease("stop_before_send"),
    ),
    "P2 after the fence": ("SIGSTOP between fence and first byte", lambda: lease("stop_after_fence")),
    "halt command": ("milkbot halt in the middle of a plan", halt_command),
    "halt file": ("the halt file in the middle of a plan, Postgres stopped", halt_file),
    "D3": ("disk full under Postgres", full_disk),
}


def main(chosen: list[str]) -> int:
    """Play the named ones, or all; 1 when one did not end as it must, or, under STRICT=1, was not run."""
    quiet()
    failed = 0
    for name, (title, night) in NIGHTS.items():
        if chosen and name not in chosen:
            continue
        say(f"{name}: {title}")
        begun = time.monotonic()
        try:
            night()
            say(f"  holds   ({time.monotonic() - begun:.0f} s)")
        except PermissionError as error:
            say(f"  {error}")
            failed += os.environ.get("STRICT") == "1"
        except AssertionError as error:
            say(f"  FAILS   {error}")
            failed += 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
