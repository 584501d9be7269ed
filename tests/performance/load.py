"""A crowd before the page, through the proxy, and the same crowd before a plain app: ``make load``.

Everything is real and local: Postgres, the page's own processes as their unit starts them, nginx with the
installer's configuration (TLS, compression, limits), visitors who speak the framework's protocol. The marts
change every five seconds, prices and clock, so no refresh is free. Visitors and servers share the machine's
cores; their own share is printed. Bounded: a case lasts under a minute, all of it about ten.
"""

import argparse
import asyncio
import contextlib
import json
import os
import ssl
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import streamlit

from tests.integration.deploy.proxy import DOMAIN, free_ports, running_proxy
from tests.integration.deploy.test_units import answers, started
from tests.performance import viewer
from tests.performance.viewer import Crowd, Target, percentile
from tests.unit.dashboard import marts
from trader.app import migrate
from trader.app.postgres import Urls, create_database, create_roles, drop_database, ensure_server
from trader.app.postgres.server import stop_server

ROOT = Path(__file__).resolve().parents[2]
HOME = ROOT / ".milkbot" / "load"
HISTORY = ROOT / ".milkbot" / "load.jsonl"
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


CASES = (
    Case("plain", 1, 1, 0),
    Case("plain", 1, 30, 10),
    Case("plain", 1, 100, 10),
    Case("plain", 1, 100, 0),
    Case("ours", 1, 1, 0),
    Case("ours", 1, 100, 10),
    Case("ours", 1, 100, 0),
    Case("ours", 2, 100, 10),
    Case("ours", 2, 100, 0),
    Case("ours", 2, 300, 15),
    Case("ours", 2, 300, 0),
    Case("ours", 2, 600, 30),
    Case("ours", 2, 1000, 60),
    Case("ours", 2, 1000, 0),
)
QUICK = tuple(c for c in CASES if c.count == 100)


@dataclass(frozen=True)
class Result:
    """Milliseconds at the 50th, 95th and 99th percentile; CPU as share of one core; memory in MB."""

    case: Case
    first_number: tuple[float, float, float]
    load: tuple[float, float, float]
    refresh: tuple[float, float, float]
    refreshes: int
    errors: dict[str, int]
    traces: int
    page_cpu: float
    proxy_cpu: float
    visitors_cpu: float
    memory_mb: float
    received_mb: float


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
        process.wait(20)


def run(case: Case, urls: Urls) -> Result:
    with tempfile.TemporaryDirectory() as name, serving(case, urls, Path(name)) as (target, pages, proxy):
        before, before_proxy, own = _cpu(pages), _cpu(_family(proxy)), viewer.cpu_seconds()
        crowd, seconds = asyncio.run(_timed(target, case))
        return Result(
            case=case,
            first_number=_three(crowd.first_numbers),
            load=_three(crowd.loads),
            refresh=_three(crowd.refreshes),
            refreshes=len(crowd.refreshes),
            errors={**crowd.errors, **({"never loaded": n} if (n := case.count - len(crowd.loads)) else {})},
            traces=len(crowd.traces),
            page_cpu=(_cpu(pages) - before) / seconds,
            proxy_cpu=(_cpu(_family(proxy)) - before_proxy) / seconds,
            visitors_cpu=(viewer.cpu_seconds() - own) / seconds,
            memory_mb=sum(_resident_mb(pid) for pid in pages),
            received_mb=crowd.received / 1e6,
        )


async def _timed(target: Target, case: Case) -> tuple[Crowd, float]:
    loop = asyncio.get_running_loop()
    began = loop.time()
    crowd = await viewer.come(target, case.count, spread_s=case.spread_s, stay_s=case.stay_s)
    return crowd, loop.time() - began


def _three(values: list[float]) -> tuple[float, float, float]:
    return percentile(values, 50), percentile(values, 95), percentile(values, 99)


def _family(pid: int) -> list[int]:
    """A process and its children: nginx's master and workers."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *map(int, children)]


def _cpu(pids: Sequence[int]) -> float:
    """Seconds of processor time of these processes so far."""
    fields = [Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split() for pid in pids]
    return sum(int(f[11]) + int(f[12]) for f in fields) / os.sysconf("SC_CLK_TCK")


def _resident_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def line(result: Result) -> str:
    """One row of the table in docs/performance.md."""
    case = result.case

    def three(values: tuple[float, float, float]) -> str:
        return " / ".join("-" if v != v else f"{v:,.0f}" for v in values)

    trouble = ", ".join(f"{n} {what}" for what, n in result.errors.items()) or "0"
    return (
        f"| {case.page} | {case.processes} | {case.count:,} {case.arrival} | {three(result.first_number)} "
        f"| {three(result.load)} | {three(result.refresh)} | {result.page_cpu:.2f} + {result.proxy_cpu:.2f} "
        f"+ {result.visitors_cpu:.2f} | {result.memory_mb:,.0f} | {trouble} |"
    )


HEAD = (
    "| page | processes | visitors | first number, ms p50 / p95 / p99 | whole page | refresh "
    "| cores: page + proxy + visitors | memory, MB | errors |\n|---|---|---|---|---|---|---|---|---|"
)


def main(argv: list[str]) -> int:
    """Run the cases, print the table as it grows; 1 when the required figures do not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only the cases of 100 visitors")
    cases = QUICK if parser.parse_args(argv).quick else CASES
    sys.stdout.write(f"{os.cpu_count()} cores, load before: {os.getloadavg()[0]:.2f}\n{HEAD}\n")
    results = []
    with database() as urls, ticking(urls.analytics):
        for case in cases:
            results.append(run(case, urls))
            sys.stdout.write(f"{line(results[-1])}\n")
            sys.stdout.flush()
    HISTORY.parent.mkdir(parents=True, exist_ok=True)
    with HISTORY.open("a", encoding="utf-8") as history:
        at = datetime.now(UTC).isoformat()
        history.write(json.dumps({"at": at, "results": [asdict(r) for r in results]}) + "\n")
    problems = [problem for result in results for problem in judge(result)]
    sys.stdout.writelines(f"TOO SLOW {problem}\n" for problem in problems)
    return 1 if problems else 0


def judge(result: Result) -> list[str]:
    """What 100 visitors must get on two cores, and that nobody ever sees a trace."""
    case = result.case
    if case.page != "ours":
        return []
    limits: list[tuple[str, float, float]] = []
    if case.count == 100 and case.processes == 2:
        limits = [
            ("refresh p95", result.refresh[1], 500),
            ("first load p95", result.load[1], 2_000 if case.spread_s else 3_000),
        ]
    problems = [
        f"{case.count} {case.arrival}: expected a {what} of at most {limit:,.0f} ms, found {found:,.0f}"
        for what, found, limit in limits
        if not found <= limit
    ]
    if result.traces:
        problems.append(f"{case.count} {case.arrival}: {result.traces} traces were shown to visitors")
    if limits and result.errors:
        problems.append(f"{case.count} {case.arrival}: {result.errors}")
    return problems


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
