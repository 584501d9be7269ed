"""Running on a schedule: one cycle at a time, coalesced, with a clean stop."""

import signal
import threading
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MAX_INSTANCES, EVENT_JOB_MISSED, JobEvent
from apscheduler.schedulers.blocking import BlockingScheduler

from trader.app.clock import RunningWorldClock, SteppedClock, SystemClock
from trader.app.context import Trader
from trader.app.cycle import run_cycle
from trader.app.halt import book_state, states_in_force
from trader.app.live import require_live
from trader.app.notify import Notifier
from trader.app.results import settle
from trader.app.wiring import open_from_env
from trader.domain.cities import city_named
from trader.domain.errors import ConfigurationError, InvariantViolation, LostWriterLock, PersistenceError
from trader.domain.plan import CycleSummary
from trader.domain.risk import RiskEvent
from trader.domain.types import ReasonCode, Severity, TradingState


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
    """The trader's jobs under APScheduler. ``missed`` counts runs that did not happen when due."""

    def __init__(self, trader: Trader, notifier: Notifier) -> None:
        self.trader, self.notifier = trader, notifier
        self.missed = 0
        self.failure: BaseException | None = None
        self.write_failed: RiskEvent | None = None
        self.scheduler = BlockingScheduler(
            timezone="UTC", job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        )
        speed = trader.clock.speed if isinstance(trader.clock, RunningWorldClock) else 1.0
        world_s, real = trader.clock.now().timestamp(), SystemClock().now()
        interval_s = trader.settings.cycle_interval_s
        boundary = real + timedelta(seconds=(interval_s - world_s % interval_s) / speed)
        self.scheduler.add_job(
            self.tick,
            "interval",
            seconds=interval_s / speed,
            start_date=boundary,  # a tick comes after its boundary, never before: the slot is the boundary's
            next_run_time=real,
            id="cycle",
        )
        self.scheduler.add_listener(self._heard, EVENT_JOB_ERROR | EVENT_JOB_MISSED | EVENT_JOB_MAX_INSTANCES)

    def tick(self) -> None:
        """One cycle; its slot is the scheduled instant.

        A failed write waits for a committed probe, and is stored as an event then.
        """
        trader = self.trader
        now = trader.clock.now()
        interval = trader.settings.cycle_interval_s
        due = int(now.timestamp()) // interval * interval
        try:
            trader.store.risk.probe_write(at=now)
            if self.write_failed:
                trader.store.risk.save_event(self.write_failed, at=now, mode=trader.mode, cycle_id=None)
                self.write_failed = None
            settle(trader)
            run_cycle(trader, slot=f"{due}")
            self.notifier.watchdog(f"cycle {due} completed")
        except PersistenceError as error:
            self.write_failed = self.write_failed or RiskEvent(
                event_type=ReasonCode.WRITE_FAILED,
                severity=Severity.CRITICAL,
                message=str(error),
                occurred_at=now,
            )
            trader.log.error("write_failed", error=str(error), effect="no order until a probe write commits")
        except (LostWriterLock, InvariantViolation) as error:
            self.failure = error
            trader.log.error("trader_stopped", error=str(error))
            self.scheduler.shutdown(wait=False)

    def _heard(self, event: JobEvent) -> None:
        if event.code == EVENT_JOB_ERROR:
            self.trader.log.error(
                "job_failed", job=event.job_id, error=repr(getattr(event, "exception", None))
            )
            return
        self.missed += 1
        self.trader.log.warning("job_missed", job=event.job_id, code=event.code, missed=self.missed)

    def run(self) -> int:
        """Run until SIGTERM or SIGINT; the cycle in hand is finished first. Return the exit code."""

        def stop(*_: Any) -> None:
            self.trader.log.info("stop_asked")
            self.notifier.stopping()
            # on a thread of its own: the signal may have come while this one holds a lock of the scheduler
            threading.Thread(target=self.scheduler.shutdown, kwargs={"wait": True}).start()

        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, stop)
        self.scheduler.start()
        self.trader.log.info("stopped", missed=self.missed)
        return 1 if self.failure else 0


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
        notifier.ready(f"mode {trader.mode}")
        return Schedule(trader, notifier).run()
