"""What every panel and page shares: title with "as of", the sentence of an empty panel, the page's footer."""

from datetime import datetime

from dashboard import format as fmt
from dashboard.rows import PageState

LEDE = (
    '<h1 class="lede">Milkbot trades the weather of ten US cities on Kalshi, by itself. '
    "<span>Every trade appears here 60 minutes after it happened.</span></h1>"
)


def head(title: str, as_of: str, level: int = 2) -> str:
    return (
        f'<div class="mb"><div class="head"><h{level} class="title">{fmt.esc(title)}</h{level}>'
        f'<span class="asof">{fmt.esc(as_of)}</span></div></div>'
    )


def late(moment: datetime | None, as_of: datetime | None) -> str:
    """The "as of" of a panel made of trades: ``as of 08:04 EDT, 60 min late``."""
    if moment is None or as_of is None:
        return "as of N/A, 60 min late"
    return f"as of {fmt.when(moment, as_of)} {fmt.zone_name(moment)}, 60 min late"


def now(as_of: datetime | None) -> str:
    return f"as of {fmt.clock_zone(as_of)}" if as_of else "as of N/A"


def empty(sentence: str) -> str:
    return f'<div class="mb"><p class="none">{fmt.esc(sentence)}</p></div>'


def footer(page: PageState | None) -> str:
    """Pretend or real money, not advice, sources, not affiliated."""
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
    return (
        f'<div class="mb"><p class="foot">{kind} Not advice. Weather from the US National Weather Service '
        f"and "
        "Open-Meteo; market data from Kalshi. Not affiliated with any of them. Market chances are the "
        "middle of bid "
        "and ask and need not add up to 100. Times are New York unless a card says otherwise.</p></div>"
    )


def note(sentence: str) -> str:
    """A half-line that explains a word."""
    return f'<div class="mb"><p class="none">{fmt.esc(sentence)}</p></div>'
