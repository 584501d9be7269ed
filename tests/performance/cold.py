"""The first visit of a phone or a desk: a real browser with an empty cache, through the proxy."""

from dataclasses import dataclass
from statistics import median
from typing import Any

from tests.integration.browsing import chromium
from tests.integration.deploy.proxy import DOMAIN

# In the browser's own clock: the frame after the one in which the first number had a place on the screen,
# drawn into the document or live, and the one in which the live page was whole.
WATCH = """(() => {
  const seen = window.seen = {};
  const where = location.pathname === '/' ? '.mb .four' : '.mb h1.lede';
  const look = () => {
    const at = performance.now(), number = document.querySelector(where);
    if (!seen.first && number && /[0-9]/.test(number.innerText))
      requestAnimationFrame(() => { seen.first ??= performance.now(); });
    if (!seen.live && document.querySelector('#root .mb .foot') && !document.querySelector('#drawn'))
      seen.live = at;
    if (!seen.first || !seen.live) requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})()"""


@dataclass(frozen=True)
class Cold:
    """Milliseconds from the click to the first number and to the live page, and what crossed the wire until
    the page was whole."""

    page: str
    width: int
    first_number_ms: float
    live_ms: float
    requests: int
    transferred_kb: float

    def line(self) -> str:
        return (
            f"| {self.page} | {self.width} | {self.first_number_ms:,.0f} | {self.live_ms:,.0f} "
            f"| {self.requests} | {self.transferred_kb:,.0f} |"
        )


HEAD = (
    "| page | width | first number, ms (median of 3) | live, ms | requests | transferred, kB |\n"
    "|---|---|---|---|---|---|"
)


def measure(port: int, *, times: int = 3) -> list[Cold]:
    """Visit the overview and the page with charts, cold, on a phone and on a desk."""
    found = []
    with chromium(f"--host-resolver-rules=MAP {DOMAIN} 127.0.0.1") as browser:
        for path, width in (("", 390), ("", 1440), ("performance", 1440)):
            visits = [
                _visit(browser, f"https://{DOMAIN}:{port}/{path}", width, f"10.9.{width % 250}.{i}")
                for i in range(times)
            ]
            first, live, requests, size = (median(v[i] for v in visits) for i in range(4))
            found.append(Cold(f"/{path}", width, first, live, int(requests), size / 1e3))
    return found


def _visit(browser: Any, url: str, width: int, address: str) -> tuple[float, float, int, float]:
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        ignore_https_errors=True,
        extra_http_headers={"CF-Connecting-IP": address},
    )
    page = context.new_page()
    sizes: list[float] = []
    network = context.new_cdp_session(page)
    network.send("Network.enable")
    network.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    network.on(
        "Network.webSocketFrameReceived",
        lambda event: sizes.append(len(event["response"]["payloadData"]) * 3 / 4),  # told in base64
    )
    page.add_init_script(WATCH)
    page.goto(url, wait_until="commit")
    for _ in range(600):  # a waiting function of the driver is a script that the page's policy forbids
        if page.evaluate("Boolean(window.seen?.first && seen.live)"):
            break
        page.wait_for_timeout(100)
    first, live = page.evaluate("[seen.first, seen.live]")
    page.wait_for_timeout(1_500)  # charts and fonts come after the first number
    context.close()
    return first, live, len(sizes), sum(sizes)
