"""The page on a real database: each view full, empty, stale, before the first deploy, with the database "
"away."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from tests.unit.dashboard import marts, sample

if TYPE_CHECKING:
    from trader.app.postgres import Urls

ROOT = Path(__file__).resolve().parents[2]
VIEWS = ("overview", "trades", "performance", "forecasts", "decisions", "health", "about")
NOWHERE = "postgresql://milkbot_dashboard:secret@127.0.0.1:1/none"


@pytest.fixture(scope="module")
def full(new_database: Callable[..., "Urls"]) -> "Urls":
    urls = new_database()
    marts.create(urls.analytics)
    marts.fill(urls.analytics)
    return urls


@pytest.fixture(scope="module")
def empty(new_database: Callable[..., "Urls"]) -> "Urls":
    """After the first deploy, before the first cycle: a clock and nothing else."""
    urls = new_database()
    marts.create(urls.analytics)
    first = sample.page(world=None, mode=None, last_cycle_at=None, cities_ok=0)
    marts.write(urls.analytics, "v_page_state", [first])
    return urls


@pytest.fixture(scope="module")
def stale(new_database: Callable[..., "Urls"]) -> "Urls":
    """The sample day with prices that are too old and a trader that stopped."""
    urls = new_database()
    marts.create(urls.analytics)
    marts.fill(urls.analytics)
    board = [r.model_copy(update={"is_quote_stale": True}) for r in sample.board()]
    down = [h.model_copy(update={"status": "down", "message": "no cycle in time"}) for h in sample.health()]
    marts.write(urls.analytics, "v_city_board", board)
    marts.write(urls.analytics, "v_health_summary", down)
    return urls


@pytest.fixture(autouse=True)
def fresh_cache() -> Iterator[None]:
    """Each test is the first viewer of its own process."""
    st.cache_resource.clear()
    yield
    st.cache_resource.clear()


def run(view: str) -> AppTest:
    script = f"from dashboard.views import {view}\n{view}.render()\n"
    return AppTest.from_string(script, default_timeout=30).run()


def html_of(app: AppTest) -> str:
    assert not app.exception, app.exception
    return "\n".join(element.proto.body for element in app.get("html"))


def show(view: str, url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("DASHBOARD_DATABASE_URL", url)
    return html_of(run(view))


@pytest.mark.parametrize("view", VIEWS)
def test_full(view: str, full: "Urls", monkeypatch: pytest.MonkeyPatch) -> None:
    html = show(view, full.dashboard, monkeypatch)

    assert "Recorded week" in html
    assert "Weather: late" in html
    assert "None" not in html
    assert "Pretend money" in html


@pytest.mark.parametrize("view", VIEWS)
def test_empty(view: str, empty: "Urls", monkeypatch: pytest.MonkeyPatch) -> None:
    html = show(view, empty.dashboard, monkeypatch)

    assert "None" not in html
    if view == "overview":
        assert html.count("<article") == 10
        assert "No trade is 60 minutes old yet." in html
        assert "No equity figure is 60 minutes old yet." in html


@pytest.mark.parametrize("view", VIEWS)
def test_before_the_first_deploy(
    view: str, new_database: Callable[..., "Urls"], monkeypatch: pytest.MonkeyPatch
) -> None:
    html = show(view, new_database().dashboard, monkeypatch)

    assert "First start" in html
    assert "Database away" not in html


@pytest.mark.parametrize("view", VIEWS)
def test_database_down_from_the_start(view: str, monkeypatch: pytest.MonkeyPatch) -> None:
    html = show(view, NOWHERE, monkeypatch)

    assert "Database away" in html
    assert "Trying again by itself." in html
    assert "secret" not in html
    if view == "overview":
        assert html.count("<article") == 10


def test_database_lost_later_keeps_the_last_rows_and_says_since_when(
    full: "Urls", monkeypatch: pytest.MonkeyPatch
) -> None:
    from dashboard import snapshots

    monkeypatch.setenv("DASHBOARD_DATABASE_URL", full.dashboard)
    before = html_of(run("overview"))
    snapshots.database().close()
    snapshots.live.clear()
    snapshots.figures.clear()

    after = html_of(run("overview"))

    assert "Showing what we had at 09:04:48 EDT" in after
    assert "Not known" in after
    assert after.count("79.9°") == before.count("79.9°") == 1
    assert "All 25 trades" in after


def test_a_benchmark_is_never_taken_for_ours(full: "Urls", monkeypatch: pytest.MonkeyPatch) -> None:
    from dashboard import snapshots

    monkeypatch.setenv("DASHBOARD_DATABASE_URL", full.dashboard)
    found = snapshots.skill().value

    assert {score.strategy_name for score in found.scores} == {"daily_high"}
    assert {of_bin.strategy_name for of_bin in found.bins} == {"daily_high"}


@pytest.mark.story("6.3")
@pytest.mark.parametrize("view", VIEWS)
def test_stale_prices_and_a_dead_trader_are_said(
    view: str, stale: "Urls", monkeypatch: pytest.MonkeyPatch
) -> None:
    html = show(view, stale.dashboard, monkeypatch)

    assert "Trader: down" in html
    assert "None" not in html
    if view == "overview":
        assert html.count("s-stale") == 10
        assert '<b class="st bad">No</b>' in html
    if view == "health":
        assert "no cycle in time" in html


@pytest.mark.story("6.3")
def test_each_refresh_reads_the_marts_again(
    new_database: Callable[..., "Urls"], monkeypatch: pytest.MonkeyPatch
) -> None:
    urls = new_database()
    marts.create(urls.analytics)
    marts.fill(urls.analytics)
    monkeypatch.setenv("DASHBOARD_DATABASE_URL", urls.dashboard)
    app = run("overview")
    warmer = [r.model_copy(update={"forecast_f": Decimal("66.6")}) for r in sample.board()]
    marts.write(urls.analytics, "v_city_board", warmer)
    st.cache_resource.clear()  # what five seconds do

    assert html_of(app.run()).count("66.6°") == 10


@pytest.mark.story("6.2")
def test_low_and_tomorrow_are_chosen_by_the_controls(full: "Urls", monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASHBOARD_DATABASE_URL", full.dashboard)
    app = run("overview")
    assert "Highest temperature today, Jul 21" in html_of(app)

    app.session_state["kind"], app.session_state["day"] = "Low", "Tomorrow"
    html = html_of(app.run())

    assert "Lowest temperature tomorrow, Jul 22" in html
    assert html.count("<article") == 10


@pytest.mark.story("6.4")
def test_trades_are_filtered_and_paged(full: "Urls", monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASHBOARD_DATABASE_URL", full.dashboard)
    app = run("trades")
    assert html_of(app).count("<details") == 25

    app.selectbox(key="city").select("NYC")
    app.selectbox(key="result").select("lost")
    assert html_of(app.run()).count("<details") == 2
    app.selectbox(key="mode").select("LIVE")
    assert "No trade matches." in html_of(app.run())


@pytest.mark.story("6.6")
def test_the_city_table_is_sorted_on_request(full: "Urls", monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASHBOARD_DATABASE_URL", full.dashboard)
    app = run("performance")
    app.selectbox(key="sort").select("P&L")

    html = html_of(app.run())

    assert html.index(">CHI<") < html.index(">NYC<")


@pytest.mark.story("6.1")
def test_configuration_is_dark_hides_errors_and_stays_on_loopback() -> None:
    import tomllib

    config = tomllib.loads((ROOT / "dashboard/.streamlit/config.toml").read_text(encoding="utf-8"))

    assert config["theme"]["base"] == "dark"
    assert config["client"]["showErrorDetails"] == "none"
    assert config["server"]["address"] == "127.0.0.1"
    assert config["browser"]["gatherUsageStats"] is False
