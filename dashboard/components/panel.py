"""What every panel and page shares: frame, title with "as of", the sentence of an empty panel, the footer.

Components give HTML without a root; ``document`` puts the one root around what is drawn together.
"""

from datetime import datetime
from typing import Final

from dashboard import format as fmt
from dashboard.rows import PageState

LEDE = (
    '<h1 class="lede">Milkbot trades the weather of ten US cities on Kalshi, by itself. '
    "<span>Every trade appears here 60 minutes after it happened.</span></h1>"
)
PAGES: Final = (  # address and name, in the order of the navigation; the default page has no address
    ("", "Overview"),
    ("trades", "Trades"),
    ("performance", "Performance"),
    ("forecasts", "Forecasts"),
    ("decisions", "Decisions"),
    ("health", "Health"),
    ("about", "About"),
)


def document(*parts: str) -> str:
    """The root that every rule of the stylesheet hangs on."""
    return f'<div class="mb">{"".join(parts)}</div>'


def panel(title: str, as_of: str, *parts: str) -> str:
    """A panel: a labelled section with its head and its content."""
    return (
        f'<section class="panel" aria-label="{fmt.esc(title)}"><div class="in">'
        f"{head(title, as_of)}{''.join(parts)}</div></section>"
    )


def pair(left: str, right: str) -> str:
    """Two panels side by side, one above the other where it is narrow."""
    return f'<div class="pair">{left}{right}</div>'


def head(title: str, as_of: str, level: int = 2) -> str:
    return (
        f'<div class="head"><h{level} class="title">{fmt.esc(title)}</h{level}>'
        f'<span class="asof">{fmt.esc(as_of)}</span></div>'
    )


def intro(title: str, sentence: str) -> str:
    """The head of a page: its title and the answer it gives, in one sentence; ``sentence`` is HTML."""
    return f'<h1 class="lede">{fmt.esc(title)}. <span>{sentence}</span></h1>'


def figures(*items: tuple[str, str, str]) -> str:
    """Numbers above a chart: name, value, ink (a class of the stylesheet or nothing)."""
    cells = "".join(
        f'<div><dt class="q">{q}</dt><dd class="{css}">{text}</dd></div>' for q, text, css in items
    )
    return f'<dl class="nums">{cells}</dl>'


def late(moment: datetime | None, as_of: datetime | None) -> str:
    """The "as of" of a panel made of trades: ``as of 08:04 EDT, 60 min late``."""
    if moment is None or as_of is None:
        return "as of N/A, 60 min late"
    return f"as of {fmt.when(moment, as_of)} {fmt.zone_name(moment)}, 60 min late"


def now(as_of: datetime | None) -> str:
    return f"as of {fmt.clock_zone(as_of)}" if as_of else "as of N/A"


def note(sentence: str) -> str:
    """A line in label ink: why a panel is empty, or what a word means."""
    return f'<p class="none">{fmt.esc(sentence)}</p>'


def footer(page: PageState | None) -> str:
    """What kind of money, not advice, sources; and the pages, for phones."""
    if page is None or page.mode is None:
        kind = "No money has moved yet."
    elif page.mode == "LIVE":
        kind = "Real money."
    elif page.world is not None:
        kind = "Pretend money: real recorded prices, simulated exchange."
    elif page.mode == "DEMO":
        kind = "Pretend money: orders go to Kalshi's practice market."
    else:
        kind = "Pretend money: real prices, simulated fills."
    links = "".join(f'<a href="./{address}">{name}</a>' for address, name in PAGES)
    return (
        f'<nav class="pages" aria-label="All pages">{links}</nav>'
        f'<p class="foot">{kind} Not advice. Weather from the US National Weather Service and '
        "Open-Meteo; market data from Kalshi. Not affiliated with any of them. Market chances are the "
        "middle of bid and ask and need not add up to 100. Times are New York unless a card says "
        "otherwise.</p>"
    )
