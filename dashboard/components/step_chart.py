"""A quantity that moves in steps, as HTML with one small image: a first page needs no chart library.

The image holds the line alone, without text and stretched to its box; labels stand around it as page text.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from math import ceil, floor
from typing import Final
from urllib.parse import quote

from dashboard import format as fmt
from dashboard import theme

_SIZE: Final = 1000  # of the image's own coordinates, both ways
_NICE: Final = (Decimal(1), Decimal(2), Decimal("2.5"), Decimal(5), Decimal(10))


@dataclass(frozen=True)
class Scale:
    """A value axis: its ends and the round numbers that are labelled inside it."""

    low: Decimal
    high: Decimal
    ticks: tuple[Decimal, ...]

    def share(self, value: Decimal) -> Decimal:
        """Height of a value, 0 at the bottom to 1 at the top."""
        return (value - self.low) / (self.high - self.low)


def scale(low: Decimal, high: Decimal, *, most: int = 5) -> Scale:
    """An axis around ``low`` to ``high`` with a little room and at most ``most`` round ticks."""
    room = max((high - low) * Decimal("0.08"), Decimal("0.5"))
    low, high = low - room, high + room
    rough = (high - low) / most
    power = Decimal(1).scaleb(rough.adjusted())
    step = next(n * power for n in _NICE if n * power >= rough)
    first, last = ceil(low / step), floor(high / step)
    return Scale(low, high, tuple(i * step for i in range(first, last + 1)))


def days(left: datetime, right: datetime, *, most: int = 6) -> list[datetime]:
    """Local midnights inside the span, evenly thinned to ``most``."""
    first = left.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    every = max(-(-((right - left).days + 1) // most), 1)
    inside = [first + timedelta(days=i) for i in range(0, (right - left).days + 1, every)]
    return [moment for moment in inside if moment <= right]


def draw(
    points: Sequence[tuple[datetime, Decimal]], start: Decimal, until: datetime, veiled: timedelta, alt: str
) -> str:
    """The chart of at least one point; times are local wall-clock times, values dollars.

    ``start`` is marked by a dotted line; what is ``veiled`` before ``until`` cannot hold a point.

    Raises:
        ValueError: there are no points; an empty chart with axes is never shown.
    """
    if not points:
        raise ValueError("expected at least one point, found none; say so in words instead of drawing")
    right = max(until, points[-1][0])
    span = max(right - points[0][0], timedelta(hours=2))
    left = right - span
    values = [start, *(value for _, value in points)]
    axis = scale(min(values), max(values))

    def across(moment: datetime) -> float:
        return (moment - left) / span

    places = 0 if axis.high - axis.low > 8 else 2
    levels = "".join(
        f'<span class="y" style="bottom:{axis.share(t) * 100:.1f}%"><em>${fmt.fixed(t, places)}</em></span>'
        for t in axis.ticks
    )
    dates = "".join(
        f'<span class="x" style="left:{across(d) * 100:.1f}%"><em>{d:%b} {d.day}</em></span>'
        for d in days(left, right)
    )
    value = points[-1][1]
    return (
        f'<figure class="steps"><div class="box" role="img" aria-label="{fmt.esc(alt)}">{levels}{dates}'
        f'<i class="start" style="bottom:{axis.share(start) * 100:.1f}%"></i>'
        f'<i class="veil" style="left:{across(right - veiled) * 100:.2f}%"></i>'
        f'<img alt="" src="{_image([(across(m), float(axis.share(v))) for m, v in points])}">'
        f'<b style="bottom:{axis.share(value) * 100:.1f}%">{fmt.money(value)}</b></div></figure>'
    )


def _image(line: Sequence[tuple[float, float]]) -> str:
    """A step line in the unit square as an image of 1000 by 1000 without any text, as an address."""
    (x, y), *rest = [(round(a * _SIZE), round((1 - b) * _SIZE)) for a, b in line]
    path = f"M{x},{y}" + "".join(f"H{a}V{b}" for a, b in rest)
    svg = (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {_SIZE} {_SIZE}' preserveAspectRatio='none'>"
        f"<path d='{path}' fill='none' stroke='{theme.US}' stroke-width='1.75' "
        "vector-effect='non-scaling-stroke'/></svg>"
    )
    return "data:image/svg+xml," + quote(svg, safe=" ='/:,")
