"""What every test gets: a scrubbed environment, a real Postgres, honest "not run" counts.

The Postgres is an embedded throw-away server in ``.milkbot/test`` (kept between runs, shared by all
workers, stopped by the last one), or Docker with ``MILKBOT_PG=docker``, or the server of
``TEST_DATABASE_URL``: a superuser's URL of a database whose comment is ``milkbot:test``.
"""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from trader.adapters.ops.pool import Database
    from trader.app.postgres import Server, Urls

ROOT = Path(__file__).resolve().parents[1]
PG_HOME = ROOT / ".milkbot" / "test"
ENV = dict(os.environ)  # as the caller gave it, before the scrub
IS_STRICT = ENV.get("STRICT") == "1"
NEEDS = {  # marker -> programs, any of which will do
    "needs_chromium": ("chromium", "chromium-browser", "google-chrome"),
    "needs_nginx": ("nginx",),
    "needs_systemd": ("systemd-analyze",),
    "needs_logrotate": ("logrotate",),
    "needs_restic": ("restic",),
    "needs_docker": ("docker",),
    "needs_git": ("git",),
}
SCRUBBED = ("MILKBOT_", "KALSHI_", "NWS_", "OPENMETEO_", "OPENROUTER_", "LOG_", "PG")
SCRUBBED_NAMES = ("TRADING_MODE", "LIVE_CONFIRM", "ORDER_EXPIRY_S", "MIN_FORECAST_PAIRS", "NOTIFY_SOCKET")
LONG = ("tests/warehouse/", "tests/integration/", "tests/simulation/", "tests/performance/")
_in_use: list[int] = []  # descriptor of the lock that says "this process uses the test server"

# Same examples on every run and machine; time limits per example would measure the machine.
settings.register_profile("milkbot", deadline=None, derandomize=True)
settings.load_profile("milkbot")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "story(id): proves a criterion of this story of the specification")
    for marker, programs in NEEDS.items():
        config.addinivalue_line("markers", f"{marker}: needs {' or '.join(programs)}; not run without")
    config.addinivalue_line("markers", "needs_root: proves what root does; not run as a normal user")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first: a worker that gets one last keeps the other waiting."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))


def pytest_runtest_setup(item: pytest.Item) -> None:
    missing = [
        f"{' or '.join(programs)} is not installed"
        for marker, programs in NEEDS.items()
        if item.get_closest_marker(marker) and not any(_find(program) for program in programs)
    ]
    if item.get_closest_marker("needs_root") and os.geteuid() != 0:
        missing.append("the tests do not run as root")
    if missing:
        pytest.skip(f"not run: {', '.join(missing)}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Under STRICT=1 a test that was not run has failed, also one that found out by itself."""
    report = yield
    if IS_STRICT and report.skipped and "not run: " in str(report.longrepr):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.outcome, report.longrepr = "failed", f"STRICT=1: {reason}"
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, str] | None:
    """Count such tests apart, so that pytest's closing line says "3 not run" and not "skipped"."""
    if report.skipped and "not run: " in str(report.longrepr):
        return "not run", "n", "NOT RUN"
    return None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if left_out := terminalreporter.stats.get("not run", []):
        terminalreporter.section(f"not run on this machine: {len(left_out)} (STRICT=1 makes them fail)")
        for report in left_out:
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            terminalreporter.line(f"{report.nodeid}: {reason.removeprefix('Skipped: not run: ')}")


def pytest_unconfigure() -> None:
    """Stop the embedded test server when no other process of any run uses it; drop what killed runs left."""
    if not _in_use:
        return
    from trader.app.postgres.databases import drop_database, list_databases
    from trader.app.postgres.server import server_status, stop_server

    descriptor = _in_use.pop()
    try:
        fcntl.flock(
            descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB
        )  # gives up our share first: the last one gets it
        kept = _template_name()
        if (server := server_status(PG_HOME)) is not None:
            for name in list_databases(server):
                if name != kept:
                    drop_database(server, name)
            stop_server(PG_HOME)
    except BlockingIOError:
        return  # another worker or run goes on with it
    finally:
        os.close(descriptor)


@pytest.fixture(autouse=True)
def scrubbed_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the person who runs the tests reaches a test."""
    for name in list(os.environ):
        if name.startswith(SCRUBBED) or name in SCRUBBED_NAMES or name.endswith("DATABASE_URL"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def pg_server() -> "Server":
    """A Postgres server for tests, with Milkbot's roles."""
    from trader.app.postgres import create_roles, ensure_server, require_test_database
    from trader.app.postgres.server import Server
    from trader.app.postgres.urls import docker_server

    PG_HOME.mkdir(mode=0o711, parents=True, exist_ok=True)
    if given := ENV.get("TEST_DATABASE_URL"):
        require_test_database(given)
        parts = urlsplit(given)
        home = PG_HOME / "external"
        home.mkdir(mode=0o700, exist_ok=True)
        server = Server(parts.hostname or "127.0.0.1", parts.port or 5432, given, None, home)
    elif ENV.get("MILKBOT_PG") == "docker":
        server = docker_server(PG_HOME)
    else:
        descriptor = os.open(PG_HOME / "in_use.lock", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_SH)  # waits while another run is just stopping the server
        _in_use.append(descriptor)
        server = ensure_server(PG_HOME, is_durable=False, max_connections=200)
    with _locked("roles.lock"):
        create_roles(server.superuser_url, server.roles_file)
    return server


@pytest.fixture(scope="session")
def pg_template(pg_server: "Server") -> str:
    """Name of a migrated database that tests copy; made once for each state of the migrations."""
    import psycopg

    from trader.app import migrate
    from trader.app.postgres import create_database, drop_database
    from trader.app.postgres.databases import list_databases

    name = _template_name()
    with _locked("template.lock"):
        if name not in list_databases(pg_server):
            half = f"{name}_new"
            drop_database(pg_server, half)
            urls = create_database(pg_server, half, is_test=True)
            migrate.up(urls.owner)
            with psycopg.connect(pg_server.superuser_url, autocommit=True) as connection:
                connection.execute(f"alter database {half} rename to {name}".encode())
    return name


@pytest.fixture(scope="session")
def new_database(pg_server: "Server", request: pytest.FixtureRequest) -> Iterator[Callable[..., "Urls"]]:
    """Make databases that live until the session ends; ``is_migrated=False`` makes an empty one."""
    from trader.app.postgres import create_database, drop_database

    made: list[str] = []

    def make(*, is_migrated: bool = True) -> "Urls":
        template = request.getfixturevalue("pg_template") if is_migrated else None
        name = f"t_{os.getpid()}_{len(made)}"
        drop_database(pg_server, name)  # of a killed run whose process number came round again
        made.append(name)
        return create_database(pg_server, name, is_test=True, template=template)

    yield make
    for name in made:
        drop_database(pg_server, name)


@pytest.fixture
def database_urls(pg_server: "Server", new_database: Callable[..., "Urls"]) -> Iterator["Urls"]:
    """A migrated, empty database of this test's own, through the eyes of each role."""
    yield from _one_database(pg_server, new_database(is_migrated=True))


@pytest.fixture
def empty_database_urls(pg_server: "Server", new_database: Callable[..., "Urls"]) -> Iterator["Urls"]:
    """A database of this test's own to which no migration was applied."""
    yield from _one_database(pg_server, new_database(is_migrated=False))


@pytest.fixture
def database(database_urls: "Urls") -> Iterator["Database"]:
    """An open pool as the trader's role on this test's database."""
    from trader.adapters.ops.pool import Database

    with Database(database_urls.trader) as opened:
        yield opened


@pytest.fixture
def dsn_owner(database_urls: "Urls") -> str:
    return database_urls.owner


@pytest.fixture
def dsn_trader(database_urls: "Urls") -> str:
    return database_urls.trader


@pytest.fixture
def dsn_analytics(database_urls: "Urls") -> str:
    return database_urls.analytics


@pytest.fixture
def dsn_dashboard(database_urls: "Urls") -> str:
    return database_urls.dashboard


@pytest.fixture
def dsn_backup(database_urls: "Urls") -> str:
    return database_urls.backup


def _one_database(server: "Server", urls: "Urls") -> Iterator["Urls"]:
    from trader.app.postgres import drop_database, require_test_database

    require_test_database(urls.owner)
    yield urls
    drop_database(server, urlsplit(urls.owner).path.removeprefix("/"))


def _template_name() -> str:
    """Name the state of all a fresh database depends on; the month, because migrations make partitions."""
    digest = hashlib.sha256(f"{datetime.now(UTC):%Y%m}".encode())
    for folder, pattern in ((ROOT / "migrations", "*.sql"), (ROOT / "trader/app/postgres", "*.py")):
        for path in sorted(folder.glob(pattern)):
            digest.update(path.read_bytes())
    return f"template_{digest.hexdigest()[:16]}"


@contextmanager
def _locked(name: str) -> Iterator[None]:
    """One process at a time, across workers and runs; the kernel frees the lock of a killed one."""
    with (PG_HOME / name).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _find(program: str) -> str | None:
    return shutil.which(program, path=f"{ENV.get('PATH', '')}:/usr/sbin:/sbin")
