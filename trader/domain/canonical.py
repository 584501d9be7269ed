"""One canonical byte form of any model: equal values hash equally in every process, zone and hash seed.

The text is written directly, because a cycle's inputs hold some 40,000 book levels and are hashed each time.
"""

import hashlib
import math
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from functools import cache, lru_cache
from json.encoder import encode_basestring
from operator import itemgetter
from typing import Any

from pydantic import BaseModel

from trader.domain.identity import Same
from trader.domain.learned import Knowledge
from trader.domain.markets import Level


@lru_cache(maxsize=1 << 16)  # prices and sizes repeat; equal decimals have equal text
def _decimal(value: Decimal) -> str:
    text = format(value.normalize(), "f")
    return '"0"' if text == "-0" else f'"{text}"'


@cache
def _fields(model: type[BaseModel]) -> tuple[tuple[str, str], ...]:
    """Names of a model in canonical order, each with the text that introduces it."""
    return tuple((name, f"{encode_basestring(name)}:") for name in sorted(model.model_fields))


def _number(value: float) -> str:
    if isinstance(value, int):
        return int.__repr__(value)
    if not math.isfinite(value):
        raise ValueError(f"expected a finite number, found {value}; nothing was hashed")
    return float.__repr__(value + 0.0)  # minus zero equals zero, so it has the same text


def _when(value: date) -> str:
    if not isinstance(value, datetime):
        return f'"{value.isoformat()}"'
    text = value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return f'"{text}"'


def _key(value: Any) -> str:
    """A mapping's key as text: what the value itself would show, without quotes."""
    match value:
        case Enum():
            return str(value.value)
        case Decimal() | date():
            return _text(value)[1:-1]
        case _:
            return str(value)


def _model(value: BaseModel) -> str:
    fields = value.__dict__
    return "{" + ",".join([intro + _text(fields[name]) for name, intro in _fields(type(value))]) + "}"


@lru_cache(maxsize=4)  # the same object in every cycle of hours, thousands of numbers
def _knowledge(key: Same) -> str:
    return _model(key.value)


def _text(value: Any) -> str:
    match value:
        case Knowledge():
            return _knowledge(Same(value))
        case BaseModel():
            return _model(value)
        case Enum():
            return _text(value.value)
        case str():
            return encode_basestring(value)
        case Decimal():
            return _decimal(value)
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return _number(value)
        case date():  # includes datetime
            return _when(value)
        case Mapping():
            items = sorted(((_key(key), item) for key, item in value.items()), key=itemgetter(0))
            return "{" + ",".join([f"{encode_basestring(key)}:{_text(item)}" for key, item in items]) + "}"
        case list() | tuple():
            return "[" + ",".join(_levels(value) or [_text(item) for item in value]) + "]"
        case _:
            raise TypeError(f"expected a plain value, found {type(value).__name__}; nothing was hashed")


def _levels(items: list[Any] | tuple[Any, ...]) -> list[str]:
    """The book's levels are nine tenths of all values: written without a call for each field."""
    if not items or any(type(item) is not Level for item in items):
        return []
    return [f'{{"price":{_decimal(item.price)},"size":{_decimal(item.size)}}}' for item in items]


def canonical_json(value: Any) -> str:
    """Return compact JSON with sorted keys: decimals without trailing zeros, instants in UTC microseconds.

    Raises TypeError for a value that has no canonical form, ValueError for NaN or infinity.
    """
    return _text(value)


def content_hash(value: Any) -> str:
    """Return the lower-case sha256 of ``canonical_json(value)``."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()
