"""One canonical byte form of any model, so that equal values hash equally in every process, zone and hash seed."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

from pydantic import BaseModel


def _plain(value: Any) -> Any:
    match value:
        case BaseModel():
            return {name: _plain(getattr(value, name)) for name in type(value).model_fields}
        case Enum():
            return value.value
        case bool() | int() | float() | str() | None:
            return value
        case Decimal():
            text = format(value.normalize(), "f")
            return "0" if text == "-0" else text
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case Mapping():
            return {str(_plain(key)): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case _:
            raise TypeError(f"expected a plain value, found {type(value).__name__}; nothing was hashed")


def canonical_json(value: Any) -> str:
    """Return compact JSON with sorted keys: decimals without trailing zeros, instants in UTC microseconds.

    Raises TypeError for a value that has no canonical form, ValueError for NaN or infinity.
    """
    return json.dumps(_plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def content_hash(value: Any) -> str:
    """Return the lower-case sha256 of ``canonical_json(value)``."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()
