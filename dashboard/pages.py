"""The public page: page config, navigation, nothing else; its stylesheet comes with the document."""

from pathlib import Path

import streamlit as st

from dashboard.views import about, decisions, forecasts, health, overview, performance, trades

STATIC = Path(__file__).parent / "static"

st.set_page_config(page_title="Milkbot", page_icon=str(STATIC / "favicon.svg"), layout="wide")
st.logo(str(STATIC / "logo.svg"))
st.navigation(
    [
        st.Page(overview.render, title="Overview", default=True),  # at /
        st.Page(trades.render, title="Trades", url_path="trades"),
        st.Page(performance.render, title="Performance", url_path="performance"),
        st.Page(forecasts.render, title="Forecasts", url_path="forecasts"),
        st.Page(decisions.render, title="Decisions", url_path="decisions"),
        st.Page(health.render, title="Health", url_path="health"),
        st.Page(about.render, title="About", url_path="about"),
    ],
    position="top",
).run()
