"""The web server's configuration, as the installer writes it, seen from outside."""

import json
import re
import socket
import ssl
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.deploy.proxy import (
    DOMAIN,
    RENDER,
    Proxy,
    check,
    free_ports,
    running_proxy,
    write_configuration,
)

pytestmark = [pytest.mark.needs_nginx]
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
SOCKET = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": KEY,
    "Sec-WebSocket-Version": "13",
}
FORBIDDEN = [
    *("/_stcore/metrics", "/_stcore/upload_file/1/2", "/_stcore/agent/interact", "/_stcore/agent/mcp"),
    *("/_stcore/agent/openapi.json", "/_stcore/script-health-check", "/_stcore/bidi-components/x.js"),
    *("/component/x/index.html", "/media/../app.py", "/media/abc.svg", "/app/static/../app.py"),
    *(
        "/app/static/%2e%2e/app.py",
        "/app/static/about.html",
        "/static/js/index.js.map",
        "/static/js/../../app.py",
    ),
    *("/v1/health", "/v1/trades/public", "/docs", "/openapi.json", "/redoc", "/.git/config", "/.env"),
    *("/static/", "/app/static/", "/nginx_status", "/server-status", "/admin", "/index.html", "/trades/x"),
    *("//_stcore/metrics", "/_stcore//metrics", "/%5fstcore/metrics", "/./_stcore/metrics", "/app.py"),
    *("/trades/_stcore/stream", "/trades/_stcore/health", "/media/abc.csv", f"/media/{'a' * 56}.html"),
    *("/trades/_stcore/metrics", "/trades/_stcore/agent/mcp", "/oauth2callback", "/auth/login"),
]


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    with running_proxy(tmp_path_factory.mktemp("proxy")) as running:
        yield running


@pytest.mark.story("8.2")
def test_configuration_is_accepted_without_a_warning(proxy: Proxy) -> None:
    assert "test is successful" in proxy.said
    assert "warn" not in proxy.said


@pytest.mark.story("8.2")
@pytest.mark.story("8.3")
def test_page_is_served_over_tls_with_our_title_and_the_name_the_visitor_used(proxy: Proxy) -> None:
    with proxy.tls() as connection:
        assert connection.version() == "TLSv1.3"
    answer = proxy.get("/")

    assert answer.status == 200
    assert answer.headers["x-seen-host"] == f"{DOMAIN}:{proxy.https}"
    assert "<title>Milkbot: trading the weather of ten US cities</title>" in answer.body
    assert 'property="og:title"' in answer.body
    assert f'content="https://{DOMAIN}:{proxy.https}/app/static/social.png"' in answer.body
    assert 'name="theme-color" content="#0A0C0E"' in answer.body
    assert not re.search(r'<title>Streamlit|rel="preload"|service-desc', answer.body)


def test_old_protocols_and_other_names_get_no_handshake(proxy: Proxy) -> None:
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")

    with socket.create_connection(("127.0.0.1", proxy.https), 5) as plain, pytest.raises(ssl.SSLError):
        old.wrap_socket(plain, server_hostname=DOMAIN)
    with pytest.raises(ssl.SSLError):
        proxy.tls(name="203.0.113.9.example")


@pytest.mark.parametrize("path", ["/", "/trades", "/static/js/index.AbC-1.js", "/v1/health", "/robots.txt"])
def test_every_answer_carries_the_security_headers_and_betrays_no_version(proxy: Proxy, path: str) -> None:
    headers = proxy.get(path).headers

    assert headers["strict-transport-security"].startswith("max-age=31536000")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    csp = headers["content-security-policy"]
    assert "frame-ancestors 'none'" in csp
    assert "'sha256-" in csp
    assert "unsafe-eval" not in csp
    assert "'unsafe-inline'" not in csp.partition("script-src")[2].partition(";")[0]
    assert headers["server"] == "nginx"
    assert "Secret" not in str(headers)


@pytest.mark.story("8.2")
@pytest.mark.parametrize("path", FORBIDDEN)
def test_path_that_is_not_needed_is_404_and_never_reaches_the_page(proxy: Proxy, path: str) -> None:
    before = proxy.seen()

    answer = proxy.get(path, address="127.0.0.3")

    assert answer.status in {400, 404}
    assert proxy.seen() == before


def test_a_visitors_file_is_let_through_and_kept_nowhere(proxy: Proxy) -> None:
    answer = proxy.get(f"/media/{'0123456789abcdef' * 2}.csv")

    assert (answer.status, answer.headers["cache-control"]) == (200, "no-store")


def test_the_first_page_has_one_address(proxy: Proxy) -> None:
    answer = proxy.get("/overview")

    assert (answer.status, answer.headers["location"]) == (301, f"https://{DOMAIN}:{proxy.https}/")


def test_only_reading_methods_are_let_through(proxy: Proxy) -> None:
    before = proxy.seen()

    statuses = {
        proxy.get("/", method=m).status for m in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE")
    }

    assert statuses <= {404, 405}
    assert proxy.seen() == before


@pytest.mark.story("8.2")
def test_socket_is_upgraded_and_carries_bytes_both_ways(proxy: Proxy) -> None:
    with proxy.tls() as connection:
        lines = [
            "GET /_stcore/stream HTTP/1.1",
            f"Host: {DOMAIN}:{proxy.https}",
            f"Origin: https://{DOMAIN}:{proxy.https}",
        ]
        lines += [f"{name}: {value}" for name, value in SOCKET.items()]
        connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        head = b""
        while b"\r\n\r\n" not in head:
            head += connection.recv(4096)
        connection.sendall(b"12345678")
        echoed = connection.recv(8)

    assert head.startswith(b"HTTP/1.1 101")
    assert b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head  # the answer RFC 6455 gives for this key
    assert echoed == b"12345678"


def test_socket_opened_by_another_sites_page_is_refused(proxy: Proxy) -> None:
    before = proxy.seen()

    answer = proxy.get("/_stcore/stream", {**SOCKET, "Origin": "https://elsewhere.example"})

    assert answer.status == 404
    assert proxy.seen() == before


def test_document_is_never_stored_and_hashed_files_for_a_year(proxy: Proxy) -> None:
    page, script = proxy.get("/"), proxy.get("/static/js/index.Cached1.js")

    assert page.headers["cache-control"] == "no-store"
    assert script.headers["cache-control"] == "public, max-age=31536000, immutable"
    for answer in (page, script):
        assert not {"etag", "last-modified"} & set(answer.headers)


def test_hashed_files_are_asked_of_the_page_once_and_sent_compressed(proxy: Proxy) -> None:
    answers = [proxy.get("/static/js/index.Once.js", {"Accept-Encoding": "gzip"}) for _ in range(3)]

    assert [a.headers.get("content-encoding") for a in answers] == ["gzip"] * 3
    assert proxy.seen().count("/static/js/index.Once.js") == 1


def test_visitor_stays_with_one_page_process_and_visitors_are_spread_over_both(proxy: Proxy) -> None:
    firsts = [proxy.get("/", address="127.0.0.2") for _ in range(24)]
    cookie = firsts[0].headers["set-cookie"]
    again = [proxy.get("/", {"Cookie": cookie.partition(";")[0]}) for _ in range(6)]

    assert {a.headers["x-page"] for a in firsts} == {"a", "b"}
    assert {"Secure", "HttpOnly", "SameSite=Lax"} <= {part.strip() for part in cookie.split(";")}
    assert {a.headers["x-page"] for a in again} == {firsts[0].headers["x-page"]}
    assert all("set-cookie" not in a.headers for a in again)


@pytest.mark.story("8.3")
def test_sender_that_is_not_cloudflare_gets_no_answer_on_either_port(proxy: Proxy) -> None:
    with pytest.raises((ConnectionError, ssl.SSLError)):
        proxy.get("/", address="127.0.0.9")
    with socket.create_connection(("127.0.0.1", proxy.http), 5, source_address=("127.0.0.9", 0)) as plain:
        plain.sendall(f"GET / HTTP/1.0\r\nHost: {DOMAIN}\r\n\r\n".encode())
        assert plain.recv(100) == b""


def test_visitors_address_is_believed_from_cloudflare_only_and_reaches_the_page(proxy: Proxy) -> None:
    answer = proxy.get("/", {"CF-Connecting-IP": "198.51.100.7", "X-Forwarded-For": "10.0.0.1"})

    assert answer.headers["x-seen-address"] == "198.51.100.7"


def test_plain_http_is_sent_to_https(proxy: Proxy) -> None:
    with socket.create_connection(("127.0.0.1", proxy.http), 5) as plain:
        plain.sendall(f"GET /trades HTTP/1.0\r\nHost: {DOMAIN}\r\n\r\n".encode())
        answer = plain.recv(4096).decode()

    assert answer.startswith("HTTP/1.1 301")
    assert f"Location: https://{DOMAIN}:{proxy.https}/trades" in answer


@pytest.mark.story("8.2")
def test_visitors_of_one_office_pass_the_rate_limits_and_a_flood_does_not(proxy: Proxy) -> None:
    proxy.get("/static/js/a.js")  # kept by nginx from now on, so that nginx alone is measured

    files = _many(proxy, "198.51.100.99", "/static/js/a.js", 700)  # seven first loads at once
    pages = _many(proxy, "198.51.100.99", "/trades", 21)  # document and two small questions, each
    flood = _many(proxy, "198.51.100.99", "/trades", 200)
    other = _many(proxy, "198.51.100.98", "/trades", 1)

    assert files == {200: 700}
    assert pages == {200: 21}
    assert flood[429] > 100
    assert other == {200: 1}


def _many(proxy: Proxy, visitor: str, path: str, count: int) -> Counter[int]:
    """Ask ``count`` times as fast as possible over one connection; return the statuses."""
    head = f"GET {path} HTTP/1.1\r\nHost: {DOMAIN}:{proxy.https}\r\nCF-Connecting-IP: {visitor}\r\n"
    with proxy.tls() as connection:
        connection.sendall(
            (head + "\r\n").encode() * (count - 1) + (head + "Connection: close\r\n\r\n").encode()
        )
        answers = b""
        while part := connection.recv(65_536):
            answers += part
    return Counter(int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3})", answers))


def test_access_log_is_json_with_the_visitors_address_and_no_query(proxy: Proxy) -> None:
    proxy.get("/trades?secret=1", {"CF-Connecting-IP": "198.51.100.5"})
    log, end = proxy.folder / "log" / "web.log", time.monotonic() + 5
    while "198.51.100.5" not in log.read_text() and time.monotonic() < end:
        time.sleep(0.02)  # the line is written after the answer is sent
    lines = [json.loads(line) for line in log.read_text().splitlines()]

    (line,) = [x for x in lines if x["address"] == "198.51.100.5"]
    assert (line["path"], line["status"], line["event"], line["level"]) == ("/trades", 200, "request", "info")


def test_visitor_of_a_page_that_is_down_is_told_so(tmp_path: Path) -> None:
    with running_proxy(tmp_path, are_pages_up=False) as proxy:
        answer = proxy.get("/")

    assert answer.status == 503
    assert "Trading does not depend on it" in answer.body
    assert answer.headers["retry-after"] == "10"


@pytest.mark.story("8.3")
def test_with_origin_pulls_a_client_without_cloudflares_certificate_is_refused(tmp_path: Path) -> None:
    with running_proxy(tmp_path, "--pulls-ca", str(tmp_path / "cert.pem")) as proxy:
        without = proxy.get("/")
        context = ssl.create_default_context(cafile=str(proxy.certificate))
        context.load_cert_chain(proxy.certificate, tmp_path / "cert.key")
        plain = socket.create_connection(("127.0.0.1", proxy.https), 5)
        with context.wrap_socket(plain, server_hostname=DOMAIN) as connection:
            connection.sendall(f"GET / HTTP/1.0\r\nHost: {DOMAIN}:{proxy.https}\r\n\r\n".encode())
            answered = connection.recv(100)

    assert without.status == 400
    assert answered.startswith(b"HTTP/1.1 200")


def test_broken_configuration_is_found_by_the_check(tmp_path: Path) -> None:
    plain, tls, *pages = free_ports(4)
    main = write_configuration(tmp_path, plain, tls, pages)
    part = tmp_path / "conf" / "milkbot" / "page.conf"
    part.write_text(part.read_text().replace("proxy_pass", "proxy_past"))

    assert 'unknown directive "proxy_past"' in check(main)


def test_half_downloaded_list_of_ranges_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ranges.txt").write_text("104.16.0.0/13\n<html>\n")

    done = subprocess.run(
        [
            *(sys.executable, str(RENDER), "--domain", "x.example", "--index", "/dev/null"),
            *("--root", str(tmp_path), "--ranges", str(tmp_path / "ranges.txt")),
        ],
        capture_output=True,
        text=True,
    )

    assert done.returncode == 1
    assert "line 2: expected a network like 104.16.0.0/13, found '<html>'; nothing was written" in done.stderr
    assert list(tmp_path.iterdir()) == [tmp_path / "ranges.txt"]
