"""Trades: every disclosed trade, newest first, filtered by what stands in the address; each row opens to
its reasons."""

import csv
import io

import streamlit as st

from dashboard import format as fmt
from dashboard import queries, snapshots
from dashboard.cities import PLACES
from dashboard.components import panel, trade_feed
from dashboard.queries import PAGE_SIZE, TradeFilter
from dashboard.rows import PublicTrade
from dashboard.views import frame

ALL = "All"
_CSV_LIMIT = 10_000
_FILTERS = {
    "city": ("City", [p.code for p in PLACES]),
    "market": ("Market", ["HIGH", "LOW", "RAIN", "SNOW"]),
    "side": ("Side", ["YES", "NO"]),
    "result": ("Result", ["open", "won", "lost"]),
    "mode": ("Mode", ["SHADOW", "DEMO", "LIVE"]),
}


def render() -> None:
    page = snapshots.live().value.page
    as_of = page.as_of if page else None
    late = panel.late(as_of - queries.DELAY if as_of else None, as_of)
    with (
        frame.slow_page("Trades", "Every trade, newest first, 60 minutes after it happened."),
        st.container(border=True, key="panel_trades"),
    ):
        chosen = _filters()
        first = snapshots.trade_page(chosen, PAGE_SIZE, 0)
        if as_of is None or not first.value.total:
            is_filtered = chosen != TradeFilter()
            empty = "No trade matches." if is_filtered else "No trade is 60 minutes old yet."
            frame.draw(panel.head("", late), panel.note(empty))
            return
        number = _pager(first.value.total)
        shown = first if number == 0 else snapshots.trade_page(chosen, PAGE_SIZE, number * PAGE_SIZE)
        frame.draw(trade_feed.detailed(shown.value.rows, as_of))
        _download(chosen)


def _filters() -> TradeFilter:
    picked = {}
    with st.container(horizontal=True, gap="small", key="filters"):
        for key, (label, options) in _FILTERS.items():
            value = st.selectbox(label, [ALL, *options], key=key, bind="query-params", width=110)
            picked[key] = None if value == ALL else value
    return TradeFilter(picked["city"], picked["market"], picked["side"], picked["mode"], picked["result"])


def _pager(total: int) -> int:
    pages = -(-total // PAGE_SIZE)
    frame.draw(panel.note(f"{fmt.plural(total, 'trade')}, {PAGE_SIZE} a page. Open a row for its reasons."))
    return 0 if pages < 2 else int(st.number_input("Page", 1, pages, 1, key="page_number", width=110)) - 1


def _download(chosen: TradeFilter) -> None:
    """CSV of the published rows as they are: UTC, exact decimals."""
    st.download_button(
        "Download CSV",
        data=lambda: csv_of(snapshots.trade_page(chosen, _CSV_LIMIT, 0).value.rows),
        file_name="milkbot-trades.csv",
        mime="text/csv",
        on_click="ignore",
    )


def csv_of(trades: tuple[PublicTrade, ...]) -> str:
    """Published rows as CSV; a text that a spreadsheet would run as a formula gets a quote in front."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(PublicTrade.model_fields)
    for trade in trades:
        writer.writerow(_plain(value) for value in trade.model_dump(mode="json").values())
    return out.getvalue()


def _plain(value: object) -> object:
    if isinstance(value, str) and value[:1] in {"=", "+", "@", "\t", "\r"}:
        return f"'{value}"
    return value
