"""A server's own module under a log of JSON: ``python -m dashboard.logged streamlit run app.py``.

It is ``python -m streamlit run app.py`` in the same process, but whatever is logged, printed, warned of or
not caught, here or in a library, is one JSON object a line on stderr, with the keys of the trader's log:
timestamp (ISO 8601, UTC), level, logger, event. A traceback is inside its object. A developer leaves
``dashboard.logged`` away and reads the libraries' own words.
"""

import atexit
import contextlib
import io
import json
import logging
import re
import runpy
import sys
import threading
from types import TracebackType
from typing import Final, TextIO, cast

import structlog
from structlog.stdlib import ProcessorFormatter

from dashboard.settings import secret_values

NAME: Final = "milkbot.dashboard"
MASK: Final = "***"
FIELDS: Final = ("method", "path", "status")
"""Attributes of a record that become keys of its line."""

_URL_PASSWORD: Final = re.compile(r"(?P<head>://[^\s:/@'\"]*:)[^\s'\"]+(?=@)")


class _Lines(logging.Handler):
    """Every record as a line of JSON to ``stream``; one that cannot be written stops nothing."""

    def __init__(self, stream: TextIO, secrets: tuple[str, ...]) -> None:
        super().__init__()
        self._stream = stream
        self._secrets = tuple(json.dumps(secret)[1:-1] for secret in sorted(secrets, key=len, reverse=True))
        self.setFormatter(
            ProcessorFormatter(
                foreign_pre_chain=[
                    structlog.stdlib.add_logger_name,
                    structlog.stdlib.add_log_level,
                    structlog.processors.TimeStamper(fmt="iso", utc=True),
                    structlog.stdlib.ExtraAdder(FIELDS),
                    structlog.processors.format_exc_info,
                ],
                processors=[ProcessorFormatter.remove_processors_meta, structlog.processors.JSONRenderer()],
            )
        )

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._stream.write(self._hidden(self.format(_request(record))) + "\n")
            self._stream.flush()
        except Exception as error:  # noqa: BLE001  a log line must never stop a server
            lost = {"level": "error", "logger": record.name, "event": "log_line_lost"}
            with contextlib.suppress(OSError, ValueError):
                self._stream.write(json.dumps(lost | {"error": type(error).__name__}) + "\n")

    def _hidden(self, line: str) -> str:
        for secret in self._secrets:
            line = line.replace(secret, MASK)
        return _URL_PASSWORD.sub(rf"\g<head>{MASK}", line)


class _Printed(io.TextIOBase):
    """Stands for stdout or stderr: each line that is printed is an event of a logger named after it."""

    def __init__(self, name: str, level: int) -> None:
        super().__init__()
        self._log, self._level = logging.getLogger(name), level
        self._log.setLevel(level)
        self._rest, self._lock = "", threading.Lock()

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        with self._lock:
            *lines, self._rest = (self._rest + text).split("\n")
        for line in filter(str.strip, lines):
            self._log.log(self._level, "%s", line.strip())
        return len(text)

    def finish(self) -> None:
        """Log what is left without an end of line."""
        self.write("\n")


def configure(stream: TextIO, secrets: tuple[str, ...] = ()) -> None:
    """Let this process write nothing but lines of JSON to ``stream``, in which ``secrets`` are hidden.

    Call it before a library makes its loggers: these get a class of ours, because streamlit and uvicorn
    attach handlers of their own.
    """
    lines = _Lines(stream, secrets)

    class Logger(logging.Logger):
        def callHandlers(self, record: logging.LogRecord) -> None:  # noqa: N802  the base class's name
            """Hand the record to our handler alone, whatever handlers a library has put up."""
            lines.handle(record)

    logging.setLoggerClass(Logger)
    logging.getLogger().handlers = [lines]
    logging.captureWarnings(True)
    sys.excepthook = _uncaught
    threading.excepthook = lambda found: _uncaught(found.exc_type, found.exc_value, found.exc_traceback)
    sys.unraisablehook = lambda found: _uncaught(found.exc_type, found.exc_value, found.exc_traceback)
    printed = (_Printed("stdout", logging.INFO), _Printed("stderr", logging.WARNING))
    sys.stdout, sys.stderr = cast(tuple[TextIO, TextIO], printed)
    for one in printed:
        atexit.register(one.finish)


def _uncaught(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    found = (kind, error or kind(), trace)
    logging.getLogger(NAME).error("uncaught_error", exc_info=found)


def _request(record: logging.LogRecord) -> logging.LogRecord:
    """Take uvicorn's sentence about an answered request apart, so that jq can ask for a path or a status."""
    if record.name == "uvicorn.access" and isinstance(record.args, tuple) and len(record.args) == 5:
        _, record.method, record.path, _, record.status = record.args
        record.msg, record.args = "request", ()
    return record


def main(words: list[str]) -> None:
    """Run the module named first as if it were the process's own, with the words after it."""
    if not words:
        raise SystemExit("dashboard.logged: expected a module and its words, found none; nothing was started")
    configure(sys.stderr, secret_values())
    sys.argv = words
    runpy.run_module(words[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])
