"""How one day's forecast moved, hour by hour, beside the market's middle and what was measured."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import plotly.graph_objects as go

from dashboard import format as fmt
from dashboard import theme
from dashboard.rows import PathHour

_STEEL_DASH = {"color": theme.MARKET_LINE, "width": 1.5, "dash": "dash"}


def has_points(hours: Sequence[PathHour]) -> bool:
    return any(
        h.p50_f is not None or h.market_median_f is not None or h.extreme_so_far_f is not None for h in hours
    )


def figure(hours: Sequence[PathHour], zone: str) -> go.Figure:
    """Bands hold 50 and 80 % of our distribution; x is the station's local time.

    Raises:
        ValueError: nothing is known at any hour; an empty chart with axes is never shown.
    """
    known = [h for h in hours if has_points([h])]
    if not known:
        raise ValueError("expected at least one hour with a value, found none; say so in words")
    x = [fmt.local(h.hour_at, zone).replace(tzinfo=None) for h in known]
    drawn = go.Figure(layout={"template": theme.TEMPLATE})
    for low, high, alpha in (("p10_f", "p90_f", 0.14), ("p25_f", "p75_f", 0.20)):
        drawn.add_scatter(x=x, y=_values(known, low), mode="lines", line={"width": 0}, hoverinfo="skip")
        drawn.add_scatter(
            x=x, y=_values(known, high), mode="lines", line={"width": 0}, hoverinfo="skip",
            fill="tonexty", fillcolor=f"rgba(255,160,40,{alpha})",
        )  # fmt: skip
    spread = [[h.p10_f, h.p90_f] for h in known]
    drawn.add_scatter(
        x=x, y=_values(known, "p50_f"), mode="lines", line={"color": theme.US, "width": 1.75},
        customdata=spread,
        hovertemplate="our middle %{y}°, 80% from %{customdata[0]}° to %{customdata[1]}°<extra></extra>",
    )  # fmt: skip
    drawn.add_scatter(
        x=x, y=_values(known, "market_median_f"), mode="lines", line=_STEEL_DASH,
        hovertemplate="market’s middle %{y:.1f}°<extra></extra>",
    )  # fmt: skip
    drawn.add_scatter(
        x=x, y=_values(known, "extreme_so_far_f"), mode="lines",
        line={"color": theme.INK, "width": 1.5, "shape": "hv"},
        hovertemplate="measured so far %{y:.0f}°<extra></extra>",
    )  # fmt: skip
    drawn.update_layout(
        xaxis={"range": [x[0], x[-1]], "tickformat": "%H:%M", "nticks": 6},
        yaxis={"ticksuffix": "°", "nticks": 6},
        annotations=_ends(known),
    )
    return drawn


def alt(hours: Sequence[PathHour], what: str) -> str:
    """The chart in one sentence for who does not see it."""
    ours = next((h for h in reversed(hours) if h.p50_f is not None), None)
    market = next((h for h in reversed(hours) if h.market_median_f is not None), None)
    said = (
        f"our middle {ours.p50_f} degrees, 80 percent from {ours.p10_f} to {ours.p90_f}"
        if ours
        else "no forecast"
    )
    theirs = f"the market’s middle {market.market_median_f:.0f} degrees" if market else "no market"
    return f"{what} by the hour: at the end {said}; {theirs}"


def _values(hours: Sequence[PathHour], column: str) -> list[float | None]:
    return [None if (value := getattr(h, column)) is None else float(value) for h in hours]


def _ends(hours: Sequence[PathHour]) -> list[dict[str, Any]]:
    """The last value of each line, written at its end instead of a legend."""
    labels: list[dict[str, Any]] = []
    for column, ink, word in (
        ("p50_f", theme.US, "us"),
        ("market_median_f", theme.MARKET_TEXT, "market"),
        ("extreme_so_far_f", theme.INK, "so far"),
    ):
        value = next((v for v in reversed(_values(hours, column)) if v is not None), None)
        if value is not None:
            labels.append(
                {"y": value, "yshift": 0, "text": f"{word} {value:.0f}°", "font": {"color": ink, "size": 13}}
            )
    labels.sort(key=lambda label: label["y"])
    for below, above in pairwise(labels):
        # two labels closer than a line are pushed apart, the upper one up
        above["yshift"] = max(0, 16 - int((above["y"] - below["y"]) * 8)) + below["yshift"]
    return [
        {"x": 1, "xref": "paper", "xanchor": "left", "xshift": 6, "showarrow": False, **label}
        for label in labels
    ]
