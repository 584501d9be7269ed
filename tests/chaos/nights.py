"""The faults, one after the other on one machine: how each begins and ends, and what must hold meanwhile."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from tests.chaos.machine import CYCLE_S, WEATHER_STALE_S, Machine
from tests.chaos.seen import WELL, Seen, watching
from tests.chaos.table import Row
from trader.app import postgres
from trader.domain.errors import TransientError
from trader.simulator.faults import Fault, FaultKind

BEFORE_S = CYCLE_S + 10.0
"""How long all must have been well before a night begins."""
AFTER_S = 2.0 * CYCLE_S
"""How long a fault that strikes once is looked at."""

PATIENCE_S = 420.0
"""Weather is asked for once in 300 s, also when it failed; then the watch needs two looks."""

Act = Callable[[Machine], None]


@dataclass(frozen=True)
class Night:
    """``lasts_s`` 0: it strikes once. ``told``: alerts that must come. ``trades``: creates go on."""

    name: str
    how: str
    section: str
    begin: Act
    end: Act
    lasts_s: float = 0.0
    told: tuple[str, ...] = ()
    trades: bool = False
    ends: tuple[str, ...] = ()
    stops_s: float = 3.0
    """Seconds after which no order may leave any more: what was on its way, or until the cause is noticed."""


def _plan(*rows: tuple[str, FaultKind, float]) -> Act:
    def act(on: Machine) -> None:
        on.faults.planned = [on.faults.planned[0], *(Fault(name, 0, kind, value=v) for name, kind, v in rows)]

    return act


def _nothing(_: Machine) -> None:
    """It struck; nobody has to end it."""


def _nginx_down(on: Machine) -> None:
    on.held.add("nginx")
    on.kill("nginx")


def _nginx_up(on: Machine) -> None:
    on.start("nginx")
    on.held.discard("nginx")


def _stop_postgres(on: Machine) -> None:
    postgres.stop_server(on.home)


def _start_postgres(on: Machine) -> None:
    postgres.ensure_server(on.home)


def _fill(on: Machine) -> None:
    space = os.statvfs(on.home)
    with (on.home / "filler").open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, space.f_bavail * space.f_frsize)


def _free(on: Machine) -> None:
    """What the runbook says: make space, restart Postgres."""
    (on.home / "filler").unlink()
    _stop_postgres(on)
    _start_postgres(on)


EXCHANGE = ("read_*", "create*", "cancel*")
WEATHER = ("grid", "observations", "points", "reports")
RECOVERY = ("page as before", "API health ok", "first whole cycle", "first order", "told that it is over")
"""What must be well again after each night; the order of the last column."""

NIGHTS = (
    Night(
        "trader killed", "SIGKILL to the trader", "The trader does not run",
        lambda on: on.kill("trader"), _nothing, ends=("trader",),
    ),
    Night(
        "dbt killed", "SIGKILL to dbt in the middle of a refresh", "The page says stale",
        lambda on: on.kill_dbt(), _nothing, trades=True,
    ),
    Night(
        "nginx killed", "SIGKILL to nginx and its workers, held down", "The page opens here but not outside",
        _nginx_down, _nginx_up, lasts_s=150, told=("PROXY_DOWN",), trades=True,
    ),
    Night(
        "Postgres stopped", "the server is stopped, then started", "The database does not answer",
        _stop_postgres, _start_postgres,
        lasts_s=200, told=("DATABASE_DOWN", "TRADER_DOWN"),
    ),
    Night(
        "clocks differ", "the exchange's clock is 60 s ahead of ours", "Trading is halted",
        _plan(("*", FaultKind.CLOCK_OFFSET, 60.0)), _plan(), lasts_s=150,
        told=("BOOK_HALTED", "our clock is", "look: timedatectl"), stops_s=30,
    ),
    Night(
        "exchange silent", "the exchange answers no request (time-outs)",
        "Exchange or weather service does not answer",
        _plan(*((name, FaultKind.TIMEOUT_BEFORE_ACCEPT, 0.0) for name in EXCHANGE)), _plan(),
        lasts_s=260, told=("TRADER_DOWN",),
    ),
    Night(
        "weather service broken", "api.weather.gov answers 500 to every request",
        "Exchange or weather service does not answer",
        _plan(*((f"weather_{name}", FaultKind.HTTP_500, 0.0) for name in WEATHER)),
        _plan(), lasts_s=560, told=("PART_HALTED",),
        stops_s=WEATHER_STALE_S + CYCLE_S,
    ),
    Night(
        "disk full", "no byte is left on the file system of Postgres", "The disk is full",
        _fill, _free, lasts_s=200, told=("DISK_FULL",), stops_s=2 * CYCLE_S,
    ),
)  # fmt: skip


def judge(
    night: Night,
    *,
    late_s: tuple[float, ...],
    told: str,
    ended: tuple[tuple[str, int], ...],
    well: tuple[str, ...],
    traces: tuple[str, ...],
) -> tuple[str, ...]:
    """Sentences about what should have been otherwise.

    ``late_s``: seconds of creates after ``stops_s``; ``told``: all alerts; ``ended``: processes, exit codes;
    ``well``: names out of RECOVERY; ``traces``: what a visitor should never see.
    """
    problems = []
    if night.lasts_s and not night.trades and late_s:
        problems.append(
            f"orders: expected none after {night.stops_s:.0f} s, found them until {late_s[-1]:.0f} s"
        )
    if night.trades and not late_s:
        problems.append("orders: expected trading to go on, found none")
    problems += [f"alerts: expected {code}, found it was not told" for code in night.told if code not in told]
    problems += [
        f"processes: expected {name} to go on, found that it ended with {code}"
        for name, code in ended
        if name not in (*night.ends, "nginx") and not _may_end(name, code)
    ]
    problems += [f"visitor: expected words, found a trace: {text[:100]}" for text in traces]
    missing = [name for name in RECOVERY if name not in well]
    problems += [
        f"recovery: expected '{name}' within {PATIENCE_S:.0f} s, found it did not" for name in missing
    ]
    return tuple(problems)


def live_through(on: Machine, night: Night) -> Row:
    """Wait for a good moment, let the night happen, wait until all is well again; return what was seen."""
    with watching(on) as seen:
        try:
            _wait(lambda: _is_calm(seen), PATIENCE_S, f"all well before {night.name}")
        except TransientError as error:
            raise TransientError(f"{error}: {seen.visitor[-3:]}, {seen.health[-3:]}") from error
        calm_since = time.monotonic()
        _wait(lambda: time.monotonic() - calm_since > BEFORE_S, 2 * BEFORE_S, "")
        told, ends = len(on.told), len(on.ends)
        began = time.monotonic()
        night.begin(on)
        _wait(lambda: time.monotonic() - began >= night.lasts_s, night.lasts_s + 60, "")
        status = on.milkbot("status") if night.lasts_s else None
        ended = time.monotonic()
        night.end(on)
        recovery = _recovered(on, seen, ended, told, at_least_s=0 if night.lasts_s else AFTER_S)
    return _row(on, night, seen, (began, ended), (told, ends), recovery, _words(status))


def _words(status: object) -> str:
    text = "".join(str(getattr(status, name, "")) for name in ("stdout", "stderr"))
    lines = text.strip().splitlines()
    return "; ".join(line.strip() for line in lines[:3])[:330]


def _is_calm(seen: Seen) -> bool:
    is_seen = bool(seen.visitor and seen.health and seen.cycles)
    return is_seen and (seen.visitor[-1][1], seen.health[-1][1], seen.cycles[-1][1]) == (WELL, "ok", None)


def _recovered(
    on: Machine, seen: Seen, ended: float, told: int, *, at_least_s: float
) -> tuple[tuple[str, float], ...]:
    """Seconds from ``ended`` until each is well again; what does not become well is not in it."""

    def since(rows: list[tuple[float, str]], word: str) -> float | None:
        at, words = rows[-1]
        return max(at, ended) if words == word else None

    def created() -> float | None:
        before = max((n for at, n in seen.creates if at <= ended), default=0)
        return next((at for at, n in seen.creates if at > ended and n > before), None)

    def over() -> float | None:
        if on.open_alerts():
            return None
        return max([ended, *(at for at, words in on.told[told:] if "over after" in words)])

    asked: dict[str, Callable[[], float | None]] = {
        "page as before": lambda: since(seen.visitor, WELL),
        "API health ok": lambda: since(seen.health, "ok"),
        "first whole cycle": lambda: next(
            (at for at, error in seen.cycles if at > ended and error is None), None
        ),
        "first order": created,
        "told that it is over": over,
    }
    found: dict[str, float] = {}
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        time.sleep(1)
        found = {name: at - ended for name, ask in asked.items() if (at := ask()) is not None}
        if len(found) == len(asked) and time.monotonic() - ended > at_least_s:
            break
    return tuple(found.items())


def _row(
    on: Machine,
    night: Night,
    seen: Seen,
    span: tuple[float, float],
    counts: tuple[int, int],
    recovery: tuple[tuple[str, float], ...],
    status: str,
) -> Row:
    began, ended = span
    shown_until = ended if night.lasts_s else began + AFTER_S
    lasted = shown_until - began

    def total(at: float) -> int:
        return max((n for when, n in seen.creates if when <= at), default=0)

    def changes(rows: list[tuple[float, str]]) -> tuple[tuple[float, str], ...]:
        first = next((words for at, words in reversed(rows) if at <= began), "")
        later = [(at - began, words) for at, words in rows if began < at <= shown_until + 1]
        return tuple(later) if later else ((0.0, f"no change: {first}"),)

    grown = [
        (at, now) for (_, old), (at, now) in pairwise(seen.creates) if began < at <= shown_until and now > old
    ]
    base = total(began)
    late = [at for at, _ in grown if at > began + night.stops_s]
    titles = tuple((at - began, _told(words)) for at, words in on.told[counts[0] :] if at >= began)
    ends = tuple(
        (at - began, f"{name} ended ({code}), started again") for at, name, code in on.ends[counts[1] :]
    )
    problems = judge(
        night,
        late_s=tuple(at - began for at in late),
        told=" ".join(words for _, words in on.told[counts[0] :]),
        ended=tuple((name, code) for _, name, code in on.ends[counts[1] :]),
        well=tuple(name for name, _ in recovery),
        traces=tuple(seen.traces),
    )
    return Row(
        name=night.name,
        how=night.how,
        lasted_s=lasted if night.lasts_s else 0.0,
        section=night.section,
        visitor=changes(seen.visitor),
        health=changes(seen.health),
        told=titles,
        status=status,
        before=base - total(began - BEFORE_S),
        before_s=BEFORE_S,
        during=total(shown_until) - base,
        last_create_s=grown[-1][0] - began if grown else None,
        ends=ends,
        recovery=tuple((name, s) for name, s in recovery if titles or name != RECOVERY[-1]),
        at=f"{datetime.now(UTC) - timedelta(seconds=time.monotonic() - began):%Y-%m-%d %H:%M UTC}",
        problems=problems,
    )


def _may_end(name: str, code: int) -> bool:
    """The trader ends by itself, cleanly said, when its session is gone and with it the writer lock."""
    return name == "trader" and code == 1


def _told(words: str) -> str:
    title, _, body = words.partition("\n")
    first = [line for line in body.splitlines() if not line.startswith("  ")]
    return f"{title.removeprefix('Milkbot, ')}: {'; '.join(first)}"[:260]


def _wait(is_done: Callable[[], bool], patience_s: float, what: str) -> None:
    end = time.monotonic() + patience_s
    while not is_done():
        if time.monotonic() > end:
            raise TransientError(f"expected {what} within {patience_s:.0f} s, found otherwise")
        time.sleep(0.1)
