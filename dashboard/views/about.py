"""About: what this is, how a market settles, why 60 minutes, how to read a card, limits and sources."""

from pathlib import Path

from dashboard.views import frame

TEXT = Path(__file__).parents[1] / "static" / "about.html"


def render() -> None:
    with frame.slow_page("About", "What this is, how it works, and what it is not."):
        frame.draw(TEXT.read_text(encoding="utf-8"))
