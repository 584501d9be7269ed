"""The API under wrk, route by route: requests a second and how long they took."""

import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass

from tests.integration.deploy.proxy import free_ports
from tests.integration.deploy.test_units import answers, started
from trader.app.postgres import Urls

ROUTES = (
    *("/v1/health", "/v1/board", "/v1/metrics/city", "/v1/metrics/strategy"),
    *("/v1/equity", "/v1/trades/public"),
)
CONNECTIONS, SECONDS = 8, 5
HEAD = "| route | requests a second | p50, ms | p99, ms | errors |\n|---|---|---|---|---|"
_MS = {"us": 0.001, "ms": 1, "s": 1000}


@dataclass(frozen=True)
class Rate:
    """One route under eight connections; None when it was not measured."""

    route: str
    per_s: float | None
    p50_ms: float | None = None
    p99_ms: float | None = None
    errors: int = 0

    def line(self) -> str:
        if self.per_s is None:
            return f"| {self.route} | not measured: wrk is not installed | | | |"
        times = f"{self.p50_ms:,.1f} | {self.p99_ms:,.1f}"
        return f"| `{self.route}` | {self.per_s:,.0f} | {times} | {self.errors} |"


def run(urls: Urls) -> list[Rate]:
    """Ask every route for a few seconds as fast as one wrk thread can."""
    program = shutil.which("wrk")
    if program is None:
        return [Rate("all", None)]
    (port,) = free_ports(1)
    with tempfile.TemporaryDirectory() as home:
        env = {"DASHBOARD_DATABASE_URL": urls.dashboard, "HOME": home}
        with started("api", port, env):
            answers(port, "/v1/health")
            return [_ask(program, port, route) for route in ROUTES]


def _ask(program: str, port: int, route: str) -> Rate:
    words = [
        program,
        "-t1",
        f"-c{CONNECTIONS}",
        f"-d{SECONDS}s",
        "--latency",
        f"http://127.0.0.1:{port}{route}",
    ]
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    if rate is None:
        raise RuntimeError(f"wrk about {route}: expected a rate, found {said[:200]!r}")
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    return Rate(route, float(rate[1]), _at(said, 50), _at(said, 99), int(failed[1]) if failed else 0)


def _at(said: str, share: int) -> float:
    found = re.search(rf"{share}%\s+([\d.]+)(us|ms|s)\b", said)
    if found is None:
        raise RuntimeError(f"wrk: expected a {share} % line, found {said[:200]!r}")
    return float(found[1]) * _MS[found[2]]
