"""What every page stands in: one column of at most 1920 px, the top line, the footer, the refresh
interval."""

from bisect import bisect
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Final

import plotly.graph_objects as go
import streamlit as st

from dashboard import snapshots, theme
from dashboard.bundles import Live
from dashboard.components import panel
from dashboard.components.ribbon import ribbon
from dashboard.snapshots import Kept

_GOLDEN: Final = 0.618034
_CROWD_WITHIN_S: Final = 10
_CROWD: Final = 50  # visitors within that time whom one second takes without a queue
_REMEMBERED: Final = 2_000


@st.cache_resource(show_spinner=False)
def _arrivals() -> deque[float]:
    return deque(maxlen=_REMEMBERED)


def _spread() -> float:
    """Seconds by which this viewer's interval is longer than the shortest.

    Steps of the golden ratio fill a second more evenly than chance. A crowd that came within ten seconds gets
    more than one second, or its refreshes would all fall on the same one for a long time.
    """
    arrivals, now = _arrivals(), monotonic()
    arrivals.append(now)
    recent = len(arrivals) - bisect(arrivals, now - _CROWD_WITHIN_S)
    return recent * _GOLDEN % 1 * max(1, recent / _CROWD)


def live(body: Callable[[], object], seconds: int = snapshots.REFRESH_S) -> None:
    """Draw ``body`` now and again every ``seconds`` plus up to one, more after a rush of visitors.

    ``body`` draws into places made outside of it, so that the widgets between them are not drawn again.
    """
    if "spread" not in st.session_state:
        st.session_state["spread"] = _spread()
    st.fragment(body, run_every=seconds + st.session_state["spread"])()


def draw(*parts: str) -> None:
    st.html(panel.document(*parts))


def plot(figure: go.Figure, alt: str, key: str, height: int) -> None:
    """A chart in the page's template, without a tool bar."""
    st.plotly_chart(figure, theme=None, config=theme.PLOT_CONFIG, alt=alt, height=height, key=key)


def choice(key: str, options: list[str], default: str, label: str) -> str:
    """One of few, as buttons side by side; kept in the address."""
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


@contextmanager
def page() -> Iterator[None]:
    """The page's container."""
    with st.container(key="page"):
        yield


@contextmanager
def slow_page(title: str, sentence: str) -> Iterator[None]:
    """A page whose top line alone is live: its title with the answer it gives, its panels, its footer."""
    with page():
        place = st.empty()
        live(lambda: place.html(panel.document(top())))
        draw(panel.intro(title, sentence))
        yield
        draw(panel.footer(snapshots.live().value.page))


def first(title: str, sentence: str) -> str:
    """What a slow page shows before it is live, at the same place: top line, title and answer."""
    return panel.document(top()) + panel.document(panel.intro(title, sentence))


def top() -> str:
    """The top line of this slot, made once for all viewers."""
    kept = snapshots.live()
    return _top(kept.slot, kept)


@st.cache_resource(max_entries=4, show_spinner=False)
def _top(slot: int, _kept: Kept[Live]) -> str:  # noqa: ARG001 - the slot is the key
    return ribbon(_kept.value.page, _kept.value.health, is_away=_kept.is_away)
