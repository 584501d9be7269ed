"""Bodies as received, once a month each."""

import json
from collections.abc import Sequence
from datetime import UTC, date
from typing import Any, Never

from trader.adapters.ops.rows import Connection
from trader.ports.exchange import RawPayload

_INSERT = """
insert into ops.payloads (month, sha256, content_type, body_json, body_text, received_at)
values (%(month)s, %(sha256)s, %(content_type)s, %(body_json)s, %(body_text)s, %(received_at)s)
on conflict (month, sha256) do nothing
"""


def month_of(payload: RawPayload) -> date:
    """First day of the UTC month of receipt: with the hash, the key of a stored body."""
    return payload.received_at.astimezone(UTC).date().replace(day=1)


def insert_payloads(connection: Connection, payloads: Sequence[RawPayload]) -> None:
    """Store the bodies this month does not have yet."""
    rows = {(month_of(p), p.sha256): _row(p) for p in payloads}
    if rows:
        with connection.cursor() as cursor:
            cursor.executemany(_INSERT, list(rows.values()))


def _row(payload: RawPayload) -> dict[str, Any]:
    is_json = "json" in payload.content_type and _is_storable_json(payload.body)
    return {
        "month": month_of(payload),
        "sha256": payload.sha256,
        "content_type": payload.content_type,
        "body_json": payload.body if is_json else None,
        # text columns hold no NUL; the hash still tells which bytes came
        "body_text": None if is_json else payload.body.replace("\x00", "\N{REPLACEMENT CHARACTER}"),
        "received_at": payload.received_at,
    }


def _is_storable_json(body: str) -> bool:
    """Whether jsonb takes it: a broken body is evidence too and must not stop trading as a failed write."""
    try:
        found = json.loads(body, parse_constant=_refuse_constant)
        if "\\u" in body:  # jsonb knows neither NUL nor half a surrogate pair; encode() raises for the latter
            return b"\\u0000" not in json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return False
    return True


def _refuse_constant(word: str) -> Never:
    raise ValueError(f"expected a number, found {word}")
