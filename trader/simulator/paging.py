"""Cursors and limits as the exchange answers them: garbage is the first page, too much is an error."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from trader.simulator.refusals import bad_query

_MARK = "milkbot:"
Row = TypeVar("Row")


def limit_of(query: Mapping[str, str], operation: str, default: int, maximum: int) -> int:
    """Return the page size. Raises Refused (400) for a limit that is no number or above the maximum."""
    text = query.get("limit", "")
    if not text:
        return default
    if not text.isascii() or not text.isdigit():
        raise bad_query(operation, "Limit", "gte" if text.startswith("-") else "number")
    if int(text) > maximum:
        raise bad_query(operation, "Limit", "lte")
    return int(text) or default


def seconds_of(query: Mapping[str, str], name: str, operation: str) -> datetime | None:
    """Return a Unix-seconds filter as an instant. Raises Refused (400) when it is no number."""
    text = query.get(name, "")
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 11:
        raise bad_query(operation, "".join(part.title() for part in name.split("_")), "number")
    return datetime.fromtimestamp(int(text), UTC)


def page(rows: Sequence[Row], query: Mapping[str, str], limit: int) -> tuple[Sequence[Row], str]:
    """Return one page and the cursor of the next; the last page's cursor is empty."""
    start = _offset(query.get("cursor", ""))
    following = start + limit
    return rows[start:following], _cursor(following) if following < len(rows) else ""


def _cursor(offset: int) -> str:
    return base64.urlsafe_b64encode(f"{_MARK}{offset}".encode()).decode().rstrip("=")


def _offset(cursor: str) -> int:
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
    except (binascii.Error, ValueError):
        return 0  # the exchange answers a cursor it cannot read with the first page
    number = text.removeprefix(_MARK)
    return int(number) if text.startswith(_MARK) and number.isdigit() else 0
