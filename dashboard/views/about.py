"""About: what this is, how a market settles, why 60 minutes, how to read a card, limits and sources."""

from pathlib import Path

import streamlit as st

from dashboard.views import frame

TEXT = Path(__file__).parents[1] / "static" / "about.html"


def render() -> None:
    with frame.page():
        frame.top()
        st.html(TEXT)
