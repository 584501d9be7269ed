"""About: what this is, how a market settles, why 60 minutes, how to read a card, limits, sources, data."""

from functools import cache
from pathlib import Path
from typing import Final

import streamlit as st

from dashboard import api_docs
from dashboard.bundles import TradeFilter
from dashboard.cities import PLACES
from dashboard.components import panel
from dashboard.components.city_card import card
from dashboard.rows import BoardRow
from dashboard.views import frame, trades

TEXT: Final = Path(__file__).parents[1] / "static" / "about.html"


_SENTENCE: Final = "What this is, how it works, and what it is not."


def first_screen() -> str:
    return frame.first("About", _SENTENCE) + panel.document(_html())


def render() -> None:
    with frame.slow_page("About", _SENTENCE):
        frame.draw(_html())
        with st.container(border=True, key="panel_data"):
            frame.draw(
                "<h2 class='title'>Data</h2><p class='none'>The published trades of the mode that runs "
                "now, as CSV.</p>"
            )
            trades.download(TradeFilter())


@cache
def _html() -> str:
    """The text with a card of the recorded week in its place."""
    row = BoardRow.model_validate(api_docs.example(BoardRow))
    place = next(p for p in PLACES if p.code == row.city_code)
    picture = f'<div class="grid one">{card(place, row, row.quotes_as_of, row.market_type)}</div>'
    text = TEXT.read_text(encoding="utf-8").replace("<!--card-->", picture)
    return f'<div class="prose">{text}</div>'
