"""One episode: a trader, its restarts and its operator in a seeded world, with every invariant watched."""

import copy
import tempfile
import traceback
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from random import Random

from tests.simulation.checks import Checks, Violation
from tests.simulation.plan import INTERVAL, Plan, plan
from tests.simulation.quiet_log import QuietLog
from tests.simulation.resting import rest_one, withdraw_some
from tests.simulation.shelf import MemoryShelf, Shelf
from tests.simulation.witness import Killed, Process, Witness, WitnessedStore, WitnessedWire
from tests.simulation.worlds import construct
from trader.adapters.http import HttpClient
from trader.app.context import Trader
from trader.app.halt import HaltFile, resume
from trader.app.jobs import Schedule
from trader.app.notify import Notifier
from trader.app.wiring import start_trader
from trader.domain.errors import LostWriterLock, MilkbotError
from trader.domain.risk import StateChange
from trader.domain.types import OrderStatus, ReasonCode, TradingState
from trader.ports.ops_store import OpsStore
from trader.rehearsal.door import Door
from trader.rehearsal.stage import set_up
from trader.simulator.server import GENERATED_KEY_ID

RESTART_S = (10.0, 20.0, 40.0)
LONG_PAUSE_S = 40.0
JUMP = timedelta(hours=1)


@cache
def folder() -> Path:
    """One folder a process, for the account's key and the halt file."""
    return Path(tempfile.mkdtemp(prefix="milkbot-simulation-"))


@cache
def secrets_of(where: Path) -> tuple[str, ...]:
    """The account's key, as it stands in its file, and its id."""
    pem = [line for file in sorted(where.glob("*.pem")) for line in file.read_text().splitlines()]
    return (GENERATED_KEY_ID, *(line for line in pem if line and not line.startswith("-----")))


@dataclass
class Outcome:
    """What an episode came to. ``problem`` is the broken invariant, None when all held."""

    seed: int
    digest: str = ""
    problem: str | None = None
    cycles: int = 0
    days: float = 0.0
    orders: int = 0
    fills: int = 0
    fired: Counter[str] = field(default_factory=Counter)
    halts: Counter[str] = field(default_factory=Counter)
    log: list[str] = field(default_factory=list)


def run(seed: int, *, keep_log: bool = False, shelf: Shelf | None = None) -> Outcome:
    """Play one seed, on new books in memory unless a shelf is given.

    Never raises for a broken invariant or a crash of the trader: they are the outcome.
    """
    episode = Episode(plan(seed), shelf)
    outcome = Outcome(seed, days=episode.plan.days)
    try:
        episode.play()
    except Violation as violation:
        outcome.problem = str(violation)
    except Exception:  # noqa: BLE001  whatever escapes is a bug of the trader or of the harness: both count
        outcome.problem = f"crash: {traceback.format_exc(limit=-6)}"
    episode.end()
    episode.tell(outcome)
    if keep_log or outcome.problem:
        outcome.log = episode.witness.log.lines
    return outcome


class Episode:
    """State of one run. The world is the simulator's; what is on the shelf outlives the processes."""

    def __init__(self, what: Plan, shelf: Shelf | None = None) -> None:
        self.plan = what
        world = construct(what.seed, what.codes, what.day)
        self.faults = [copy.copy(fault) for fault in what.faults]
        env = {**what.env, "MILKBOT_HALT_FILE": str(folder() / "HALT")}
        self.stage = set_up(world, folder(), at=what.begins, seed=what.seed, faults=self.faults, env=env)
        self.settings = self.stage.settings
        self.clock = self.stage.clock
        self.exchange = self.stage.simulator.exchange
        self.witness = Witness(self.clock, Random(f"witness {what.seed}"), what.outages)
        self.checks = Checks(self.witness, self.exchange, what.mode, self.settings.risk)
        self.shelf = shelf or MemoryShelf()
        self.checks.shelf = self.shelf
        self.checks.secrets = secrets_of(folder())
        self.halt_file = HaltFile(self.settings.halt_file)
        self.halt_file.path.unlink(missing_ok=True)
        self.schedule: Schedule | None = None
        self.process: Process | None = None
        self.processes = 0
        self.opened: list[WitnessedStore] = []
        self.is_backed_up = False
        self.random = Random(f"hand {what.seed}")
        self.log = QuietLog(self.witness.log)
        self.errors: list[str] = []
        self.fired: Counter[str] = Counter()
        self.clock_moves = Counter[str]()
        self.cycles = 0
        for point in what.kills:
            self.witness.points.planned[point] = self._kill
        for point in what.pauses:
            self.witness.points.planned.setdefault(point, self._pause)

    # processes

    def start(self) -> bool:
        """Start a process on the books as they are; False when it gave up, as a service would."""
        self.processes += 1
        process = Process(self.processes)
        store = self.shelf.open(self.witness, process)
        self.opened.append(store)
        door = Door(self.stage.simulator, self.clock, timeout_s=self.settings.http_timeout_s)
        wire = WitnessedWire(self.witness, door, process, self.plan.latency_s, self.plan.page_rows)
        http = HttpClient(clock=self.clock, wire=wire, seed=self.plan.seed)
        self.witness.log.note(process.number, "starts")
        try:
            trader = start_trader(
                self.settings,
                store=store,
                http=http,
                clock=self.clock,
                command="run",
                world="constructed",
                weather_workers=1,
            )
            trader.cities = {code: trader.cities[code] for code in self.plan.codes}
            trader.log = self.log  # type: ignore[assignment]  # the same words, kept instead of printed
            schedule = Schedule(trader, Notifier(None))
        except Killed:
            self._end(store)
            return False
        except MilkbotError as error:
            self.witness.log.note(process.number, "did not start", type(error).__name__, error)
            self._end(store)
            return False
        schedule.scheduler = NoScheduler()
        by_hand = {
            "rest": lambda: self._rest(trader, process),
            "withdraw": lambda: withdraw_some(trader, self.random),
        }
        schedule._jobs |= {name: schedule._guarded(name, job) for name, job in by_hand.items()}
        self.schedule, self.process = schedule, process
        return True

    def _rest(self, trader: Trader, process: Process) -> None:
        inputs = process.facts.get("inputs")
        if inputs is not None:
            process.facts["inputs"] = None  # this order is decided by hand, not on them
            rest_one(trader, inputs, self.random)

    def die(self) -> None:
        if self.schedule is not None:
            self._end(self.schedule.trader.store)  # its sessions end with it
        self.schedule = self.process = None

    def _end(self, store: object) -> None:
        """Nothing of this process remains."""
        for one in [one for one in self.opened if one is store]:
            self.shelf.end(one)
            self.opened.remove(one)

    def end(self) -> None:
        """Nothing of any process remains."""
        for one in list(self.opened):
            self._end(one)

    @property
    def books(self) -> OpsStore:
        """The books as a person beside the trader sees them."""
        return self.shelf.books

    def ensure(self) -> bool:
        """Let the service manager try a few times, as it does."""
        for wait_s in RESTART_S:
            if self.schedule is not None or self.start():
                return True
            self.clock.sleep(wait_s)
        return False

    def tick(self) -> None:
        """One round of the schedule: the cycle, two and a half minutes later the settling."""
        self.cycles += 1
        self.job("cycle")
        if self.plan.rests and self.schedule is not None and self.random.random() < 0.6:
            self.job("rest")
            self.clock.sleep(self.random.choice((1.0, 30.0, 90.0)))
            self.job("withdraw")
        self.clock.step_to(max(self._boundary() + INTERVAL / 2, self.exchange.clock.now()))
        if self.schedule is not None:
            self.job("settle")
        if self.schedule is not None and self.cycles % 6 == 1:
            self.job("hourly")

    def _boundary(self) -> datetime:
        now = self.exchange.clock.now()
        return now - timedelta(seconds=now.timestamp() % INTERVAL.total_seconds())

    def job(self, name: str) -> None:
        """One run of a scheduled job, as the scheduler calls it."""
        if not self.ensure():
            return
        schedule = self.schedule
        assert schedule is not None
        before = len(self.log.errors)
        try:
            schedule.run_now(name)
        except Killed:
            self.fired["P1"] += 1
            self.witness.log.note("killed")
            self.die()
            return
        self.errors += self.log.errors[before:]
        if schedule is self.schedule and schedule.failure is not None:
            if not isinstance(schedule.failure, LostWriterLock):
                self.checks.fail("bug", f"the trader stopped itself: {schedule.failure!r}")
            self.witness.log.note("stopped itself", schedule.failure)
            self.die()

    # faults of process, clock and operator

    def _kill(self, name: str) -> None:
        raise Killed(name)

    def _pause(self, name: str) -> None:
        """Stop this process beyond its session's life; another one takes over; then let this one go on."""
        first, process = self.schedule, self.process
        if self.plan.pauses_at_sends and not name.startswith(("before POST", "before DELETE")):
            points = self.witness.points
            points.planned.setdefault(points.count + 1, self._pause)
            return
        if first is None or process is None or process.in_transaction:
            return
        self.fired["P2"] += 1
        self.witness.log.note(process.number, "stopped at", name)
        first.trader.store.inner.close()  # type: ignore[attr-defined]  # its session is cut
        self.clock.sleep(self.plan.pause_s)
        self.schedule = self.process = None
        if self.plan.pause_s < LONG_PAUSE_S:
            self.job("cycle")  # while what the first one holds in hand is still young enough to be taken
        else:
            self.tick()
        self.witness.log.note(process.number, "goes on")

    def _event(self, word: str) -> None:
        self.witness.log.note("event", word)
        now, mode = self.clock.now(), self.plan.mode
        store = self.books
        match word:
            case "halt" | "reduce_only" | "flatten":
                change = StateChange(
                    scope="book",
                    state=TradingState.HALTED if word == "halt" else TradingState.REDUCE_ONLY,
                    reason=ReasonCode.OPERATOR_FLATTEN if word == "flatten" else ReasonCode.OPERATOR_HALT,
                    note="said so",
                    set_by="ann",
                    set_at=now,
                )
                store.risk.save_state(change, mode=mode, at=now)
                self.checks.operator(change)
            case "resume":
                resume(store, self.halt_file, mode, self.clock, by="ann", reason="looked at it")
                self.checks.resumed()
            case "halt_file":
                self.halt_file.write("by hand")
                self.checks.halt_file_since = self.witness.points.count
            case "remove_file":
                self.halt_file.path.unlink(missing_ok=True)
                self.checks.halt_file_since = None
                resume(store, self.halt_file, mode, self.clock, by="ann", reason="file removed")
                self.checks.resumed()
            case "restart":
                self.die()
            case "lower_caps":
                self.fired["P8"] += 1
                risk = self.settings.risk
                tight = {
                    name: getattr(risk, name).model_copy(update={"usd": 5}) for name in ("city", "trade")
                }
                self.settings = self.settings.model_copy(update={"risk": risk.model_copy(update=tight)})
                self.checks.limits = self.settings.risk
                self.die()
            case "second":
                self._second()
            case "restore":
                self._restore()
            case "clock_forward" | "clock_back":
                self.fired["P3"] += 1
                self.clock.offset += JUMP if word == "clock_forward" else -JUMP
            case "twice":
                self.fired["P5"] += 1
                self.job("cycle")  # and again in the same slot, by a new process
                self.die()
            case "miss":
                self.fired["P5"] += 1
            case _:
                raise ValueError(f"event: expected a known one, found {word!r}")

    def _second(self) -> None:
        """A second trader on the same books refuses to start while the first lives."""
        held = self.schedule, self.process
        if held[0] is None or not self.shelf.is_locked():
            return  # nobody lives, or the database has cut his session: the lock is free
        self.fired["P2"] += 1
        if self.start():
            self.checks.fail("I12", "a second trader started while the first one held the lock")
        self.schedule, self.process = held

    def _restore(self) -> None:
        """The database comes back from an older backup; the process dies with the old one."""
        if not self.is_backed_up:
            return
        self.fired["D6"] += 1
        self.die()
        self.end()
        self.shelf.restore()
        self.is_backed_up = False
        self.checks.restored()

    # the play

    def play(self) -> None:
        """Noise, then quiet, then, in some seeds, the morning of the payout."""
        plan, at = self.plan, self.plan.begins
        restore_at = min((n for n, words in plan.events.items() if "restore" in words), default=0)
        for number in range(plan.noisy):
            self._turn_to(at)
            for word in plan.events.get(number, ()):
                self._event(word)
            if "miss" not in plan.events.get(number, ()):
                self.tick()
            if restore_at and number == max(0, restore_at - 2):
                self.shelf.back_up()
                self.is_backed_up = True
            at += INTERVAL
        self._calm()
        for _ in range(plan.quiet):
            self._turn_to(at)
            self.errors.clear()
            self.tick()
            at += INTERVAL
        if plan.to_settlement:
            self._payout(at)
        self._settle_down()
        self._at_rest()

    def _settle_down(self) -> None:
        """Three more cycles at most, for what began in the last ones: a restart, an order not answered."""
        for _ in range(3):
            if self.schedule is not None and not self.errors and not self._is_waiting():
                return
            self.errors.clear()
            self._turn_to(min(self.exchange.clock.now() + INTERVAL, self.exchange.world.end))
            self.tick()

    def _is_waiting(self) -> bool:
        waiting, now = (
            (OrderStatus.UNKNOWN, OrderStatus.SUBMITTING, OrderStatus.PENDING_CANCEL),
            self.clock.now(),
        )
        return any(
            row.status in waiting or (row.expires_at is not None and row.expires_at <= now)
            for row in self.books.orders.open_orders(self.plan.mode)
        )

    def _turn_to(self, at: datetime) -> None:
        now = self.exchange.clock.now()
        self.clock.step_to(max(at, now))
        self.exchange.advance()

    def _calm(self) -> None:
        """Faults end, the operator looks after what he did himself; what rules set stays."""
        self.clock.offset = timedelta(0)
        self.witness.points.planned.clear()
        self.halt_file.path.unlink(missing_ok=True)
        self.checks.halt_file_since = None
        for change in self.books.risk.states(self.plan.mode, self.clock.now()):
            if change.reason in (
                ReasonCode.OPERATOR_HALT,
                ReasonCode.OPERATOR_FLATTEN,
                ReasonCode.HALT_FILE_PRESENT,
                ReasonCode.ORDER_REJECTS_BURST,
            ):
                lifted = change.model_copy(update={"state": TradingState.ACTIVE, "set_by": "ann"})
                self.books.risk.save_state(lifted, mode=self.plan.mode, at=self.clock.now())
        self.checks.resumed()
        self.witness.log.note("calm")

    def _payout(self, at: datetime) -> None:
        """After the events were determined and paid, late ones too, a few more cycles."""
        lives = [self.exchange.lifecycle.lives[t] for t in self.exchange.account.positions]
        last = max((life.revised_at or life.settled_at or at for life in lives), default=at)
        paid = max((life.settled_at or at for life in lives), default=at)
        for moment in (
            *([paid + timedelta(minutes=6)] if paid + INTERVAL < last else ()),  # then it is corrected
            last + timedelta(minutes=6),
            last + timedelta(hours=6),
            last + timedelta(hours=6, minutes=5),
        ):
            self._turn_to(min(max(moment, at), self.exchange.world.end))
            self.tick()

    def _at_rest(self) -> None:
        states = self.books.risk.states(self.plan.mode, self.clock.now())
        book = [state for state in states if state.scope == "book"]
        if self.schedule is None and not self.ensure():
            if not self._is_never_ours():
                self.checks.fail("I15", f"no process starts any more: {self.witness.log.lines[-3:]}")
            return
        if self.errors and not book:
            self.checks.fail("I15", f"the last quiet cycle still fails: {self.errors[:2]}")
        self.checks.at_rest()
        self.checks.no_secret_in(self.witness.log.lines)

    def _is_never_ours(self) -> bool:
        """A person held or ordered something before our books began: they never begin on such an account."""
        account = self.exchange.account
        is_begun = any(event.kind == "START" for event in self.books.capital.events(self.plan.mode))
        is_flat = not any(p.count for p in account.positions.values()) and not any(
            account.resting(ticker) for ticker in self.exchange.world.markets
        )
        return not is_begun and not is_flat

    def tell(self, outcome: Outcome) -> None:
        """Fill in what this episode came to."""
        outcome.digest, outcome.cycles = self.witness.log.digest, self.cycles
        outcome.fired = self.fired + self.witness.fired
        for fault in self.faults:
            outcome.fired[fault.kind.value] += fault.fired
        outcome.orders = len(self.exchange.account.orders)
        outcome.fills = len(self.exchange.account.fills)
        for state in self.books.risk.states(self.plan.mode, self.clock.now()):
            outcome.halts[str(state.reason)] += 1


class NoScheduler:
    """Ticks come from the episode; a schedule that stops has nothing to shut down."""

    def shutdown(self, wait: bool = True) -> None:
        """Nothing runs."""
