"""``milkbot backtest``: a recorded world traded as live, in a database of its own, then reported."""

import json
import re
import sys
import tempfile
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from trader.adapters.ops.marts import MartReader
from trader.adapters.ops.pool import Database
from trader.adapters.ops.store import PostgresOpsStore
from trader.app import backtest as told
from trader.app import postgres
from trader.app.clock import SystemClock
from trader.app.config import load_settings
from trader.app.fresh import fresh_database
from trader.app.logs import configure
from trader.app.rollup import rollup
from trader.app.wiring import data_dir_of
from trader.core.forecasting.lookahead import leaks
from trader.domain.errors import ConfigurationError
from trader.domain.types import TradingMode
from trader.ports.marts import Marts
from trader.ports.ops_store import OpsStore
from trader.rehearsal.arguments import DEPTH, EVERY_S, WARM_UP_DAYS
from trader.rehearsal.backtest import cities_of, decision, disclose, play
from trader.rehearsal.history import Period, load_world
from trader.rehearsal.stage import books_in_memory, rehearsal_env, set_up
from trader.simulator.world import World

Say = Callable[[str], None]
DONE, FAILED = 0, 1
REPEATED_H = 12


def _to_stderr(text: str) -> None:
    """Where words go that are not the report, when the report is one JSON object."""
    sys.stderr.write(text + "\n")


def run_backtest(arguments: Namespace, env: Mapping[str, str], say: Say) -> int:
    """Trade the world asked for, build its warehouse, print the report. Raises ConfigurationError."""
    return trade(chosen_world(arguments), arguments, env, say)


def trade(world: World, arguments: Namespace, env: Mapping[str, str], say: Say) -> int:
    """Do what ``run_backtest`` does in this world; what names a world in ``arguments`` is not read again."""
    label = arguments.name or f"backtest {world.name}"
    tell: Say = _to_stderr if arguments.json else say
    data_dir = data_dir_of(env)
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    clock, began = SystemClock(), SystemClock().monotonic()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="milkbot-backtest-")))
        cleaned = {k: v for k, v in env.items() if not k.startswith(("KALSHI_", "NWS_", "OPENMETEO_"))}
        cleaned |= {"TRADING_MODE": TradingMode.DEMO, "MILKBOT_HALT_FILE": str(folder / "halt")}
        stage = set_up(world, folder, env=cleaned, cash=arguments.cash, is_limited=False)
        configure(
            level=stage.settings.log_level, fmt=stage.settings.log_format, path=data_dir / "backtest.log"
        )
        urls: postgres.Urls | None = None
        if arguments.memory:
            store: OpsStore = books_in_memory(keep_cycles=2)
        else:
            urls = fresh_database(env, data_dir, database_name(label), tell, what="Backtest")
            store = stack.enter_context(_books(urls, cleaned | {"DATABASE_URL": urls.trader}, folder))
        instants = world.cycle_instants
        tell(f"trading {world.name}: {len(instants):,} cycles")
        ran = play(stage, store, instants, label=label, hear=_Progress())
        sys.stderr.write("\r" + " " * 60 + "\r")
        marts: Marts | None = None
        problems: tuple[str, ...] = ()
        if urls is not None:
            disclose(store, world, label)
            tell("dbt: building and testing the warehouse")
            built = rollup(urls.analytics, selector="deploy", data_dir=data_dir)
            problems = () if built.success else (f"warehouse: {built.summary()}",)
            marts = stack.enter_context(_marts(urls))
        stage.simulator.exchange.advance()
        found = told.report(
            store,
            ran.trader.mode,
            label=label,
            world=world.name,
            priced_from=world.priced_from,
            cities=cities_of(world),
            cycles=ran.cycles,
            failed_cycles=ran.failed,
            assumptions=world.fill_words,
            marts=marts,
            exchange_cash=stage.simulator.exchange.account.cash,
        )
        found = replace(found, problems=(*problems, *found.problems), seconds=clock.monotonic() - began)
        found = replace(found, lookahead=repeat_without_later(world, arguments.lookahead, folder))
        if urls is not None:
            postgres.write_env_file(data_dir / f"{database_name(label)}.env", urls, {})
            tell(f"its database: {data_dir / database_name(label)}.env")
    if arguments.json:
        say(json.dumps(found.as_json(), default=str))
    else:
        for line in told.lines(found):
            say(line)
    return FAILED if found.problems or found.lookahead.get("leaks") else DONE


def chosen_world(arguments: Namespace) -> World:
    """Return the recorded world, or the one made of a history folder. Raises ConfigurationError."""
    if arguments.world:
        given = [
            flag
            for flag, value in (
                ("--city", arguments.city),
                ("--from", arguments.first),
                ("--to", arguments.last),
                ("--every", arguments.every != EVERY_S),
                ("--warm-up", arguments.warm_up != WARM_UP_DAYS),
                ("--depth", arguments.depth != DEPTH),
            )
            if value
        ]
        if given:
            raise ConfigurationError(
                f"{given[0]}: expected it with --history, found it with --world; nothing was traded"
            )
        return World.load(arguments.world)
    if arguments.first is None or arguments.last is None or arguments.last < arguments.first:
        raise ConfigurationError(
            f"--from, --to: expected a first and a last climate day, found {arguments.first} and "
            f"{arguments.last}; nothing was traded"
        )
    period = Period(arguments.first, arguments.last, arguments.warm_up, arguments.every, arguments.depth)
    return load_world(Path(arguments.history), arguments.city or (), period)


def database_name(label: str) -> str:
    """Return a plain database name for a run; equal labels share one, and a new run replaces the old."""
    return f"milkbot_{re.sub('[^a-z0-9]+', '_', label.lower()).strip('_')}"[:63]


def repeat_without_later(world: World, wanted: int, folder: Path) -> dict[str, int]:
    """Repeat that many decisions in the world as it was recorded by then; count those that differ.

    Each repeats the half day before it and the six-hourly looks before that, from an empty book.
    """
    cases = lookahead_cases(world, wanted)

    def decide(recorded: World, second: int) -> bytes:
        at = datetime.fromtimestamp(second, UTC)
        return decision(recorded, at, folder, looks_before(world, at))

    return {"checked": len(cases), "leaks": len(leaks(decide, world, cases))} if cases else {}


def lookahead_cases(world: World, wanted: int) -> list[tuple[int, int]]:
    """Return instants spread over the cycles that see a book, as the detector wants them."""
    seconds = [int(at.timestamp()) for at in world.cycle_instants if world.capture_at(at) is not None]
    step = len(seconds) // (wanted + 1)
    chosen = seconds[step::step][:wanted] if step else seconds[:wanted]
    return [(second, second) for second in chosen]


def looks_before(world: World, at: datetime) -> list[datetime]:
    """Return the cycles up to an instant that a repeated decision is played from."""
    near = at - timedelta(hours=REPEATED_H)
    return [each for each in world.cycle_instants if each <= at and (each >= near or each.hour % 6 == 0)]


@contextmanager
def _books(urls: postgres.Urls, env: Mapping[str, str], folder: Path) -> Iterator[PostgresOpsStore]:
    settings = load_settings(rehearsal_env(env, folder, folder / "unused.pem"))
    with Database(urls.trader, max_size=settings.db_pool_max, timeout_s=settings.db_timeout_s) as database:
        store = PostgresOpsStore(database, lock_url=urls.trader)
        try:
            yield store
        finally:
            store.close()


@contextmanager
def _marts(urls: postgres.Urls) -> Iterator[Marts]:
    with Database(urls.dashboard, max_size=1) as database:
        yield MartReader(database)


class _Progress:
    """A bar on stderr, drawn when it grows."""

    def __init__(self) -> None:
        self._filled = -1

    def __call__(self, share: float) -> None:
        if (filled := int(40 * share)) != self._filled:
            self._filled = filled
            sys.stderr.write(f"\r[{'#' * filled}{'.' * (40 - filled)}]")
            sys.stderr.flush()
