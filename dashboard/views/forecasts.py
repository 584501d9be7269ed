"""Forecasts: who is closer, we or the market, is what we say true as often as we say, and one day by the
hour."""

from typing import Final

import streamlit as st

from dashboard import format as fmt
from dashboard import snapshots
from dashboard.cities import PLACES
from dashboard.components import city_grid, fan, panel, reliability, scores
from dashboard.components.city_grid import Day
from dashboard.queries import DELAY
from dashboard.rows import MarketType, PageState
from dashboard.views import frame

KINDS: Final[dict[str, MarketType]] = {"High": "HIGH", "Low": "LOW"}
_BRIER: Final = (
    "Brier score: the squared distance between the chance given and what happened (1 or 0), a contract on "
    "average. 0 is perfect; the market’s chance is its middle price at the same instant. Last forecast "
    "of each "
    "lead, all settled days."
)


def first_screen() -> str:
    return frame.first("Forecasts", _sentence())


def render() -> None:
    with frame.slow_page("Forecasts", _sentence()):
        kind = KINDS[frame.choice("kind", list(KINDS), "High", "Market")]
        frame.live(lambda: _skill(kind), snapshots.SLOW_REFRESH_S)
        _fan(kind)


def _sentence() -> str:
    return scores.verdict(scores.headline(snapshots.skill().value.scores))


def _skill(kind: MarketType) -> None:
    found, page = snapshots.skill().value, snapshots.live().value.page
    as_of = page.as_of if page else None
    late = panel.late(as_of - DELAY if as_of else None, as_of)
    us = reliability.points(found.bins, "model", kind)
    market = reliability.points(found.bins, "market", kind)
    headline = scores.headline(found.scores, kind)
    left, right = st.columns(2, gap="medium")
    with left, st.container(border=True, height="stretch", key="panel_reliability"):
        frame.draw(panel.head("Is 30% really 30%?", late))
        if us or market:
            frame.plot(
                reliability.figure(us, market), "Chances given against what came true", "reliability", 340
            )
            frame.draw(
                panel.note(
                    "Amber squares are ours, blue circles the market’s, bars 95% intervals. On the "
                    "dotted line, of "
                    "all that was given 30% just 30% came true."
                ),
                reliability.counts_table(us, market),
            )
        else:
            frame.draw(panel.note("Not enough data: no settled day has been scored yet."))
    with right, st.container(border=True, height="stretch", key="panel_scores"):
        frame.draw(panel.head("Against the market", late))
        if headline is None:
            frame.draw(panel.note("Not enough data: no settled day has been scored yet."))
            return
        cities = scores.pairs(found.scores, kind, city=None, lead=headline.us.lead_no)
        frame.draw(
            scores.lead_table(scores.pairs(found.scores, kind)),
            panel.note(_BRIER),
            panel.head(f"By city, {headline.us.lead} before the day ends", ""),
            scores.dumbbells(cities),
        )


def _fan(kind: MarketType) -> None:
    with st.container(border=True, key="panel_fan"):
        head = st.empty()
        with st.container(horizontal=True, gap="small", key="filters"):
            code = st.selectbox("City", [p.code for p in PLACES], key="city", bind="query-params", width=110)
            day: Day = frame.choice("day", ["Today", "Tomorrow"], "Today", "Day")  # type: ignore[assignment]  # one of the two
        place = next(p for p in PLACES if p.code == code)

        def body() -> None:
            now = snapshots.live().value
            head.html(
                panel.document(
                    panel.head(f"{place.name}: how the day’s {kind.lower()} moved", _both(now.page))
                )
            )
            event = city_grid.rows_of(now.board, kind, day).get(place.code)
            hours = snapshots.path(place.code, kind, event.climate_date).value if event else ()
            if not fan.has_points(hours):
                frame.draw(panel.note("No forecast, price or report of that day yet."))
                return
            frame.plot(fan.figure(hours, place.timezone), fan.alt(hours, place.name), "fan", 340)
            frame.draw(
                panel.note(
                    "Amber: our middle with the ranges that hold 50% and 80% of our chances. Blue, "
                    "dashed: the "
                    "degree that halves the market’s chances. White: measured so far. Local time of the "
                    "station."
                )
            )

        frame.live(body, snapshots.SLOW_REFRESH_S)


def _both(page: PageState | None) -> str:
    """Both sides' times: prices are live, ours is an hour old."""
    if page is None:
        return "as of N/A"
    return f"market as of {fmt.clock(page.as_of)}, ours {fmt.clock_zone(page.as_of - DELAY)}, 60 min late"
