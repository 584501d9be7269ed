"""The page on a real database: each view in four states, and the overview in a real browser."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from tests.unit.dashboard import marts, sample

if TYPE_CHECKING:
    from trader.app.postgres import Urls

ROOT = Path(__file__).resolve().parents[2]
VIEWS = ("overview", "trades", "performance", "forecasts", "decisions", "health", "about")
NOWHERE = "postgresql://milkbot_dashboard:secret@127.0.0.1:1/none"
CHROMIUM_ARGS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update"]
SHOTS = ROOT / ".milkbot" / "screenshots"


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


@pytest.mark.story("6.3")
def test_stale_prices_and_a_dead_trader_are_said(
    new_database: Callable[..., "Urls"], monkeypatch: pytest.MonkeyPatch
) -> None:
    urls = new_database()
    marts.create(urls.analytics)
    marts.fill(urls.analytics)
    stale = [r.model_copy(update={"is_quote_stale": True}) for r in sample.board()]
    down = [h.model_copy(update={"status": "down", "message": "no cycle in time"}) for h in sample.health()]
    marts.write(urls.analytics, "v_city_board", stale)
    marts.write(urls.analytics, "v_health_summary", down)

    html = show("overview", urls.dashboard, monkeypatch)

    assert html.count("s-stale") == 10
    assert '<b class="st bad">No</b>' in html
    assert "Trader: down" in html


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


# ------------------------------------------------------------------ in a real browser


@pytest.fixture(scope="module")
def address(full: "Urls", tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of its own, started from another folder than the page's."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    elsewhere = tmp_path_factory.mktemp("cwd")
    env = {"PATH": os.environ["PATH"], "HOME": str(elsewhere), "PYTHONPATH": str(ROOT)}
    env["DASHBOARD_DATABASE_URL"] = full.dashboard
    command = [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        str(ROOT / "dashboard/app.py"),
        "--server.port",
        str(port),
    ]
    with (elsewhere / "log").open("wb") as log:
        process = subprocess.Popen(command, env=env, cwd=elsewhere, stdout=log, stderr=subprocess.STDOUT)
    try:
        url = f"http://127.0.0.1:{port}"
        _wait(f"{url}/_stcore/health", process)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=20)


def _wait(url: str, process: "subprocess.Popen[bytes]") -> None:
    for _ in range(150):
        assert process.poll() is None, "the page's server ended by itself"
        try:
            httpx.get(url, timeout=2, trust_env=False).raise_for_status()
            return
        except httpx.HTTPError:
            time.sleep(0.2)
    pytest.fail(f"{url} did not answer within 30 s")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGS)
        yield opened
        opened.close()


# what stands outside the window, and which texts of our own lie on each other, measured line by line
MEASURE = """() => {
  const width = document.documentElement.clientWidth, boxes = [], outside = [];
  const seen = e => !e.closest('.sr,[aria-hidden="true"],details:not([open]) .why,.js-plotly-plot');
  const walker = document.createTreeWalker(document.querySelector('.st-key-page'), NodeFilter.SHOW_TEXT);
  for (let node; (node = walker.nextNode());) {
    if (!node.textContent.trim() || !seen(node.parentElement)) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const r of range.getClientRects()) {
      if (r.width < 1 || r.height < 1) continue;
      if (r.left < -0.5 || r.right > width + 0.5) outside.push(node.textContent.trim());
      const text = node.textContent.trim(), inset = r.height * .2;
      boxes.push({text, l: r.left, r: r.right, t: r.top + inset, b: r.bottom - inset, node});
    }
  }
  const overlaps = [];
  for (let i = 0; i < boxes.length; i++) for (let j = i + 1; j < boxes.length; j++) {
    const a = boxes[i], b = boxes[j];
    const x = Math.min(a.r, b.r) - Math.max(a.l, b.l), y = Math.min(a.b, b.b) - Math.max(a.t, b.t);
    if (a.node !== b.node && x > 0.5 && y > 0.5) overlaps.push(a.text + ' | ' + b.text);
  }
  const wide = [...document.querySelectorAll('.st-key-page *')].filter(e => {
    const r = e.getBoundingClientRect();
    return r.width > 1 && (r.right > width + 1 || r.left < -1) && !e.closest('.js-plotly-plot');
  }).map(e => e.className);
  const main = document.querySelector('[data-testid="stMain"]');
  return {outside, overlaps, wide, texts: boxes.length, height: main.scrollHeight,
    sideways: Math.max(main.scrollWidth - main.clientWidth, document.documentElement.scrollWidth - width)};
}"""


def open_page(browser: Any, address: str, path: str, width: int) -> tuple[Any, list[str], list[str]]:
    page = browser.new_page(viewport={"width": width, "height": 900})
    errors: list[str] = []
    outside: list[str] = []
    page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda e: errors.append(str(e)))
    page.on(
        "request",
        lambda r: (
            None
            if r.url.startswith((address, address.replace("http", "ws"), "data:", "blob:"))
            else outside.append(r.url)
        ),
    )
    page.goto(f"{address}/{path}")
    page.wait_for_selector(".mb .foot", timeout=30_000)
    return page, errors, outside


@pytest.mark.needs_chromium
@pytest.mark.story("6.8")
@pytest.mark.parametrize("width", [390, 768, 1440, 2560])
def test_overview_fits_a_real_window(browser: Any, address: str, width: int) -> None:
    page, errors, outside = open_page(browser, address, "", width)
    page.wait_for_selector(".mb .steps img", timeout=30_000)
    page.wait_for_timeout(500)

    found = page.evaluate(MEASURE)
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.set_viewport_size({"width": width, "height": found["height"] + 80})
    page.screenshot(path=SHOTS / f"overview-{width}.png")
    cards = page.evaluate(
        "[...document.querySelectorAll('article.city')].map(e => Math.round(e.getBoundingClientRect().left))"
    )
    sizes = page.evaluate(
        "[...document.querySelectorAll('.st-key-page .mb *')].filter(e => e.childNodes.length && e.innerText)"
        ".map(e => parseFloat(getComputedStyle(e).fontSize))"
    )
    page.close()

    assert found["sideways"] == 0
    assert found["outside"] == []
    assert found["wide"] == []
    assert found["overlaps"] == []
    assert found["texts"] > 300
    assert len(cards) == 10
    assert len(set(cards)) == {390: 1, 768: 2, 1440: 5, 2560: 5}[width]
    assert min(sizes) >= 10.5
    assert errors == []
    assert outside == []


@pytest.mark.needs_chromium
@pytest.mark.story("6.8")
@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("view", VIEWS[1:])
def test_the_other_pages_fit_too(browser: Any, address: str, view: str, width: int) -> None:
    page, errors, outside = open_page(browser, address, view, width)
    page.wait_for_timeout(500)

    found = page.evaluate(MEASURE)
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.set_viewport_size({"width": width, "height": found["height"] + 80})
    page.screenshot(path=SHOTS / f"{view}-{width}.png")
    page.close()

    assert (found["sideways"], found["outside"], found["overlaps"], found["wide"]) == (0, [], [], [])
    # a deep link makes the framework ask two paths below it before it finds the right ones
    assert [e for e in errors if "404" not in e] == []
    assert len(errors) <= 2
    assert outside == []


@pytest.mark.needs_chromium
@pytest.mark.story("6.1")
def test_the_page_follows_the_database_by_itself(browser: Any, address: str, full: "Urls") -> None:
    page, _, _ = open_page(browser, address, "", 1440)
    later = sample.page(as_of=sample.AS_OF.replace(second=53))
    try:
        marts.write(full.analytics, "v_page_state", [later])
        page.wait_for_selector("text=09:04:53", timeout=20_000)
    finally:
        marts.write(full.analytics, "v_page_state", [sample.page()])
        page.close()
