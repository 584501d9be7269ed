"""The schedule: one cycle at a time, late ones coalesced and counted, failures waited out, a clean stop."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from tests.fakes.desk import MODE, Desk, Failing, new_desk
from tests.fakes.venue import FakeMarkets
from tests.unit.trader.core import builders as b
from trader.app.clock import RunningWorldClock
from trader.app.jobs import Schedule, run_forever, run_once
from trader.app.notify import Notifier
from trader.domain.alarms import AlarmCode
from trader.domain.errors import ConfigurationError, InvariantViolation, TransientError
from trader.ports.exchange import ExchangeStatus, MarketView, RawPayload

ROOT = Path(__file__).resolve().parents[4]
SPEED = 600.0
"""World seconds a second: a cycle a minute is a cycle every tenth of a second."""


@dataclass
class SlowMarkets(FakeMarkets):
    """Market data that take their time, and know how many cycles ask for them at once."""

    seconds: float = 0.0
    running: int = 0
    most: int = 0
    asked: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def status(self) -> ExchangeStatus:
        with self.lock:
            self.running, self.asked = self.running + 1, self.asked + 1
            self.most = max(self.most, self.running)
        time.sleep(self.seconds)
        return super().status()

    def look(self, series: Sequence[str]) -> MarketView:
        view = super().look(series)
        with self.lock:
            self.running -= 1
        return view


def scheduled(folder: Path, seconds: float) -> tuple[Desk, SlowMarkets, Schedule]:
    """A desk on a running clock with a cycle every tenth of a second."""
    clock = RunningWorldClock(b.NOW, SPEED)
    desk = new_desk(folder, clock=clock, CYCLE_INTERVAL_S="60", ORDER_EXPIRY_S="50")
    markets = SlowMarkets(clock, snapshot_of=desk.markets.snapshot_of, seconds=seconds)
    desk.trader.market_data = desk.markets = markets
    desk.show("NYC")
    return desk, markets, Schedule(desk.trader, Notifier(None))


def run_until(schedule: Schedule, is_enough: Callable[[], bool], patience_s: float = 60.0) -> None:
    """Run the schedule until it has done enough, however long this machine takes for it."""

    def stop() -> None:
        last = time.monotonic() + patience_s
        while not is_enough() and time.monotonic() < last:
            time.sleep(0.01)
        schedule.scheduler.shutdown(wait=True)

    watcher = threading.Thread(target=stop)
    watcher.start()
    schedule.scheduler.start()
    watcher.join()
    assert is_enough()


def test_cycles_follow_each_other_on_the_interval_with_a_slot_of_their_own(tmp_path: Path) -> None:
    desk, _, schedule = scheduled(tmp_path, 0.0)

    run_until(schedule, lambda: schedule.pulse.cycles >= 4)

    slots = [int(row.slot) for row in desk.store.cycles.list()]
    assert len(set(slots)) == len(slots) >= 4
    assert all(slot % 60 == 0 for slot in slots)
    assert (max(slots) - min(slots)) // 60 + 1 == len(slots) + schedule.pulse.missed
    assert schedule.failure is None


def test_one_cycle_at_a_time_and_those_that_did_not_happen_are_counted(tmp_path: Path) -> None:
    desk, markets, schedule = scheduled(tmp_path, 0.35)

    run_until(schedule, lambda: markets.asked >= 3)

    assert markets.most == 1
    assert schedule.pulse.missed >= 2 * (markets.asked - 1)  # three and a half slots a cycle
    assert len(desk.store.cycles.list()) == markets.asked


def test_cycles_that_were_due_while_the_process_stood_still_are_made_up_for_once(tmp_path: Path) -> None:
    _, markets, schedule = scheduled(tmp_path, 0.0)
    time.sleep(1.05)  # ten runs are due before the scheduler gets to look

    timer = threading.Timer(0.05, schedule.scheduler.shutdown, kwargs={"wait": True})
    timer.start()
    schedule.scheduler.start()
    timer.join()

    assert 1 <= markets.asked <= 4


# ---- one tick


def test_a_cycle_that_fails_outside_ends_its_tick_and_not_the_schedule(desk: Desk) -> None:
    schedule = Schedule(desk.trader, Notifier(None))
    desk.markets.error = TransientError("no answer")

    schedule.run_now("cycle")
    desk.markets.error = None
    desk.clock.advance(300)
    schedule.run_now("cycle")

    assert schedule.failure is None
    assert desk.events("CYCLE_FAILED") == ["no answer"]
    assert len(desk.exchange.sent) == 1


def test_the_exchange_away_at_the_tick_is_a_failed_cycle_with_a_trace(desk: Desk) -> None:
    schedule = Schedule(desk.trader, Notifier(None))
    desk.exchange.is_away = True

    schedule.run_now("cycle")

    assert len(desk.events("CYCLE_FAILED")) == 1
    assert len(desk.store.cycles.list()) == 1


def test_without_a_committed_probe_there_is_no_cycle_and_afterwards_an_event(desk: Desk) -> None:
    schedule = Schedule(desk.trader, Notifier(None))
    honest = desk.store.risk
    desk.store.risk = Failing(honest, "probe_write")

    schedule.run_now("cycle")
    desk.clock.advance(300)
    schedule.run_now("cycle")
    assert desk.store.cycles.list() == ()

    desk.store.risk = honest
    desk.clock.advance(300)
    schedule.run_now("cycle")
    desk.clock.advance(300)
    schedule.run_now("cycle")
    assert len(desk.exchange.sent) >= 1
    assert desk.events("WRITE_FAILED") == ["database: expected the write to be confirmed, found no answer"]


def test_a_write_that_fails_within_a_cycle_pauses_and_the_order_on_the_way_is_not_lost(desk: Desk) -> None:
    """The database goes away after the exchange took the order and before we could write that down."""
    schedule = Schedule(desk.trader, Notifier(None))
    honest = desk.store.orders
    desk.exchange.on_send = lambda _: setattr(desk.store, "orders", Failing(honest, "transition"))

    schedule.run_now("cycle")
    assert len(desk.exchange.sent) == 1
    assert desk.store.fills.get(MODE) == ()

    desk.store.orders = honest
    desk.exchange.on_send = lambda _: None
    desk.clock.advance(300)
    schedule.run_now("cycle")

    (first, *_) = desk.store.fills.get(MODE)
    assert first.fill_id == "fill-1"
    tickers = [intent.ticker for intent in desk.exchange.sent]
    assert len(tickers) == len(set(tickers))


def test_a_trader_that_lost_its_lock_stops_for_good(desk: Desk) -> None:
    schedule = Schedule(desk.trader, Notifier(None))
    desk.store.open_epoch(mode=MODE, account="other", command="test", version="1", at=b.NOW)
    stopper = threading.Thread(target=schedule.scheduler.start)
    stopper.start()
    stopper.join(10)

    assert not stopper.is_alive()
    assert schedule.failure is not None
    assert desk.exchange.sent == []


def test_a_bug_stops_the_trader(desk: Desk) -> None:
    schedule = Schedule(desk.trader, Notifier(None))
    desk.markets.error = InvariantViolation("must never happen")
    stopper = threading.Thread(target=schedule.scheduler.start)
    stopper.start()
    stopper.join(10)

    assert isinstance(schedule.failure, InvariantViolation)


@pytest.mark.parametrize(
    ("minutes", "missed", "is_told"),
    [(5, 0, False), (10, 1, True), (61, 11, True), (0, 0, True), (-30, 0, False)],
)
def test_slots_without_a_cycle_are_counted_and_told(
    desk: Desk, minutes: int, missed: int, is_told: bool
) -> None:
    schedule = Schedule(desk.trader, Notifier(None))
    schedule.run_now("cycle")
    desk.clock.advance(60 * minutes)

    schedule.run_now("cycle")

    assert schedule.pulse.missed == missed
    assert ("cycle" in desk.trader.seen.missed) is is_told
    schedule.run_now("hourly")
    alarms = {alarm.code for alarm in desk.store.alarms.open_alarms(MODE)}
    assert (AlarmCode.RUNS_MISSED in alarms) is is_told
    desk.clock.advance(3600)
    schedule.run_now("hourly")
    assert AlarmCode.RUNS_MISSED not in {a.code for a in desk.store.alarms.open_alarms(MODE)}


@pytest.mark.parametrize(
    ("jump_s", "slots"), [(299.5, [0, 300]), (0, [0]), (-900, [0, -900]), (900, [0, 900])]
)
def test_a_jump_of_the_clock_neither_doubles_a_slot_nor_loses_the_one_that_comes_early(
    desk: Desk, jump_s: float, slots: list[int]
) -> None:
    schedule = Schedule(desk.trader, Notifier(None))
    schedule.run_now("cycle")
    desk.clock.advance(jump_s)

    schedule.run_now("cycle")

    ran = [int(row.slot) for row in desk.store.cycles.list()]
    assert [slot - ran[0] for slot in ran] == slots
    assert schedule.write_failed is None


def test_weather_is_fetched_apart_from_the_cycle_and_its_bodies_are_stored(desk: Desk) -> None:
    body = RawPayload(sha256="a" * 64, content_type="text/plain", body="x", received_at=b.NOW)
    saved: list[RawPayload] = []
    desk.weather.payloads = (body,)
    desk.store.save_payloads = saved.extend  # type: ignore[method-assign, assignment]

    Schedule(desk.trader, Notifier(None)).run_now("weather")

    assert saved == [body]


def test_world_that_runs_tells_the_database_its_time(desk: Desk) -> None:
    desk.store.set_world_clock("july2026", b.NOW, at=b.NOW)
    schedule = Schedule(desk.trader, Notifier(None))
    desk.clock.advance(300)

    schedule.run_now("cycle")

    assert desk.store.world_now() == ("july2026", b.NOW + timedelta(seconds=300))


@pytest.mark.parametrize("job", ["settle", "hourly", "weather"])
def test_job_without_an_answer_is_asked_again_next_time(desk: Desk, job: str) -> None:
    schedule = Schedule(desk.trader, Notifier(None))

    def fail(*_: object) -> None:
        raise TransientError("no answer")

    desk.store.markets.markets_awaiting_result = fail  # type: ignore[method-assign, assignment]
    desk.weather.get_weather = fail  # type: ignore[method-assign, assignment]
    schedule.run_now(job)

    assert schedule.failure is None


def test_world_seconds_pass_on_a_running_worlds_clock() -> None:
    clock = RunningWorldClock(b.NOW, 1000.0)
    began, at = clock.monotonic(), clock.now()

    clock.sleep(20)  # of the world's: a fiftieth of ours

    assert 20 <= clock.monotonic() - began < 2000
    assert 20 <= (clock.now() - at).total_seconds() < 2000


# ---- the process


SCRIPT = """
import sys, time
from pathlib import Path
from tests.unit.trader.app.test_jobs import scheduled
desk, markets, schedule = scheduled(Path(sys.argv[1]), float(sys.argv[2]))
sys.exit(schedule.run())
"""


@pytest.mark.parametrize(("name", "seconds"), [("SIGTERM", 0.6), ("SIGINT", 0.0)])
def test_a_stop_finishes_the_cycle_in_hand_and_exits_0(tmp_path: Path, name: str, seconds: float) -> None:
    said = []
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(tmp_path), str(seconds)],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        try:
            for line in process.stderr:
                said.append(line)
                if '"cycle_finished"' in line:
                    break
            time.sleep(0.2)  # into the next cycle, when cycles are slow
            process.send_signal(signal.Signals[name])
            said += process.stderr.readlines()
            code = process.wait(10)
        finally:
            process.kill()

    text = "".join(said)
    assert code == 0, text
    after = text[text.index('"stop_asked"') :]
    assert '"stopped"' in after.splitlines()[-1]
    if seconds:
        assert '"cycle_finished"' in after
    assert "Traceback" not in text


def test_live_must_be_asked_for_twice() -> None:
    with pytest.raises(ConfigurationError, match="expected TRADING_MODE=LIVE, found SHADOW"):
        run_forever({}, is_live_asked=True)


def test_an_unknown_city_is_refused_before_anything_is_started(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"expected one of NYC CHI .* found 'XXX'"):
        run_once({"MILKBOT_DATA_DIR": str(tmp_path)}, ["NYC", "XXX"])

    assert list(tmp_path.iterdir()) == []
