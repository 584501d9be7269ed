"""Health: the overall line, the six components, what is wrong in words."""

import streamlit as st

from dashboard import snapshots
from dashboard.components import health_badges, panel
from dashboard.views import frame

_MEANINGS = (
    '<div class="mb"><div class="prose"><p>State is judged from age at the moment you look, so a trader that '
    "stopped turns red by itself. <b>OK</b>: in time. <b>Late</b>: older than its limit; no new trades on it "
    "until it is back. <b>Down</b>: no sign of life. Open positions settle at the exchange whatever "
    "happens here.</p></div></div>"
)


def render() -> None:
    with frame.page():
        frame.live(_body)


def _body() -> None:
    kept = snapshots.live()
    as_of = kept.value.page.as_of if kept.value.page else None
    st.html(frame.top_html() + health_badges.alert(kept.value.health))
    with st.container(border=True, key="panel_health"):
        st.html(panel.head("Health", panel.now(as_of), level=1))
        st.html(health_badges.table(kept.value.health, as_of, is_away=kept.is_away))
        st.html(_MEANINGS)
