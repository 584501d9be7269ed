"""The witness: sees every request and every call of the books, keeps the log, lets faults strike between.

A *point* is an instant at which a process can die or be stopped: before and after each request, before and
after each call of the store. Points are numbered from 1 over the whole episode.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any

from trader.adapters.wire import Answered, NoAnswer
from trader.domain.errors import PersistenceError
from trader.rehearsal.door import Door, SharedClock

REPOSITORIES = (
    "weather", "markets", "signals", "orders", "fills", "positions", "risk", "capital", "cycles", "alarms",
    "cells", "learned",
)  # fmt: skip
WRITES = re.compile(
    r"(save|create|set_|ensure)\w*|transition|move_all|book|settle|begin|finish|probe_write|mark_reconciled|close"
    r"|open_epoch"
)
"""Names of the methods that write; all others only read."""


class Killed(BaseException):
    """The process ends here, as by kill -9."""


@dataclass
class Log:
    """What happened, in order, with the hash of all of it."""

    clock: SharedClock
    lines: list[str] = field(default_factory=list)
    hidden: tuple[str, ...] = ()
    """Words that differ between two runs of one seed."""
    _hash: Any = field(default_factory=lambda: hashlib.blake2b(digest_size=16))

    def note(self, *facts: object) -> None:
        line = f"{self.clock.monotonic():.6f} {' '.join(map(str, facts))}"
        for word in self.hidden:
            line = line.replace(word, "...")
        self.lines.append(line)
        self._hash.update(line.encode())

    @property
    def digest(self) -> str:
        return str(self._hash.hexdigest())


@dataclass
class Outage:
    """What the database does wrong, by chance per call within a window of virtual time."""

    start: datetime
    end: datetime
    rates: Mapping[str, float]
    """D1_before, D1_after, D1_read, D3_full, D4_restart, D5_slow."""


class Points:
    """Numbers the points and calls what was planned for them."""

    def __init__(self) -> None:
        self.count = 0
        self.planned: dict[int, Callable[[str], None]] = {}
        self.names: list[str] = []

    def at(self, name: str) -> None:
        self.count += 1
        self.names.append(name)
        planned = self.planned.pop(self.count, None)
        if planned is not None:
            planned(name)


class Witness:
    """Shared by all processes of an episode. The three ``on_`` are the checks of every event."""

    def __init__(self, clock: SharedClock, random: Random, outages: tuple[Outage, ...] = ()) -> None:
        self.clock, self.random, self.outages = clock, random, outages
        self.log, self.points = Log(clock), Points()
        self.fired: Counter[str] = Counter()
        self.signatures: set[str] = set()
        """Every signature that was made."""
        self.on_request: Callable[[Process, str, str, bytes | None], None] = lambda *_: None
        self.on_answer: Callable[[Process, str, str, Answered | None], None] = lambda *_: None
        self.on_call: Callable[[Process, str, tuple[Any, ...], dict[str, Any], Any], None] = lambda *_: None

    def strikes(self, name: str) -> bool:
        """Whether this fault of the database happens now."""
        now = self.clock.now() - self.clock.offset
        for outage in self.outages:
            rate = outage.rates.get(name, 0.0)
            if rate and outage.start <= now < outage.end and self.random.random() < rate:
                self.fired[name.partition("_")[0]] += 1
                return True
        return False


@dataclass
class Process:
    """One process as the witness knows it: its epoch, what it was last told, its failed write."""

    number: int
    epoch: int = 0
    is_reconciled: bool = False
    failed_write: str | None = None
    in_transaction: bool = False
    facts: dict[str, Any] = field(default_factory=dict)
    effects: list[Callable[[], None]] = field(default_factory=list)
    """What the checks will know once the open transaction is committed."""

    def once_committed(self, effect: Callable[[], None]) -> None:
        self.effects.append(effect)
        if not self.in_transaction:
            self.settle()

    def settle(self) -> None:
        for effect in self.effects:
            effect()
        self.effects.clear()


class WitnessedWire:
    """A door whose every request is seen before its first byte and after its answer; each takes some time."""

    def __init__(
        self,
        witness: Witness,
        door: Door,
        process: Process,
        latency_s: tuple[float, float],
        page_rows: int | None = None,
    ) -> None:
        """``page_rows``: the most rows of a page of the account's lists, whatever was asked for."""
        self._witness, self._door, self._process, self._latency_s = witness, door, process, latency_s
        self._page_rows = page_rows

    def carry(
        self,
        method: str,
        url: str,
        params: Mapping[str, str],
        headers: Mapping[str, str],
        content: bytes | None,
    ) -> Answered:
        witness, process = self._witness, self._process
        path = url.removeprefix("http://127.0.0.1:1")
        if self._page_rows is not None and "limit" in params and "/portfolio/" in path:
            params = {**params, "limit": f"{min(int(params['limit']), self._page_rows)}"}
        witness.signatures.add(headers.get("KALSHI-ACCESS-SIGNATURE", ""))
        said = f"{method} {path} {sorted(params.items())} {content.decode() if content else ''}"
        witness.on_request(process, method, path, content)
        witness.points.at(f"before {method} {path}")  # whoever stops here sends with an old signature
        witness.clock.sleep(round(witness.random.uniform(*self._latency_s), 3))
        try:
            answered = self._door.carry(method, url, params, headers, content)
        except NoAnswer:
            witness.log.note(process.number, said, "no answer")
            witness.on_answer(process, method, path, None)
            witness.points.at(f"after {method} {path}")
            raise
        digest = hashlib.blake2b(answered[2], digest_size=8).hexdigest()
        witness.log.note(process.number, said, answered[0], digest)
        witness.on_answer(process, method, path, answered)
        witness.points.at(f"after {method} {path}")
        return answered

    def close(self) -> None:
        """Nothing is open."""


class WitnessedStore:
    """The books of one process, seen call by call, with the faults of a database."""

    def __init__(self, witness: Witness, inner: Any, process: Process) -> None:
        self._witness, self.inner, self._process = witness, inner, process
        for name in REPOSITORIES:
            setattr(self, name, _Repository(self, name, getattr(inner, name)))

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.inner, name)
        return self.seen(name, found) if callable(found) else found

    @contextmanager
    def transaction(self, *, is_exclusive: bool = False) -> Iterator[None]:
        """The commit point is the end of the block."""
        witness, process = self._witness, self._process
        witness.points.at("before transaction")
        self._fail("D1_before", "begin")
        process.in_transaction = True
        try:
            with self.inner.transaction(is_exclusive=is_exclusive):
                yield
                witness.points.at("before commit")
                self._fail("D1_before", "commit")
                self._fail("D3_full", "commit")
        except BaseException:
            process.effects.clear()
            raise
        finally:
            process.in_transaction = False
        process.settle()
        witness.log.note(process.number, "commit")
        witness.points.at("after commit")
        self._fail("D1_after", "commit")

    def seen(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        is_write = WRITES.fullmatch(name.rpartition(".")[2]) is not None

        def call(*args: Any, **keywords: Any) -> Any:
            witness, process = self._witness, self._process
            if name not in ("assert_may_create", "assert_writer", "close"):
                self._before(name, is_write)
            result = method(*args, **keywords)
            if is_write and name != "close":
                witness.log.note(process.number, name, facts_of(name, args, keywords, result))
            witness.on_call(process, name, args, keywords, result)
            if is_write and not process.in_transaction and name != "close":
                witness.points.at(f"after {name}")
                self._fail("D1_after", name)
            return result

        return call

    def _before(self, name: str, is_write: bool) -> None:
        witness = self._witness
        if is_write and not self._process.in_transaction:
            witness.points.at(f"before {name}")
        if witness.strikes("D5_slow"):
            witness.clock.sleep(1.0)
        if witness.strikes("D4_restart"):
            self.inner.close()  # the session ends, and with it the lock
            self._lost(name, "server closed the connection")
        self._fail("D1_before" if is_write else "D1_read", name)
        if is_write:
            self._fail("D3_full", name)

    def _fail(self, kind: str, name: str) -> None:
        if self._witness.strikes(kind):
            self._lost(name, kind)

    def _lost(self, name: str, why: str) -> None:
        self._witness.log.note(self._process.number, name, "lost", why)
        self._process.failed_write = name
        self.inner.fail_writes(f"{name}: {why}")
        raise PersistenceError(f"Database: expected it to confirm {name}, found {why}")


class _Repository:
    def __init__(self, store: WitnessedStore, name: str, inner: Any) -> None:
        self._store, self._name, self._inner = store, name, inner

    def __getattr__(self, name: str) -> Any:
        return self._store.seen(f"{self._name}.{name}", getattr(self._inner, name))


def facts_of(name: str, args: tuple[Any, ...], keywords: dict[str, Any], result: Any) -> str:
    """What the log keeps of a write: enough to tell two runs apart."""
    match name:
        case "orders.transition":
            return f"{args[0]} {args[1]} {keywords['evidence']}"
        case "orders.move_all":
            return "; ".join(f"{move.order_id} {move.to} {move.evidence}" for move in args[0])
        case "orders.create" | "orders.create_found":
            return str(getattr(args[0], "client_order_id", ""))
        case "fills.book":
            return f"{args[0].fill_id} {args[0].qty} {args[0].price}"
        case "risk.save_state":
            return f"{args[0].scope} {args[0].state} {args[0].reason}"
        case "risk.save_break":
            return f"{args[0].kind} {args[0].key} {args[0].ours} {args[0].theirs}"
        case "risk.save_event":
            return str(args[0].event_type)
        case "cycles.save_inputs":
            return str(result)
        case _:
            return ""
