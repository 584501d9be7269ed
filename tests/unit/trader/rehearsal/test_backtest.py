"""A backtest uses nothing from later and reports its own books; the whole command on a small history."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.unit.trader.app.evaluate.folder import FIRST, write
from tests.unit.trader.rehearsal.test_history import DAY, STEM, evening, quote
from trader.__main__ import BACKTEST
from trader.app import cli
from trader.core.forecasting.lookahead import leaks
from trader.rehearsal.backtest import cities_of, decision, play, slot_of
from trader.rehearsal.stage import books_in_memory, set_up
from trader.simulator.world import World

Out = pytest.CaptureFixture[str]
WORLD = World.load("july2026")
EVENING = datetime(2026, 7, 17, 0, 28, 3, tzinfo=UTC)
LOOKS = tuple(at for at in WORLD.cycle_instants if at <= EVENING + timedelta(minutes=1))[-2:]
SECOND = int(LOOKS[-1].timestamp())


def decide(recorded: World, second: int, folder: Path) -> bytes:
    return decision(recorded, datetime.fromtimestamp(second, UTC), folder, LOOKS)


def test_a_decision_does_not_change_when_everything_later_is_taken_away(tmp_path: Path) -> None:
    assert leaks(lambda w, at: decide(w, at, tmp_path), WORLD, [(SECOND, SECOND)]) == []

    plan = json.loads(decide(WORLD, SECOND, tmp_path))
    assert len(plan["signals"]) > 200
    assert plan["intents"]


def test_a_planted_leak_is_caught(tmp_path: Path) -> None:
    def peeking(recorded: World, second: int) -> bytes:
        """Tomorrow's forecast is shown today."""
        early = {
            code: tuple(replace(row, fetched_at=row.fetched_at - timedelta(hours=24)) for row in rows)
            for code, rows in recorded.ensemble.items()
        }
        return decide(replace(recorded, ensemble=early), second, tmp_path)

    (leak,) = leaks(peeking, WORLD, [(SECOND, SECOND)])

    assert leak.second == SECOND
    assert leak.with_later != leak.as_known


def test_a_decision_is_asked_for_at_an_instant_that_has_a_cycle(tmp_path: Path) -> None:
    between = LOOKS[0] + timedelta(minutes=1)

    with pytest.raises(
        ValueError, match=f"expected a cycle at {slot_of(between)}, found {slot_of(LOOKS[0])}"
    ):
        decision(WORLD, between, tmp_path, LOOKS)


def test_an_instant_that_virtual_time_has_passed_is_missed_not_run_late(tmp_path: Path) -> None:
    stage = set_up(WORLD, tmp_path, at=LOOKS[-1] - timedelta(seconds=1), is_limited=False)
    store = books_in_memory()

    ran = play(stage, store, LOOKS[-2:], label="late")

    assert (ran.cycles, ran.failed) == (1, 0)
    assert [row.slot for row in store.cycles.list()] == [f"{LOOKS[-1]:%Y-%m-%dT%H:%M:%SZ}"]
    found = store.world_now()
    assert found is not None
    assert found[0] == "late"


def test_cities_are_those_of_the_markets_in_their_fixed_order() -> None:
    markets = {t: row for t, row in WORLD.markets.items() if row.city in ("BOS", "NYC")}

    assert cities_of(replace(WORLD, markets=markets)) == ("NYC", "BOS")


@pytest.fixture
def history(tmp_path: Path) -> Path:
    """Two days with quotes each few minutes, cheap for the bracket that wins."""
    folder = write(tmp_path / "h")
    rows = [
        (f"{STEM}-{n}", evening(minute), bid, bid + 2)
        for minute in range(0, 60, 4)
        for n, bid in enumerate((5, 40, 20))
    ]
    quote(folder, "quotes_kxhighny_2030.parquet", *rows)
    return folder


def run(history: Path, data_dir: Path, *more: str) -> int:
    command = ["backtest", "--history", str(history), "--city", "NYC", "--memory"]
    return cli.run([*command, *more], {"MILKBOT_DATA_DIR": str(data_dir)}, extras=(BACKTEST,))


def test_the_command_trades_a_history_and_prints_one_object(
    history: Path, tmp_path: Path, capsys: Out
) -> None:
    days = ["--from", str(DAY), "--to", str(DAY), "--warm-up", "2", "--lookahead", "1"]

    code = run(history, tmp_path / "d", *days, "--name", "small", "--json")

    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert code == 0
    assert (found["label"], found["cities"]) == ("small", ["NYC"])
    assert found["failed_cycles"] == 0
    assert found["fills"] > 0
    assert found["lookahead"] == {"checked": 1, "leaks": 0}
    assert found["conclusion"].startswith("not enough data: ")
    assert found["per_position"] is None
    assert found["problems"] == []
    assert found["settled"] + found["unsettled"] > 0
    assert not (tmp_path / "d" / "postgres").exists()


def test_the_report_in_words_says_what_was_assumed(history: Path, tmp_path: Path, capsys: Out) -> None:
    days = ["--from", str(DAY), "--to", str(DAY), "--warm-up", "0", "--lookahead", "0", "--depth", "25"]

    assert run(history, tmp_path / "d", *days) == 0

    said = capsys.readouterr().out
    assert "25 contracts are assumed to stand at each quoted price" in said
    assert "1 of 1 listed days have prices" in said
    assert "by city\n  NYC" in said
    assert "look-ahead" not in said
    assert "conclusion         not enough data" in said


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--world", "june"], "world: expected one of july2026, found 'june'"),
        (
            ["--world", "july2026", "--city", "NYC"],
            "--city: expected it with --history, found it with --world",
        ),
        (["--world", "july2026", "--depth", "30"], "--depth: expected it with --history, found it with"),
        (["--history", "{h}"], "expected a first and a last climate day, found None and None"),
        (["--history", "{h}", "--from", "2030-03-02", "--to", str(FIRST)], "found 2030-03-02 and 2030-03-01"),
        (["--history", "{h}", "--from", "2044-01-01", "--to", "2044-01-02"], "found those from 2030-03-01"),
    ],
)
def test_what_cannot_be_traded_is_refused_before_anything_starts(
    history: Path, tmp_path: Path, capsys: Out, words: list[str], expected: str
) -> None:
    command = [word.replace("{h}", str(history)) for word in words]

    env = {"MILKBOT_DATA_DIR": str(tmp_path / "d")}
    assert cli.run(["backtest", *command], env, extras=(BACKTEST,)) == 2

    assert expected in capsys.readouterr().err
    assert not (tmp_path / "d").exists()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--depth", "0"], "expected 0.01 to 10000000 in hundredths, found '0'"),
        (["--depth", "x"], "expected 0.01 to 10000000 in hundredths, found 'x'"),
        (["--every", "10"], "expected 60 to 3600, found 10"),
        (["--every", "1e3"], "expected 60 to 3600, found 1e3"),
        (["--lookahead", "-1"], "expected 0 to 100, found -1"),
        (["--cash", "0.001"], "expected 0.01 to 10000000 in hundredths, found '0.001'"),
        (["--from", "2030-3-1"], "expected a day such as 2026-07-16, found '2030-3-1'"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error_that_says_what_can(
    words: list[str], expected: str, capsys: Out
) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.run(["backtest", "--world", "july2026", *words], {}, extras=(BACKTEST,))

    assert stopped.value.code == 2
    assert f"argument {words[0]}: {expected}" in capsys.readouterr().err
