"""Bad nights by name, in virtual time: ``make scenarios``; each leaves its log in .milkbot/simulation.

Episodes like those of the seeds, watched by the same checks, but with one fault chosen by hand and with what
must have happened said beforehand.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from random import Random

from tests.simulation.episode import Episode
from tests.simulation.plan import INTERVAL, Plan
from tests.simulation.resting import rest_one
from tests.simulation.run import LOGS, quiet, say
from tests.simulation.witness import Process
from trader.app.context import Trader
from trader.app.order_desk import cancel
from trader.domain.orders import Order
from trader.domain.types import OrderStatus, TimeInForce, TradingMode
from trader.simulator.faults import Fault, FaultKind

K, S = FaultKind, OrderStatus
RESTING = 6
BEGINS = datetime(2026, 7, 16, 14, 0, 30, tzinfo=UTC)


class Night(Episode):
    """An episode that knows two more words: ``rest_six`` and ``withdraw_all``."""

    rested: tuple[int, ...] = ()
    """Our orders that rested when the six were placed."""
    forgotten: frozenset[str] = frozenset()
    """Client ids that a restored backup lacked."""

    def start(self) -> bool:
        if not super().start():
            return False
        schedule, process = self.schedule, self.process
        assert schedule is not None
        assert process is not None
        mine = {
            "rest_six": partial(self._rest_six, schedule.trader, process),
            "withdraw_all": partial(self._withdraw_all, schedule.trader),
        }
        schedule._jobs |= {name: schedule._guarded(name, job) for name, job in mine.items()}
        return True

    def _event(self, word: str) -> None:
        if word in ("rest_six", "withdraw_all"):
            self.witness.log.note("event", word)
            self.job(word)
        else:
            super()._event(word)

    def _rest_six(self, trader: Trader, process: Process) -> None:
        inputs, random = process.facts["inputs"], Random("rest six")
        process.facts["inputs"] = None  # these orders are decided by hand, not on them
        for _ in range(10 * RESTING):
            rest_one(trader, inputs, random)
            trader.clock.sleep(0.05)  # the key of an order by hand holds its instant
            if len(self.resting()) == RESTING:
                self.rested = tuple(row.order_id for row in self.resting() if row.order_id)
                return
        self.checks.fail("scenario", f"expected {RESTING} resting orders, found {len(self.resting())}")

    def _withdraw_all(self, trader: Trader) -> None:
        for order in self.resting():
            cancel(trader, order)

    def _restore(self) -> None:
        super()._restore()
        self.forgotten = frozenset(self.checks.forgotten)

    def orders(self) -> list[Order]:
        """All orders of our books."""
        return list(self.shelf.orders())

    def resting(self) -> list[Order]:
        return [row for row in self.orders() if row.status is S.RESTING]

    def by_hand(self) -> list[Order]:
        return [row for row in self.orders() if row.time_in_force is TimeInForce.GTC]

    def struck(self, kind: FaultKind) -> int:
        return sum(fault.fired for fault in self.faults if fault.kind is kind)

    def went(self, *parts: str) -> int:
        """Lines of the log that have all these parts."""
        return sum(all(part in line for part in parts) for line in self.witness.log.lines)


Must = Callable[[Night], list[tuple[str, bool]]]


@dataclass(frozen=True)
class Scenario:
    """``must`` gives sentences with whether they are true, after the last quiet cycle."""

    title: str
    must: Must
    faults: tuple[Fault, ...] = ()
    events: tuple[tuple[int, str], ...] = ()
    noisy: int = 6
    begins: datetime = BEGINS
    to_settlement: bool = False

    def plan(self) -> Plan:
        words = {number: tuple(word for at, word in self.events if at == number) for number, _ in self.events}
        return Plan(
            seed=1,
            day=self.begins.date(),
            codes=("CHI", "LAX", "NYC"),
            mode=TradingMode.DEMO,
            begins=self.begins,
            noisy=self.noisy,
            quiet=4,
            to_settlement=self.to_settlement,
            env={"TRADING_MODE": "DEMO"},
            faults=self.faults,
            outages=(),
            events=words,
            kills=(),
            pauses=(),
            latency_s=(0.005, 0.06),
            rests=False,
        )


def _e16(night: Night) -> list[tuple[str, bool]]:
    begun, ended = _HOUR
    six = [row for row in night.orders() if row.order_id in night.rested]
    sent = [o.created_at for o in night.exchange.account.orders.values()]
    return [
        (f"{night.struck(K.UNREACHABLE)} calls found no name", night.struck(K.UNREACHABLE) > 12),
        ("six orders rested when it began", len(six) == RESTING),
        ("all six are closed in our books", all(o.status.is_closed for o in six)),
        ("nothing was sent in the hour", not any(begun <= at < ended for at in sent)),
        ("trading went on within three cycles", night.went("cycle_finished", "error=None") >= 5),
    ]


def _e2(night: Night) -> list[tuple[str, bool]]:
    return [
        ("the first create was accepted and not answered", night.struck(K.TIMEOUT_AFTER_ACCEPT) == 1),
        ("it was written down as UNKNOWN", night.went("order_moved", "to_status=UNKNOWN") == 1),
        ("it was found by look-up", night.went("order_moved", "from_status=UNKNOWN") >= 1),
        ("nothing is unknown", not any(o.status is S.UNKNOWN for o in night.orders())),
    ]


def _e9(night: Night) -> list[tuple[str, bool]]:
    late = [o for o in night.by_hand() if o.status is S.CANCELED and o.filled_qty > 0]
    return [
        (f"{night.struck(K.LATE_FILL)} orders filled after their cancel", night.struck(K.LATE_FILL) > 0),
        (f"{len(late)} cancelled orders have their fills", len(late) == night.struck(K.LATE_FILL)),
        ("every fill is booked", {o.booked_qty == o.filled_qty for o in late} == {True}),
    ]


def _d6(night: Night) -> list[tuple[str, bool]]:
    lacked = [o for o in night.exchange.account.orders.values() if o.client_order_id in night.forgotten]
    known = {row.kalshi_order_id for row in night.orders()}
    filled = [o for o in lacked if o.filled]
    return [
        ("an older backup was restored", night.fired["D6"] == 1),
        (f"it lacked {len(lacked)} orders that the exchange has, {len(filled)} of them filled", bool(filled)),
        ("those that filled are ours again", {o.order_id for o in filled} <= known),
    ]


def _p4(night: Night) -> list[tuple[str, bool]]:
    paid = [p for p in night.exchange.account.positions.values() if p.is_settled]
    ours = night.books.positions.settlements(TradingMode.DEMO, sorted(p.ticker for p in paid))
    return [
        ("orders were sent", len(night.exchange.account.orders) > 0),
        (f"{len(paid)} positions were paid", len(paid) > 0),
        ("all payouts are booked", len(ours) == len(paid)),
        ("no cycle failed", night.went("cycle_finished") == night.went("cycle_finished", "error=None")),
    ]


_HOUR = (BEGINS + 2 * INTERVAL + INTERVAL / 10, BEGINS + 14 * INTERVAL + INTERVAL / 10)
SCENARIOS = {
    "E16": Scenario(
        "name resolution gone for an hour with six resting orders",
        _e16,
        (Fault("*", 0, K.UNREACHABLE, start=_HOUR[0], end=_HOUR[1]),),
        ((2, "rest_six"),),
        noisy=15,
    ),
    "E2": Scenario("time-out after accept", _e2, (Fault("create", 1, K.TIMEOUT_AFTER_ACCEPT),), noisy=2),
    "E9": Scenario(
        "fill after cancel",
        _e9,
        (Fault("*", 0, K.LATE_FILL, value=20.0),),
        ((2, "rest_six"), (2, "withdraw_all")),
    ),
    "D6": Scenario("backup restored into the past", _d6, events=((2, "rest_six"), (3, "restore"))),
    "P4 spring": Scenario(
        "the day summer time begins",
        _p4,
        noisy=9,
        begins=datetime(2026, 3, 8, 6, 30, 30, tzinfo=UTC),
        to_settlement=True,
    ),
    "P4 autumn": Scenario(
        "the day summer time ends",
        _p4,
        noisy=9,
        begins=datetime(2026, 11, 1, 5, 30, 30, tzinfo=UTC),
        to_settlement=True,
    ),
}


def play(name: str) -> list[tuple[str, bool]]:
    """Play one scenario, keep its log, return what was found. Raises Violation for a broken invariant."""
    night = Night(SCENARIOS[name].plan())
    try:
        night.play()
        return SCENARIOS[name].must(night)
    finally:
        LOGS.mkdir(parents=True, exist_ok=True)
        path = LOGS / f"scenario-{name.replace(' ', '-')}.log"
        path.write_text("\n".join(night.witness.log.lines) + "\n", encoding="utf-8")


def main() -> int:
    """Play all, print each with its findings; 1 when one of them is not as it must be."""
    quiet()
    failed = 0
    for name, scenario in SCENARIOS.items():
        found = play(name)
        failed += not all(is_so for _, is_so in found)
        say(f"{name}: {scenario.title}")
        for sentence, is_so in found:
            say(f"  {'holds ' if is_so else 'FAILS '} {sentence}")
        say(f"  log: {LOGS}/scenario-{name.replace(' ', '-')}.log; every invariant held")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
