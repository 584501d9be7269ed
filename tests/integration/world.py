"""A stretch of the recorded world for tests: simulator process, fresh database, trader, stepped together."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from trader.app.clock import SteppedClock
from trader.app.config import Settings, load_settings
from trader.app.context import Trader
from trader.app.wiring import open_trader
from trader.app.world import SimulatorProcess

ROOT = Path(__file__).resolve().parents[2]
EVENING = datetime.fromisoformat("2026-07-17T00:28:03+00:00")
"""Forecasts for July 17 are out, books of July 17 stand: cycles trade here."""


def settings_for(simulator: SimulatorProcess, database_url: str, data_dir: Path, **extra: str) -> Settings:
    """Settings of a trader on this simulator; ``extra`` overrides single variables."""
    return load_settings({**_variables(simulator, database_url, data_dir), **extra})


def process_env(
    simulator: SimulatorProcess, database_url: str, data_dir: Path, **extra: str
) -> dict[str, str]:
    """The same settings as the whole environment of a process."""
    found = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    return {**found, **_variables(simulator, database_url, data_dir), **extra}


def _variables(simulator: SimulatorProcess, database_url: str, data_dir: Path) -> dict[str, str]:
    return {
        "TRADING_MODE": "DEMO",
        "KALSHI_BASE_URL": f"{simulator.origin}/trade-api/v2",
        "NWS_BASE_URL": simulator.origin,
        "OPENMETEO_BASE_URL": simulator.origin,
        "KALSHI_DEMO_KEY_ID": simulator.key_id,
        "KALSHI_DEMO_KEY_FILE": str(simulator.key_file),
        "DATABASE_URL": database_url,
        "MILKBOT_DATA_DIR": str(data_dir),
        "MIN_FORECAST_PAIRS": "0",
    }


def step(simulator: SimulatorProcess, trader: Trader, instant: datetime) -> None:
    """Move the simulator's clock and the trader's to ``instant``."""
    assert isinstance(trader.clock, SteppedClock)
    simulator.step_to(instant)
    trader.clock.step_to(instant)


@contextmanager
def trader_at(
    simulator: SimulatorProcess, settings: Settings, instant: datetime, *, command: str = "test"
) -> Iterator[Trader]:
    """A trader whose clock and the simulator's stand at ``instant``."""
    simulator.step_to(instant)
    with open_trader(settings, clock=SteppedClock(instant), command=command, world="july2026") as trader:
        yield trader
