"""A simulated world with the trader's way into it; stepping, settling and trading are up to the caller."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from trader.adapters.http import HttpClient
from trader.adapters.memory.store import MemoryOpsStore
from trader.app.config import Settings, load_settings
from trader.app.context import Trader
from trader.app.wiring import start_trader
from trader.domain.types import TradingMode
from trader.ports.ops_store import OpsStore
from trader.rehearsal.door import Door, SharedClock
from trader.simulator.app import Simulator
from trader.simulator.clock import WorldClock
from trader.simulator.exchange import Exchange
from trader.simulator.faults import Fault, Faults
from trader.simulator.server import DEFAULT_CASH, GENERATED_KEY_ID
from trader.simulator.signatures import make_key
from trader.simulator.world import World

ORIGIN = "http://127.0.0.1:1"
"""A loopback address that nothing listens on: whoever leaves the door fails."""


@dataclass
class Stage:
    """One world, one account, one clock, which is the trader's. ``simulator.exchange`` holds the truth."""

    world: World
    simulator: Simulator
    clock: SharedClock
    settings: Settings
    http: HttpClient

    def start(self, store: OpsStore, *, command: str = "rehearsal", label: str | None = None) -> Trader:
        """Start a trader on these books, as a process does: writer lock, epoch, reconciliation.

        ``label`` is what the books call the world, its name by default.
        """
        return start_trader(
            self.settings,
            store=store,
            http=self.http,
            clock=self.clock,
            command=command,
            world=label or self.world.name,
            weather_workers=1,
        )


def set_up(
    world: World,
    folder: Path,
    *,
    at: datetime | None = None,
    seed: int = 0,
    cash: Decimal = DEFAULT_CASH,
    faults: Sequence[Fault] = (),
    env: Mapping[str, str] | None = None,
    is_limited: bool = True,
) -> Stage:
    """Build a stage whose clock stands at ``at`` (the world's start by default).

    ``folder`` receives the account's key and the halt file. ``env`` are settings as in the environment; mode
    and addresses are set here, DEMO unless it says SHADOW. ``is_limited``: the exchange answers 429 beyond
    the request budget; a world that stands still within a cycle, as a demo's, has none.
    """
    world_clock = WorldClock(at or world.start, world.end, 0, lambda: 0.0)
    key_file = folder / "simulator_ed25519.pem"
    keys = {GENERATED_KEY_ID: make_key(key_file)}
    clock = SharedClock(world_clock)
    exchange = Exchange(world, world_clock, cash, seed, Faults(faults, seed))
    simulator = Simulator(exchange, keys, elapsed=clock.monotonic if is_limited else None)
    settings = load_settings(rehearsal_env(env or {}, folder, key_file))
    door = Door(simulator, clock, timeout_s=settings.http_timeout_s)
    return Stage(world, simulator, clock, settings, HttpClient(clock=clock, wire=door, seed=seed))


def rehearsal_env(env: Mapping[str, str], folder: Path, key_file: Path) -> dict[str, str]:
    """Return settings for a rehearsal: the caller's, pointed at the door."""
    mode = env.get("TRADING_MODE", TradingMode.DEMO.value)
    key = {"KALSHI_DEMO_KEY_ID": GENERATED_KEY_ID, "KALSHI_DEMO_KEY_FILE": str(key_file)}
    return {
        "MIN_FORECAST_PAIRS": "0",
        "MILKBOT_DATA_DIR": str(folder),
        **env,
        "TRADING_MODE": mode,
        "KALSHI_BASE_URL": f"{ORIGIN}/trade-api/v2",
        "NWS_BASE_URL": ORIGIN,
        "OPENMETEO_BASE_URL": ORIGIN,
        **(key if mode == TradingMode.DEMO else {}),
    }


def books_in_memory(*, keep_cycles: int | None = None) -> MemoryOpsStore:
    """Return empty books that live as long as the process."""
    return MemoryOpsStore(keep_cycles=keep_cycles)
