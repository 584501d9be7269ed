"""Overview: is it running, what did it trade, is it any good, why not more; ten cities; the newest
figures."""

import streamlit as st

from dashboard import format as fmt
from dashboard import snapshots, theme
from dashboard.components import answers, city_grid, equity_chart, funnel, health_badges, panel, trade_feed
from dashboard.components.city_grid import Day
from dashboard.queries import Figures, Live
from dashboard.snapshots import Kept
from dashboard.views import frame

KINDS = {"High": "HIGH", "Low": "LOW"}


def render() -> None:
    with frame.page():
        frame.live(_live)
        frame.live(_slow, snapshots.SLOW_REFRESH_S)


def _live() -> None:
    now, late = snapshots.live(), snapshots.figures()
    st.html(frame.top_html() + _answers_html((now.slot, late.slot), now, late))
    board, page = now.value.board, now.value.page
    if (
        "first_day" not in st.session_state
    ):  # the default must not jump under a viewer who stays for the evening
        st.session_state["first_day"] = city_grid.default_day(board, page.as_of if page else None)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="head"):
        title = st.empty()
        kind = KINDS[_control("kind", list(KINDS), "High", "Market")]
        day: Day = _control("day", ["Today", "Tomorrow"], st.session_state["first_day"], "Day")  # type: ignore[assignment]  # one of the two options
        title.html(city_grid.title(board, kind, day), width="content")
        st.html(city_grid.key(board, kind, day))
    st.html(_grid_html(now.slot, kind, day, now.value))


def _control(key: str, options: list[str], default: str, label: str) -> str:
    chosen = st.segmented_control(
        label,
        options,
        default=default,
        required=True,
        key=key,
        bind="query-params",
        label_visibility="collapsed",
    )
    return chosen or default


def _slow() -> None:
    left, right = st.columns(2, gap="medium")
    with left, st.container(border=True, height="stretch", key="panel_equity"):
        _equity()
    with right, st.container(border=True, height="stretch", key="panel_trades"):
        _trades()
    left, right = st.columns(2, gap="medium")
    with left, st.container(border=True, height="stretch", key="panel_funnel"):
        _funnel()
    with right, st.container(border=True, height="stretch", key="panel_health"):
        kept = snapshots.live()
        as_of = kept.value.page.as_of if kept.value.page else None
        st.html(panel.head("Health", panel.now(as_of)))
        st.html(health_badges.table(kept.value.health, as_of, is_away=kept.is_away))


def _equity() -> None:
    page, data = snapshots.live().value.page, snapshots.figures().value
    points = data.equity
    as_of = page.as_of if page else None
    st.html(panel.head("Equity", panel.late(points[-1].timestamp if points else None, as_of)))
    if not points or as_of is None:
        st.html(panel.empty("No equity figure is 60 minutes old yet."))
        return
    wins, losses = sum(m.wins for m in data.cities), sum(m.losses for m in data.cities)
    st.html(equity_chart.figures(points, wins, losses, as_of))
    st.plotly_chart(
        equity_chart.figure(points, as_of),
        theme=None,
        config=theme.PLOT_CONFIG,
        alt=equity_chart.alt(points),
        height="stretch",
        key="equity",
    )


def _trades() -> None:
    page, data = snapshots.live().value.page, snapshots.figures().value
    as_of = page.as_of if page else None
    known_to = data.equity[-1].timestamp if data.equity else None
    st.html(panel.head("Latest trades", panel.late(known_to, as_of)))
    if not data.trades or as_of is None:
        st.html(panel.empty("No trade is 60 minutes old yet."))
        return
    total = sum(m.trades for m in data.cities)
    link = f'<a class="more" href="trades" target="_self">All {fmt.plural(total, "trade")} →</a>'
    st.html(trade_feed.feed(data.trades, as_of) + f'<div class="mb">{link}</div>')


def _funnel() -> None:
    page, data = snapshots.live().value.page, snapshots.figures().value
    today = fmt.local(page.as_of, fmt.NEW_YORK).date() if page else None
    st.html(panel.head("Why it did not trade", funnel.as_of_text(data.funnel, today)))
    if data.funnel:
        st.html(funnel.table(data.funnel))
    else:
        st.html(panel.empty("No decision is 60 minutes old yet."))


@st.cache_resource(max_entries=4, show_spinner=False)
def _answers_html(slots: tuple[int, int], _now: Kept[Live], _late: Kept[Figures]) -> str:  # noqa: ARG001 - key
    page, health, data = _now.value.page, _now.value.health, _late.value
    is_away = _now.is_away or _late.is_away
    four = answers.four(page, health, data.trades, data.equity, data.cities, data.funnel, is_away=is_away)
    return f'<div class="mb">{panel.LEDE}{four}</div>'


@st.cache_resource(max_entries=16, show_spinner=False)
def _grid_html(slot: int, kind: str, day: Day, _live: Live) -> str:  # noqa: ARG001 - the slot is a key
    return city_grid.grid(_live.board, _live.page.as_of if _live.page else None, kind, day)
