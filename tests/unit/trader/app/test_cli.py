"""The command line: data on stdout, one clear sentence on stderr, an exit code that says whose turn it is."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.fakes.desk import Desk
from trader.app import cli
from trader.app.books import reconcile
from trader.app.context import Trader
from trader.app.money import equity_now
from trader.domain.errors import (
    ConfigurationError,
    InvariantViolation,
    LostWriterLock,
    MilkbotError,
    PersistenceError,
    TransientError,
    VenueRejected,
)
from trader.domain.types import ReasonCode, TradingMode, TradingState
from trader.ports.ops_store import OpsStore

ROOT = Path(__file__).resolve().parents[4]
COMMANDS = (
    *("demo", "run", "cycle", "reconcile", "rollup", "migrate", "db", "replay", "sim", "status", "halt"),
    *("reduce-only", "resume", "page", "api", "fit", "publish"),
)
Out = pytest.CaptureFixture[str]
ASKED = """
import sys
from trader.app import cli
from trader.domain.errors import TransientError
def fail(arguments, env):
    cli._tell(env, "warehouse_refreshed", "22 models", selector="refresh")
    cli._tell(env, "refresh_failed", "1 failed", is_good=False)
    raise TransientError("no answer")
sys.exit(cli.run(["fail"], extras=(cli.Extra("fail", fail, "", lambda parser: None),)))
"""


@pytest.fixture
def wired(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Commands that open a trader or our books get this desk's: no database is started."""

    @contextmanager
    def open_from_env(env: Mapping[str, str], *, command: str) -> Iterator[Trader]:
        desk.trader.started = reconcile(desk.trader)  # as each start does
        yield desk.trader

    @contextmanager
    def open_store(env: Mapping[str, str]) -> Iterator[OpsStore]:
        yield desk.store

    desk.store.set_world_clock("july2026", desk.clock.now(), at=desk.clock.now())
    for module in ("wiring", "jobs"):
        monkeypatch.setattr(f"trader.app.{module}.open_from_env", open_from_env)
    for module in ("wiring", "switches"):
        monkeypatch.setattr(f"trader.app.{module}.open_store", open_store)
    monkeypatch.setattr("trader.app.wiring.settings_and_urls", lambda *_, **__: (desk.trader.settings, None))
    return desk


def env(desk: Desk) -> dict[str, str]:
    return {"MILKBOT_DATA_DIR": str(desk.trader.settings.data_dir), "TRADING_MODE": "SHADOW"}


def failing(error: BaseException) -> Callable[..., object]:
    def fail(*_: object, **__: object) -> object:
        raise error

    return fail


# ---- exit codes and messages


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (ConfigurationError("X: expected a, found b"), 2, "milkbot: X: expected a, found b\n"),
        (TransientError("no answer"), 1, "milkbot: TransientError: no answer\n"),
        (PersistenceError("not confirmed"), 1, "milkbot: PersistenceError: not confirmed\n"),
        (LostWriterLock("held"), 1, "milkbot: LostWriterLock: held\n"),
        (InvariantViolation("never"), 1, "milkbot: InvariantViolation: never\n"),
        (KeyboardInterrupt(), 1, "milkbot: stopped\n"),
    ],
)
def test_an_error_is_one_sentence_and_an_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: Out, error: BaseException, code: int, said: str
) -> None:
    monkeypatch.setattr("trader.app.jobs.run_once", failing(error))

    assert cli.run(["cycle"], {}) == code

    assert capsys.readouterr() == ("", said)


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["fly"],
        ["halt"],
        ["resume", "--by", "ann"],
        ["migrate", "sideways"],
        ["replay", "--since", "yesterday"],
        ["sim", "--port", "many"],
        ["evaluate", "--history", ".", "--from", "2024-6-1", "--to", "2024-07-01"],
        ["run", "--dead"],
    ],
)
def test_a_misused_command_exits_2_and_says_how_it_is_used(argv: list[str], capsys: Out) -> None:
    with pytest.raises(SystemExit) as left:
        cli.run(argv, {})

    assert left.value.code == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "usage: milkbot" in said.err


@pytest.mark.story("1.3")
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"TRADING_MODE": "PAPER"}, "TRADING_MODE: expected SHADOW, DEMO or LIVE, found 'PAPER'"),
        ({"TRADING_MODE": "LIVE"}, "LIVE"),
        ({"TRADING_MODE": "DEMO"}, "KALSHI_DEMO_KEY_ID"),
        ({"MAX_SPREAD_USD": "-1"}, "MAX_SPREAD_USD: expected a number above 0"),
        ({"CYCLE_INTERVAL_S": "often"}, "CYCLE_INTERVAL_S"),
        ({"MAX_SPRED_USD": "1"}, "MAX_SPRED_USD"),
        ({"DATABASE_URL": "mysql://root:hidden@h/d"}, "DATABASE_URL"),
    ],
)
@pytest.mark.parametrize("command", [["cycle"], ["run"], ["status"], ["halt", "--reason", "x"]])
def test_a_wrong_setting_is_named_and_nothing_is_started(
    tmp_path: Path, capsys: Out, command: list[str], given: dict[str, str], expected: str
) -> None:
    assert cli.run(command, {"MILKBOT_DATA_DIR": str(tmp_path), **given}) == 2

    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("milkbot: ")
    assert expected in said.err
    assert "expected" in said.err
    assert "hidden" not in said.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.story("2.1")
@pytest.mark.parametrize(
    "command", [["cycle"], ["status"], ["replay"], ["resume", "--by", "a", "--reason", "b"]]
)
def test_a_database_that_does_not_answer_is_one_sentence_without_its_password(
    tmp_path: Path, capsys: Out, command: list[str]
) -> None:
    url = "postgresql://milkbot_trader:hidden@127.0.0.1:1/milkbot"
    given = {"DATABASE_URL": url, "DB_TIMEOUT_S": "1", "MILKBOT_DATA_DIR": str(tmp_path)}

    assert cli.run(command, given) in (1, 2)

    said = capsys.readouterr()
    lines = [line for line in said.err.splitlines() if line.startswith("milkbot: ")]
    assert len(lines) == 1
    assert "expected" in lines[0]
    assert "found" in lines[0]
    assert "hidden" not in said.err + said.out
    assert "Traceback" not in said.err


def test_an_unknown_city_names_the_ten(capsys: Out) -> None:
    assert cli.run(["cycle", "--city", "XXX"], {}) == 2
    assert "expected one of NYC CHI LAX MIA AUS DEN PHL BOS SEA SFO, found 'XXX'" in capsys.readouterr().err


def test_run_live_without_its_mode_is_refused(capsys: Out) -> None:
    assert cli.run(["run", "--live"], {}) == 2
    assert "expected TRADING_MODE=LIVE, found SHADOW" in capsys.readouterr().err


LIVE = {"TRADING_MODE": "LIVE", "KALSHI_LIVE_KEY_ID": "live-canary-id", "KALSHI_LIVE_KEY_FILE": "live.pem"}
SENTENCE = "I trade real money with key live-canary-id at external-api.kalshi.com"


@pytest.mark.story("4.10")
@pytest.mark.story("8.9")
@pytest.mark.parametrize(
    ("words", "more", "expected"),
    [
        ([], {"LIVE_CONFIRM": SENTENCE}, "expected the word --live besides TRADING_MODE=LIVE, found none"),
        (["--live"], {}, "LIVE_CONFIRM: expected 'I trade real money with key <KALSHI_LIVE_KEY_ID> at "),
        (["--live"], {"LIVE_CONFIRM": SENTENCE.replace("-id", "-id2")}, "found another sentence (not shown)"),
        (
            ["--live"],
            {"LIVE_CONFIRM": SENTENCE, "KALSHI_BASE_URL": "https://api.elections.kalshi.com/trade-api/v2"},
            "at api.elections.kalshi.com', found another sentence",
        ),
    ],
)
@pytest.mark.parametrize("command", ["run", "cycle"])
def test_live_asks_for_both_words_and_the_sentence_of_its_key_and_host(
    tmp_path: Path, capsys: Out, command: str, words: list[str], more: dict[str, str], expected: str
) -> None:
    env = LIVE | more | {"MILKBOT_DATA_DIR": str(tmp_path)}

    assert cli.run([command, *words], env) == 2

    said = capsys.readouterr()
    assert expected in said.err
    assert "canary" not in said.err + said.out
    assert list(tmp_path.iterdir()) == []


# ---- cycle, reconcile, status


@pytest.mark.story("4.8")
def test_a_cycle_prints_its_summary_as_json_and_exits_0(wired: Desk, capsys: Out) -> None:
    assert cli.run(["cycle", "--city", "NYC", "--city", "NYC", "--json"], env(wired)) == 0

    found = json.loads(capsys.readouterr().out)
    assert (found["cities"], found["orders"], found["error"]) == (1, 1, None)


def test_a_cycle_in_words_leaves_out_what_there_is_not(wired: Desk, capsys: Out) -> None:
    cli.run(["cycle"], env(wired))

    said = capsys.readouterr().out
    assert "orders 1  fills 1" in said
    assert "error" not in said


def test_a_cycle_that_failed_exits_1(wired: Desk, capsys: Out) -> None:
    wired.markets.error = TransientError("no answer")

    assert cli.run(["cycle"], env(wired)) == 1
    assert "error no answer" in capsys.readouterr().out


def test_a_halted_cycle_exits_3_without_an_order(wired: Desk) -> None:
    wired.halt()

    assert cli.run(["cycle"], env(wired)) == 3
    assert wired.exchange.sent == []


def test_two_cycles_by_hand_are_two_slots(wired: Desk) -> None:
    for _ in range(2):
        wired.clock.advance(1)
        assert cli.run(["cycle"], env(wired)) == 0

    assert len({row.slot for row in wired.store.cycles.list()}) == 2


@pytest.mark.story("4.7")
def test_reconcile_prints_what_it_did_and_exits_0_or_3_when_halted(wired: Desk, capsys: Out) -> None:
    assert cli.run(["reconcile"], env(wired)) == 0
    assert capsys.readouterr().out == "our books equal the exchange's\n"

    wired.exchange.cash_usd -= 1
    assert cli.run(["reconcile", "--json"], env(wired)) == 3
    lines = [json.loads(line)["reconcile"] for line in capsys.readouterr().out.splitlines()]
    assert lines[0].startswith("cash account: ours 5000, exchange 4999; likely")


def test_flatten_shows_what_it_would_sell_and_sells_only_when_confirmed(wired: Desk, capsys: Out) -> None:
    assert cli.run(["flatten"], env(wired)) == 0
    assert capsys.readouterr().out == "nothing is held\nnothing was changed; with --confirm it is sold\n"
    cli.run(["cycle"], env(wired))
    capsys.readouterr()
    (position,) = wired.store.positions.held(wired.trader.mode)
    wired.clock.advance(1)

    assert cli.run(["flatten"], env(wired)) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith(f"{position.ticker} YES {position.qty} cost $")
    assert said[0].endswith("best bid 0.10 (seen 07-16 01:30 UTC)")
    assert said[1].startswith(f"{wired.trader.mode}: 1 positions")
    assert wired.store.positions.held(wired.trader.mode) == (position,)

    wired.halt()
    assert cli.run(["flatten", "--confirm", "--by", "ann", "--reason", "storm"], env(wired)) == 0
    assert wired.store.positions.held(wired.trader.mode) == ()
    (state,) = [
        s
        for s in wired.store.risk.states(wired.trader.mode, wired.clock.now())
        if s.reason is ReasonCode.OPERATOR_FLATTEN
    ]
    assert (state.set_by, state.note, state.state) == ("ann", "storm", TradingState.REDUCE_ONLY)
    assert wired.exchange.cash_usd == equity_now(wired.trader).cash_usd


def test_flatten_with_a_trader_running_leaves_the_selling_to_it(
    wired: Desk, monkeypatch: pytest.MonkeyPatch, capsys: Out
) -> None:
    monkeypatch.setattr("trader.app.jobs.run_once", failing(LostWriterLock("held")))

    assert cli.run(["flatten", "--confirm"], env(wired)) == 0

    assert "the running trader sells in its next cycle" in capsys.readouterr().out


def test_status_exits_3_when_halted(wired: Desk, capsys: Out) -> None:
    assert cli.run(["status"], env(wired)) == 0
    wired.halt()
    assert cli.run(["status", "--json"], env(wired)) == 3

    text, _, found = capsys.readouterr().out.rstrip().rpartition("\n")
    assert text.startswith("mode DEMO: ACTIVE")
    assert json.loads(found)["status"][0].startswith("mode DEMO: HALTED")


def test_replay_exits_0_only_when_something_was_replayed_and_all_of_it_is_identical(
    wired: Desk, capsys: Out
) -> None:
    assert cli.run(["replay"], env(wired)) == 1
    cli.run(["cycle"], env(wired))
    capsys.readouterr()

    assert cli.run(["replay"], env(wired)) == 0
    said = capsys.readouterr().out
    assert said.startswith("1 cycles, 6 decisions, 1 ")
    assert said.endswith("identical (100 %)\n")
    assert cli.run(["replay", "--json", "--since", "2026-07-16"], env(wired)) == 0
    assert json.loads(capsys.readouterr().out)["identical"] == 1


# ---- halt and resume


def test_halt_then_cycle_then_resume_then_cycle(wired: Desk, capsys: Out) -> None:
    shadow = env(wired)
    wired.trader.settings = wired.trader.settings.model_copy(update={"halt_file": wired.halt_file.path})

    assert cli.run(["halt", "--reason", "smoke", "--by", "ann"], shadow) == 0
    assert wired.halt_file.note() == "ann: smoke"
    assert cli.run(["cycle"], shadow) == 3
    wired.clock.advance(60)
    wired.halt_file.path.unlink()
    assert cli.run(["cycle"], shadow) == 3  # stored: the file's end alone lifts nothing
    assert wired.exchange.sent == []
    capsys.readouterr()

    key = {"KALSHI_DEMO_KEY_ID": "k", "KALSHI_DEMO_KEY_FILE": "k.pem"}
    demo = shadow | {"TRADING_MODE": "DEMO"} | key
    assert cli.run(["resume", "--by", "ann", "--reason", "it was toast"], demo) == 0
    assert "book HALT_FILE_PRESENT" in capsys.readouterr().out
    wired.clock.advance(60)
    assert cli.run(["cycle"], shadow) == 0
    assert len(wired.exchange.sent) == 1


def test_resume_says_that_a_file_put_there_by_hand_still_halts(wired: Desk, capsys: Out) -> None:
    wired.halt_file.write("by hand")

    assert cli.run(["resume", "--by", "ann", "--reason", "x"], env(wired)) == 0

    said = capsys.readouterr().out
    assert "nothing was halted" in said
    assert "still halted: the halt file" in said
    assert wired.halt_file.is_present()


def test_reduce_only_is_stored_and_writes_no_file(wired: Desk, capsys: Out) -> None:
    assert cli.run(["reduce-only", "--reason", "careful"], env(wired)) == 0

    assert "REDUCE_ONLY stored" in capsys.readouterr().out
    (state,) = wired.store.risk.states(TradingMode.SHADOW, wired.clock.now())
    assert (state.state, state.note) == (TradingState.REDUCE_ONLY, "careful")
    assert not wired.halt_file.is_present()


# ---- help


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: Out) -> None:
    with pytest.raises(SystemExit) as left:
        cli.run([command, "--help"], {})

    assert left.value.code == 0
    assert f"usage: milkbot {command}" in capsys.readouterr().out


def test_the_module_is_the_command_and_leaves_with_its_exit_code(tmp_path: Path) -> None:
    found = subprocess.run(
        [sys.executable, "-m", "trader", "cycle"],
        env={"PATH": os.environ["PATH"], "TRADING_MODE": "PAPER", "MILKBOT_DATA_DIR": str(tmp_path)},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )

    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr.startswith("milkbot: TRADING_MODE: expected")


def test_every_error_class_of_ours_has_an_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    for error in MilkbotError.__subclasses__():
        found = VenueRejected("x", status=400, code="y") if issubclass(error, VenueRejected) else error("x")
        monkeypatch.setattr("trader.app.jobs.run_once", failing(found))
        assert cli.run(["cycle"], {}) == (2 if error is ConfigurationError else 1)


@pytest.mark.story("8.5")
def test_what_a_service_did_is_words_to_a_person_and_an_event_in_its_log() -> None:
    command = [sys.executable, "-c", ASKED]
    base = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}

    person, log = (
        subprocess.run(command, env=base | more, capture_output=True, text=True)
        for more in ({}, {"LOG_FORMAT": "json"})
    )
    good, bad, failed = (json.loads(line) for line in log.stderr.splitlines())

    assert (person.stdout, person.stderr) == ("22 models\n1 failed\n", "milkbot: TransientError: no answer\n")
    assert (log.stdout, person.returncode, log.returncode) == ("", 1, 1)
    assert (good["level"], good["event"], good["detail"], good["selector"]) == (
        *("info", "warehouse_refreshed", "22 models"),
        "refresh",
    )
    assert (bad["level"], bad["event"], bad["error"]) == ("error", "refresh_failed", "1 failed")
    assert (failed["event"], failed["kind"], failed["error"]) == (
        "command_failed",
        "TransientError",
        "no answer",
    )
