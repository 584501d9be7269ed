"""The main job: a recorded week traded end to end, then shown."""

import fcntl
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime
from itertools import groupby
from pathlib import Path

from trader.app import postgres, report
from trader.app.advise.wiring import desk_on
from trader.app.children import Children, free_port
from trader.app.clock import SteppedClock
from trader.app.config import Settings, load_settings
from trader.app.context import Trader
from trader.app.cycle import run_cycle
from trader.app.fresh import fresh_database, is_given
from trader.app.logs import configure
from trader.app.results import settle
from trader.app.rollup import rollup
from trader.app.serve import start_api, start_page
from trader.app.wiring import open_trader
from trader.app.world import SimulatorProcess, WorldFacts
from trader.domain.errors import ConfigurationError, PersistenceError
from trader.domain.risk import HealthStatus
from trader.domain.types import Component, ComponentStatus, TradingMode

Say = Callable[[str], None]
DATABASE = "milkbot_demo"


def run_demo(env: Mapping[str, str], say: Say, *, serve: bool, world: str) -> int:
    """Run the whole demo and return the exit code: 0 when our ledger equals the exchange's, 1 otherwise."""
    data_dir = Path(env.get("MILKBOT_DATA_DIR") or ".milkbot").absolute()
    began = time.monotonic()
    with ExitStack() as stack:
        stack.enter_context(_only_demo(data_dir))
        if serve and not is_given(env):
            stack.callback(postgres.stop_server, data_dir)
        urls = fresh_database(env, data_dir, DATABASE, say, what="Demo")
        simulator = stack.enter_context(SimulatorProcess(data_dir, world=world))
        facts = simulator.facts()
        say(f"exchange, weather service and ensemble on {simulator.origin}, world {facts.name}")
        settings = load_settings(demo_env(env, simulator, urls, data_dir))
        configure(
            level=settings.log_level,
            fmt=settings.log_format,
            secrets=settings.secret_values(),
            path=data_dir / "trader.log",
        )
        clock = SteppedClock(facts.start)
        with open_trader(settings, clock=clock, command="demo", world=world) as trader:
            _trade_week(trader, clock, simulator, facts, say, lambda: _advise(urls, settings, say))
            say("dbt: building and testing the warehouse")
            built = rollup(urls.analytics, selector="deploy", data_dir=data_dir)
            say(f"dbt: {built.summary()} in {built.seconds:.1f} s")
            agrees = report.print_summary(trader, simulator, say)
            ports = {"MILKBOT_PAGE_PORT": settings.page_port, "MILKBOT_API_PORT": settings.api_port}
            if serve:
                ports = {name: free_port(port) for name, port in ports.items()}
            postgres.write_env_file(data_dir / "env", urls, ports)
            say(f"\nsettings for other commands: {data_dir / 'env'}")
            say(f"took {time.monotonic() - began:.1f} s")
            if not (agrees and built.success):
                return 1
            if serve:
                _serve(stack, trader, urls, ports, data_dir, say)
    return 0


def demo_env(
    env: Mapping[str, str], simulator: SimulatorProcess, urls: postgres.Urls, data_dir: Path
) -> dict[str, str]:
    """Settings of a demo: the caller's environment, pointed at the simulator and the demo's own database."""
    mode = env.get("TRADING_MODE") or TradingMode.DEMO
    overrides = {
        "TRADING_MODE": str(mode),
        "KALSHI_BASE_URL": f"{simulator.origin}/trade-api/v2",
        "NWS_BASE_URL": simulator.origin,
        "OPENMETEO_BASE_URL": simulator.origin,
        "DATABASE_URL": urls.trader,
        "MILKBOT_DATA_DIR": str(data_dir),
        "OPENROUTER_API_KEY": "",  # a demo costs nothing; `milkbot advise` asks the model afterwards
        "MIN_FORECAST_PAIRS": env.get("MIN_FORECAST_PAIRS") or "0",
        "MILKBOT_HALT_FILE": env.get("MILKBOT_HALT_FILE") or str(data_dir / "demo.halt"),
    }
    if mode == TradingMode.DEMO:
        overrides |= {"KALSHI_DEMO_KEY_ID": simulator.key_id, "KALSHI_DEMO_KEY_FILE": str(simulator.key_file)}
    return {name: value for name, value in env.items() if not name.startswith("KALSHI_")} | overrides


@contextmanager
def _only_demo(data_dir: Path) -> Iterator[None]:
    """Hold a lock that the system releases however the process ends."""
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (data_dir / "demo.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ConfigurationError(
                f"Demo: expected no other demo in {data_dir}, found one running; "
                "stop it, or set MILKBOT_DATA_DIR"
            ) from error
        yield


def _advise(urls: postgres.Urls, settings: Settings, say: Say) -> None:
    """Let the rules word the day's trades; the trader's pool and role have no part in it."""
    try:
        with desk_on(urls.advisor, settings) as desk:
            desk.run()
    except PersistenceError as error:  # given URLs may lack the advisor's; its words are not worth a demo
        say(f"advisory text: not written: {error}")


def _trade_week(
    trader: Trader,
    clock: SteppedClock,
    simulator: SimulatorProcess,
    facts: WorldFacts,
    say: Say,
    after_day: Callable[[], None],
) -> None:
    """Step through the world, settling and trading at each instant; one line a day."""
    days = [(day, list(group)) for day, group in groupby(facts.cycle_instants, key=datetime.date)]
    say(f"trading {facts.start:%B %-d} to {facts.end:%B %-d, %Y} in {trader.mode}")
    for day, instants in days:
        summaries = []
        for instant in instants:
            simulator.step_to(instant)
            clock.step_to(instant)
            trader.store.set_world_clock(facts.name, instant, at=instant)
            settle(trader)
            summaries.append(run_cycle(trader, slot=f"{instant:%Y-%m-%dT%H:%M:%SZ}"))
            now = (
                clock.now()
            )  # what the cycle saw is a second younger than its instant, and the page would hide it
            trader.store.set_world_clock(facts.name, now, at=now)
        orders, fills = sum(s.orders for s in summaries), sum(s.fills for s in summaries)
        say(
            f"  {day:%b %d}  {len(summaries):3d} cycles  {orders:3d} orders  {fills:3d} fills  "
            f"equity ${summaries[-1].equity_usd:,.2f}"
        )
        after_day()


def _serve(
    stack: ExitStack, trader: Trader, urls: postgres.Urls, ports: Mapping[str, int], data_dir: Path, say: Say
) -> None:
    """Start page and API, note that they answer, and wait for Ctrl-C."""
    children = Children(data_dir / "logs")
    stack.callback(children.stop)
    page, api = ports["MILKBOT_PAGE_PORT"], ports["MILKBOT_API_PORT"]
    start_page(children, page, urls.dashboard)
    start_api(children, api, urls.dashboard)
    children.wait_http("api", f"http://127.0.0.1:{api}/v1/health")
    children.wait_http("page", f"http://127.0.0.1:{page}/_stcore/health")
    now = trader.clock.now()
    for component in (Component.DASHBOARD, Component.ANALYTICS):
        probe = HealthStatus(
            component=component, status=ComponentStatus.OK, last_ok=now, message="answers", checked_at=now
        )
        trader.store.risk.save_health(probe, at=now)
    say(f"\n  page  http://127.0.0.1:{page}\n  API   http://127.0.0.1:{api}/docs\n\nCtrl-C stops everything.")
    stopped = False

    def stop(*_: object) -> None:
        nonlocal stopped
        stopped = True

    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, stop)
    while not stopped:
        time.sleep(0.2)
        if dead := children.dead():
            raise ConfigurationError(
                f"{dead}: expected it to run, found it ended; see {data_dir / 'logs'}/{dead}.log"
            )
    say("\nstopping")
