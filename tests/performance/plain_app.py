"""A yardstick: the same rows as the page's, drawn as the framework's own guide draws them, without any "
"tuning."""

import os

import pandas as pd
import plotly.express as px
import psycopg
import streamlit as st
from psycopg.rows import dict_row

st.set_page_config(page_title="Plain", layout="wide")
st.title("Weather trading")


@st.cache_data(ttl=5)
def rows(statement: str) -> pd.DataFrame:
    with psycopg.connect(os.environ["DASHBOARD_DATABASE_URL"], row_factory=dict_row) as connection:
        return pd.DataFrame(connection.execute(statement.encode()).fetchall())


@st.fragment(run_every=5)
def page() -> None:
    board = rows(
        "select * from analytics.v_city_board where market_type = 'HIGH' and is_today order by city_position"
    )
    for first in (0, 5):
        for column, city in zip(st.columns(5), board.to_dict("records")[first : first + 5], strict=False):
            with column.container(border=True):
                st.metric(city["city_name"], f"{city['extreme_so_far_f']} F", f"{city['forecast_f']} F")
                st.bar_chart(pd.DataFrame(city["ladder"]), x="label", y="mid", height=120)
    left, right = st.columns(2)
    equity = rows("select * from analytics.equity_curve order by timestamp")
    left.plotly_chart(px.line(equity.astype({"total_equity": float}), x="timestamp", y="total_equity"))
    right.dataframe(rows("select * from analytics.v_public_trades order by fill_time desc limit 14"))
    st.dataframe(rows("select * from analytics.v_health_summary"))


page()
