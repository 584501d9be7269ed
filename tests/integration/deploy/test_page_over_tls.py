"""The real page through the real proxy in a real browser: what the headers forbid, the page must not need."""

import os
import shutil
import time
from pathlib import Path

import pytest
import streamlit

from tests.integration.deploy.proxy import DOMAIN, free_ports, running_proxy
from tests.integration.deploy.test_units import answers, started
from trader.app.postgres import Urls

INDEX = Path(streamlit.__file__).parent / "static" / "index.html"
pytestmark = [pytest.mark.needs_nginx, pytest.mark.needs_chromium]


@pytest.mark.story("8.2")
@pytest.mark.story("8.3")
def test_page_draws_over_tls_with_a_live_socket_and_no_forbidden_request(
    database_urls: Urls, tmp_path: Path
) -> None:
    from playwright.sync_api import sync_playwright

    (port,) = free_ports(1)
    env = {"DASHBOARD_DATABASE_URL": database_urls.dashboard, "HOME": str(tmp_path)}
    complaints: list[str] = []
    statuses: dict[str, int] = {}
    sockets: list[str] = []
    with (
        started("dashboard", port, env),
        running_proxy(tmp_path, "--index", str(INDEX), page_ports=[port, port]) as proxy,
        sync_playwright() as play,
    ):
        answers(port, "/_stcore/health")
        browser = play.chromium.launch(
            executable_path=shutil.which("chromium", path=os.environ["PATH"]),
            args=["--no-sandbox", f"--host-resolver-rules=MAP {DOMAIN} 127.0.0.1"],
        )
        page = browser.new_context(ignore_https_errors=True).new_page()  # the certificate is a test's own
        page.on("console", lambda m: complaints.append(m.text) if m.type in {"error", "warning"} else None)
        page.on("response", lambda r: statuses.__setitem__(r.url, r.status))
        page.on("websocket", lambda s: sockets.append(s.url))
        page.goto(f"https://{DOMAIN}:{proxy.https}/")
        page.wait_for_selector(".mb", timeout=30_000)
        title = page.title()
        page.goto(f"https://{DOMAIN}:{proxy.https}/health")
        page.wait_for_selector(".mb", timeout=30_000)
        time.sleep(1)  # what a policy forbids is reported after the drawing
        browser.close()

    assert "Milkbot" in title
    assert sockets
    assert all(url.startswith(f"wss://{DOMAIN}:{proxy.https}/") for url in sockets)
    assert {url for url, status in statuses.items() if status >= 400} == set()
    assert [text for text in complaints if "Content Security Policy" in text or "Refused" in text] == []
