"""One server on loopback: Postgres, exchange and weather, trader, warehouse, two pages, API, watch, proxy.

Every service is the real command as a process of its own, started again when it ends as its unit says. Time
is real; three intervals are shorter: a cycle and a refresh every 60 s, weather is stale after 420 s.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import psycopg
import streamlit

from tests.fakes.loopback import Asked, Reply, reply, serving
from tests.integration.deploy.proxy import DOMAIN, free_ports, nginx, write_configuration
from tests.simulation.worlds import construct
from trader.app import migrate, postgres
from trader.app.rollup import Dbt
from trader.app.serve import api_command, page_command, public_env
from trader.app.watch.memory import MemoryFile
from trader.domain.alerts import AlertCode
from trader.domain.cities import load_cities
from trader.domain.errors import TransientError
from trader.simulator.faults import Fault, FaultKind, Faults
from trader.simulator.server import running

ROOT = Path(__file__).resolve().parents[2]
INDEX = Path(streamlit.__file__).parent / "static" / "index.html"
CYCLE_S = 60
WEATHER_STALE_S = 420
"""Weather is kept for 300 s before it is asked for anew."""

RESTART_S = {"trader": 30.0, "watch": 10.0, "page": 5.0, "page-2": 5.0, "api": 5.0}
"""Seconds after which a unit of deploy/systemd is started again; the warehouse's timer comes by itself."""

HIDDEN = Fault("sim_clock", 0, FaultKind.HTTP_500)
"""The simulator does not say that it is one: the trader takes it for the exchange, on the machine's time."""

_CAPS = ("OPEN_RISK", "TRADE_RISK", "CITY_EXPOSURE", "CLUSTER_EXPOSURE", "DAILY_LOSS")
PLENTY = {
    **{f"MAX_{name}_USD": "100000" for name in _CAPS},
    **{f"MAX_{name}_FRACTION": "1" for name in (*_CAPS, "DRAWDOWN")},
    "MAX_TRADE_CONTRACTS": "5000",
    "KELLY_FRACTION": "0.5",
    "MIN_EDGE_USD": "0.01",
    "MAX_SPREAD_USD": "0.06",
}
"""Orders for as long as the run takes: nothing is held back where nothing would be sent."""


_BUILDS = """
select count(*) from pg_stat_activity
where usename = 'milkbot_dbt' and pid <> pg_backend_pid() and state = 'active'
"""


@dataclass
class Machine:
    """The services by name, the plan of faults of the outside, and what the operator was told."""

    folder: Path
    home: Path
    urls: postgres.Urls
    origin: str
    faults: Faults
    ports: Mapping[str, int]
    commands: dict[str, tuple[list[str], dict[str, str], Path]]
    told: list[tuple[float, str]]
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    ends: list[tuple[float, str, int]] = field(default_factory=list)
    held: set[str] = field(default_factory=set)

    def start(self, name: str) -> None:
        command, env, cwd = self.commands[name]
        with (self.folder / "log" / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                command,
                env=env,
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill(self, name: str) -> None:
        """SIGKILL to the service and all its processes."""
        os.killpg(self.running[name].pid, signal.SIGKILL)
        self.running[name].wait()

    def keep(self, stop: threading.Event) -> None:
        """Start again what ended, as its unit says; note each end. What is ``held`` stays down."""
        due: dict[str, float] = {}
        while not stop.wait(0.2):
            now = time.monotonic()
            for name, process in list(self.running.items()):
                if process.poll() is None or name in self.held:
                    continue
                if name not in due:
                    self.ends.append((now, name, process.returncode))
                    due[name] = now + RESTART_S.get(name, 5.0)
                elif now >= due[name]:
                    del due[name]
                    self.start(name)

    def log(self, name: str) -> str:
        return (self.folder / "log" / f"{name}.log").read_text(errors="replace")

    def milkbot(self, *words: str) -> subprocess.CompletedProcess[str]:
        """An operator's command, with the trader's environment."""
        env = self.commands["trader"][1] | {"DB_TIMEOUT_S": "3"}
        command = [sys.executable, "-m", "trader", *words]
        return subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, timeout=60)

    def open_alerts(self) -> list[str]:
        """What was told and is not over. That a critical event happened is never over, only an hour old."""
        memory = MemoryFile(self.folder / "watch" / "watch.json")
        with memory.open() as said:
            told = [alert for alert in said.alerts.values() if alert.told_at is not None]
        return [alert.text for alert in told if alert.code is not AlertCode.RISK_EVENT]

    def ledger(self) -> dict[str, Any]:
        found: dict[str, Any] = httpx.get(f"{self.origin}/sim/ledger", timeout=10).raise_for_status().json()
        return found

    def kill_dbt(self) -> None:
        """SIGKILL to dbt in the middle of a build: as soon as it has a session beside the one that locks."""
        parent = self.running["rollup"].pid
        end = time.monotonic() + 3 * CYCLE_S
        with psycopg.connect(self.urls.analytics, autocommit=True) as connection:
            while connection.execute(_BUILDS).fetchone() == (0,):
                if time.monotonic() > end:
                    raise TransientError(f"dbt: expected a build within {3 * CYCLE_S} s, found none")
                time.sleep(0.02)
        for task in Path(f"/proc/{parent}/task").iterdir():
            for pid in (task / "children").read_text().split():
                os.kill(int(pid), signal.SIGKILL)


@contextmanager
def machine(
    folder: Path, home: Path, *, more: Mapping[str, Mapping[str, str]] | None = None
) -> Iterator[Machine]:
    """Start everything and hand it over; ``home`` is where Postgres keeps its data.

    ``more`` has variables of single services beside or in place of the usual ones.
    """
    (folder / "log").mkdir(parents=True)
    told: list[tuple[float, str]] = []

    def hook(asked: Asked) -> Reply:
        if asked.method == "POST":
            words = json.loads(asked.body)
            told.append((time.monotonic(), f"{words['title']}\n{words['message']}"))
        return reply({})

    faults = Faults([HIDDEN])
    now = datetime.now(UTC)
    world = construct(7, tuple(load_cities()), now.date(), span=timedelta(seconds=CYCLE_S))
    with ExitStack() as stack:
        server = postgres.ensure_server(home)
        stack.callback(postgres.stop_server, home)
        urls = postgres.create_database(server, "chaos", is_test=True)
        migrate.up(urls.owner)
        with Dbt(urls.analytics, data_dir=folder / "analytics") as dbt:
            _deploy(dbt)
        ready = stack.enter_context(
            running(folder / "sim", world=world, speed=1.0, faults=faults, cash=Decimal(200_000))
        )
        origin = f"http://127.0.0.1:{ready.port}"
        httpx.post(f"{origin}/sim/clock", json={"now": datetime.now(UTC).isoformat()}, timeout=10)
        people = stack.enter_context(serving(hook))
        ports = _ports()
        commands = _commands(folder, urls, origin, (ready.key_id, ready.key_file), people.origin, ports)
        for name, variables in (more or {}).items():
            commands[name][1].update(variables)
        on = Machine(folder, home, urls, origin, faults, ports, commands, told)
        stop = threading.Event()
        stack.callback(_end, on)
        for name in ("nginx", "api", "page", "page-2", "trader", "rollup", "watch"):
            on.start(name)
        keeper = threading.Thread(target=on.keep, args=(stop,), daemon=True)
        keeper.start()
        stack.callback(keeper.join)
        stack.callback(stop.set)
        yield on


def _deploy(dbt: Dbt) -> None:
    """The warehouse with health limits of this run's interval, as an operator sets the project's variable."""
    words = ["--selector", "deploy", "--threads", "2", "--vars", json.dumps({"cycle_interval_s": CYCLE_S})]
    told = dbt._ask(words)
    if not told["success"]:
        raise RuntimeError(f"dbt: expected the warehouse to be built, found {told}")


def _ports() -> dict[str, int]:
    """Free ports by name; the two pages stand side by side."""
    http, https, health, api = free_ports(4)
    while True:
        (page,) = free_ports(1)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", page + 1)) != 0:
                return {"http": http, "https": https, "health": health, "api": api, "page": page}


def _commands(
    folder: Path,
    urls: postgres.Urls,
    origin: str,
    key: tuple[str, str],
    people: str,
    ports: Mapping[str, int],
) -> dict[str, tuple[list[str], dict[str, str], Path]]:
    page, api = ports["page"], ports["api"]
    proxy = folder / "nginx"
    proxy.mkdir()
    pages = [page, page + 1]
    main = write_configuration(proxy, ports["http"], ports["https"], pages, "--index", str(INDEX))
    halt_file = str(folder / "HALT")
    base = {"PATH": os.environ["PATH"], "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT)}
    shared = base | {
        "MILKBOT_HALT_FILE": halt_file,
        "MILKBOT_HEALTH_PORT": str(ports["health"]),
        "MILKBOT_API_PORT": str(api),
        "MILKBOT_PAGE_PORT": str(page),
    }
    trader = shared | PLENTY | {
        "TRADING_MODE": "DEMO",
        "DATABASE_URL": urls.trader,
        "KALSHI_BASE_URL": f"{origin}/trade-api/v2",
        "NWS_BASE_URL": origin,
        "OPENMETEO_BASE_URL": origin,
        "KALSHI_DEMO_KEY_ID": key[0],
        "KALSHI_DEMO_KEY_FILE": key[1],
        "MILKBOT_DATA_DIR": str(folder / "trader"),
        "MIN_FORECAST_PAIRS": "0",
        "CYCLE_INTERVAL_S": str(CYCLE_S),
        "ORDER_EXPIRY_S": str(CYCLE_S - 12),
        "MAX_FETCH_AGE_S": str(WEATHER_STALE_S),
    }  # fmt: skip
    watch = shared | {
        "WATCH_DATABASE_URL": urls.watch,
        "MILKBOT_DATA_DIR": str(folder / "watch"),
        "MILKBOT_DOMAIN": DOMAIN,
        "MILKBOT_HTTPS_PORT": str(ports["https"]),
        "ALERT_URLS": f"json://{people.removeprefix('http://')}/hook",
        "PING_URL": f"{people}/ping",
    }
    rollup = base | {
        "ANALYTICS_DATABASE_URL": urls.analytics,
        "MILKBOT_DATA_DIR": str(folder / "analytics"),
    }

    def public() -> dict[str, str]:
        return public_env(urls.dashboard) | {"HOME": str(folder)}

    milkbot = [sys.executable, "-m", "trader"]
    return {
        "trader": ([*milkbot, "run"], trader, ROOT),
        "rollup": ([*milkbot, "rollup", "--every", str(CYCLE_S)], rollup, ROOT),
        "watch": ([*milkbot, "watch"], watch, ROOT),
        "api": (api_command(api), public(), ROOT),
        "page": (page_command(page), public(), ROOT / "dashboard"),
        "page-2": (page_command(page + 1), public(), ROOT / "dashboard"),
        "nginx": ([nginx(), "-c", str(main)], base, folder),
    }


def _end(on: Machine) -> None:
    for process in on.running.values():
        if process.poll() is None:
            process.terminate()
    for process in on.running.values():
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
