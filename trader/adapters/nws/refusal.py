"""Why a text product must not be used."""

from datetime import date
from typing import Literal

Refusal = Literal[
    "WRONG_PRODUCT",
    "WRONG_STATION",
    "UNKNOWN_LAYOUT",
    "STATUS_UNCLEAR",
    "DATE_MISMATCH",
    "VALUE_MISSING",
    "VALUE_IMPLAUSIBLE",
]


class ReportRefused(Exception):
    """A report that must not be used; ``code`` is why, ``climate_date`` its day when it could be told."""

    def __init__(self, code: Refusal, message: str, climate_date: date | None = None) -> None:
        super().__init__(message)
        self.code, self.climate_date = code, climate_date


def lines_of(text: str) -> list[str]:
    """Return a product's lines without control bytes and trailing blanks, tabs as columns."""
    return [line.rstrip().expandtabs(8) for line in text.replace("\r", "").replace("\x03", "").split("\n")]
