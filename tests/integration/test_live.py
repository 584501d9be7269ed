"""LIVE on the simulator: refused without a verdict, started with one, and never by the demo's key."""

import io
from pathlib import Path

import psycopg
import pytest

from tests.integration.world import EVENING
from trader.app.cli import DONE, MISUSED, run
from trader.app.postgres import Urls
from trader.app.world import SimulatorProcess
from trader.core.golive import OVERRIDE_WORDS, confirmation


def rows(url: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query.encode()).fetchall()


@pytest.mark.story("8.9")
@pytest.mark.story("4.10")
def test_live_needs_a_verdict_or_a_typed_override_that_is_logged(
    database_urls: Urls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with SimulatorProcess(tmp_path, world="july2026") as simulator:
        simulator.step_to(EVENING)
        env = {
            "TRADING_MODE": "LIVE",
            "KALSHI_BASE_URL": f"{simulator.origin}/trade-api/v2",
            "NWS_BASE_URL": simulator.origin,
            "KALSHI_LIVE_KEY_ID": simulator.key_id,
            "KALSHI_LIVE_KEY_FILE": str(simulator.key_file),
            "LIVE_CONFIRM": confirmation(simulator.key_id, "127.0.0.1"),
            "DATABASE_URL": database_urls.trader,
            "ANALYTICS_DATABASE_URL": database_urls.analytics,
            "MILKBOT_DATA_DIR": str(tmp_path / "data"),
        }
        check = ["go-live-check", "--by", "ann"]

        without = run(["cycle", "--live"], env)
        said_without = capsys.readouterr().err
        looked = run(["reconcile"], env)  # needs no verdict: it sends nothing
        monkeypatch.setattr("sys.stdin", io.StringIO("yes\n"))
        wrong = run([*check, "--override", "--reason", "test"], env)
        monkeypatch.setattr("sys.stdin", io.StringIO(OVERRIDE_WORDS + "\n"))
        typed = run([*check, "--override", "--reason", "a test on a simulator"], env)
        with_it = run(["cycle", "--live"], env)

    assert (without, wrong, typed, looked) == (MISUSED, MISUSED, DONE, DONE)
    assert "no verdict of `milkbot go-live-check` is stored; nothing was started" in said_without
    assert with_it == DONE
    stored = rows(database_urls.owner, "select verdict, given_by, evidence ->> 'reason' from ops.approvals")
    assert stored == [("override", "ann", "a test on a simulator")]
    modes = rows(database_urls.owner, "select command, mode from ops.epochs order by epoch")
    assert modes == [("reconcile", "LIVE"), ("cycle", "LIVE")]


@pytest.mark.story("8.9")
def test_check_without_registered_gates_says_what_to_do(
    database_urls: Urls, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    env = {"ANALYTICS_DATABASE_URL": database_urls.analytics, "MILKBOT_DATA_DIR": str(tmp_path)}

    assert run(["go-live-check", "--by", "ann"], env) == MISUSED
    assert "go-live-check --register" in capsys.readouterr().err
    assert run(["go-live-check", "--by", "ann", "--register"], env) == DONE
    assert "evidence begins now" in capsys.readouterr().out


@pytest.mark.story("8.9")
def test_replay_on_record_is_evidence_with_its_counts(database_urls: Urls, tmp_path: Path) -> None:
    env = {"DATABASE_URL": database_urls.trader, "MILKBOT_DATA_DIR": str(tmp_path)}

    run(["replay", "--record", "--by", "ann"], env)

    stored = rows(database_urls.owner, "select kind, verdict, evidence ->> 'cycles' from ops.approvals")
    assert stored == [("replay", "fail", "0")]  # nothing stored is no proof
