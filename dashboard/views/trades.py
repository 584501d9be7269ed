"""Trades: every disclosed trade, newest first, filtered by what stands in the address; each row opens to
its reasons."""

import csv
import io
from typing import Final, get_args

import streamlit as st

from dashboard import format as fmt
from dashboard import snapshots
from dashboard.bundles import TradeFilter, TradePage
from dashboard.cities import PLACES
from dashboard.components import panel, trade_feed
from dashboard.queries import DELAY, PAGE_SIZE
from dashboard.rows import Outcome, PublicTrade
from dashboard.statements import NEWEST
from dashboard.views import frame

ALL: Final = "All"
_FILTERS: Final = {
    "city": ("City", [p.code for p in PLACES]),
    "market": ("Market", ["HIGH", "LOW", "RAIN", "SNOW"]),
    "side": ("Side", ["YES", "NO"]),
    "result": ("Result", ["open", *get_args(Outcome)]),
}
_MODES: Final = ("SHADOW", "DEMO", "LIVE")  # never mixed: one at a time


_SENTENCE: Final = "Every trade, newest first, 60 minutes after it happened."


def first_screen() -> str:
    return frame.first("Trades", _SENTENCE)


def render() -> None:
    with (
        frame.slow_page("Trades", _SENTENCE),
        st.container(border=True, key="panel_trades"),
    ):
        place = st.empty()
        chosen = _filters()
        first = snapshots.trade_page(chosen, PAGE_SIZE, 0).value
        pages = -(-first.total // PAGE_SIZE)
        list_place = st.empty()
        number = 0
        if pages > 1:
            number = st.pagination(pages, key="list", bind="query-params") - 1

        def body() -> None:
            shown = snapshots.trade_page(chosen, PAGE_SIZE, number * PAGE_SIZE).value
            place.html(panel.document(_head(shown)))
            list_place.html(panel.document(_list(shown, is_filtered=chosen != TradeFilter(mode=chosen.mode))))

        frame.live(body, snapshots.SLOW_REFRESH_S)
        if first.total:
            download(chosen)


def _head(shown: TradePage) -> str:
    page = snapshots.live().value.page
    as_of = page.as_of if page else None
    count = f"The newest {NEWEST:,} trades" if shown.total >= NEWEST else fmt.plural(shown.total, "trade")
    return panel.head(count, panel.late(as_of - DELAY if as_of else None, as_of))


def _list(shown: TradePage, *, is_filtered: bool) -> str:
    page = snapshots.live().value.page
    if page is None or not shown.rows:
        return panel.note("No trade matches." if is_filtered else "No trade is 60 minutes old yet.")
    return trade_feed.detailed(shown.rows, shown.explanations, page.as_of)


def _filters() -> TradeFilter:
    picked = {}
    with st.container(horizontal=True, gap="small", key="filters"):
        for key, (label, options) in _FILTERS.items():
            value = st.selectbox(label, [ALL, *options], key=key, bind="query-params", width=110)
            picked[key] = None if value == ALL else value
        page = snapshots.live().value.page
        now = page.mode if page and page.mode else _MODES[0]
        mode = st.selectbox("Mode", _MODES, _MODES.index(now), key="mode", bind="query-params", width=110)
    return TradeFilter(picked["city"], picked["market"], picked["side"], mode, picked["result"])


def download(chosen: TradeFilter) -> None:
    """CSV of the published rows as they are: UTC, exact decimals."""
    st.download_button(
        "Download CSV",
        data=lambda: csv_of(snapshots.trade_page(chosen, NEWEST, 0).value.rows),
        file_name="milkbot-trades.csv",
        mime="text/csv",
        on_click="ignore",
    )


def csv_of(trades: tuple[PublicTrade, ...]) -> str:
    """Published rows as CSV; a text that a spreadsheet would run as a formula gets a quote in front."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(PublicTrade.columns())
    for trade in trades:
        writer.writerow(_plain(value) for value in trade.model_dump(mode="json").values())
    return out.getvalue()


def _plain(value: object) -> object:
    if isinstance(value, str) and value[:1] in {"=", "+", "@", "\t", "\r"}:
        return f"'{value}"
    return value
