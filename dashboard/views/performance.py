"""Performance: equity over drawdown, result by city and by strategy; all of it 60 minutes late."""

import streamlit as st

from dashboard import snapshots, theme
from dashboard.components import city_heatmap, equity_chart, panel, strategy_table
from dashboard.views import frame


def render() -> None:
    with frame.slow_page("Performance", "What the trades made and lost, after fees, 60 minutes late."):
        frame.live(_body, snapshots.SLOW_REFRESH_S)


def _body() -> None:
    page, data = snapshots.live().value.page, snapshots.figures().value
    as_of = page.as_of if page else None
    late = panel.late(data.equity[-1].timestamp if data.equity else None, as_of)
    with st.container(border=True, key="panel_equity"):
        frame.draw(panel.head("Equity and drawdown, last 30 days", late))
        if data.equity and as_of is not None:
            wins, losses = sum(m.wins for m in data.cities), sum(m.losses for m in data.cities)
            frame.draw(equity_chart.figures(data.equity, wins, losses, as_of))
            st.plotly_chart(
                equity_chart.figure(data.equity, as_of, has_drawdown=True),
                theme=None,
                config=theme.PLOT_CONFIG,
                alt=equity_chart.alt(data.equity),
                height=420,
                key="equity_drawdown",
            )
            frame.draw(panel.note("Below: drawdown, how far equity stands under its highest point so far."))
        else:
            frame.draw(panel.note("No equity figure is 60 minutes old yet."))
    with st.container(border=True, key="panel_cities"):
        frame.draw(panel.head("Result by city", late))
        column = st.selectbox("Sorted by", city_heatmap.SORTS, key="sort", bind="query-params", width=160)
        frame.draw(
            city_heatmap.table(city_heatmap.sort(city_heatmap.totals(data.cities), column)),
            panel.note(
                "Win rate is the share of settled positions that made money after fees. Break-even is the "
                "share that would have been needed at the prices paid: above it is profit."
            ),
        )
    rows = snapshots.strategies().value
    table = strategy_table.table(rows) if rows else panel.note("No decision is 60 minutes old yet.")
    frame.draw(panel.panel("Result by strategy", late, table))
