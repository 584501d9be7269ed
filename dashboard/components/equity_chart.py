"""Equity over time as steps, with the last 60 minutes veiled: small on the first page, over its drawdown on
its own."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any, Final

import plotly.graph_objects as go

from dashboard import format as fmt
from dashboard import theme
from dashboard.components import city_heatmap, panel, step_chart
from dashboard.rows import CityMetric, EquityPoint

DELAY: Final = timedelta(minutes=60)


def steps(points: Sequence[EquityPoint]) -> list[EquityPoint]:
    """First, last and every point where a figure changed: a week of cycles is mostly repetition."""
    if len(points) < 3:
        return list(points)
    changed = [b for a, b in pairwise(points) if _figures(a) != _figures(b)]
    kept = [points[0], *changed]
    return kept if kept[-1] is points[-1] else [*kept, points[-1]]


def figure(points: Sequence[EquityPoint], as_of: datetime) -> go.Figure:
    """Equity of one mode over its drawdown, x in New York time.

    Raises:
        ValueError: there are no points; an empty chart with axes is never shown.
    """
    if not points:
        raise ValueError("expected at least one equity point, found none; say so in words instead of drawing")
    shown = steps(points)
    x = [_x(p.timestamp) for p in shown]
    y = [float(p.total_equity) for p in shown]  # pixels, not money
    right = max(_x(as_of), x[-1])
    span = max(right - x[0], timedelta(hours=2))
    left = right - span
    start = float(points[-1].starting_capital)
    figure = go.Figure(layout={"template": theme.TEMPLATE, "uirevision": "equity"})
    figure.add_scatter(
        x=[left, right], y=[start, start], mode="lines", hoverinfo="skip",
        line={"color": theme.LABEL, "width": 1, "dash": "dot"},
    )  # fmt: skip
    figure.add_scatter(
        x=x, y=y, mode="lines", line={"color": theme.US, "width": 1.75, "shape": "hv"},
        customdata=[[fmt.money(p.total_equity), *map(fmt.money_signed, (p.realized_pnl, p.unrealized_pnl))]
                    for p in shown],
        hovertemplate="%{customdata[0]}<br>realised %{customdata[1]}<br>unrealised %{customdata[2]}"
                      "<extra></extra>",
    )  # fmt: skip
    low, high = min(*y, start), max(*y, start)
    pad = max((high - low) * 0.08, 0.5)
    figure.update_layout(
        xaxis={"range": [left, right], **_ticks(left, right)},
        yaxis={
            "range": [low - pad, high + pad],
            "nticks": 6,
            "tickprefix": "$",
            "tickformat": ",.0f" if high - low > 8 else ",.2f",
        },
        annotations=[_end_label(points[-1].total_equity)],
    )
    _veil(figure, right, is_labelled=span <= timedelta(days=1))
    _drawdown(figure, x, shown)
    return figure


def alt(points: Sequence[EquityPoint]) -> str:
    """The chart in one sentence for who does not see it."""
    first, last = points[0], points[-1]
    return (
        f"Equity from {fmt.money(first.total_equity)} on {_stamp(first.timestamp)} "
        f"to {fmt.money(last.total_equity)} on {_stamp(last.timestamp)}, 60 minutes late"
    )


def small(points: Sequence[EquityPoint], as_of: datetime) -> str:
    """The chart as page text and one image, without hover, for the first page."""
    line = [(_x(p.timestamp), p.total_equity) for p in steps(points)]
    return step_chart.draw(line, points[-1].starting_capital, _x(as_of), DELAY, alt(points))


def small_figures(points: Sequence[EquityPoint], cities: Sequence[CityMetric], as_of: datetime) -> str:
    """The numbers above the small chart: now, since the start, settled, open."""
    first, last = points[0], points[-1]
    change = last.total_equity - last.starting_capital
    since = fmt.day(_x(first.timestamp).date(), _x(as_of).date())
    wins, losses = sum(m.wins for m in cities), sum(m.losses for m in cities)
    return panel.figures(
        ("Equity", fmt.money(last.total_equity), ""),
        (f"Profit and loss, from {since}", fmt.money_signed(change), fmt.ink(change)),
        ("Settled", f"{wins:,} won, {losses:,} lost" if wins + losses else "none yet", ""),
        ("Open, if sold now", fmt.money_signed(last.unrealized_pnl), ""),
    )


def figures(points: Sequence[EquityPoint], cities: Sequence[CityMetric]) -> str:
    """The numbers above the whole chart; win rate and break-even stand side by side, one alone misleads."""
    last, total = points[-1], city_heatmap.overall(cities)
    deepest = max(p.drawdown for p in points)
    return panel.figures(
        ("Equity", fmt.money(last.total_equity), ""),
        ("Realised", fmt.money_signed(last.realized_pnl), fmt.ink(last.realized_pnl)),
        ("Unrealised", fmt.money_signed(last.unrealized_pnl), fmt.ink(last.unrealized_pnl)),
        ("Deepest drawdown", fmt.percent_signed(-deepest), ""),
        ("Win rate", fmt.rate(total.win_rate), ""),
        ("Break-even win rate", fmt.rate(total.break_even), ""),
        ("Settled", f"{total.wins + total.losses:,}", ""),
    )


def _figures(point: EquityPoint) -> tuple[Decimal, Decimal, Decimal]:
    return point.total_equity, point.realized_pnl, point.unrealized_pnl


def _x(moment: datetime) -> datetime:
    return fmt.local(moment, fmt.NEW_YORK).replace(
        tzinfo=None
    )  # the chart library draws wall-clock time as given


def _stamp(moment: datetime) -> str:
    then = fmt.local(moment, fmt.NEW_YORK)
    return f"{then:%B} {then.day}, {then:%H:%M %Z}"


def _ticks(left: datetime, right: datetime) -> dict[str, Any]:
    """At most five, which a phone can show: midnights, or the library's own choice within two days."""
    days = (right - left).days
    if days < 2:
        return {"nticks": 5, "tickformat": "%H:%M\n%b %-d"}
    every = days // 5 + 1
    first = left.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    values = [
        first + timedelta(days=i) for i in range(0, days + 1, every) if first + timedelta(days=i) <= right
    ]
    return {"tickvals": values, "ticktext": [f"{v:%b} {v.day}" for v in values]}


def _end_label(equity: Decimal) -> dict[str, Any]:
    return {
        "x": 1, "xref": "paper", "xanchor": "left", "xshift": 6, "y": float(equity), "yref": "y",
        "text": fmt.money(equity), "showarrow": False, "font": {"color": theme.US, "size": 14},
    }  # fmt: skip


def _veil(figure: go.Figure, right: datetime, *, is_labelled: bool) -> None:
    figure.add_shape(
        type="rect", x0=right - DELAY, x1=right, y0=0, y1=1, yref="paper", fillcolor=theme.RAISED,
        line={"width": 0}, layer="above",
    )  # fmt: skip
    if is_labelled:
        figure.add_annotation(
            x=right - DELAY / 2, y=0.98, yref="paper", yanchor="top", text="not shown yet", textangle=-90,
            showarrow=False, font={"size": 12, "color": theme.LABEL},
        )  # fmt: skip


def _drawdown(figure: go.Figure, x: list[datetime], shown: Sequence[EquityPoint]) -> None:
    depths = [-float(p.drawdown) * 100 for p in shown]
    figure.add_scatter(
        x=x, y=depths, yaxis="y2", mode="lines", line={"color": theme.DOWN, "width": 1, "shape": "hv"},
        fill="tozeroy", fillcolor="rgba(255,125,110,0.2)",
        customdata=[fmt.percent_signed(-p.drawdown) for p in shown],
        hovertemplate="below the peak %{customdata}<extra></extra>",
    )  # fmt: skip
    axis = theme.TEMPLATE.layout.yaxis.to_plotly_json()
    figure.update_layout(
        yaxis={"domain": [0.32, 1]},
        yaxis2={**axis, "domain": [0, 0.24], "range": [min(*depths, -0.5) * 1.1, 0], "nticks": 3,
        "ticksuffix": "%",
                "tickformat": ".1f", "anchor": "x"},
    )  # fmt: skip
    figure.update_xaxes(anchor="y2")
