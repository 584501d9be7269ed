"""Every exception class, grouped by who must act, so that a handler can be written from the class alone."""

import re
from typing import Final

LONGEST_WORD, LONGEST_VALUE = 24, 100
_SUSPECT: Final = re.compile(rf"[@\r\n]|://|[^/.:]{{{LONGEST_WORD + 1},}}")


def shown(value: str) -> str:
    """A setting's value as an error may repeat it: in quotes, or its length alone where it may be a secret.

    A key, token or address with a password that was typed into the wrong line must reach no log. Repeated
    is what has no line break, no ``@``, no ``://`` and no part between ``/``, ``.`` and ``:`` longer than 24
    characters: keys and tokens have one, numbers, words and paths have none.
    """
    if "PRIVATE KEY" in value:
        return "a private key (not shown)"
    if len(value) > LONGEST_VALUE or _SUSPECT.search(value):
        return f"{len(value)} characters (not shown: they may be a secret)"
    return repr(value)


class MilkbotError(Exception):
    """Base of all errors Milkbot raises on purpose."""


class ConfigurationError(MilkbotError):
    """The operator must change a setting or the machine; nothing was started. Exit code 2."""


class TransientError(MilkbotError):
    """A look-up did not answer; retry with backoff. Never evidence about an order."""


class VenueRejected(MilkbotError):
    """The exchange refused with proof; record it and go on.

    ``status`` is the HTTP status, ``code`` the exchange's own error code.
    """

    def __init__(self, message: str, *, status: int, code: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class MalformedPayload(MilkbotError):
    """An outside body lacks a field, renames it or changes its type; that market or city is skipped, never
    defaulted.
    """


class StaleData(MilkbotError):
    """Data is older than its limit; skip the market and degrade health."""


class PersistenceError(MilkbotError):
    """The database did not confirm a write; trading pauses until a probe write is committed."""


class LostWriterLock(MilkbotError):
    """Another process may hold the writer lock; this one must not send again."""


class InvariantViolation(MilkbotError):
    """A bug: something that must never happen was asked for. Stop."""
