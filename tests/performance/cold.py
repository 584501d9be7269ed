"""The first visit of a phone or a desk: a real browser with an empty cache, through the proxy."""

from dataclasses import dataclass
from statistics import median
from typing import Any

from tests.integration.browsing import chromium
from tests.integration.deploy.proxy import DOMAIN

FIRST_NUMBER = ".mb .four .a"


@dataclass(frozen=True)
class Cold:
    """Milliseconds from the click to the first number, and what crossed the wire until the page was whole."""

    page: str
    width: int
    first_number_ms: float
    requests: int
    transferred_kb: float

    def line(self) -> str:
        return (
            f"| {self.page} | {self.width} | {self.first_number_ms:,.0f} | {self.requests} "
            f"| {self.transferred_kb:,.0f} |"
        )


HEAD = "| page | width | first number, ms (median of 3) | requests | transferred, kB |\n|---|---|---|---|---|"


def measure(port: int, *, times: int = 3) -> list[Cold]:
    """Visit the overview and the page with charts, cold, on a phone and on a desk."""
    found = []
    with chromium(f"--host-resolver-rules=MAP {DOMAIN} 127.0.0.1") as browser:
        for path, width in (("", 390), ("", 1440), ("performance", 1440)):
            visits = [
                _visit(browser, f"https://{DOMAIN}:{port}/{path}", width, f"10.9.{width % 250}.{i}")
                for i in range(times)
            ]
            first, requests, size = (median(v[i] for v in visits) for i in range(3))
            found.append(Cold(f"/{path}", width, first, int(requests), size / 1e3))
    return found


def _visit(browser: Any, url: str, width: int, address: str) -> tuple[float, int, float]:
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
    page.goto(url, wait_until="commit")
    page.wait_for_selector(f"{FIRST_NUMBER}, .mb dl.nums dd", timeout=60_000)
    first = page.evaluate("performance.now()")
    page.wait_for_selector(".mb .foot", timeout=60_000)
    page.wait_for_timeout(1_500)  # charts and fonts come after the first number
    context.close()
    return first, len(sizes), sum(sizes)
