"""Signed amounts by bucket as bars from a common zero: sign, hatch and ink agree, the count stands beside."""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from dashboard import format as fmt


class Bar(NamedTuple):
    """``amount`` is dollars, None while nothing of the bucket is settled."""

    name: str
    amount: Decimal | None
    note: str


def table(bars: Sequence[Bar], caption: str) -> str:
    amounts = [bar.amount for bar in bars if bar.amount is not None]
    low, high = min([*amounts, Decimal(0)]), max([*amounts, Decimal(0)])
    span = high - low or Decimal(1)
    zero = -low / span * 100
    return (
        f'<table class="bars" style="--zero:{zero:.1f}%"><caption class="sr">{fmt.esc(caption)}</caption>'
        f"{''.join(_row(bar, zero, span) for bar in bars)}</table>"
    )


def _row(bar: Bar, zero: Decimal, span: Decimal) -> str:
    name = f'<th scope="row">{fmt.esc(bar.name)}</th>'
    note = f'<td class="n t">{fmt.esc(bar.note)}</td>'
    if bar.amount is None:
        return (
            f'<tr>{name}<td class="track" aria-hidden="true"></td><td class="n na">{fmt.NA}</td>{note}</tr>'
        )
    width = abs(bar.amount) / span * 100
    left = zero if bar.amount > 0 else zero - width
    ink = "up" if bar.amount > 0 else "down" if bar.amount < 0 else ""
    drawn = f'<i class="{ink}" style="left:{left:.1f}%;width:{width:.1f}%"></i>' if ink else ""
    return (
        f'<tr>{name}<td class="track" aria-hidden="true">{drawn}</td>'
        f'<td class="n {ink}">{fmt.money_signed(bar.amount)}</td>{note}</tr>'
    )
