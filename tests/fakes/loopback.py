"""A real HTTP server on loopback that answers from a script: what goes wrong on real sockets."""

import json
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Asked:
    """One request as it arrived; header names are lower case."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """An answer; after ``cut_after`` bytes of the body it is dropped, ``pause_s`` lies between single bytes.

    ``is_dropped`` closes the connection without any answer.
    """

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    cut_after: int | None = None
    pause_s: float = 0.0
    is_dropped: bool = False


def reply(value: Any, status: int = 200, **headers: str) -> Reply:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Reply(status, json.dumps(value).encode(), {"Content-Type": "application/json", **named})


Script = Callable[[Asked], Reply]


@dataclass
class Loopback:
    origin: str
    asked: list[Asked]

    def paths(self, method: str = "GET") -> list[str]:
        return [asked.path for asked in self.asked if asked.method == method]


@contextmanager
def serving(script: Script) -> Generator[Loopback]:
    """Answer every request by ``script`` until the block ends; ``asked`` grows as requests arrive."""
    asked: list[Asked] = []
    stop = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            url = urlsplit(self.path)
            size = int(self.headers.get("content-length", "0"))
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Asked(
                self.command,
                url.path,
                dict(parse_qsl(url.query)),
                headers,
                self.rfile.read(size) if size else b"",
            )
            asked.append(request)
            self._send(script(request))

        do_GET = do_POST = do_DELETE = _answer  # noqa: N815  names are the base class's

        def _send(self, answer: Reply) -> None:
            if answer.is_dropped:
                self.close_connection = True
                return
            self.send_response_only(answer.status)
            headers = {"Content-Length": str(len(answer.body)), **answer.headers}
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            body = answer.body[: answer.cut_after]
            step = 1 if answer.pause_s else 65_536
            try:
                for place in range(0, len(body), step):
                    if stop.wait(answer.pause_s if place else 0):
                        break
                    self.wfile.write(body[place : place + step])
                    self.wfile.flush()
                self.close_connection = self.close_connection or answer.cut_after is not None
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class names it so
            """Say nothing: the test reads ``asked``."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield Loopback(f"http://127.0.0.1:{server.server_port}", asked)
    finally:
        stop.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
