import json
from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.unit.trader.app.evaluate.folder import FIRST, write
from trader.app.evaluate import run
from trader.core.forecasting.lookahead import Leak
from trader.domain.errors import ConfigurationError

FROM, TO = FIRST + timedelta(days=40), FIRST + timedelta(days=99)
SCORES = [f"{kind}_{name}" for kind in ("brier", "logloss") for name in
          ("model", "pooled", "market", "normal", "climatology")]  # fmt: skip


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("history") / "h")


@pytest.fixture(scope="module")
def results(history: Path) -> tuple[int, list[dict[str, object]], str]:
    said: list[str] = []
    page = history / "out" / "report.html"
    code = run.evaluate(history, FROM, TO, ["NYC", "CHI"], ["23Z-1", "18Z"], True, page, said.append)
    return code, [json.loads(text) for text in said], page.read_text()


def test_each_city_and_instant_is_one_json_line_with_the_promised_names(
    results: tuple[int, list[dict[str, object]], str],
) -> None:
    code, rows, _ = results

    assert code == 0
    assert [(r["city"], r["at"]) for r in rows] == [
        (c, at) for c in ("NYC", "CHI") for at in ("23Z-1", "18Z")
    ]
    for row in rows:
        assert {*SCORES, "crps_model", "coverage80_model", "n_days", "n_markets"} <= set(row)
        assert {f"brier_{n}_{end}" for n in ("model", "pooled", "market") for end in ("lo", "hi")} <= set(row)
        assert {"brier_model_minus_market", "brier_pooled_minus_market_lo"} <= set(row)


def test_new_york_is_scored_with_intervals_and_counts(
    results: tuple[int, list[dict[str, object]], str],
) -> None:
    evening, afternoon = results[1][0], results[1][1]

    assert (evening["status"], evening["n_days"], evening["n_markets"]) == ("ok", 60, 180)
    low, value, high = (evening[f"brier_model{end}"] for end in ("_lo", "", "_hi"))
    assert isinstance(low, float)
    assert isinstance(value, float)
    assert isinstance(high, float)
    assert low < value < high
    assert evening["brier_climatology"] is None  # no earlier year was recorded
    assert evening["n_days_observed"] == 0
    # the report of the day is known at 18 UTC under daylight time (from March 10th) only, as here
    assert afternoon["n_days_observed"] == 60
    assert afternoon["crps_model"] < evening["crps_model"]  # type: ignore[operator]


def test_every_run_repeats_decisions_without_later_data(
    results: tuple[int, list[dict[str, object]], str],
) -> None:
    assert [(r["lookahead_checked"], r["lookahead_leaks"]) for r in results[1][:2]] == [(3, 0), (3, 0)]


def test_a_city_without_forecasts_says_what_is_missing(
    results: tuple[int, list[dict[str, object]], str],
) -> None:
    row = results[1][2]

    assert str(row["status"]).startswith("not enough data: no forecast of CHI was recorded")
    assert all(row[name] is None for name in (*SCORES, "crps_model", "coverage80_model"))
    assert (row["n_days"], row["n_markets"]) == (0, 0)


def test_the_report_needs_nothing_from_outside(results: tuple[int, list[dict[str, object]], str]) -> None:
    page = results[2]

    assert page.count("<svg") >= 6
    assert "http" not in page
    assert "<script" not in page
    assert "NYC at 23Z-1" in page
    assert "CHI" in page


def test_too_short_a_period_withholds_scores(history: Path) -> None:
    said: list[str] = []

    code = run.evaluate(history, TO - timedelta(days=9), TO, ["NYC"], ["23Z-1"], False, None, said.append)

    assert code == 0
    lacking = "10 days with forecast and outcome, 30 needed; 10 days with prices, 30 needed"
    assert said == [f"NYC 23Z-1  days   10 markets    30  not enough data: {lacking}"]


def test_a_leak_fails_the_run(history: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "leaks", lambda *args: [Leak(1, 2, b"a", b"b")])

    assert run.evaluate(history, FROM, TO, ["CHI"], ["23Z-1"], True, None, lambda text: None) == 1


@pytest.mark.parametrize(
    ("cities", "instants", "first", "message"),
    [
        (["XYZ"], ["12Z"], FROM, "--city: expected some of"),
        (["NYC"], ["noon"], FROM, "--at: expected hours"),
        (["NYC"], ["12Z"], date(2031, 1, 1), "--to: expected a day from 2031-01-01"),
    ],
)
def test_misuse_is_refused_by_name(
    history: Path, cities: list[str], instants: list[str], first: date, message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        run.evaluate(history, first, TO, cities, instants, True, None, lambda text: None)
