"""The trader for days in minutes: ``make soak`` runs ``milkbot run`` on a hurried world of ten cities.

``calm``: so many cycles in SHADOW without a break; then memory, slots, summaries and the log are judged.
``killed``: SIGKILL at random moments, in SHADOW and in DEMO; after each kill the books must agree with
themselves and with the exchange's ledger, nothing booked may be gone, and the next process must go on.
Each trader is the real command as a process of its own, on a Postgres of its own.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from random import Random
from statistics import linear_regression, median
from typing import Any

import httpx
import psycopg

from tests.simulation.worlds import construct
from trader.app import migrate
from trader.app.children import free_port
from trader.app.postgres import Urls, create_database, create_roles, drop_database, ensure_server
from trader.app.postgres.server import stop_server
from trader.domain.cities import load_cities
from trader.domain.errors import TransientError
from trader.simulator.server import Ready, running

ROOT = Path(__file__).resolve().parents[2]
HOME = ROOT / ".milkbot" / "soak"
DAY = date(2026, 7, 16)
INTERVAL_S = 105
"""2,000 cycles of so many seconds are 58 hours: a whole climate day with its close, results and payouts."""

BEGIN = datetime(2026, 7, 15, 18, tzinfo=UTC)
"""The markets of DAY are open by then."""

WARM_SHARE = 0.3
MAX_GROWTH_MB = 8.0
"""From the end of the warm-up to the end of the run; of 2,000 cycles the last 1,400."""

PATIENCE_S = 300.0
SIGNED = "case side when 'YES' then 1 else -1 end"
FILLED = """
select o.order_id from ops.orders o left join ops.fills f on f.order_id = o.order_id
group by o.order_id having o.filled_qty"""
BOOKS = {
    "a position differs from its fills and payouts": f"""
        select p.ticker from ops.positions p
        left join (select ticker, sum({SIGNED} * case action when 'OPEN' then qty else -qty end) as qty
            from ops.fills group by ticker) f on f.ticker = p.ticker
        where {SIGNED} * p.qty <> coalesce(f.qty, 0)
            and p.ticker not in (select ticker from ops.settlements)""",
    "an order has more fills than it says": f"{FILLED} < coalesce(sum(f.qty), 0)",
    "an order's state is not that of its last event": """
        select o.order_id from ops.orders o cross join lateral (select e.to_status from ops.order_events e
            where e.order_id = o.order_id order by e.order_event_id desc limit 1) e
        where e.to_status <> o.status""",
    "a slot was finished twice by one process": """
        select slot from ops.cycles where finished_at is not null group by slot, epoch having count(*) > 1""",
    "a break": "select kind, key, ours, theirs from ops.reconciliation_breaks",
}
UNBOOKED = {"an order lacks fills": f"{FILLED} > coalesce(sum(f.qty), 0)"}
"""The real exchange's answer comes before its list of fills, so this holds at rest; SHADOW has no gap."""

CASH = """
select c.cash_usd, (select sum(amount_usd) from ops.capital_events)
    + (select coalesce(sum(revenue_usd), 0) from ops.settlements)
    + (select coalesce(sum(case action when 'OPEN' then -1 else 1 end * price * qty - fee), 0)
        from ops.fills)
from ops.cycles c where c.finished_at is not null order by c.cycle_id desc limit 1
"""
"""What the last cycle said the cash is, and what all movements add up to: equal to the last digit."""


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


class Run:
    """One ``milkbot run``: its process, its log so far, its memory after its cycles."""

    def __init__(self, folder: Path, number: int, env: dict[str, str]) -> None:
        self.log = folder / f"trader-{number}.jsonl"
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "trader", "run"], env=env, cwd=ROOT, stdout=out, stderr=out
            )
        self._tail = self.log.open("rb")
        self.cycles = 0
        self.memory: list[tuple[int, float]] = []

    def look(self) -> None:
        """Count finished cycles in what the log has grown by. Raises TransientError when the trader ended."""
        if self.process.poll() is not None:
            raise TransientError(
                f"milkbot run: expected it to run, found it ended: {self.log.read_text()[-800:]}"
            )
        found = self._tail.read().count(b'"event": "cycle_finished"')
        if found:
            self.cycles += found
            pages = Path(f"/proc/{self.process.pid}/statm").read_text(encoding="ascii").split()[1]
            self.memory.append((self.cycles, int(pages) * os.sysconf("SC_PAGESIZE") / 1e6))

    def wait(self, cycles: int, patience_s: float = PATIENCE_S) -> None:
        """Wait until so many cycles are finished; raises TransientError when none is for ``patience_s``."""
        seen, since = self.cycles, time.monotonic()
        while self.cycles < cycles:
            time.sleep(0.05)
            self.look()
            if self.cycles != seen:
                seen, since = self.cycles, time.monotonic()
            if time.monotonic() - since > patience_s:
                raise TransientError(
                    f"milkbot run: expected a cycle in {patience_s} s, found none: {self.log}"
                )

    def end(self, how: signal.Signals) -> int:
        self.process.send_signal(how)
        code = self.process.wait(timeout=60)
        self._tail.close()
        return code

    def events(self) -> list[dict[str, Any]]:
        """Every line of the log. Raises ValueError for one that is not an object."""
        lines = self.log.read_text(encoding="utf-8").splitlines()
        return [dict(json.loads(line)) for line in lines]


@dataclass
class Stage:
    """A database and a simulator, and how to start traders on both."""

    urls: Urls
    ready: Ready
    folder: Path
    mode: str
    started: int = 0

    def start(self) -> Run:
        origin = f"http://127.0.0.1:{self.ready.port}"
        env = {
            "PATH": os.environ["PATH"],
            "TRADING_MODE": self.mode,
            "KALSHI_BASE_URL": f"{origin}/trade-api/v2",
            "NWS_BASE_URL": origin,
            "OPENMETEO_BASE_URL": origin,
            "DATABASE_URL": self.urls.trader,
            "MILKBOT_DATA_DIR": str(self.folder),
            "MILKBOT_HEALTH_PORT": str(free_port(0)),
            "MIN_FORECAST_PAIRS": "0",
            "CYCLE_INTERVAL_S": str(INTERVAL_S),
            "ORDER_EXPIRY_S": "60",
        }
        if self.mode == "DEMO":
            env |= {"KALSHI_DEMO_KEY_ID": self.ready.key_id, "KALSHI_DEMO_KEY_FILE": self.ready.key_file}
        self.started += 1
        return Run(self.folder, self.started, env)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.urls.owner) as connection:
            return connection.execute(query.encode()).fetchall()

    def booked(self) -> set[str]:
        """Names of all that must never be lost: fills, payouts, orders with their exchange ids."""
        found = self.rows(
            "select fill_id from ops.fills union all select 'paid ' || ticker from ops.settlements "
            "union all select client_order_id || coalesce(kalshi_order_id, '') from ops.orders "
            "where kalshi_order_id is not null"
        )
        return {str(row[0]) for row in found}

    def faults(self, *, is_at_rest: bool = False) -> list[str]:
        """What in the books contradicts the books, or, in DEMO, the exchange's ledger."""
        asked = BOOKS | (UNBOOKED if is_at_rest or self.mode == "SHADOW" else {})
        found = [f"{name}: {rows[:3]}" for name, query in asked.items() if (rows := self.rows(query))]
        if self.mode == "DEMO":
            truth, ours = self.ledger(), self.rows("select fill_id, qty from ops.fills")
            known = {fill["fill_id"]: Decimal(fill["count_fp"]) for fill in truth["fills"]}
            ids = Counter(order["client_order_id"] for order in truth["orders"])
            found += [
                f"fill {name} of {qty} is not the exchange's" for name, qty in ours if known.get(name) != qty
            ]
            found += [f"order {name} was created {times} times" for name, times in ids.items() if times > 1]
        return found

    def faults_at_rest(self) -> list[str]:
        """The same after a clean stop: cash to the last digit, in DEMO every fill and the exchange's cash."""
        found = self.faults(is_at_rest=True)
        said, summed = self.rows(CASH)[0]
        if said != summed:
            found.append(f"cash: the last cycle says {said}, all movements add up to {summed}")
        if self.mode == "DEMO":
            truth = self.ledger()
            if said != Decimal(truth["cash_dollars"]):
                found.append(f"cash: ours {said}, the exchange's {truth['cash_dollars']}")
            if (ours := self.rows("select count(*) from ops.fills")[0][0]) != len(truth["fills"]):
                found.append(f"fills: ours {ours}, the exchange's {len(truth['fills'])}")
        return found

    def ledger(self) -> dict[str, Any]:
        answer = httpx.get(f"http://127.0.0.1:{self.ready.port}/sim/ledger", timeout=10)
        return dict(answer.raise_for_status().json())


@contextmanager
def database(mode: str) -> Iterator[tuple[Urls, Path]]:
    """An empty database on a server of its own, which writes durably as in production, and a folder."""
    HOME.mkdir(mode=0o711, parents=True, exist_ok=True)
    server = ensure_server(HOME, is_durable=True)
    try:
        create_roles(server.superuser_url, server.roles_file)
        name = f"soak_{mode.lower()}"
        drop_database(server, name)
        urls = create_database(server, name, is_test=True)
        migrate.up(urls.owner)
        folder = HOME / name
        folder.mkdir(exist_ok=True)
        yield urls, folder
    finally:
        stop_server(HOME)


@contextmanager
def stage(urls: Urls, folder: Path, mode: str, *, pace_s: float) -> Iterator[Stage]:
    """A world in which a cycle's interval lasts ``pace_s`` real seconds."""
    world = construct(7, tuple(load_cities()), DAY)
    with running(folder, world=world, speed=INTERVAL_S / pace_s) as ready:
        clock = f"http://127.0.0.1:{ready.port}/sim/clock"
        httpx.post(clock, json={"now": BEGIN.isoformat()}, timeout=10).raise_for_status()
        yield Stage(urls, ready, folder, mode)


def calm(urls: Urls, folder: Path, cycles: int, pace_s: float) -> list[str]:
    """Run so many cycles in one process; print the figures and return what should not have been."""
    with stage(urls, folder, "SHADOW", pace_s=pace_s) as on:
        run = on.start()
        began = time.monotonic()
        try:
            run.wait(cycles)
        finally:
            code = run.end(signal.SIGTERM)
        took_s = time.monotonic() - began
        problems = on.faults_at_rest()
        events = run.events()
        counts = Counter(str(event["event"]) for event in events)
        stored = on.rows("select count(*), count(finished_at), count(distinct slot) from ops.cycles")[0]
        fills = on.rows("select (select count(*) from ops.fills), (select count(*) from ops.settlements)")[0]
        alarms = on.rows(
            "select code, subject, count(*) from ops.alarms where closed_at is null group by 1, 2"
        )
    done = [event for event in events if event["event"] == "cycle_finished"]
    slots = [int(event["slot"]) for event in done]
    skipped = sum((after - before) // INTERVAL_S - 1 for before, after in pairwise(slots))
    told = sum(int(event["missed"]) for event in events if event["event"] == "cycles_missed")
    warm = [(float(at), mb) for at, mb in run.memory if at >= WARM_SHARE * cycles]
    slope = linear_regression(*zip(*warm, strict=True)).slope * 1000
    tenth = max(1, len(warm) // 10)
    first, last = (median(mb for _, mb in part) for part in (warm[:tenth], warm[-tenth:]))
    errors = [event["error"] for event in done if event.get("error")]
    say(
        f"calm: {len(done)} cycles of ten cities in {took_s:.0f} s, {fills[0]} fills, {fills[1]} payouts; "
        f"memory {first:.1f} MB after warm-up, {last:.1f} MB at the end, {slope:+.2f} MB per 1,000 cycles\n"
        f"calm: {skipped} slots without a cycle, {told} of them told; {len(errors)} cycles with an error; "
        f"{len(events)} log lines, all JSON; exit code {code}\n"
        f"calm: events {dict(counts.most_common(12))}; open alarms {len(alarms)}"
    )
    if stored != (len(done),) * 3:
        problems.append(
            f"cycles: {len(done)} summaries in the log, (rows, finished, slots) {stored} in the books"
        )
    if skipped != told:
        problems.append(f"slots: {skipped} without a cycle, {told} told")
    if last - first > MAX_GROWTH_MB:
        problems.append(f"memory: expected at most {MAX_GROWTH_MB} MB more, found {last - first:.1f} MB")
    if code != 0 or counts["stopped"] != 1:
        problems.append(
            f"end: expected exit code 0 and one line 'stopped', found {code} and {counts['stopped']}"
        )
    problems += [f"job_failed: {event}" for event in events if event["event"] == "job_failed"]
    problems += [f"alarm open more than once: {row}" for row in alarms if row[2] > 1]
    problems += [f"cycle failed: {error}" for error in dict.fromkeys(errors)]
    return problems


def killed(urls: Urls, folder: Path, mode: str, kills: int, *, pace_s: float, seed: int) -> list[str]:
    """Kill traders at random moments, one in five while it starts; return what should not have been."""
    random = Random(f"{mode} {seed}")  # noqa: S311 - moments of kills
    problems: list[str] = []
    cut = 0
    with stage(urls, folder, mode, pace_s=pace_s) as on:
        booked: set[str] = set()
        for number in range(kills):
            run = on.start()
            if number % 5 == 4:
                time.sleep(random.uniform(0.1, 2.0))
            else:
                run.wait(1)
                time.sleep(random.uniform(0, 2 * pace_s))
            run.end(signal.SIGKILL)
            now = on.booked()
            problems += [f"kill {number + 1}: lost {name}" for name in sorted(booked - now)]
            problems += [f"kill {number + 1}: {fault}" for fault in on.faults()]
            booked = now
        cut = on.rows("select count(*) from ops.cycles where finished_at is null")[0][0]
        run = on.start()
        run.wait(3)
        code = run.end(signal.SIGTERM)
        problems += on.faults_at_rest() + ([f"last run: exit code {code}"] if code else [])
        unknown = on.rows("select count(*) from ops.orders where status = 'UNKNOWN'")[0][0]
        done, orders, fills = on.rows(
            "select (select count(*) from ops.cycles where finished_at is not null), "
            "(select count(*) from ops.orders), (select count(*) from ops.fills)"
        )[0]
    say(
        f"killed in {mode}: {kills} times by SIGKILL, {cut} in the middle of a cycle; {done} cycles "
        f"finished, {orders} orders, {fills} fills; {len(problems)} problems, {unknown} orders unknown"
    )
    if unknown:
        problems.append(f"orders: expected none of unknown fate at rest, found {unknown}")
    return problems


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cycles", type=int, default=2000)
    parser.add_argument("--kills", type=int, default=50, help="in each of SHADOW and DEMO")
    parser.add_argument("--pace", type=float, default=0.75, help="real seconds between two cycles")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    problems: list[str] = []
    if options.cycles:
        with database("SHADOW") as (urls, folder):
            problems += calm(urls, folder, options.cycles, options.pace)
    for mode in ("SHADOW", "DEMO") if options.kills else ():
        with database(mode) as (urls, folder):
            problems += killed(urls, folder, mode, options.kills, pace_s=options.pace, seed=options.seed)
    for problem in problems:
        say(f"NOT HELD {problem}")
    return 1 if problems else 0


if __name__ == "__main__":
    raise SystemExit(main())
