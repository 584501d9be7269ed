"""Small charts as inline SVG, so that a report is one file that opens anywhere. Numbers in, markup out."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 460, 230, 52, 14, 12, 34


@dataclass(frozen=True, slots=True)
class Axes:
    """Ranges of both axes in data units, and their titles."""

    x: tuple[float, float]
    y: tuple[float, float]
    x_title: str
    y_title: str

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return the pixel of a point."""
        (x0, x1), (y0, y1) = self.x, self.y
        across = (x - x0) / ((x1 - x0) or 1) * (WIDTH - LEFT - RIGHT)
        up = (y - y0) / ((y1 - y0) or 1) * (HEIGHT - TOP - BOTTOM)
        return round(LEFT + across, 1), round(HEIGHT - BOTTOM - up, 1)


def chart(
    axes: Axes, marks: Sequence[str], label: str, *, x_ticks: Sequence[tuple[float, str]] | None = None
) -> str:
    """Return one chart with gridlines, five ticks a side (or the given ones) and the marks."""
    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}">']
    for i in range(5):
        y = axes.y[0] + (axes.y[1] - axes.y[0]) * i / 4
        _, py = axes.at(axes.x[0], y)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{py}" y2="{py}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{py + 4}" text-anchor="end">{_short(y)}</text>')
    ticks = x_ticks or [(v := axes.x[0] + (axes.x[1] - axes.x[0]) * i / 4, _short(v)) for i in range(5)]
    for x, text in ticks:
        px, _ = axes.at(x, axes.y[0])
        parts.append(f'<text x="{px}" y="{HEIGHT - BOTTOM + 15}" text-anchor="middle">{escape(text)}</text>')
    middle, turned = (LEFT + WIDTH - RIGHT) / 2, f'transform="translate(11 {HEIGHT / 2}) rotate(-90)"'
    parts.append(f'<text x="{middle}" y="{HEIGHT - 3}" text-anchor="middle">{escape(axes.x_title)}</text>')
    parts.append(f'<text {turned} text-anchor="middle">{escape(axes.y_title)}</text>')
    return "".join([*parts, *marks, "</svg>"])


def line(axes: Axes, points: Sequence[tuple[float, float]], style: str) -> str:
    """Return a line through the points; ``style`` is a class of the page."""
    joined = " ".join(f"{px},{py}" for px, py in (axes.at(x, y) for x, y in points))
    return f'<polyline class="{style}" points="{joined}"/>'


def dot(axes: Axes, x: float, y: float, style: str, title: str, radius: float = 4) -> str:
    """Return a dot with a title that shows when pointed at."""
    (px, py), said = axes.at(x, y), f"<title>{escape(title)}</title>"
    return f'<circle class="{style}" cx="{px}" cy="{py}" r="{radius:.1f}">{said}</circle>'


def bar(axes: Axes, x: float, width: float, y: float, style: str, title: str) -> str:
    """Return a bar from the axis' foot to ``y`` around ``x``."""
    (x0, top), (x1, foot) = axes.at(x - width / 2, y), axes.at(x + width / 2, axes.y[0])
    size = f'width="{max(0.0, x1 - x0):.1f}" height="{max(0.0, foot - top):.1f}"'
    return f'<rect class="{style}" x="{x0}" y="{top}" {size}><title>{escape(title)}</title></rect>'


def _short(value: float) -> str:
    return f"{value:.3g}"
