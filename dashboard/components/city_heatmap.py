"""Result by city: one row a city, sorted by any column, P&L tinted by its sign (and signed, for who sees
no tint)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from dashboard import format as fmt
from dashboard.cities import PLACES
from dashboard.rows import CityMetric

_TINT_PERCENT: Final = 18  # of the sign's ink in the strongest cell


@dataclass(frozen=True)
class CityTotal:
    """Sums over climate dates; rates are shares of settled positions, None before the first."""

    code: str
    trades: int
    volume: Decimal
    fees: Decimal
    pnl: Decimal | None
    wins: int
    losses: int
    break_even: Decimal | None

    @property
    def win_rate(self) -> Decimal | None:
        settled = self.wins + self.losses
        return Decimal(self.wins) / settled if settled else None


COLUMNS: Final[dict[str, Callable[[CityTotal], Decimal | int | None]]] = {
    "Trades": lambda r: r.trades,
    "Volume": lambda r: r.volume,
    "Won": lambda r: r.wins,
    "Lost": lambda r: r.losses,
    "Win rate": lambda r: r.win_rate,
    "Break-even": lambda r: r.break_even,
    "Fees": lambda r: r.fees,
    "P&L": lambda r: r.pnl,
}
SORTS: Final = ("City", *COLUMNS)


def overall(metrics: Sequence[CityMetric]) -> CityTotal:
    """All cities in one."""
    return _total("ALL", metrics)


def totals(metrics: Sequence[CityMetric]) -> tuple[CityTotal, ...]:
    """One total for each of the ten cities in their fixed order, also for those that never traded."""
    return tuple(_total(place.code, [m for m in metrics if m.city_code == place.code]) for place in PLACES)


def _total(code: str, rows: Sequence[CityMetric]) -> CityTotal:
    weights = [(m.break_even_win_rate, m.wins + m.losses) for m in rows if m.break_even_win_rate is not None]
    weight = sum(n for _, n in weights)
    return CityTotal(
        code=code,
        trades=sum(m.trades for m in rows),
        volume=sum((m.volume_usd for m in rows), Decimal(0)),
        fees=sum((m.fees for m in rows), Decimal(0)),
        pnl=sum(settled, Decimal(0)) if (settled := [m.pnl for m in rows if m.pnl is not None]) else None,
        wins=sum(m.wins for m in rows),
        losses=sum(m.losses for m in rows),
        break_even=sum((p * n for p, n in weights), Decimal(0)) / weight if weight else None,
    )


def sort(rows: Sequence[CityTotal], column: str) -> tuple[CityTotal, ...]:
    """By a column of ``SORTS``: cities in their fixed order, all else largest first, missing last."""
    if column == "City":
        order = {place.code: i for i, place in enumerate(PLACES)}
        return tuple(sorted(rows, key=lambda r: order[r.code]))
    value = COLUMNS[column]
    return tuple(sorted(rows, key=lambda r: (value(r) is None, -(value(r) or 0))))


def table(rows: Sequence[CityTotal]) -> str:
    largest = max((abs(r.pnl or Decimal(0)) for r in rows), default=Decimal(0))
    names = {place.code: place.name for place in PLACES}
    body = "".join(
        f'<tr><th scope="row">{r.code}<span class="hide"> {names[r.code]}</span></th><td class="n">'
        f"{r.trades}</td>"
        f'<td class="n hide">{fmt.money(r.volume)}</td><td class="n hide">{r.wins}</td><td class="n hide">'
        f"{r.losses}</td>"
        f'<td class="n">{fmt.rate(r.win_rate)}</td><td class="n">{fmt.rate(r.break_even)}</td>'
        f'<td class="n hide">{fmt.money(r.fees)}</td>{_pnl(r.pnl, largest)}</tr>'
        for r in rows
    )
    return (
        '<table class="tab"><thead><tr><th>City</th><th class="n">Trades</th><th class="n '
        'hide">Volume</th>'
        '<th class="n hide">Won</th><th class="n hide">Lost</th><th class="n">Win rate</th><th class="n">'
        "Break-even</th>"
        f'<th class="n hide">Fees</th><th class="n">P&amp;L</th></tr></thead><tbody>{body}</tbody></table>'
    )


def _pnl(pnl: Decimal | None, largest: Decimal) -> str:
    if pnl is None:
        return f'<td class="n na">{fmt.NA}</td>'
    share = int(_TINT_PERCENT * abs(pnl) / largest) if largest else 0
    ink = fmt.ink(pnl)
    tint = f' style="background:color-mix(in srgb,var(--{ink}) {share}%,transparent)"' if ink else ""
    return f'<td class="n {ink}"{tint}>{fmt.money_signed(pnl)}</td>'
