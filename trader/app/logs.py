"""The logger named ``milkbot``: JSON or readable lines on stderr, and no secret in any of them.

Redaction is the last step before rendering, for our events and for those of libraries alike, so that it also
sees tracebacks and reprs. A value is hidden when its key's name says so or when it was registered.
"""

import contextlib
import json
import logging
import os
import re
import sys
import threading
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Any, Final, TextIO, cast
from urllib.parse import quote

import structlog
from pydantic import BaseModel, SecretBytes, SecretStr
from structlog.typing import EventDict, Processor

NAME: Final = "milkbot"
MASK: Final = "***"
SECRET_WORDS: Final = ("key", "token", "password", "secret", "signature")
# An intent key is a hash over public facts; without it in the log an order could not be followed.
PUBLIC_KEYS: Final = frozenset({"intent_key"})
# Shorter texts would black out ordinary words; such a secret is still hidden by key name and inside URLs.
MIN_SECRET_LENGTH: Final = 4
MAX_DEPTH: Final = 8

_secrets: set[str] = set()
_is_configured = False

_WORDS = "|".join(SECRET_WORDS)
_ASSIGNMENT = re.compile(
    rf"""(?P<name>\b[\w-]*(?:{_WORDS})[\w-]*)      # a name that says so
         (?P<sign>=|['"]\s*[:=]\s*)                # name=value, or 'name': value as in the repr of a mapping
         (?P<value>b?'[^']*'|b?"[^"]*"|[^\s'",;&)}}\]]+)""",
    re.IGNORECASE | re.VERBOSE,
)
_URL_PASSWORD = re.compile(r"(?P<head>\b[a-z][a-z0-9+.-]*://[^\s:/@'\"]*:)[^\s'\"]+(?=@)", re.IGNORECASE)
_PEM = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)


def configure(level: str, fmt: str, secrets: Iterable[str] = (), path: Path | None = None) -> None:
    """Set up logging for this process; calling it again replaces the set-up.

    ``level`` is DEBUG, INFO, WARNING or ERROR, ``fmt`` json or console (both checked by the settings).
    Lines go to stderr, or are appended to the file ``path``, made with mode 0600.
    Libraries are heard from WARNING up. Times are ISO 8601 in UTC of this machine's clock, not the world's.
    """
    global _is_configured
    for secret in secrets:
        register_secret(secret)
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            redact_event,  # here too: another handler on the root logger must not see more than ours
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    renderer: Processor = (
        structlog.processors.JSONRenderer(sort_keys=False)
        if fmt == "json"
        else structlog.dev.ConsoleRenderer(colors=path is None and sys.stderr.isatty())
    )
    handler = _LineHandler(path)
    handler.set_name(NAME)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, redact_event, renderer],
        )
    )
    root = logging.getLogger()
    for old in [h for h in root.handlers if h.get_name() == NAME]:
        root.removeHandler(old)
        old.close()
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger(NAME).setLevel(level)
    _is_configured = True


def log_everything() -> None:
    """For a process whose stderr is a log: what nobody caught, and warnings, are events like all others."""
    logging.captureWarnings(capture=True)
    sys.excepthook = _uncaught
    threading.excepthook = lambda found: _uncaught(found.exc_type, found.exc_value, found.exc_traceback)
    sys.unraisablehook = lambda found: _uncaught(found.exc_type, found.exc_value, found.exc_traceback)


def _uncaught(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    logger().error("uncaught_error", exc_info=(kind, error or kind(), trace))


def logger() -> structlog.stdlib.BoundLogger:
    """Return the logger named ``milkbot``; used before ``configure`` it writes JSON from INFO up."""
    if not _is_configured:
        configure("INFO", "json")
    return cast(structlog.stdlib.BoundLogger, structlog.get_logger(NAME))


def register_secret(value: str) -> None:
    """Hide this text wherever it appears from now on, also as written in a repr or a URL."""
    forms = {value, repr(value)[1:-1], quote(value), quote(value, safe="")}
    _secrets.update(form for form in forms if len(form) >= MIN_SECRET_LENGTH)


def redact_event(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """The structlog processor: return the event with every secret masked, at any depth."""
    return cast(EventDict, _redact(event, 0))


def redact_text(text: str) -> str:
    """Mask registered values, passwords in URLs, private keys and ``name=value`` pairs whose name says so."""
    for secret in sorted(_secrets, key=len, reverse=True):  # a longer one may contain a shorter one
        text = text.replace(secret, MASK)
    text = _PEM.sub(MASK, text)
    text = _URL_PASSWORD.sub(rf"\g<head>{MASK}", text)
    return _ASSIGNMENT.sub(_mask_assignment, text)


def is_secret_name(name: str) -> bool:
    """Whether a key's name says that its value is secret."""
    lower = name.lower()
    return lower not in PUBLIC_KEYS and any(word in lower for word in SECRET_WORDS)


def _mask_assignment(match: re.Match[str]) -> str:
    return f"{match['name']}{match['sign']}{MASK}" if is_secret_name(match["name"]) else match[0]


def _redact(value: Any, depth: int) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, SecretStr | SecretBytes):
        return MASK
    if isinstance(value, Enum):
        return _redact(value.value, depth)
    if isinstance(value, str):
        return redact_text(str(value))
    if isinstance(value, Decimal | Path):
        return redact_text(str(value))
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if depth < MAX_DEPTH:
        if isinstance(value, BaseModel):
            value = dict(value)
        if isinstance(value, Mapping):
            return {
                redact_text(str(k)): MASK if is_secret_name(str(k)) else _redact(v, depth + 1)
                for k, v in value.items()
            }
        if isinstance(value, list | tuple | set | frozenset):
            return [_redact(item, depth + 1) for item in value]
    return redact_text(_repr(value))


def _repr(value: object) -> str:
    try:
        return repr(value)
    except Exception as error:  # noqa: BLE001  a log line must never stop a cycle
        return f"<{type(value).__name__} whose repr raises {type(error).__name__}>"


class _LineHandler(logging.Handler):
    """Writes to a file, or to whatever ``sys.stderr`` is at that moment: a replaced stream is followed."""

    def __init__(self, path: Path | None) -> None:
        super().__init__()
        self._file: TextIO | None = None
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = open(path, "a", encoding="utf-8", opener=_private)  # noqa: SIM115  closed in close()

    def emit(self, record: logging.LogRecord) -> None:
        stream = self._file or sys.stderr
        try:
            stream.write(self.format(record) + "\n")
            stream.flush()
        except Exception as error:  # noqa: BLE001  a log line must never stop a cycle
            # the standard library would print the record here, unredacted
            lost = {"level": "error", "logger": record.name, "event": "log_line_lost"}
            with contextlib.suppress(OSError, ValueError):
                sys.stderr.write(json.dumps(lost | {"error": type(error).__name__}) + "\n")

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
        super().close()


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
