"""One backtest: the trader of live trading stepped through a recorded world, cycle by cycle."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from trader.app.context import Trader
from trader.app.cycle import run_cycle
from trader.app.results import settle
from trader.domain.canonical import canonical_json
from trader.domain.cities import load_cities
from trader.ports.ops_store import OpsStore
from trader.rehearsal.stage import Stage, books_in_memory, set_up
from trader.simulator.world import World

Hear = Callable[[float], None]
PARTITION_MONTHS = 3


@dataclass(frozen=True, slots=True)
class Ran:
    """How many cycles ran and how many of them failed; the trader as it stands at the end."""

    trader: Trader
    cycles: int
    failed: int


def cities_of(world: World) -> tuple[str, ...]:
    """Return the cities that a world has markets of, in their fixed order."""
    traded = {market.city for market in world.markets.values()}
    return tuple(code for code in load_cities() if code in traded)


def slot_of(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def play(
    stage: Stage,
    store: OpsStore,
    instants: Sequence[datetime],
    *,
    label: str,
    hear: Hear = lambda _: None,
) -> Ran:
    """Settle and run a cycle at each instant, as live trading does; ``hear`` is told the share done.

    Raises what a cycle raises: PersistenceError, LostWriterLock, bugs.
    """
    trader, codes = stage.start(store, command="backtest", label=label), cities_of(stage.world)
    failed, cycles, month = 0, 0, None
    for done, at in enumerate(instants):
        if at < stage.clock.now():
            continue  # the one before took virtual time beyond it: a real trader would have missed it too
        stage.clock.step_to(at)
        if month != (month := (at.year, at.month)):
            store.ensure_partitions(at.date(), PARTITION_MONTHS)
        store.set_world_clock(label, at, at=at)
        settle(trader)
        summary = run_cycle(trader, slot=slot_of(at), codes=codes)
        failed, cycles = failed + (summary.error is not None), cycles + 1
        hear((done + 1) / len(instants))
    return Ran(trader, cycles, failed)


def disclose(store: OpsStore, world: World, label: str) -> None:
    """Move the world's clock on by more than the public delay, so that the warehouse shows the whole run."""
    after = world.end + timedelta(hours=2)
    store.set_world_clock(label, after, at=after)


def decision(world: World, at: datetime, folder: Path, instants: Iterable[datetime]) -> bytes:
    """Return the plan of the cycle at ``at`` in canonical bytes, after playing the instants up to it."""
    until = [each for each in instants if each <= at]
    store = books_in_memory(keep_cycles=2)
    play(set_up(world, folder, is_limited=False), store, until, label=world.name)
    newest = store.cycles.newest()
    if newest is None or newest.slot != slot_of(at):
        raise ValueError(f"decision: expected a cycle at {slot_of(at)}, found {newest and newest.slot}")
    return canonical_json(store.cycles.load_plan(newest.cycle_id)).encode()
