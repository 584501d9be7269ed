"""Backups as the timer makes them: real dumps, restic, an S3 server, a destroyed database and its return."""

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.integration.deploy import retention
from tests.integration.deploy.proxy import free_ports
from tests.integration.world import EVENING, settings_for, trader_at
from trader.app.cycle import run_cycle
from trader.app.postgres import Urls, drop_database
from trader.app.postgres.server import Server
from trader.app.rollup import rollup
from trader.app.world import SimulatorProcess

ROOT = Path(__file__).resolve().parents[3]
TOOLS = ROOT / "deploy" / "postgres"
PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"
PASSWORD = "canary-of-restic"
MARTS = ("v_public_trades", "city_metrics", "strategy_metrics", "equity_curve", "v_city_board")
pytestmark = [pytest.mark.needs_restic]


@dataclass
class Backup:
    """One set of folders as /etc, /var/lib and /var/log would be, and the environment of the unit."""

    folder: Path
    env: dict[str, str]
    secrets: list[str]
    leaks: list[str] = field(default_factory=list)

    def run(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run one of the tools while another thread reads every process's command line."""
        is_done = threading.Event()
        watch = threading.Thread(target=self._watch, args=(is_done,))
        watch.start()
        try:
            return subprocess.run(words, env=self.env | more, capture_output=True, text=True)
        finally:
            is_done.set()
            watch.join()

    def backup(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        return self.run(str(TOOLS / "backup.sh"), *(words or ("run",)), **more)

    def restic(self, *words: str) -> str:
        command = ["restic", "--no-cache", "--quiet", "--repo", self.env["BACKUP_LOCAL_REPOSITORY"], *words]
        return subprocess.run(command, env=self.env, capture_output=True, text=True, check=True).stdout

    def _watch(self, is_done: threading.Event) -> None:
        while not is_done.wait(0.1):
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    said = path.read_bytes().decode("utf-8", "replace")
                except OSError:
                    continue  # ended meanwhile
                self.leaks += [said.replace("\0", " ")[:80] for secret in self.secrets if secret in said]


@contextmanager
def backup_of(folder: Path, server: Server, url: str) -> Iterator[Backup]:
    for name in ("etc", "log", "state"):
        (folder / name).mkdir()
    shutil.copy(server.roles_file, folder / "etc" / "roles.json")
    (folder / "etc" / "restic.password").write_text(PASSWORD)
    (folder / "log" / "trader.log").write_text('{"event":"cycle_finished"}\n')
    env = {
        "PATH": PATH,
        "TZ": "UTC",
        "HOME": str(folder),
        "MILKBOT_PYTHON": sys.executable,
        "MILKBOT_ETC": str(folder / "etc"),
        "BACKUP_DATABASE_URL": url,
        "BACKUP_LOCAL_REPOSITORY": str(folder / "restic"),
        "BACKUP_STATE_DIR": str(folder / "state"),
        "BACKUP_LOG_DIR": str(folder / "log"),
        "RESTIC_PASSWORD_FILE": str(folder / "etc" / "restic.password"),
        "SUPERUSER_URL": server.superuser_url,
        "PGPORT_OF_SERVER": str(server.port),
    }
    passwords = list(json.loads(server.roles_file.read_text()).values())
    secrets = [*passwords, PASSWORD, urlsplit(server.superuser_url).password or "none"]
    yield Backup(folder, env, secrets)


def grant(url: str) -> None:
    command = [sys.executable, str(TOOLS / "dump.py"), "grant"]
    subprocess.run(command, env={"PATH": PATH, "DUMP_URL": url}, check=True)


def marts(url: str) -> dict[str, list[tuple[object, ...]]]:
    """Every row of the public marts, as text: what a visitor can see."""
    with psycopg.connect(url) as connection:
        return {
            name: connection.execute(
                f"select cast(t as text) from analytics.{name} as t order by 1".encode()
            ).fetchall()
            for name in MARTS
        }


@pytest.fixture(scope="module")
def traded(
    new_database: Callable[..., Urls], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Urls, dict[str, list[tuple[object, ...]]]]:
    """A database with two real cycles on the recorded world, its warehouse built, and the public marts."""
    urls, folder = new_database(), tmp_path_factory.mktemp("traded")
    with SimulatorProcess(folder, world="july2026") as simulator:
        settings = settings_for(simulator, urls.trader, folder)
        for minutes in (0, 90):
            with trader_at(simulator, settings, EVENING + timedelta(minutes=minutes)) as trader:
                run_cycle(trader, slot=f"cycle {minutes}")
    built = rollup(urls.analytics, selector="deploy", data_dir=folder)
    assert built.success, built.failures
    grant(urls.owner)
    return urls, marts(urls.analytics)


@pytest.mark.story("8.4")
def test_destroyed_database_comes_back_equal_to_the_last_row_and_the_last_public_figure(
    traded: tuple[Urls, dict[str, list[tuple[object, ...]]]], pg_server: Server, tmp_path: Path
) -> None:
    urls, before = traded
    new = f"t_{os.getpid()}_restored"
    drop_database(pg_server, new)
    with backup_of(tmp_path, pg_server, urls.backup) as backup:
        made = backup.backup()
        assert made.returncode == 0, made.stdout
        listed = backup.restic("ls", "latest", "--tag", "ops")
        drop_database(pg_server, urlsplit(urls.owner).path.removeprefix("/"))

        restored = backup.run(str(TOOLS / "milkbot-restore"), "--into", new)
        again = backup.run(str(TOOLS / "milkbot-restore"), "--into", new)
        url = urls.analytics.rpartition("/")[0] + f"/{new}"
        try:
            after = marts(url)
        finally:
            drop_database(pg_server, new)

    assert restored.returncode == 0, restored.stdout + restored.stderr
    assert "/ops/ops.dump" in listed
    assert "row counts and checksums equal" in restored.stdout
    assert "(100 %)" in restored.stdout
    assert "all passed" in restored.stdout
    assert before["v_public_trades"]
    assert after == before
    assert again.returncode == 1
    assert "expected a new name, found it in use" in again.stderr
    assert backup.leaks == []
    output = made.stdout + made.stderr + restored.stdout + restored.stderr
    assert not [secret for secret in backup.secrets if secret in output]


@pytest.mark.story("8.4")
def test_dump_holds_ops_and_the_migration_history_and_no_analytics(
    database_urls: Urls, tmp_path: Path
) -> None:
    grant(database_urls.owner)

    done = subprocess.run(
        [sys.executable, str(TOOLS / "dump.py"), "dump", str(tmp_path)],
        env={"PATH": PATH, "DUMP_URL": database_urls.backup},
        capture_output=True,
        text=True,
    )
    tables = json.loads((tmp_path / "manifest.json").read_text())["tables"]

    assert done.returncode == 0, done.stderr
    assert {name.partition(".")[0] for name in tables} == {"ops", "migrations"}
    assert tables["migrations.history"][0] >= 5
    assert b"analytics" not in b"".join(
        line for line in (tmp_path / "ops.dump").read_bytes().splitlines() if b"CREATE SCHEMA" in line
    )


def test_row_that_is_not_the_manifests_is_found(database_urls: Urls, tmp_path: Path) -> None:
    grant(database_urls.owner)
    env = {"PATH": PATH, "DUMP_URL": database_urls.owner}
    subprocess.run([sys.executable, str(TOOLS / "dump.py"), "dump", str(tmp_path)], env=env, check=True)
    with psycopg.connect(database_urls.owner) as connection:
        connection.execute("update migrations.history set name = name || 'x' where version = '0001'")

    done = subprocess.run(
        [sys.executable, str(TOOLS / "dump.py"), "compare", str(tmp_path)],
        env=env,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 1
    assert "migrations.history: expected rows and checksum" in done.stderr


@pytest.mark.story("8.4")
def test_store_that_fails_is_named_and_does_not_stop_the_other(
    database_urls: Urls, pg_server: Server, tmp_path: Path
) -> None:
    grant(database_urls.owner)
    (tmp_path / "file").write_text("a file where the repository's folder should be")
    with backup_of(tmp_path, pg_server, database_urls.backup) as backup:
        done = backup.backup(BACKUP_REMOTE_REPOSITORY=f"local:{tmp_path}/file/restic")
        age = backup.backup("age", BACKUP_REMOTE_REPOSITORY=f"local:{tmp_path}/file/restic")

    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 1
    assert [(e["event"], e["store"]) for e in events[1:]] == [
        ("backup_stored", "local"),
        ("backup_failed", "remote"),
    ]
    assert age.returncode == 1
    assert "local: newest good backup 0 minutes old" in age.stdout
    assert "remote: expected a good backup within 26 hours, found none" in age.stdout


@pytest.mark.story("8.4")
@pytest.mark.parametrize(("hours", "code"), [(25.9, 0), (26.1, 1)])
def test_backup_older_than_26_hours_is_an_alarm(tmp_path: Path, hours: float, code: int) -> None:
    (tmp_path / "last_good.local").write_text(str(int(time.time() - hours * 3600)))

    done = subprocess.run(
        [str(TOOLS / "backup.sh"), "age"],
        env={"PATH": PATH, "BACKUP_STATE_DIR": str(tmp_path)},
        capture_output=True,
    )

    assert done.returncode == code


@pytest.mark.story("8.4")
@pytest.mark.story("8.5")
def test_retention_keeps_the_union_of_7_days_4_weeks_12_months_and_logs_of_90_days(
    database_urls: Urls, pg_server: Server, tmp_path: Path
) -> None:
    grant(database_urls.owner)
    last = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
    ages = [*range(1, 9), 12, 19, 26, 33, *(50 + 31 * n for n in range(12))]
    times = [last - timedelta(days=age) for age in ages]
    with backup_of(tmp_path, pg_server, database_urls.backup) as backup:
        backup.restic("init")
        (tmp_path / "ops").mkdir()
        for at in times:
            stamp = f"{at:%Y-%m-%d %H:%M:%S}"
            for tag, name in (("ops", "ops"), ("logs", "log")):
                if tag == "ops" or (last - at).days in {1, 50, 81}:
                    words = ("--host", "milkbot", "--tag", tag, "--time", stamp, str(tmp_path / name))
                    backup.restic("backup", *words)

        done = backup.backup(BACKUP_TIME=f"{last:%Y-%m-%d %H:%M:%S}")
        kept = {
            tag: {
                datetime.fromisoformat(s["time"][:19] + "+00:00")
                for s in json.loads(backup.restic("snapshots", "--json", "--tag", tag))
            }
            for tag in ("ops", "logs")
        }

    assert done.returncode == 0, done.stdout
    assert kept["ops"] == retention.kept_by_rule([*times, last])
    assert kept["logs"] == {last - timedelta(days=age) for age in (0, 1, 50)}


@pytest.mark.story("8.4")
def test_retention_applied_night_after_night_keeps_what_the_rule_keeps(tmp_path: Path) -> None:
    made, kept = retention.live(tmp_path, (0, 0.2, 40, 40.2))

    assert kept == retention.kept_by_rule(made)
    assert len(kept) < len(made)


@contextmanager
def s3_server() -> Iterator[str]:
    program = shutil.which("moto_server", path=f"{PATH}:{os.environ.get('MOTO_BIN', '')}")
    if program is None:
        pytest.skip("not run: moto_server is not installed")
    (port,) = free_ports(1)
    process = subprocess.Popen(
        [program, "-H", "127.0.0.1", "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        end = time.monotonic() + 30
        while True:
            try:
                with socket.create_connection(("127.0.0.1", port)):
                    break
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)
        yield f"s3:http://127.0.0.1:{port}/milkbot-backup/{{name}}"
    finally:
        process.terminate()
        process.wait(10)


@pytest.mark.story("8.4")
def test_backup_to_an_s3_server_is_restored_from_there(
    new_database: Callable[..., Urls], pg_server: Server, tmp_path: Path
) -> None:
    urls = new_database()
    grant(urls.owner)
    new = f"t_{os.getpid()}_from_s3"
    drop_database(pg_server, new)
    with s3_server() as address, backup_of(tmp_path, pg_server, urls.backup) as backup:
        remote = address.format(name="milkbot")
        keys = {"AWS_ACCESS_KEY_ID": "canary-id", "AWS_SECRET_ACCESS_KEY": "canary-of-s3"}
        backup.secrets.append("canary-of-s3")
        made = backup.backup(BACKUP_REMOTE_REPOSITORY=remote, **keys)
        shutil.rmtree(tmp_path / "restic")  # the disk is gone

        tool = str(TOOLS / "milkbot-restore")
        restored = backup.run(tool, "--into", new, "--from", remote, "--no-rebuild", **keys)
        drop_database(pg_server, new)

    assert made.returncode == 0, made.stdout
    assert (made.stderr, list((tmp_path / "state").glob("dump.*"))) == ("", [])
    assert restored.returncode == 0, restored.stdout + restored.stderr
    assert "row counts and checksums equal" in restored.stdout
    assert backup.leaks == []
