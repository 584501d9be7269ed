"""Of what was given 30 %, did 30 % happen? Our chances and the market's against what came true."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import sqrt
from typing import Final

import plotly.graph_objects as go

from dashboard import theme
from dashboard.rows import CalibrationBin

_HOVER: Final = ": given %{x:.0f}%, came true %{y:.0f}%<br>of %{customdata[0]:,} contracts<extra></extra>"


@dataclass(frozen=True)
class Point:
    """One tenth of probability, over all leads and versions of one forecaster; shares are 0 to 1."""

    said: float
    came: float
    low: float
    high: float
    count: int


def points(bins: Sequence[CalibrationBin], forecaster: str, market_type: str) -> tuple[Point, ...]:
    """Counts add up over leads, strategies' versions and all but never over forecasters."""
    found = []
    for number in range(10):
        rows = [
            b for b in bins
            if (b.forecaster, b.market_type, b.bin_no) == (forecaster, market_type, number)
            and b.mean_p is not None
        ]  # fmt: skip
        count = sum(b.contracts for b in rows)
        if not count:
            continue
        said = sum((b.mean_p or Decimal(0)) * b.contracts for b in rows) / count
        came = sum(b.won for b in rows) / count
        low, high = wilson(sum(b.won for b in rows), count)
        found.append(Point(float(said), came, low, high, count))
    return tuple(found)


def wilson(won: int, count: int, z: float = 1.96) -> tuple[float, float]:
    """Interval of a share by Wilson (1927), 95 % by default."""
    share, q = won / count, z * z / count
    middle = share + q / 2
    half = z * sqrt(share * (1 - share) / count + q / (4 * count))
    return max(0.0, (middle - half) / (1 + q)), min(1.0, (middle + half) / (1 + q))


def figure(us: Sequence[Point], market: Sequence[Point]) -> go.Figure:
    """Squares are ours, circles the market's, bars 95 % intervals, the dotted line is perfect.

    Raises:
        ValueError: there is no point; an empty chart with axes is never shown.
    """
    if not (us or market):
        raise ValueError("expected at least one tenth with a result, found none; say so in words")
    drawn = go.Figure(layout={"template": theme.TEMPLATE, "hovermode": "closest"})
    drawn.add_scatter(
        x=[0, 100], y=[0, 100], mode="lines", hoverinfo="skip",
        line={"color": theme.LABEL, "width": 1, "dash": "dot"},
    )  # fmt: skip
    for name, found, ink, symbol in (
        ("market", market, theme.MARKET_LINE, "circle"),
        ("ours", us, theme.US, "square"),
    ):
        drawn.add_scatter(
            x=[p.said * 100 for p in found],
            y=[p.came * 100 for p in found],
            mode="lines+markers",
            line={"color": ink, "width": 1},
            marker={"color": ink, "symbol": symbol, "size": 8, "line": {"color": theme.PANEL, "width": 1}},
            error_y={
                "type": "data", "symmetric": False, "color": ink, "thickness": 1, "width": 3,
                "array": [(p.high - p.came) * 100 for p in found],
                "arrayminus": [(p.came - p.low) * 100 for p in found],
            },
            customdata=[[p.count] for p in found],
            hovertemplate=name + _HOVER,
        )  # fmt: skip
    ticks = [0, 25, 50, 75, 100]
    axis = {"range": [-2, 102], "tickvals": ticks, "ticktext": [f"{tick}%" for tick in ticks]}
    drawn.update_layout(xaxis=axis, yaxis=axis, margin={"r": 16})
    return drawn


def counts_table(us: Sequence[Point], market: Sequence[Point]) -> str:
    """How many contracts stand behind each mark, tenth by tenth."""
    head = "".join(f"<th>{n * 10}</th>" for n in range(10))
    return (
        f'<table class="counts"><thead><tr><th>Contracts, from %</th>{head}</tr></thead><tbody>'
        f"{_counts('Us', us, 'us')}{_counts('Market', market, 'mktt')}</tbody></table>"
    )


def _counts(name: str, found: Sequence[Point], css: str) -> str:
    known = {min(int(p.said * 10), 9): p.count for p in found}
    cells = "".join(f'<td class="{css if n in known else "na"}">{known.get(n, 0):,}</td>' for n in range(10))
    return f'<tr><th scope="row" class="{css}">{name}</th>{cells}</tr>'
