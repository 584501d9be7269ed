"""The watch's rounds: alerts, the phone, the evening; nothing is lost when a channel or database is away."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from tests.fakes.clock import FakeClock
from tests.unit.trader.core.test_alerts import DAY
from trader.app.halt import HaltFile
from trader.app.logs import logger
from trader.app.watch.memory import Memory, MemoryFile
from trader.app.watch.run import Books, Watch, acknowledge
from trader.domain.alerts import Evening, Facts, Message, Probe
from trader.domain.errors import PersistenceError, TransientError
from trader.ports.alerts import Inbox, Words

PIN = "sesame-4711"


@dataclass
class Machine:
    """``Probes`` in memory: every service well unless named in ``down``."""

    down: set[str] = field(default_factory=set)
    pings: list[tuple[str, bool]] = field(default_factory=list)

    def services(self) -> tuple[Probe, ...]:
        names = ("trader", "page", "api")
        return tuple(Probe(name=n, is_ok=n not in self.down, detail="no answer") for n in names)

    def certificate_days(self) -> float | None:
        return 90.0

    def backup_age_h(self) -> dict[str, float | None]:
        return {"local": 3.0}

    def disk_used(self) -> dict[str, float]:
        return {"/": 0.3}

    def ping(self, name: str, *, is_ok: bool) -> bool:
        self.pings.append((name, is_ok))
        return True


@dataclass
class Outbox:
    """``Channels`` in memory; a deaf one takes nothing."""

    is_deaf: bool = False
    taken: list[Message] = field(default_factory=list)

    def send(self, message: Message) -> list[tuple[str, bool]]:
        if not self.is_deaf:
            self.taken.append(message)
        return [("memory", not self.is_deaf)]


@dataclass
class Phone:
    """``Inbox`` in memory: each text is read once."""

    texts: list[str] = field(default_factory=list)
    is_silent: bool = False
    name: str = "phone"

    def read(self, cursor: str | None) -> tuple[Sequence[Words], str]:
        if self.is_silent:
            raise TransientError("phone: expected an answer, found none")
        found, self.texts = self.texts, []
        return [Words(self.name, text) for text in found], str(int(cursor or 0) + len(found))


class Stage:
    """A watch on fakes; its day is 2026-07-16, 11:00 Eastern at the start."""

    def __init__(self, folder: Path, *, pin: str | None = PIN, evening_hour_et: int = 20) -> None:
        self.clock, self.machine, self.out, self.phone = FakeClock(), Machine(), Outbox(), Phone()
        self.is_database_away = False
        self.halt_file = HaltFile(folder / "halt" / "HALT")
        self.memory = MemoryFile(folder / "watch.json")
        inboxes: list[Inbox] = [self.phone]
        self.watch = Watch(
            books=Books(self.look, self.evening, lambda: ["mode SHADOW: ACTIVE"]),
            probes=self.machine,
            channels=self.out,
            inboxes=inboxes,
            halt_file=self.halt_file,
            memory=self.memory,
            clock=self.clock,
            log=logger(),
            pin=pin,
            evening_hour_et=evening_hour_et,
        )

    def look(self) -> Facts:
        if self.is_database_away:
            raise PersistenceError("Database: expected it to confirm, found OperationalError")
        return Facts(now=self.clock.now())

    def evening(self) -> Evening | None:
        if self.is_database_away:
            raise PersistenceError("Database: expected it to confirm, found OperationalError")
        return DAY

    def rounds(self, count: int, seconds: float = 60) -> list[str]:
        """Go round; return the titles that were sent meanwhile."""
        before = len(self.out.taken)
        for _ in range(count):
            self.watch.round()
            self.clock.advance(seconds)
        return [message.title for message in self.out.taken[before:]]

    def says(self, text: str) -> list[str]:
        self.phone.texts.append(text)
        return self.rounds(1, seconds=20)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


@pytest.mark.story("8.6")
def test_dead_trader_is_told_within_two_looks_and_its_return_too(stage: Stage) -> None:
    stage.machine.down = {"trader"}
    told = stage.rounds(3)
    stage.machine.down = set()
    over = stage.rounds(3)

    assert told == ["Milkbot, act now: TRADER_DOWN"]
    assert over == ["Milkbot, over: TRADER_DOWN"]


@pytest.mark.story("8.6")
def test_every_look_tells_the_outside_monitor_of_each_service(stage: Stage) -> None:
    stage.machine.down = {"page"}

    stage.rounds(1)

    assert dict(stage.machine.pings) == {
        "trader": True,
        "page": False,
        "api": True,
        "database": True,
        "backup": True,
    }


def test_looks_are_a_minute_apart_however_often_it_goes_round(stage: Stage) -> None:
    stage.rounds(6, seconds=20)

    assert [name for name, _ in stage.machine.pings].count("trader") == 2


@pytest.mark.story("8.6")
@pytest.mark.story("9.4")
def test_database_that_is_away_is_an_alert_and_no_reason_to_stop(stage: Stage) -> None:
    stage.is_database_away = True

    assert stage.rounds(3) == ["Milkbot, act now: DATABASE_DOWN"]


def test_what_no_channel_took_is_told_when_one_does_and_the_monitor_hears_of_it(stage: Stage) -> None:
    stage.machine.down, stage.out.is_deaf = {"trader"}, True
    stage.rounds(3)
    stage.out.is_deaf = False

    assert ("alerts", False) in stage.machine.pings
    assert stage.rounds(2) == ["Milkbot, act now: TRADER_DOWN"]


def test_restarted_watch_remembers_what_it_told(stage: Stage, tmp_path: Path) -> None:
    stage.machine.down = {"trader"}
    stage.rounds(2)
    again = Stage(tmp_path)
    again.clock.advance(120)
    again.machine.down = {"trader"}

    assert again.rounds(3) == []


@pytest.mark.parametrize("text", ["", "{", '{"alerts": 3}', "\x00"])
def test_spoilt_memory_is_begun_anew(stage: Stage, text: str) -> None:
    stage.memory.path.write_text(text)
    stage.machine.down = {"trader"}

    assert stage.rounds(2) == ["Milkbot, act now: TRADER_DOWN"]
    assert json.loads(stage.memory.path.read_text())["alerts"]


@pytest.mark.story("8.6")
def test_stop_from_the_phone_writes_the_halt_file_and_answers(stage: Stage) -> None:
    assert stage.says(f"stop {PIN} storm over Miami") == ["Milkbot, stopped"]

    assert stage.halt_file.note() == "phone (phone): storm over Miami"


def test_stop_works_while_the_database_is_away(stage: Stage) -> None:
    stage.is_database_away = True

    assert "Milkbot, stopped" in stage.says(f"/STOP {PIN}")
    assert stage.halt_file.is_present()


def test_stop_that_could_not_be_written_is_not_called_done(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "halt").write_text("a file where a folder should be")

    assert stage.says(f"stop {PIN}") == ["Milkbot, NOT stopped"]


@pytest.mark.story("8.6")
def test_status_from_the_phone_is_the_commands_own_words(stage: Stage) -> None:
    stage.says(f"status {PIN}")

    assert stage.out.taken[-1].body == "mode SHADOW: ACTIVE"


def test_acknowledging_from_the_phone_ends_the_repeats(stage: Stage) -> None:
    stage.machine.down = {"trader"}
    stage.rounds(3)
    stage.says(f"ack {PIN}")
    stage.clock.advance(7200)

    assert stage.rounds(2) == []
    with stage.memory.open() as memory:
        assert acknowledge(memory, "ann") == "nothing open that nobody has acknowledged"


@pytest.mark.story("8.7")
@pytest.mark.parametrize(
    "text", ["stop", "stop wrong-pin", "status sesame", "resume " + PIN, "hello", "", PIN, "stop " + PIN[:-1]]
)
def test_words_without_the_pin_or_beyond_the_three_do_nothing(stage: Stage, text: str) -> None:
    assert stage.says(text) == []
    assert not stage.halt_file.is_present()


@pytest.mark.story("8.7")
def test_guessing_the_pin_closes_the_phone_for_an_hour(stage: Stage) -> None:
    for guess in range(5):
        stage.says(f"status 1234567{guess}")

    assert stage.says(f"status {PIN}") == []
    stage.clock.advance(3601)
    assert stage.says(f"status {PIN}") == ["Milkbot, status"]


def test_without_a_pin_nothing_is_read(tmp_path: Path) -> None:
    stage = Stage(tmp_path, pin=None)

    assert stage.says("stop ") == []
    assert stage.phone.texts == ["stop "]


def test_silent_inbox_stops_nothing(stage: Stage) -> None:
    stage.phone.is_silent, stage.machine.down = True, {"trader"}

    assert stage.rounds(2) == ["Milkbot, act now: TRADER_DOWN"]


@pytest.mark.story("8.6")
def test_one_evening_message_a_day_at_its_hour_and_later_when_the_database_was_away(tmp_path: Path) -> None:
    stage = Stage(tmp_path, evening_hour_et=20)
    before = stage.rounds(9, seconds=3600)  # 11:00 to 19:00
    stage.is_database_away = True
    away = stage.rounds(2, seconds=60)
    stage.is_database_away = False
    after = stage.rounds(2, seconds=60)
    stage.clock.advance(timedelta(hours=24).total_seconds())
    tomorrow = stage.rounds(2, seconds=60)

    evenings = [[t for t in titles if "evening" in t] for titles in (before, away, after, tomorrow)]
    assert [len(titles) for titles in evenings] == [0, 0, 1, 1]


def test_memory_is_private_and_written_whole(tmp_path: Path) -> None:
    file = MemoryFile(tmp_path / "state" / "watch.json")
    with file.open() as memory:
        memory.cursors["ntfy 0"] = "17"

    assert Memory.model_validate_json(file.path.read_text()).cursors == {"ntfy 0": "17"}
    assert (tmp_path / "state").stat().st_mode & 0o077 == 0
