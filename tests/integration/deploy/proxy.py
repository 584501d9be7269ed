"""nginx with the configuration the installer writes, on loopback ports, before two tiny pages."""

import base64
import hashlib
import http.client
import os
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
RENDER = ROOT / "deploy" / "nginx" / "render.py"
DOMAIN = "milkbot.example"
INDEX = '<html><head><link rel="shortcut icon" href="./favicon.png" />\n<link\n rel="preload" as="font">'
INDEX += '<title>Streamlit</title><link rel="service-desc" href="./_stcore/agent/openapi.json" />'
INDEX += "<script>window.ready = false</script></head></html>"


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(s.getsockname()[1]) for s in sockets]
    for s in sockets:
        s.close()
    return ports


class Page(ThreadingHTTPServer):
    """Stands for one page process: notes what it gets, answers 200 with its name, echoes 8 socket bytes."""

    daemon_threads = True

    def __init__(self, name: str, port: int) -> None:
        self.name, self.seen = name, list[str]()
        super().__init__(("127.0.0.1", port), _Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Handler(BaseHTTPRequestHandler):
    server: Page
    protocol_version = "HTTP/1.1"
    server_version = "Secret/9.9"

    def do_GET(self) -> None:
        self.server.seen.append(self.path)
        if self.headers.get("Upgrade", "").lower() == "websocket":
            self._echo()
            return
        body = (INDEX + "<!-- filler -->" * 200).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html" if self.path.count("/") == 1 else "text/javascript")
        for name, value in {"X-Page": self.server.name, "ETag": '"x"', "Last-Modified": "yesterday"}.items():
            self.send_header(name, value)
        self.send_header("X-Seen-Host", self.headers["Host"])
        self.send_header("X-Seen-Address", self.headers.get("X-Forwarded-For", ""))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _echo(self) -> None:
        key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()  # noqa: S324  RFC 6455 says so
        self.send_response(101)
        for name, value in {"Upgrade": "websocket", "Connection": "Upgrade"}.items():
            self.send_header(name, value)
        self.send_header("Sec-WebSocket-Accept", accept)
        self.end_headers()
        self.wfile.flush()
        self.wfile.write(self.rfile.read(8))
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class names it so
        """Say nothing: tests read ``seen``."""


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: str


@dataclass
class Proxy:
    """A running nginx. ``address`` of a request is the loopback address it is sent from."""

    https: int
    http: int
    folder: Path
    pages: list[Page]
    certificate: Path
    said: str
    context: ssl.SSLContext
    pid: int = 0

    def tls(self, name: str = DOMAIN, address: str = "127.0.0.1") -> ssl.SSLSocket:
        plain = socket.create_connection(("127.0.0.1", self.https), 5, source_address=(address, 0))
        return self.context.wrap_socket(plain, server_hostname=name)

    def get(
        self,
        path: str,
        headers: dict[str, str] | None = None,
        *,
        method: str = "GET",
        address: str = "127.0.0.1",
    ) -> Answer:
        connection = http.client.HTTPSConnection(DOMAIN, self.https)
        connection.sock = self.tls(address=address)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            connection.putheader("Host", f"{DOMAIN}:{self.https}")
            for name, value in (headers or {}).items():
                connection.putheader(name, value)
            connection.endheaders()
            answer = connection.getresponse()
            body = answer.read().decode("utf-8", "replace")
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, body)
        finally:
            connection.close()

    def seen(self) -> list[str]:
        return [path for page in self.pages for path in page.seen]


def make_certificate(folder: Path, name: str = DOMAIN) -> tuple[Path, Path]:
    certificate, key = folder / "cert.pem", folder / "cert.key"
    subprocess.run(
        [
            *(
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
                "-nodes",
            ),
            *("-days", "30", "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    return certificate, key


def write_configuration(folder: Path, http_port: int, https: int, pages: list[int], *more: str) -> Path:
    """Render as the installer does and wrap it into a whole nginx.conf; return that file."""
    certificate, key = make_certificate(folder)
    for name in ("log", "empty", "bodies"):
        (folder / name).mkdir(exist_ok=True)
    ranges, index = folder / "ranges.txt", folder / "index.html"
    ranges.write_text("127.0.0.1/32  # stands for Cloudflare\n127.0.0.2/31\n::1/128\n")
    index.write_text(INDEX)
    options = {
        "--domain": DOMAIN,
        "--address": "127.0.0.1",
        "--http": str(http_port),
        "--https": str(https),
        "--conf-dir": str(folder / "conf" / "milkbot"),
        "--certificate": str(certificate),
        "--key": str(key),
        "--log-dir": str(folder / "log"),
        "--cache-dir": str(folder / "cache"),
        "--empty-dir": str(folder / "empty"),
        "--ranges": str(ranges),
        "--index": str(index),
    }
    words = [word for pair in options.items() for word in pair]
    command = [sys.executable, str(RENDER), *words, "--pages", *map(str, pages), *more]
    subprocess.run(command, check=True, capture_output=True)
    paths = " ".join(
        f"{kind}_temp_path {folder}/bodies/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    main = folder / "nginx.conf"
    main.write_text(
        f"{'user root;' if os.geteuid() == 0 else ''}\ndaemon off;\npid {folder}/nginx.pid;\n"
        f"error_log {folder}/log/error.log info;\nworker_processes auto;\nworker_rlimit_nofile 8192;\nevents "
        f"{{ worker_connections 4096; }}\n"
        f"http {{ {paths} include {folder}/conf/conf.d/milkbot.conf; }}\n"
    )
    return main


def nginx() -> str:
    return shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin:/sbin") or "nginx"


def check(main: Path) -> str:
    """Return what ``nginx -t`` says."""
    done = subprocess.run([nginx(), "-t", "-c", str(main)], capture_output=True, text=True)
    return done.stdout + done.stderr


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def running_proxy(
    folder: Path, *more: str, are_pages_up: bool = True, page_ports: list[int] | None = None
) -> Iterator[Proxy]:
    """Before two of our ``Page`` unless they are to be down, or before real pages on ``page_ports``."""
    http_port, https, *ports = free_ports(4)
    ports = page_ports or ports
    main = write_configuration(folder, http_port, https, ports, *more)
    are_ours = are_pages_up and page_ports is None
    pages = [Page(name, port) for name, port in zip("ab", ports, strict=True)] if are_ours else []
    trust = ssl.create_default_context(cafile=str(folder / "cert.pem"))
    proxy = Proxy(https, http_port, folder, pages, folder / "cert.pem", check(main), trust)
    process = subprocess.Popen([nginx(), "-c", str(main)], stderr=subprocess.DEVNULL)
    proxy.pid = process.pid
    try:
        end = time.monotonic() + 5
        while not _listens(https):
            if time.monotonic() > end or process.poll() is not None:
                raise RuntimeError(f"nginx does not listen: {(folder / 'log' / 'error.log').read_text()}")
            time.sleep(0.02)
        yield proxy
    finally:
        process.terminate()
        process.wait(10)
        for page in pages:
            page.shutdown()
            page.server_close()
