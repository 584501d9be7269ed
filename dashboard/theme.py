"""The tokens of the look and the one Plotly template. Colours that CSS uses stand in ``static/page.css`` too;
a test keeps the two equal."""

from typing import Any, Final

import plotly.graph_objects as go

GROUND: Final = "#0A0C0E"
PANEL: Final = "#101316"
RAISED: Final = "#181C20"
LINE: Final = "#272D33"
LINE_STRONG: Final = "#3D464E"
INK: Final = "#ECE7DB"
INK_2: Final = "#B7BAB5"
LABEL: Final = "#8E979D"
US: Final = "#FFA028"
MARKET: Final = "#4C6F90"
MARKET_LINE: Final = "#6E96BC"
MARKET_TEXT: Final = "#94B5D3"
UP: Final = "#3CC8A3"
DOWN: Final = "#FF7D6E"
OK: Final = "#7FC66C"
WARN: Final = "#F0DC4E"
BAD: Final = "#FF5C54"
FONT: Final = "IBM Plex Sans Condensed, system-ui, sans-serif"
PLOT_CONFIG: Final[dict[str, Any]] = {"displayModeBar": False, "responsive": True}

_AXIS: Final[dict[str, Any]] = {
    "gridcolor": LINE,
    "linecolor": LINE_STRONG,
    "showline": True,
    "zeroline": False,
    "ticks": "",
    "tickfont": {"size": 12, "color": LABEL},
    "automargin": True,
    "fixedrange": True,
    "title": {"text": ""},
}
TEMPLATE: Final = go.layout.Template(
    layout={
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": FONT, "size": 13, "color": INK},
        "colorway": [US, MARKET_LINE, INK, UP, DOWN, LABEL],
        "margin": {"l": 52, "r": 76, "t": 8, "b": 28},
        "xaxis": _AXIS,
        "yaxis": _AXIS,
        "hovermode": "x unified",
        "hoverlabel": {"bgcolor": RAISED, "bordercolor": LINE_STRONG, "font": {"family": FONT, "size": 13}},
        "showlegend": False,
        "separators": ".,",
    }
)
