"""The watch on a real database and real channels: a halt is told, a phone's stop halts the next cycle."""

import json
from pathlib import Path

import psycopg
import pytest
from apprise.plugins.ntfy import NotifyNtfy

from tests.fakes.loopback import Asked, Reply, reply, serving
from tests.integration.world import EVENING, settings_for, trader_at
from trader.app.cli import DONE, run
from trader.app.cycle import run_cycle
from trader.app.halt import book_state, states_in_force
from trader.app.postgres import Urls
from trader.app.watch.wiring import open_watch
from trader.app.world import SimulatorProcess
from trader.domain.types import TradingState

PIN = "sesame-4711"


class Ntfy:
    """A topic: what is published is kept, what a person types is read once."""

    def __init__(self) -> None:
        self.published: list[str] = []
        self.typed: list[str] = []

    def __call__(self, asked: Asked) -> Reply:
        if asked.path.endswith("/json"):
            since = int(asked.query["since"])
            lines = [{"event": "message", "time": since + 1, "message": text} for text in self.typed]
            self.typed = []
            return Reply(200, "\n".join(map(json.dumps, lines)).encode())
        self.published.append(asked.body.decode())
        return reply({})


@pytest.mark.story("8.6")
@pytest.mark.story("9.4")
def test_stop_from_the_phone_halts_the_next_cycle_and_the_halt_is_told(
    database_urls: Urls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(NotifyNtfy, "request_rate_per_sec", 0)  # the library's pause between two messages
    topic = Ntfy()
    halt_file = tmp_path / "halt" / "HALT"
    with SimulatorProcess(tmp_path, world="july2026") as simulator, serving(topic) as server:
        env = {
            "WATCH_DATABASE_URL": database_urls.watch,
            "MILKBOT_DATA_DIR": str(tmp_path / "watch"),
            "MILKBOT_HALT_FILE": str(halt_file),
            "ALERT_URLS": f"ntfy://{server.origin.removeprefix('http://')}/milk",
            "PHONE_PIN": PIN,
            "EVENING_HOUR_ET": "0",
        }
        more = {"MILKBOT_HALT_FILE": str(halt_file)}
        settings = settings_for(simulator, database_urls.trader, tmp_path, **more)
        with trader_at(simulator, settings, EVENING) as trader:
            run_cycle(trader, slot="first")
            with open_watch(env) as watch:
                watch.round()
                topic.typed = [f"status {PIN}", f"stop {PIN} enough"]
                watch.round()
                summary = run_cycle(trader, slot="second")
                states = states_in_force(trader.store, trader.halt_file, trader.mode, trader.clock)
                with watch.memory.open() as memory:
                    memory.looked_at = None
                watch.round()
    told = "\n".join(topic.published)
    with psycopg.connect(database_urls.owner) as connection:
        row = connection.execute("select note, set_by from ops.trading_state").fetchone()

    assert "Milkbot, evening" in told
    assert "mode DEMO: ACTIVE" in told
    assert "Milkbot, stopped" in told
    assert "BOOK_HALTED" in told
    assert summary.orders == 0
    assert book_state(states) is TradingState.HALTED
    assert row == ("phone (ntfy): enough", "file")
    assert PIN not in told


@pytest.mark.story("8.6")
def test_operator_lists_acknowledges_and_tests_by_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    env = {"MILKBOT_DATA_DIR": str(tmp_path)}
    with serving(lambda _: reply({})) as server:
        address = f"json://{server.origin.removeprefix('http://')}/hook"
        codes = [
            run(["alerts", "list"], env),
            run(["alerts", "ack", "--by", "ann"], env),
            run(["alerts", "test"], env | {"ALERT_URLS": address}),
            run(["alerts", "test"], env | {"ALERT_URLS": "json://127.0.0.1:9/x"}),
            run(["alerts", "test"], env),
        ]

    assert codes == [DONE, DONE, DONE, 1, 1]
    said = capsys.readouterr().out
    assert "JSON: taken" in said
    assert "JSON: NOT taken" in said
    assert "nothing open" in said
