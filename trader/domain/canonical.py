"""One canonical byte form of any model: equal values hash equally in every process, zone and hash seed.

The text is written directly, because a cycle's inputs hold some 40,000 book levels and are hashed each time.
"""

import hashlib
import math
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from functools import cache, lru_cache
from json.encoder import encode_basestring
from operator import itemgetter
from typing import Any

from pydantic import BaseModel

from trader.domain.cities import CityConfig
from trader.domain.identity import Same
from trader.domain.learned import Knowledge
from trader.domain.markets import Contract, Level


@lru_cache(maxsize=1 << 13)  # prices and sizes repeat; equal decimals have equal text
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


def _day(value: date) -> str:
    return f'"{value.isoformat()}"'


def _instant(value: datetime) -> str:
    return _utc(value.astimezone(UTC))  # first: in a zone, both readings of a repeated hour are equal


@lru_cache(maxsize=1 << 12)  # one instant stands in hundreds of rows
def _utc(value: datetime) -> str:
    text = value.isoformat(timespec="microseconds").replace("+00:00", "Z")
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
    fields, writers = value.__dict__, _writer_of
    return (
        "{"
        + ",".join(
            [intro + writers[type(item := fields[name])](item) for name, intro in _fields(type(value))]
        )
        + "}"
    )


@lru_cache(maxsize=4)  # the same object in every cycle of hours, thousands of numbers
def _knowledge(key: Same) -> str:
    return _model(key.value)


@lru_cache(maxsize=1 << 10)  # terms and places: the same objects for hours, hundreds of them in each hash
def _lasting(key: Same) -> str:
    return _model(key.value)


@cache
def _enum(value: Enum) -> str:
    return _text(value.value)


def _mapping(value: Mapping[Any, Any]) -> str:
    items = sorted(((_key(key), item) for key, item in value.items()), key=itemgetter(0))
    return "{" + ",".join([f"{encode_basestring(key)}:{_text(item)}" for key, item in items]) + "}"


def _sequence(value: list[Any] | tuple[Any, ...]) -> str:
    kinds = set(map(type, value))
    if len(kinds) != 1:
        return "[" + ",".join([_text(item) for item in value]) + "]"
    (kind,) = kinds  # one kind has one writer
    if kind is Level:
        return "[" + ",".join(_levels(value)) + "]"
    return "[" + ",".join(map(_writer_of[kind], value)) + "]"


_WRITERS: tuple[tuple[type | tuple[type, ...], Callable[[Any], str]], ...] = (
    (Knowledge, lambda value: _knowledge(Same(value))),
    ((Contract, CityConfig), lambda value: _lasting(Same(value))),
    (BaseModel, _model),
    (Enum, _enum),  # before the plain types that enums may be, too
    (str, encode_basestring),
    (Decimal, _decimal),
    (type(None), lambda _: "null"),
    (bool, lambda value: "true" if value else "false"),
    ((int, float), _number),
    (datetime, _instant),
    (date, _day),
    (Mapping, _mapping),
    ((list, tuple), _sequence),
)


class _Writers(dict[type, Callable[[Any], str]]):
    """The first writer that fits, found once for each type: most of a hash's time would go into asking."""

    def __missing__(self, kind: type) -> Callable[[Any], str]:
        for known, writer in _WRITERS:
            if issubclass(kind, known):
                self[kind] = writer
                return writer
        raise TypeError(f"expected a plain value, found {kind.__name__}; nothing was hashed")


_writer_of = _Writers()


def _text(value: Any) -> str:
    return _writer_of[type(value)](value)


def _levels(items: list[Level] | tuple[Level, ...]) -> list[str]:
    """The book's levels are nine tenths of all values: written without a call for each field."""
    return [f'{{"price":{_decimal(item.price)},"size":{_decimal(item.size)}}}' for item in items]


def canonical_json(value: Any) -> str:
    """Return compact JSON with sorted keys: decimals without trailing zeros, instants in UTC microseconds.

    Raises TypeError for a value that has no canonical form, ValueError for NaN or infinity.
    """
    return _text(value)


def content_hash(value: Any) -> str:
    """Return the lower-case sha256 of ``canonical_json(value)``."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()
