"""A visitor's journey in a real browser, through the real proxy, at four widths.

On every page: nothing outside the window, no text on another, no sideways scroll, no complaint in the
console, no request to another host. Pictures of every page are kept in ``.milkbot/screenshots``.
"""

import asyncio
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import streamlit

from tests.integration.browsing import Visitor, chromium
from tests.integration.deploy.proxy import DOMAIN, free_ports, running_proxy
from tests.integration.deploy.test_units import answers, started
from tests.performance.viewer import Crowd, Target, come
from tests.unit.dashboard import marts, sample

if TYPE_CHECKING:
    from trader.app.postgres import Urls

pytestmark = [pytest.mark.needs_nginx, pytest.mark.needs_chromium]
INDEX = Path(streamlit.__file__).parent / "static" / "index.html"
WIDTHS = (390, 768, 1440, 2560)
PAGES = ("trades", "performance", "forecasts", "decisions", "health", "about")
SMALLEST_TEXT = 10.5  # the brackets' labels of a hot city; all else is 11 px and more


@dataclass(frozen=True)
class Site:
    origin: str
    urls: "Urls"
    browser: Any
    target: Target
    direct: str

    def visitor(self, width: int) -> Visitor:
        context = self.browser.new_context(viewport={"width": width, "height": 900}, ignore_https_errors=True)
        return Visitor(context.new_page(), self.origin)


@pytest.fixture(scope="module")
def site(new_database: Callable[..., "Urls"], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The page as its unit starts it, behind nginx as the installer configures it, on the sample day."""
    urls, folder = new_database(), tmp_path_factory.mktemp("site")
    marts.create(urls.analytics)
    marts.fill(urls.analytics)
    (port,) = free_ports(1)
    env = {"DASHBOARD_DATABASE_URL": urls.dashboard, "HOME": str(folder)}
    with (
        started("dashboard", port, env),
        running_proxy(folder, "--index", str(INDEX), page_ports=[port, port]) as proxy,
        chromium(f"--host-resolver-rules=MAP {DOMAIN} 127.0.0.1") as browser,
    ):
        answers(port, "/_stcore/health")
        target = Target("127.0.0.1", proxy.https, DOMAIN, proxy.context)
        yield Site(f"https://{DOMAIN}:{proxy.https}", urls, browser, target, f"http://127.0.0.1:{port}")


@pytest.mark.story("6.2")
@pytest.mark.story("6.7")
@pytest.mark.story("6.8")
@pytest.mark.parametrize("width", WIDTHS)
def test_every_page_fits_its_window_and_asks_nobody_else(site: Site, width: int) -> None:
    visitor = site.visitor(width)
    faults = []
    for path in ("", *PAGES):
        visitor.go(path)
        if path in {"performance", "forecasts"}:
            visitor.page.wait_for_selector(".js-plotly-plot .main-svg", timeout=30_000)
        found = visitor.misfits()
        visitor.keep(path or "overview")
        faults += [
            f"{path}: {what} {found[what]}"
            for what in ("sideways", "outside", "overlaps", "wide")
            if found[what]
        ]
        if visitor.page.locator(".top .clk .st.warn").inner_text() != "Weather: late":
            faults.append(f"{path}: the head does not say that the weather is late")
        if not path:
            faults += _overview_faults(visitor, width)
            assert found["texts"] > 300
    visitor.page.context.close()

    assert faults == []
    assert visitor.complaints == []
    assert visitor.elsewhere == []


def _overview_faults(visitor: Visitor, width: int) -> list[str]:
    """Ten cards in 1, 2 or 5 columns, one height a row, text large enough, answers on the first screen."""
    cards = visitor.page.evaluate(
        "[...document.querySelectorAll('article.city')].map(e => e.getBoundingClientRect())"
        ".map(r => [Math.round(r.left), Math.round(r.top), Math.round(r.height)])"
    )
    smallest = visitor.page.evaluate(
        "Math.min(...[...document.querySelectorAll('.st-key-page .mb *')].filter(e => "
        "e.childNodes.length && e.innerText)"
        ".map(e => parseFloat(getComputedStyle(e).fontSize)))"
    )
    lowest_answer = visitor.page.evaluate("document.querySelector('.four').getBoundingClientRect().bottom")
    rows = {top: {height for _, t, height in cards if t == top} for _, top, _ in cards}
    faults = []
    if len(cards) != 10 or len({left for left, _, _ in cards}) != {390: 1, 768: 2}.get(width, 5):
        faults.append(f"cards stand at {cards}")
    if any(len(heights) > 1 for heights in rows.values()):
        faults.append(f"cards of a row differ in height: {rows}")
    if smallest < SMALLEST_TEXT:
        faults.append(f"the smallest text has {smallest} px")
    if lowest_answer > 900:
        faults.append(f"the four answers end at {lowest_answer} px")
    return faults


@pytest.mark.story("6.1")
@pytest.mark.story("6.3")
def test_the_first_page_follows_the_database_without_a_flicker(site: Site) -> None:
    visitor = site.visitor(1440)
    visitor.go("")
    visitor.page.evaluate(
        "() => { window.seen = new Set(); window.lost = 0; setInterval(() => {"
        " const m = document.querySelector('.st-key-page'); window.seen.add(getComputedStyle(m).opacity);"
        " if (document.querySelectorAll('article.city').length !== 10) window.lost += 1; }, 50); }"
    )
    later = sample.page(as_of=sample.AS_OF.replace(second=53))
    warmer = [r.model_copy(update={"forecast_f": Decimal("66.6")}) for r in sample.board()]
    try:
        marts.write(site.urls.analytics, "v_page_state", [later])
        marts.write(site.urls.analytics, "v_city_board", warmer)
        visitor.page.wait_for_selector("text=09:04:53", timeout=20_000)
        visitor.page.wait_for_selector("text=66.6°", timeout=20_000)
        opacities, lost = visitor.page.evaluate("[[...window.seen], window.lost]")
    finally:
        marts.write(site.urls.analytics, "v_page_state", [sample.page()])
        marts.write(site.urls.analytics, "v_city_board", sample.board())
        visitor.page.context.close()

    assert opacities == ["1"]
    assert lost == 0
    assert visitor.complaints == []


# Where things stand in a window, of what is drawn first and of what is live.
_PLACES = """root => ['.top', 'h1.lede', '.four', 'h2.title', 'ul.key', '.grid', '.panel'].map(
  name => document.querySelector(root + ' ' + name)?.getBoundingClientRect()).map(
  r => r ? [r.left, r.top, r.width] : null)"""


@pytest.mark.story("6.8")
@pytest.mark.parametrize("width", [390, 1440])
def test_the_first_screen_is_drawn_without_a_script_where_the_live_one_will_be(
    site: Site, width: int
) -> None:
    visitor = site.visitor(width)
    page = visitor.page
    page.route("**/static/js/index.*.js", lambda route: route.abort())
    page.goto(f"{site.origin}/")
    page.wait_for_selector("#drawn .foot")
    found = visitor.misfits(selector="#drawn")
    drawn, cards = page.evaluate(_PLACES, "#drawn"), page.locator("#drawn article.city").count()
    page.unroute("**/static/js/index.*.js")
    visitor.complaints.clear()  # of the script that was kept away
    visitor.go("")
    page.wait_for_selector("#drawn", state="detached")
    visitor.misfits()
    live = page.evaluate(_PLACES, "#root")
    page.context.close()

    assert cards == 10
    assert None not in drawn
    assert [found[what] for what in ("sideways", "outside", "overlaps", "wide")] == [0, [], [], []]
    for place, later in zip(drawn, live, strict=True):
        assert place == pytest.approx(later, abs=2)
    assert visitor.complaints == []


def test_every_page_without_scripts_still_has_its_answer_and_the_way_to_the_others(site: Site) -> None:
    context = site.browser.new_context(java_script_enabled=False, ignore_https_errors=True)
    page = context.new_page()
    page.goto(f"{site.origin}/")
    answers_ = page.locator(".four").inner_text()
    page.click("#drawn >> text=Performance")
    result = page.locator("h1.lede").inner_text()
    context.close()

    assert "−$" in answers_ or "+$" in answers_
    assert re.search(r"(Up|Down) \$", result)


@pytest.mark.parametrize("path", ["trades", "performance"])
def test_a_page_opened_without_the_proxy_has_no_complaint(site: Site, path: str) -> None:
    """Deep links once asked for their socket below their own name: two errors on each of six pages."""
    context = site.browser.new_context(viewport={"width": 390, "height": 900})
    visitor = Visitor(context.new_page(), site.direct)
    visitor.go(path)
    visitor.page.wait_for_selector("#drawn", state="detached")
    context.close()

    assert visitor.complaints == []
    assert visitor.elsewhere == []


def test_every_icon_that_the_framework_names_is_in_our_font_of_icons(site: Site) -> None:
    named = re.compile(r":material/([a-z_0-9]+)")
    icons = sorted({n for f in INDEX.parent.glob("static/js/*.js") for n in named.findall(f.read_text())})
    visitor = site.visitor(1440)
    visitor.go("")
    words = visitor.page.evaluate(
        """async names => { const font = '20px "Material Symbols Rounded"'; await document.fonts.load(font);
        const pen = document.createElement('canvas').getContext('2d'); pen.font = font;
        return names.filter(name => pen.measureText(name).width > 20.5); }""",
        [*icons, "not_an_icon"],
    )
    visitor.page.context.close()

    assert "keyboard_double_arrow_right" in icons
    assert words == ["star_filled", "not_an_icon"]  # the first is no icon in the framework's own font either


@pytest.mark.story("6.4")
def test_a_visitor_finds_a_trade_its_reasons_and_the_file(site: Site) -> None:
    visitor = site.visitor(1440)
    page = visitor.page
    visitor.go("")
    page.click("text=All 25 trades →")
    page.wait_for_selector("details.trade")
    count = page.locator("details.trade").count()
    page.locator("details.trade summary").nth(20).click()
    reasons = page.locator("details.trade[open] dl.why").inner_text()
    visitor.choose("Result", "won")
    visitor.wait_for_count("details.trade", 7)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download CSV").click()
    lines = Path(download.value.path()).read_text(encoding="utf-8").splitlines()
    address = page.url
    page.context.close()

    assert count == 25
    assert "We said" in reasons
    assert re.search(r"before fees, .+ after", reasons)
    assert "result=won" in address
    assert (len(lines), lines[0][:14]) == (8, "city,city_name")
    assert visitor.complaints == []


@pytest.mark.story("6.5")
@pytest.mark.story("6.6")
def test_performance_is_hovered_spanned_and_sorted(site: Site) -> None:
    visitor = site.visitor(1440)
    page = visitor.page
    visitor.go("performance")
    page.wait_for_selector(".js-plotly-plot .main-svg")
    hovered = visitor.hover(".js-plotly-plot")
    page.get_by_role("radio", name="7 days").click()
    page.wait_for_selector("text=Equity and drawdown, last 7 days")
    visitor.choose("Sorted by", "P&L")
    page.wait_for_selector(".st-key-panel_cities tbody tr:first-child th:has-text('CHI')")
    address = page.url
    page.context.close()

    assert "realised" in hovered
    assert "unrealised" in hovered
    assert "span=7+days" in address.replace("%20", "+")
    assert visitor.complaints == []


@pytest.mark.story("8.10")
def test_a_crowd_that_comes_at_once_is_served_and_refreshed_without_a_trace(site: Site) -> None:
    def rush() -> Crowd:
        return asyncio.run(come(site.target, 20, spread_s=0, stay_s=8, watch=("New York",)))

    with ThreadPoolExecutor(1) as another:  # the browser's own loop runs in this thread
        crowd = another.submit(rush).result()

    assert (len(crowd.loads), crowd.words["New York"]) == (20, 20)
    assert len(crowd.refreshes) >= 20
    assert (dict(crowd.errors), crowd.traces) == ({}, [])
