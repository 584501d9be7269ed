"""The page as it is served, for a crowd: a database of its own, its processes, the proxy before them."""

import asyncio
import contextlib
import os
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import streamlit

from tests.integration.deploy.proxy import DOMAIN, free_ports, running_proxy
from tests.integration.deploy.test_units import answers, started
from tests.performance import viewer
from tests.performance.viewer import Target
from tests.unit.dashboard import marts
from trader.app import migrate
from trader.app.postgres import Urls, create_database, create_roles, drop_database, ensure_server
from trader.app.postgres.server import stop_server

ROOT = Path(__file__).resolve().parents[2]
HOME = ROOT / ".milkbot" / "load"
INDEX = Path(streamlit.__file__).parent / "static" / "index.html"
PLAIN = Path(__file__).with_name("plain_app.py")
SLOT_S = 5
TICK = """
update analytics.v_page_state set as_of = as_of + interval '5 seconds';
update analytics.v_city_board set
    leading_bid = 0.2 + mod(extract(epoch from clock_timestamp())::int, 60) / 100.0,
    temp_f = 60 + mod(extract(epoch from clock_timestamp())::int, 40)
"""


@dataclass(frozen=True)
class Case:
    """So many visitors of ``page`` in ``processes``, over ``spread_s`` seconds (0: all at once)."""

    page: str  # ours | plain
    processes: int
    count: int
    spread_s: float
    stay_s: float = 20

    @property
    def arrival(self) -> str:
        return f"over {self.spread_s:.0f} s" if self.spread_s else "at once"


@contextlib.contextmanager
def database() -> Iterator[Urls]:
    """A server of its own with the sample day in the public marts, as the roles see it."""
    HOME.mkdir(mode=0o711, parents=True, exist_ok=True)
    server = ensure_server(HOME, is_durable=False)
    try:
        create_roles(server.superuser_url, server.roles_file)
        drop_database(server, "load")
        urls = create_database(server, "load", is_test=True)
        migrate.up(urls.owner)
        marts.create(urls.analytics)
        marts.fill(urls.analytics)
        yield urls
    finally:
        stop_server(HOME)


@contextlib.contextmanager
def ticking(url: str) -> Iterator[None]:
    """Change clock and prices every slot, as if every cycle came at once."""
    over = threading.Event()

    def tick() -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            while not over.wait(SLOT_S):
                connection.execute(TICK)

    thread = threading.Thread(target=tick)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@contextlib.contextmanager
def serving(case: Case, urls: Urls, folder: Path) -> Iterator[tuple[Target, list[int], int]]:
    """The case's processes behind the proxy: where to go, the processes' ids, the proxy's."""
    ports = free_ports(case.processes)
    env = {
        "DASHBOARD_DATABASE_URL": urls.dashboard,
        "HOME": str(folder),
        "STREAMLIT_SERVER_COOKIE_SECRET": "load",
    }
    with contextlib.ExitStack() as stack:
        if case.page == "ours":
            pages = [stack.enter_context(started("dashboard", port, env)) for port in ports]
        else:
            pages = [stack.enter_context(_plain(port, env)) for port in ports]
        for port in ports:
            answers(port, "/_stcore/health")
        both = ports if len(ports) == 2 else ports * 2
        proxy = stack.enter_context(running_proxy(folder, "--index", str(INDEX), page_ports=both))
        tls = ssl.create_default_context(cafile=str(proxy.certificate))
        tls.check_hostname = False
        target = Target("127.0.0.1", proxy.https, DOMAIN, tls)
        asyncio.run(viewer.come(target, 2, spread_s=0, stay_s=8))  # nobody is the first visitor ever
        yield target, [page.pid for page in pages], proxy.pid


@contextlib.contextmanager
def _plain(port: int, env: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    words = [sys.executable, "-m", "streamlit", "run", str(PLAIN), "--server.port", str(port)]
    words += ["--server.headless", "true", "--server.address", "127.0.0.1"]
    base = {"PATH": os.environ["PATH"], **env}
    process = subprocess.Popen(
        words, cwd=env["HOME"], env=base, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:  # it is still drawing for those who waited
            process.kill()
            process.wait()
