"""What every page stands in: one column of at most 1920 px, the top line, the footer, the refresh
interval."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Final

import streamlit as st

from dashboard import snapshots
from dashboard.components import panel
from dashboard.components.ribbon import ribbon
from dashboard.queries import Live
from dashboard.snapshots import Kept

_GOLDEN: Final = 0.618034


@st.cache_resource(show_spinner=False)
def _viewers() -> Iterator[int]:
    return count()


def live(body: Callable[[], None], seconds: int = snapshots.REFRESH_S) -> None:
    """Draw ``body`` now and again every ``seconds`` plus up to one, spread evenly over the viewers of this
    process.

    Steps of the golden ratio fill the second more evenly than chance, so a crowd that came at once drifts
    apart.
    """
    if "jitter" not in st.session_state:
        st.session_state["jitter"] = next(_viewers()) * _GOLDEN % 1
    st.fragment(body, run_every=seconds + st.session_state["jitter"])()


@contextmanager
def page() -> Iterator[None]:
    """The page's container with its footer."""
    with st.container(key="page"):
        yield
        state = snapshots.live().value.page
        st.html(panel.footer(state))


def top() -> None:
    """The top line alone, for pages whose other panels change slowly."""
    live(_top)


def _top() -> None:
    st.html(top_html())


def top_html() -> str:
    kept = snapshots.live()
    return _top_html(kept.slot, kept)


@st.cache_resource(max_entries=4, show_spinner=False)
def _top_html(slot: int, _kept: Kept[Live]) -> str:  # noqa: ARG001 - the slot is the key
    return ribbon(_kept.value.page, _kept.value.health, is_away=_kept.is_away)
