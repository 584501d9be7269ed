"""Health: the overall line, the six components, what is wrong in words."""

import streamlit as st

from dashboard import snapshots
from dashboard.components import anomaly_list, health_badges, panel
from dashboard.queries import DELAY
from dashboard.views import frame

_MEANINGS = (
    '<p class="none meanings">State is judged from age at the moment you look, so a trader that '
    "stopped turns red by itself. <b>OK</b>: in time. <b>Late</b>: older than its limit; no new trades on it "
    "until it is back. <b>Down</b>: no sign of life. Open positions settle at the exchange whatever "
    "happens here.</p>"
)


def first_screen() -> str:
    return _html()


def render() -> None:
    with frame.page():
        place = st.empty()
        frame.live(lambda: place.html(_html()))


def _html() -> str:
    kept = snapshots.live()
    page, health = kept.value.page, kept.value.health
    as_of = page.as_of if page else None
    return panel.document(
        frame.top(),
        panel.intro("Health", health_badges.sentence(health, is_away=kept.is_away)),
        health_badges.alert(health),
        panel.panel(
            "Components",
            panel.now(as_of),
            health_badges.table(health, as_of, is_away=kept.is_away),
            _MEANINGS,
        ),
        panel.panel(
            "Unusual",
            panel.late(as_of - DELAY if as_of else None, as_of),
            anomaly_list.table(snapshots.anomalies().value, as_of),
            panel.note(
                "Wide spreads, thin books and forecasts that disagree. Found by rules; no trade depends on "
                "these words."
            ),
        ),
        panel.footer(page),
    )
