"""Strict reading of JSON: a missing, renamed or retyped field is an error, never a default."""

import json
import re
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from trader.domain.errors import MalformedPayload

_NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,12})?")
_HUNDREDTH = Decimal("0.01")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")


def read_json(body: bytes, what: str) -> "Fields":
    """Return the top-level object. Raises MalformedPayload for anything else; fractions come as Decimal."""
    try:
        value = json.loads(body, parse_float=Decimal, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise MalformedPayload(f"{what}: expected JSON, found {len(body)} bytes that are none") from error
    return Fields(value, what)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def parse_instant(text: str) -> datetime:
    """Return an RFC 3339 instant in UTC. Raises ValueError without a zone or for any other form."""
    if not _INSTANT.fullmatch(text):
        raise ValueError(f"expected an instant with a zone, found {text[:40]!r}")
    return datetime.fromisoformat(text).astimezone(UTC)


class Fields:
    """One JSON object; ``what`` names it in errors. Every reader raises MalformedPayload."""

    def __init__(self, value: Any, what: str) -> None:
        if not isinstance(value, dict):
            raise MalformedPayload(f"{what}: expected an object, found {_kind(value)}")
        self._value, self.what = value, what

    def has(self, name: str) -> bool:
        """Whether the field is there and not null; the exchange leaves unset fields out."""
        return self._value.get(name) is not None

    def without(self, names: Collection[str]) -> dict[str, Any]:
        """The object less some fields, for comparing."""
        return {name: value for name, value in self._value.items() if name not in names}

    def names(self) -> frozenset[str]:
        return frozenset(self._value)

    def raw(self, name: str) -> Any:
        if name not in self._value:
            raise MalformedPayload(f"{self.what}: expected field {name}, found none")
        return self._value[name]

    def error(self, name: str, expected: str) -> MalformedPayload:
        return MalformedPayload(
            f"{self.what}: expected {name} to be {expected}, found {_kind(self.raw(name))}"
        )

    def text(self, name: str, *, allow_empty: bool = False) -> str:
        value = self.raw(name)
        if not isinstance(value, str) or not (value or allow_empty):
            raise self.error(name, "text")
        return value

    def flag(self, name: str) -> bool:
        value = self.raw(name)
        if not isinstance(value, bool):
            raise self.error(name, "true or false")
        return value

    def whole(self, name: str) -> int:
        value = self.raw(name)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.error(name, "a whole number")
        return value

    def number(self, name: str) -> Decimal:
        """A JSON number, exactly as written."""
        value = self.raw(name)
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            raise self.error(name, "a number")
        return Decimal(value)

    def decimal(self, name: str) -> Decimal:
        """A fixed-point string such as ``"0.5600"``; a JSON number is refused."""
        value = self.raw(name)
        found = fixed_point(value) if isinstance(value, str) else None
        if found is None:
            raise self.error(name, "a fixed-point string")
        return found

    def price(self, name: str) -> Decimal:
        """A fixed-point string from 0 to 1 dollars."""
        value = self.decimal(name)
        if not 0 <= value <= 1:
            raise self.error(name, "0 to 1 dollars")
        return value

    def count(self, name: str) -> Decimal:
        """A fixed-point string of contracts, from 0 in hundredths."""
        value = self.decimal(name)
        if not is_count(value):
            raise self.error(name, "contracts in hundredths")
        return value

    def instant(self, name: str) -> datetime:
        try:
            return parse_instant(self.text(name))
        except ValueError as error:
            raise self.error(name, "an instant with a zone") from error

    def one_of(self, name: str, allowed: tuple[str, ...]) -> str:
        value = self.text(name, allow_empty="" in allowed)
        if value not in allowed:
            raise self.error(name, f"one of {', '.join(allowed)}")
        return value

    def items(self, name: str) -> list[Any]:
        value = self.raw(name)
        if not isinstance(value, list):
            raise self.error(name, "a list")
        return value

    def child(self, name: str) -> "Fields":
        return Fields(self.raw(name), f"{self.what}.{name}")

    def children(self, name: str) -> Iterator["Fields"]:
        for place, item in enumerate(self.items(name)):
            yield Fields(item, f"{self.what}.{name}[{place}]")


@lru_cache(maxsize=1 << 13)  # the same prices and sizes in every book
def fixed_point(text: str) -> Decimal | None:
    """Return what a fixed-point text says, None for any other text."""
    return Decimal(text) if _NUMBER.fullmatch(text) else None


@lru_cache(maxsize=1 << 13)
def is_count(value: Decimal) -> bool:
    """Whether contracts from 0 in hundredths."""
    return value >= 0 and value == value.quantize(_HUNDREDTH)


def _kind(value: Any) -> str:
    """Say what was found without repeating a long outside text."""
    return (
        repr(value)
        if isinstance(value, int | Decimal | None)
        else f"{type(value).__name__} {str(value)[:40]!r}"
    )
