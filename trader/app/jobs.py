"""Running on a schedule: one thing at a time, coalesced, missed runs counted, with a clean stop."""

import resource
import signal
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from apscheduler.events import EVENT_JOB_ERROR, JobEvent
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.blocking import BlockingScheduler

from trader.app.books import reconcile
from trader.app.clock import RunningWorldClock, SteppedClock, SystemClock
from trader.app.context import Trader
from trader.app.cycle import run_cycle
from trader.app.halt import book_state, states_in_force
from trader.app.health import INTERVALS, HealthServer, Pulse
from trader.app.live import require_live
from trader.app.notify import Notifier
from trader.app.probes import probe_page
from trader.app.results import settle
from trader.app.silence import notice_hourly
from trader.app.wiring import open_from_env
from trader.domain.cities import city_named
from trader.domain.errors import (
    ConfigurationError,
    InvariantViolation,
    LostWriterLock,
    PersistenceError,
    TransientError,
)
from trader.domain.plan import CycleSummary
from trader.domain.risk import RiskEvent
from trader.domain.types import ReasonCode, Severity, TradingState

MONTHS_AHEAD = 3
WEATHER_BEFORE_S = 30
"""Weather is fetched so long before a cycle, so that a slow weather service delays no decision."""

EARLY_S = 1.0
"""A run that comes so much too early, in real seconds, is meant for the next slot."""

SLOTS_KEPT = 1000
"""Slots that this process remembers to have run: three days and a half."""


def run_once(
    env: Mapping[str, str], codes: Sequence[str] | None, *, is_live_asked: bool = False
) -> tuple[CycleSummary, bool]:
    """Run one cycle by hand, a slot of its own; return its summary and whether the book is halted.

    Raises ConfigurationError for a city that is none of the ten, before anything is started.
    """
    codes = tuple(dict.fromkeys(city_named(code).code for code in codes or ()))
    require_live(env, command="cycle", is_asked=is_live_asked)
    with open_from_env(env, command="cycle") as trader:
        now = trader.clock.now()
        settle(trader)
        summary = run_cycle(trader, slot=f"hand-{now:%Y-%m-%dT%H:%M:%S.%fZ}-{trader.epoch}", codes=codes)
        state = book_state(states_in_force(trader.store, trader.halt_file, trader.mode, trader.clock))
    return summary, state is TradingState.HALTED


class Schedule:
    """The trader's jobs under APScheduler, all on one thread; ``pulse`` counts completed and missed cycles.

    A job that is due while another one runs waits for it; runs that fell due meanwhile become one.
    """

    def __init__(self, trader: Trader, notifier: Notifier) -> None:
        self.trader, self.notifier = trader, notifier
        self.failure: BaseException | None = None
        self.write_failed: RiskEvent | None = None
        self._last_due: int | None = None
        self._ran: deque[int] = deque(maxlen=SLOTS_KEPT)
        self._jobs: dict[str, Callable[[], None]] = {}
        world = trader.store.world_now()
        self.world = world[0] if world else None
        self.speed = trader.clock.speed if isinstance(trader.clock, RunningWorldClock) else 1.0
        interval_s = trader.settings.cycle_interval_s
        self.machine = SystemClock()
        self.pulse = Pulse(limit_s=INTERVALS * interval_s / self.speed, started_s=self.machine.monotonic())
        self.scheduler = BlockingScheduler(
            timezone="UTC",
            executors={"default": ThreadPoolExecutor(1)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        self._add("cycle", self.tick, interval_s, is_first=True)
        self._add("weather", self.weather, interval_s, offset_s=interval_s - WEATHER_BEFORE_S)
        self._add("settle", lambda: settle(trader), interval_s, offset_s=interval_s / 2)
        self._add("probe", lambda: probe_page(trader), interval_s, offset_s=interval_s / 4)
        self._add("hourly", self.hourly, 3600, offset_s=interval_s / 3)
        self.scheduler.add_listener(self._heard, EVENT_JOB_ERROR)

    def _add(
        self,
        name: str,
        job: Callable[[], object],
        every_s: float,
        *,
        offset_s: float = 0.0,
        is_first: bool = False,
    ) -> None:
        """Run a job at each multiple of ``every_s`` world seconds plus an offset, the first at once if asked.

        A run comes after its instant, never before: the slot of a cycle is that instant.
        """
        world_s, real = self.trader.clock.now().timestamp(), self.machine.now()
        ahead_s = every_s - (world_s - offset_s) % every_s
        first = real + timedelta(seconds=ahead_s / self.speed)
        self._jobs[name] = self._guarded(name, job)
        self.scheduler.add_job(
            self._jobs[name],
            "interval",
            seconds=every_s / self.speed,
            start_date=first,
            next_run_time=real if is_first else first,
            id=name,
        )

    def run_now(self, name: str) -> None:
        """Run one job as the schedule would."""
        self._jobs[name]()

    def _guarded(self, name: str, job: Callable[[], object]) -> Callable[[], None]:
        """What a failure means is the same for every job; only bugs and a lost lock end the trader."""

        def run() -> None:
            if self.failure is not None:
                return
            try:
                job()
            except TransientError as error:
                self.trader.log.warning("job_without_answer", job=name, error=str(error))
            except PersistenceError as error:
                self.write_failed = self.write_failed or RiskEvent(
                    event_type=ReasonCode.WRITE_FAILED,
                    severity=Severity.CRITICAL,
                    message=str(error),
                    occurred_at=self.trader.clock.now(),
                )
                effect = "no order until a probe write commits"
                self.trader.log.error("write_failed", job=name, error=str(error), effect=effect)
            except (LostWriterLock, InvariantViolation) as error:
                self.failure = error
                self.trader.log.error("trader_stopped", job=name, error=str(error))
                self.scheduler.shutdown(wait=False)

        return run

    def tick(self) -> None:
        """One cycle; its slot is the scheduled instant, and no slot is run twice.

        A failed write waits for a committed probe, and is stored as an event then.
        """
        trader, interval = self.trader, self.trader.settings.cycle_interval_s
        due = self._next_slot(interval)
        now = trader.clock.now()
        if due is None:
            reconcile(trader)
            return
        trader.store.risk.probe_write(at=now)
        if self.write_failed:
            trader.store.risk.save_event(self.write_failed, at=now, mode=trader.mode, cycle_id=None)
            self.write_failed = None
        if self.world is not None:
            trader.store.set_world_clock(self.world, now, at=now)
        self._count_missed(due, interval)
        summary = run_cycle(trader, slot=f"{due}")
        self.pulse.beat(self.machine.monotonic(), summary.error)
        self.notifier.watchdog(f"cycle {due} completed")

    def _next_slot(self, interval: int) -> int | None:
        """The slot that is due, None when this process ran it already: then the clock was set back.

        The scheduler's clock is not quite ours: a run that comes a moment early waits for its instant.
        """
        clock = self.trader.clock
        due = int(clock.now().timestamp()) // interval * interval
        if due in self._ran:
            early_s = due + interval - clock.now().timestamp()
            if early_s > min(EARLY_S * self.speed, interval / 2):
                self.trader.seen.missed["cycle"] = clock.now()
                self.trader.log.warning("slot_repeated", slot=f"{due}", effect="reconciled, nothing decided")
                return None
            clock.sleep(early_s)
            due += interval
        self._ran.append(due)
        return due

    def _count_missed(self, due: int, interval: int) -> None:
        missed = 0 if self._last_due is None else (due - self._last_due) // interval - 1
        self._last_due = due
        if missed > 0:
            self.pulse.missed += missed
            self.trader.seen.missed["cycle"] = self.trader.clock.now()
            self.trader.log.warning("cycles_missed", missed=missed, total=self.pulse.missed, slot=f"{due}")

    def weather(self) -> None:
        """Fill the weather cache shortly before a cycle needs it, and store what was read."""
        views = self.trader.weather.get_weather(tuple(self.trader.cities.values()))
        self.trader.store.save_payloads([payload for view in views for payload in view.payloads])

    def hourly(self) -> None:
        """What is slow: alarms on silence, room for the coming months, how large the process has become."""
        self.trader.store.ensure_partitions(self.trader.clock.now().date(), MONTHS_AHEAD)
        notice_hourly(self.trader)
        self.trader.log.info("hour_passed", memory_mb=round(memory_mb(), 1), missed=self.pulse.missed)

    def _heard(self, event: JobEvent) -> None:
        error = getattr(event, "exception", None)
        self.pulse.last_error = repr(error)
        self.trader.log.error("job_failed", job=event.job_id, error=repr(error))

    def run(self) -> int:
        """Run until SIGTERM or SIGINT; the job in hand is finished first. Return the exit code."""

        def stop(*_: Any) -> None:
            self.trader.log.info("stop_asked")
            self.pulse.is_stopping = True
            self.notifier.stopping()
            # on a thread of its own: the signal may have come while this one holds a lock of the scheduler
            threading.Thread(target=self.scheduler.shutdown, kwargs={"wait": True}).start()

        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, stop)
        self.scheduler.start()
        self.trader.log.info("stopped", cycles=self.pulse.cycles, missed=self.pulse.missed)
        return 1 if self.failure else 0


def memory_mb() -> float:
    """Resident memory of this process now, in megabytes; its peak where the system does not tell."""
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
        return int(pages) * resource.getpagesize() / 1e6
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def run_forever(env: Mapping[str, str], *, is_live_asked: bool) -> int:
    """Reconcile, then trade on the schedule until stopped."""
    require_live(env, command="run", is_asked=is_live_asked)
    with open_from_env(env, command="run") as trader:
        if isinstance(trader.clock, SteppedClock):
            raise ConfigurationError(
                "run: expected a world whose clock moves, found one that stands still; nothing was traded. "
                "Start the simulator with --speed."
            )
        notifier = Notifier.from_env(env)
        schedule = Schedule(trader, notifier)
        with HealthServer(trader.settings.health_port, schedule.pulse, schedule.machine.monotonic):
            notifier.ready(f"mode {trader.mode}")
            return schedule.run()
