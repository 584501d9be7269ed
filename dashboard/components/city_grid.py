"""Ten cards in their fixed order, the title that says which day they are about, and the key of their
marks."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Final, Literal

from dashboard import format as fmt
from dashboard.cities import PLACES
from dashboard.components.city_card import card
from dashboard.rows import BoardRow

Day = Literal["Today", "Tomorrow"]
_TITLES: Final = {"HIGH": "Highest temperature", "LOW": "Lowest temperature"}


def rows_of(board: Iterable[BoardRow], market_type: str, day: Day) -> dict[str, BoardRow]:
    """The rows of one market type and day by city."""
    return {r.city_code: r for r in board if r.market_type == market_type and r.is_today == (day == "Today")}


def default_day(board: Iterable[BoardRow]) -> Day:
    """Tomorrow once today's highs have no price any more and tomorrow's have; else today, so that what was
    measured stands on the first screen.
    """
    board = tuple(board)

    def has_price(day: Day) -> bool:
        rows = rows_of(board, "HIGH", day).values()
        return any(r.event_status == "open" and r.leading_label for r in rows)

    return "Tomorrow" if has_price("Tomorrow") and not has_price("Today") else "Today"


def title(board: Iterable[BoardRow], market_type: str, day: Day) -> str:
    """``Highest temperature today, Jul 21``."""
    when = [r.climate_date for r in rows_of(board, market_type, day).values()]
    text = f", {_day(max(when))}" if when else ""
    return f'<h2 class="title">{_TITLES[market_type]} {day.lower()}{text}</h2>'


def key(board: Iterable[BoardRow], market_type: str, day: Day) -> str:
    """What the marks of a card mean and when they are from."""
    rows = rows_of(board, market_type, day).values()
    quotes = max((r.quotes_as_of for r in rows if r.quotes_as_of), default=None)
    forecast = max((r.forecast_as_of for r in rows if r.forecast_as_of), default=None)
    market = f"Market chance at {fmt.clock_zone(quotes)}" if quotes else "Market chance: no price yet"
    ours = (
        f"Our chance at {fmt.clock_zone(forecast)}, 60 min or older" if forecast else "Our chance: none yet"
    )
    extreme = "High" if market_type == "HIGH" else "Low"
    return (
        f'<ul class="key"><li><i class="kb"></i>{market}</li><li><i class="ko"></i>'
        f"{ours}</li>"
        f'<li><i class="kw"></i>Our 80% range and middle</li><li><i class="kt"></i>{extreme} so far</li>'
        "</ul>"
    )


def grid(board: Iterable[BoardRow], as_of: datetime | None, market_type: str, day: Day) -> str:
    """Always ten cards, whatever the board holds."""
    rows = rows_of(board, market_type, day)
    cards = "".join(card(place, rows.get(place.code), as_of, market_type) for place in PLACES)
    return f'<div class="grid">{cards}</div>'


def _day(value: date) -> str:
    return f"{value:%b} {value.day}"
