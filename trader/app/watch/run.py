"""The watch: looks every minute, speaks when something is new, listens to the phone, says good evening.

It has no key, writes nothing but the halt file and its own memory, and stays up when all else is down.
"""

import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from structlog.stdlib import BoundLogger

from trader.app.halt import HaltFile
from trader.app.watch.memory import Memory, MemoryFile
from trader.core.alerts import alert_message, evening_message, find_alerts, step
from trader.domain.alerts import Evening, Facts, Message, Probe
from trader.domain.errors import MilkbotError, PersistenceError, TransientError
from trader.domain.types import Severity
from trader.ports.alerts import Channels, Inbox, Probes
from trader.ports.clock import Clock

EASTERN = ZoneInfo("America/New_York")
LOOK_EVERY = timedelta(seconds=60)
ROUND_S = 20.0
"""Time between two looks into the inboxes: how long a stop from the phone may take at most, sending aside."""
MAX_WRONG = 5
WRONG_PIN_PAUSE = timedelta(hours=1)
HELP = "stop PIN reason | status PIN | ack PIN"


@dataclass(frozen=True)
class Books:
    """What the watch asks the database; each may raise PersistenceError."""

    look: Callable[[], Facts]
    evening: Callable[[], Evening | None]
    status: Callable[[], Sequence[str]]


@dataclass
class Watch:
    """One process. ``pin`` None: nothing is read from the phone."""

    books: Books
    probes: Probes
    channels: Channels
    inboxes: Sequence[Inbox]
    halt_file: HaltFile
    memory: MemoryFile
    clock: Clock
    log: BoundLogger
    pin: str | None
    evening_hour_et: int
    wrong_pins: list[datetime] = field(default_factory=list)

    def round(self) -> None:
        """Look when it is time, then read what the phone says."""
        with self.memory.open() as memory:
            now = self.clock.now()
            if memory.looked_at is None or now - memory.looked_at >= LOOK_EVERY:
                memory.looked_at = now
                facts = self.facts()
                self._tell(memory, facts)
                self._ping(facts)
                self._good_evening(memory, facts)
            self._listen(memory)

    def facts(self) -> Facts:
        """One look at everything; a database that is away is a fact, too."""
        try:
            facts = self.books.look()
        except PersistenceError as error:
            self.log.warning("database_away", error=str(error))
            facts = Facts(now=self.clock.now(), is_database_ok=False)
        return facts.model_copy(
            update={
                "probes": self.probes.services(),
                "backup_age_h": self.probes.backup_age_h(),
                "disk_used": self.probes.disk_used(),
                "certificate_days": self.probes.certificate_days(),
            }
        )

    def _tell(self, memory: Memory, facts: Facts) -> None:
        now = self.clock.now()
        before = memory.alerts
        memory.alerts, due, over = step(before, find_alerts(facts), now)
        message = alert_message(memory.alerts, due, [before[name] for name in over], now)
        if message is None:
            return
        self.log.warning("alert", title=message.title, body=message.body)
        if self._send(message):
            for name in due:
                memory.alerts[name] = memory.alerts[name].model_copy(update={"told_at": now})

    def _send(self, message: Message) -> bool:
        """Whether a channel took it, or there is none; what nobody took is due again at the next look."""
        sent = self.channels.send(message)
        for kind, is_ok in sent:
            if not is_ok:
                self.log.error("alert_not_sent", channel=kind)
        is_heard = not sent or any(is_ok for _, is_ok in sent)
        self.probes.ping("alerts", is_ok=is_heard)
        return is_heard

    def _ping(self, facts: Facts) -> None:
        """Tell the outside monitor of each service: it notices when this machine says nothing any more."""
        ages = facts.backup_age_h.values()
        others = (
            Probe(name="database", is_ok=facts.is_database_ok, detail=""),
            Probe(name="backup", is_ok=all(a is not None and a <= 26 for a in ages), detail=""),
        )
        for probe in (*facts.probes, *others):
            self.probes.ping(probe.name, is_ok=probe.is_ok)

    def _good_evening(self, memory: Memory, facts: Facts) -> None:
        local = self.clock.now().astimezone(EASTERN)
        if local.hour < self.evening_hour_et or memory.evening_of == local.date():
            return
        try:
            day = self.books.evening()
        except PersistenceError:
            return  # there is an alert about that; the evening comes with the next look that works
        if day is None or self._send(evening_message(day, memory.alerts, facts)):
            memory.evening_of = local.date()

    def _listen(self, memory: Memory) -> None:
        for position, inbox in enumerate(self.inboxes if self.pin else ()):
            name = f"{inbox.name} {position}"
            try:
                words, memory.cursors[name] = inbox.read(memory.cursors.get(name))
            except TransientError as error:
                self.log.warning("inbox_silent", inbox=inbox.name, error=str(error))
                continue
            for one in words:
                if (answer := self._obey(memory, one.source, one.text)) is not None:
                    self._send(answer)

    def _obey(self, memory: Memory, source: str, text: str) -> Message | None:
        """The answer to a command; None for words that are none. Stopping is all that a phone can change."""
        words = text.split(maxsplit=2)
        if not words or (verb := words[0].lower().lstrip("/")) not in ("stop", "status", "ack"):
            return None
        now = self.clock.now()
        self.wrong_pins = [at for at in self.wrong_pins if now - at < WRONG_PIN_PAUSE]
        is_known = len(words) > 1 and hmac.compare_digest(words[1].encode(), (self.pin or "").encode())
        if len(self.wrong_pins) >= MAX_WRONG or not is_known:
            self.wrong_pins.append(now)
            self.log.warning("phone_refused", source=source, verb=verb)
            return None
        self.log.warning("phone_obeyed", source=source, verb=verb)
        if verb == "stop":
            reason = words[2][:200] if len(words) > 2 else "no reason given"
            return self._stop(f"phone ({source}): {reason}")
        if verb == "ack":
            return Message(severity=Severity.INFO, title="Milkbot", body=acknowledge(memory, "phone"))
        return Message(severity=Severity.INFO, title="Milkbot, status", body=self._status())

    def _stop(self, reason: str) -> Message:
        try:
            self.halt_file.write(reason)
        except OSError as error:
            body = f"The halt file could not be written ({error.strerror}). Log in and stop by hand."
            return Message(severity=Severity.CRITICAL, title="Milkbot, NOT stopped", body=body)
        body = (
            "The halt file is written; no new order leaves. To go on: remove it on the server, then resume."
        )
        return Message(severity=Severity.WARNING, title="Milkbot, stopped", body=body)

    def _status(self) -> str:
        try:
            return "\n".join(self.books.status())
        except MilkbotError as error:
            return f"No status: {error}"


def acknowledge(memory: Memory, by: str) -> str:
    """Mark every open alert as taken on by ``by``: it is not repeated. Return what was done, in words."""
    taken = [name for name, alert in memory.alerts.items() if alert.told_at and not alert.acknowledged_by]
    for name in taken:
        memory.alerts[name] = memory.alerts[name].model_copy(update={"acknowledged_by": by})
    return (
        f"acknowledged by {by}: {', '.join(taken)}" if taken else "nothing open that nobody has acknowledged"
    )
