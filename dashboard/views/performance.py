"""Performance: equity over drawdown, results by city, edge, lead and strategy; all of it 60 minutes late."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import streamlit as st

from dashboard import format as fmt
from dashboard import snapshots
from dashboard.bundles import Performance
from dashboard.components import answers, bars, city_heatmap, equity_chart, exposure, panel, strategy_table
from dashboard.components.bars import Bar
from dashboard.queries import SPANS
from dashboard.rows import PnlBucket
from dashboard.views import frame

_NOTHING: Final = "No equity figure is 60 minutes old yet."


def first_screen() -> str:
    return frame.first("Performance", _sentence())


def render() -> None:
    with frame.slow_page("Performance", _sentence()):
        span = frame.choice("span", list(SPANS), "30 days", "Time shown")
        frame.live(lambda: _body(span), snapshots.SLOW_REFRESH_S)


def _sentence() -> str:
    found = snapshots.performance("30 days").value
    return answers.result_sentence(found.equity, found.cities)


def _body(span: str) -> None:
    data, page = snapshots.performance(span).value, snapshots.live().value.page
    as_of = page.as_of if page else None
    late = panel.late(data.equity[-1].timestamp if data.equity else None, as_of)
    shown = "since the first trade" if SPANS[span] is None else f"last {span}"
    with st.container(border=True, key="panel_equity"):
        frame.draw(panel.head(f"Equity and drawdown, {shown}", late))
        if not data.equity or as_of is None:
            frame.draw(panel.note(_NOTHING))
        else:
            frame.draw(equity_chart.figures(data.equity, data.cities))
            frame.plot(equity_chart.figure(data.equity, as_of), equity_chart.alt(data.equity), "equity", 420)
            frame.draw(
                panel.note(
                    "Below: drawdown, how far equity stands under its highest point so far. Realised "
                    "holds the fees "
                    "of open positions, unrealised what selling them to the best bid would give."
                )
            )
    with st.container(border=True, key="panel_cities"):
        frame.draw(panel.head(f"Result by city, {shown}", late))
        column = st.selectbox("Sorted by", city_heatmap.SORTS, key="sort", bind="query-params", width=160)
        frame.draw(
            city_heatmap.table(city_heatmap.sort(city_heatmap.totals(data.cities), column)),
            panel.note(
                "Win rate is the share of settled positions that made money after fees. Break-even is the "
                "share that would have been needed at the prices paid: above it is profit."
            ),
        )
    frame.draw(_panels(data, shown, late))


def _panels(data: Performance, shown: str, late: str) -> str:
    strategies = (
        strategy_table.table(data.strategies, data.closing)
        if data.strategies
        else panel.note("No decision is 60 minutes old yet.")
    )
    return panel.pair(
        _bars(data.buckets, "edge", "By edge when bought", late, "What we expected to gain on a contract."),
        _bars(data.buckets, "lead", "By time left when bought", late, "Before the end of the climate day."),
    ) + panel.pair(
        panel.panel(
            f"Result by strategy, {shown}",
            late,
            strategies,
            panel.note(
                "Edge: our chance less price and fees when bought. Later: how the market’s price had "
                "moved by "
                "its close; above zero the market came round to us."
            ),
        ),
        panel.panel("At risk by region", late, exposure.table(data.exposure)),
    )


def _bars(rows: Sequence[PnlBucket], dimension: str, title: str, late: str, words: str) -> str:
    """Profit and loss of a dimension's buckets, summed over the days shown."""
    found: dict[tuple[int, str], list[PnlBucket]] = {}
    for row in rows:
        if row.dimension == dimension:
            found.setdefault((row.bucket_no, row.bucket), []).append(row)
    shown = [
        Bar(
            name,
            sum((r.pnl for r in bucket if r.pnl is not None), Decimal(0))
            if any(r.pnl is not None for r in bucket)
            else None,
            fmt.plural(sum(r.settled_trades for r in bucket), "trade"),
        )
        for (_, name), bucket in sorted(found.items())
    ]
    body = bars.table(shown, title) if shown else panel.note("No trade is settled yet.")
    return panel.panel(
        title, late, body, panel.note(f"{words} Profit and loss of settled trades, after fees.")
    )
