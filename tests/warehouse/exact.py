"""Exact arithmetic and small words of the warehouse's second computation: rounded once, at the end."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

Row = dict[str, Any]
Tables = dict[str, list[Row]]
DELAY = timedelta(minutes=60)
LEADS = ((36, "36 h and more"), (24, "24 to 36 h"), (12, "12 to 24 h"), (6, "6 to 12 h"))


def F(value: Any) -> Fraction:  # noqa: N802 - as short as the Decimal it replaces
    return Fraction(value)


def rounded(value: Fraction | None, places: int = 6) -> Decimal | None:
    """Round half away from zero, as SQL's round does."""
    if value is None:
        return None
    scaled = abs(value) * 10**places
    whole = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    return Decimal(whole if value >= 0 else -whole).scaleb(-places)


def summed(values: Iterable[Fraction | int]) -> Fraction:
    return Fraction(sum(values))


def ratio(numerator: Fraction | None, denominator: Fraction | int | None) -> Decimal | None:
    return None if numerator is None or not denominator else rounded(Fraction(numerator) / denominator)


def total(values: Iterable[Fraction | None]) -> Fraction | None:
    known = [v for v in values if v is not None]
    return summed(known) if known else None


def grouped(rows: Iterable[Any], key: Callable[[Any], Any]) -> dict[Any, list[Any]]:
    found = defaultdict(list)
    for row in rows:
        found[key(row)].append(row)
    return found


def minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)


def lead(hours: float) -> tuple[int, str]:
    for number, (least, name) in enumerate(LEADS, start=1):
        if hours >= least:
            return number, name
    return 5, "under 6 h"
