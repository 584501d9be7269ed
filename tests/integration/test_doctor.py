"""``milkbot doctor``: one line a thing, its verdict and the next step, on the simulator."""

import json
from pathlib import Path

import pytest

from tests.integration.world import EVENING
from trader.app.cli import FAILED, run
from trader.app.clock import SystemClock
from trader.app.postgres import Urls
from trader.app.world import SimulatorProcess
from trader.domain.cities import load_cities

pytestmark = [pytest.mark.story("10.3")]
Lines = dict[str, list[tuple[str, str, str]]]


def examined(env: dict[str, str], capsys: pytest.CaptureFixture[str], *command: str) -> tuple[int, Lines]:
    """Exit code, and by subject (verdict, what was found, next step)."""
    code = run([*(command or ("doctor",)), "--json"], env)
    found: Lines = {}
    for line in map(json.loads, capsys.readouterr().out.splitlines()):
        found.setdefault(line["about"], []).append((line["verdict"], line["found"], line["do"]))
    return code, found


def verdicts(found: Lines) -> dict[str, set[str]]:
    return {about: {verdict for verdict, _, _ in lines} for about, lines in found.items()}


def test_doctor_tells_what_is_well_and_what_is_not_with_the_next_step(
    database_urls: Urls,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(SystemClock, "sleep", lambda *_: None)  # the pauses between tries are not the subject
    stamps = tmp_path / "stamps"
    stamps.mkdir()
    (stamps / "stores").write_text("local remote")
    (stamps / "last_good.local").write_text(str(EVENING.timestamp() - 3600))
    with SimulatorProcess(tmp_path, world="july2026") as simulator:
        simulator.step_to(EVENING)
        env = {
            "TRADING_MODE": "DEMO",
            "KALSHI_BASE_URL": f"{simulator.origin}/trade-api/v2",
            "NWS_BASE_URL": simulator.origin,
            "KALSHI_DEMO_KEY_ID": simulator.key_id,
            "KALSHI_DEMO_KEY_FILE": str(simulator.key_file),
            "DATABASE_URL": database_urls.trader,
            "MIGRATE_DATABASE_URL": database_urls.owner,
            "MILKBOT_DATA_DIR": str(tmp_path / "data"),
            "MILKBOT_STAMP_DIR": str(stamps),
        }
        code, found = examined(env, capsys)
        told = verdicts(found)
        well = (
            "settings",
            "database",
            "role",
            "schema",
            "halt file",
            "exchange",
            "clock",
            "key",
            "rules",
            "fees",
        )
        assert [about for about in well if told[about] != {"pass"}] == [], found
        assert [line[:2] for line in found["backup"]] == [
            ("pass", "local: 1.0 h ago"),
            ("fail", "remote: never"),
        ]
        named = [code for _, words, _ in found["station"] for code in words.partition(":")[0].split(", ")]
        assert sorted(named) == sorted(load_cities())
        assert len(found["station"]) < 10  # what is wrong with several is one line
        (cell,) = found["grid cell"]  # no grid was recorded in this world
        assert cell[0] == "fail"
        assert cell[1].startswith("10 of 10 not looked at: grid forecast of")
        assert all(do for lines in found.values() for verdict, _, do in lines if verdict != "pass")
        assert code == FAILED
        assert examined(env, capsys, "cities", "verify")[1] == {"grid cell": found["grid cell"]}

        simulator.key_file.chmod(0o644)
        halt = tmp_path / "halt"
        halt.write_text("smoke")
        wrong = env | {"DATABASE_URL": database_urls.owner, "MILKBOT_HALT_FILE": str(halt)}
        _, found = examined(wrong, capsys)
        told = verdicts(found)
        assert (told["role"], told["halt file"], told["key"]) == ({"fail"}, {"warn"}, {"fail"})
        assert "found mode 0644" in found["key"][0][1]

    _, found = examined(env, capsys)
    assert verdicts(found)["exchange"] == {"fail"}
    assert "reachable" in found["exchange"][0][2]
    assert verdicts(found)["database"] == {"pass"}
    assert examined(env | {"TRADING_MODE": "PAPER"}, capsys)[1]["settings"][0][0] == "fail"


def test_a_database_without_our_tables_is_told_with_the_command_that_makes_them(
    empty_database_urls: Urls, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    urls = empty_database_urls
    env = {"DATABASE_URL": urls.trader, "MIGRATE_DATABASE_URL": urls.owner, "MILKBOT_DATA_DIR": str(tmp_path)}

    assert run(["status"], env) == FAILED

    assert "run `milkbot migrate up`" in capsys.readouterr().err
