"""Overview: is it running, what did it trade, is it any good, why not more; ten cities; the newest
figures."""

from typing import Final, NamedTuple

import streamlit as st

from dashboard import format as fmt
from dashboard import snapshots
from dashboard.bundles import Figures, Live
from dashboard.components import answers, city_grid, equity_chart, funnel, health_badges, panel, trade_feed
from dashboard.components.city_grid import Day
from dashboard.snapshots import Kept
from dashboard.views import frame

KINDS: Final = {"High": "HIGH", "Low": "LOW"}


class Drawn(NamedTuple):
    """The page's four live places as HTML."""

    top: str
    title: str
    key: str
    rest: str


def render() -> None:
    """Four places and two controls; one fragment fills the places, every text of it made once a slot."""
    now = snapshots.live().value
    if "first_day" not in st.session_state:
        # the default must not jump under a viewer who stays for the evening
        st.session_state["first_day"] = city_grid.default_day(now.board)
    with frame.page():
        top = st.empty()
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key="head"):
            title = st.empty()
            kind = KINDS[frame.choice("kind", list(KINDS), "High", "Market")]
            day: Day = frame.choice("day", ["Today", "Tomorrow"], st.session_state["first_day"], "Day")  # type: ignore[assignment]  # one of the two options
            key = st.empty()
        rest = st.empty()

        def body() -> None:
            drawn = _drawn(kind, day)
            top.html(drawn.top)
            title.html(drawn.title, width="content")
            key.html(drawn.key)
            rest.html(drawn.rest)

        frame.live(body)


def first_screen() -> str:
    """What stands here before the live page does: the same texts, without the controls."""
    drawn = _drawn("HIGH", city_grid.default_day(snapshots.live().value.board))
    return f'{drawn.top}<div class="head0">{drawn.title}<i></i>{drawn.key}</div>{drawn.rest}'


def _drawn(kind: str, day: Day) -> Drawn:
    now, late = snapshots.live(), snapshots.figures()
    return _drawn_once((now.slot, late.slot), kind, day, now, late)


@st.cache_resource(max_entries=16, show_spinner=False)
def _drawn_once(slots: tuple[int, int], kind: str, day: Day, _now: Kept[Live], _late: Kept[Figures]) -> Drawn:  # noqa: ARG001 - the slots are the key
    now, late = _now.value, _late.value
    as_of = now.page.as_of if now.page else None
    is_away = _now.is_away or _late.is_away
    four = answers.four(now.page, now.health, late, is_away=is_away)
    badges = health_badges.table(now.health, as_of, is_away=is_away)
    health = panel.panel("Health", panel.now(as_of), badges)
    return Drawn(
        top=panel.document(frame.top(), panel.LEDE, four),
        title=panel.document(city_grid.title(now.board, kind, day)),
        key=panel.document(city_grid.key(now.board, kind, day)),
        rest=panel.document(
            city_grid.grid(now.board, as_of, kind, day),
            panel.pair(_equity(now, late), _trades(now, late)),
            panel.pair(_funnel(now, late), health),
            panel.footer(now.page),
        ),
    )


def _equity(now: Live, late: Figures) -> str:
    points, as_of = late.equity, now.page.as_of if now.page else None
    since = panel.late(points[-1].timestamp if points else None, as_of)
    if not points or as_of is None:
        return panel.panel("Equity", since, panel.note("No equity figure is 60 minutes old yet."))
    more = '<a class="more" href="./performance">Result by city, edge and strategy →</a>'
    return panel.panel(
        "Equity",
        since,
        equity_chart.small_figures(points, late.cities, as_of),
        equity_chart.small(points, as_of),
        more,
    )


def _trades(now: Live, late: Figures) -> str:
    as_of = now.page.as_of if now.page else None
    since = panel.late(late.equity[-1].timestamp if late.equity else None, as_of)
    if not late.trades or as_of is None:
        return panel.panel("Latest trades", since, panel.note("No trade is 60 minutes old yet."))
    total = fmt.plural(sum(m.trades for m in late.cities), "trade")
    more = f'<a class="more" href="./trades">All {total} →</a>'
    return panel.panel("Latest trades", since, trade_feed.feed(late.trades, as_of), more)


def _funnel(now: Live, late: Figures) -> str:
    today = fmt.local(now.page.as_of, fmt.NEW_YORK).date() if now.page else None
    body = funnel.table(late.funnel) if late.funnel else panel.note("No decision is 60 minutes old yet.")
    return panel.panel("Why it did not trade", funnel.as_of_text(late.funnel, today), body)
