"""The trader's own health on loopback: whether cycles complete, told to whoever asks."""

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from trader.domain.errors import ConfigurationError

HOST, PATH = "127.0.0.1", "/health"
INTERVALS = 2
"""A cycle must complete within so many intervals; one that is slow is not dead yet, two are."""


@dataclass
class Pulse:
    """Completed cycles, by the machine's monotonic clock. ``limit_s`` is real seconds, two intervals."""

    limit_s: float
    started_s: float
    completed_s: float | None = None
    cycles: int = 0
    missed: int = 0
    last_error: str | None = None
    is_stopping: bool = False

    def beat(self, now_s: float, error: str | None) -> None:
        """Note a finished cycle; one that ended with an error completed nothing."""
        self.last_error = error
        if error is None:
            self.completed_s, self.cycles = now_s, self.cycles + 1

    def report(self, now_s: float) -> tuple[int, Mapping[str, Any]]:
        """Return (200 or 503, the reasons): 503 when no cycle completed within the limit."""
        age_s = now_s - (self.started_s if self.completed_s is None else self.completed_s)
        is_ok = age_s <= self.limit_s and not self.is_stopping
        state = "starting" if self.completed_s is None else "ok"
        return (200 if is_ok else 503), {
            "component": "trader",
            "status": state if is_ok else "stopping" if self.is_stopping else "down",
            "last_error": self.last_error,  # early: an alert quotes the beginning only
            "seconds_since_cycle": None if self.completed_s is None else round(age_s, 1),
            "limit_s": self.limit_s,
            "cycles": self.cycles,
            "missed": self.missed,
        }


class HealthServer:
    """Answers ``GET /health`` on a thread of its own; used as a context manager."""

    def __init__(self, port: int, pulse: Pulse, now_s: Any) -> None:
        """Raises ConfigurationError when the port is taken: a monitor would ask somebody else about us."""

        class Handler(BaseHTTPRequestHandler):
            timeout = 5

            def do_GET(self) -> None:  # the base class's name
                status, body = pulse.report(now_s()) if self.path == PATH else (404, {"status": "not found"})
                content = json.dumps(body).encode() + b"\n"
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class names it so
                """Say nothing: the log has one line a cycle."""

        try:
            self._server = ThreadingHTTPServer((HOST, port), Handler)
        except OSError as error:
            raise ConfigurationError(
                f"MILKBOT_HEALTH_PORT: expected a free port, found {port}: {error.strerror}; "
                "nothing was traded"
            ) from error
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, name="health", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
