"""Every SQL text of the public plane, made of constants and the column names of our own row types.

No statement costs more as history grows: rows are found by date or newest first through an index, and what
has no natural end is bounded (``docs/performance.md``). Values are parameters, never text.
"""

# ruff: noqa: S608 - constant text and names of our own types

from typing import Final

from dashboard.rows import (
    Anomaly,
    BoardRow,
    CalibrationBin,
    CityMetric,
    ClosingLine,
    ClusterExposure,
    DecisionReason,
    EquityPoint,
    Explanation,
    ForecastScore,
    FunnelStep,
    Health,
    PageState,
    PathHour,
    PnlBucket,
    PublicTrade,
    Row,
    StrategyMetric,
)

NEWEST: Final = 10_000  # trades of a mode that are listed and counted; older ones by ``before``


def _columns(model: type[Row]) -> str:
    """By name: a renamed column is an error here and not an empty cell on the page."""
    return ", ".join(f'"{name}"' for name in model.columns())


def _select(model: type[Row], relation: str) -> str:
    return f"select {_columns(model)} from analytics.{relation}"


_MODE: Final = " where mode = %(mode)s"
_OF_MODE: Final = " where (%(mode)s::text is null or mode = %(mode)s)"
PAGE_STATE: Final = _select(PageState, "v_page_state")
BOARD: Final = _select(BoardRow, "v_city_board") + " order by market_type, climate_date, city_position"
HEALTH: Final = _select(Health, "v_health_summary") + " order by component"
# the filter looks at the newest trades only, or a rare one would read all of history
_NEWEST_TRADES: Final = (
    "from (select * from analytics.v_public_trades where mode = %(mode)s"
    " and (%(before)s::timestamptz is null or fill_time < %(before)s)"
    f" order by fill_time desc limit {NEWEST}) as newest"
    " where (%(city)s::text is null or city = %(city)s)"
    " and (%(market_type)s::text is null or market_type = %(market_type)s)"
    " and (%(side)s::text is null or side = %(side)s)"
    " and (%(result)s::text is null or coalesce(outcome, 'open') = %(result)s)"
)
# equal minutes are put in an order of their own, or pages would share and lose rows
TRADES: Final = (
    f"select {_columns(PublicTrade)} {_NEWEST_TRADES}"
    " order by fill_time desc, city, climate_date, bracket_label, side, price, qty, fee"
    " limit %(limit)s offset %(offset)s"
)
# The planner expects a third of the trades behind the delay, and to find so few would sort them all.
SORTING: Final = "select set_config('enable_sort', %(is_on)s, true)"
TRADES_COUNT: Final = f"select count(*) as n {_NEWEST_TRADES}"
EXPLANATIONS: Final = (
    _select(Explanation, "signal_explanations")
    + _MODE
    + " and decided_at between %(since)s and %(until)s and decision <> 'HOLD'"
    f" order by decided_at desc limit {NEWEST}"
)
EQUITY_SINCE: Final = 'select min("timestamp") as since from analytics.equity_curve' + _MODE
EQUITY: Final = (  # the last point of each step: as many look-ups as points, whatever lies between
    f"select {_columns(EquityPoint)} from"
    " generate_series(%(since)s::timestamptz, %(until)s::timestamptz, %(step)s::interval) as step (ends)"
    " cross join lateral (select * from analytics.equity_curve where mode = %(mode)s"
    ' and "timestamp" > step.ends - %(step)s::interval and "timestamp" <= step.ends'
    ' order by "timestamp" desc limit 1) as point order by "timestamp"'
)
CITY_METRICS: Final = (
    _select(CityMetric, "city_metrics") + _OF_MODE + " order by date desc, city_code, mode limit %(limit)s"
)
STRATEGY_METRICS: Final = (
    _select(StrategyMetric, "strategy_metrics")
    + _OF_MODE
    + " order by date desc, strategy_name, strategy_version, mode limit %(limit)s"
)
PNL: Final = _select(PnlBucket, "pnl_breakdown") + _MODE + " and date >= %(since)s"
CLOSING: Final = _select(ClosingLine, "closing_line_value") + _MODE + " and date >= %(since)s"
EXPOSURE: Final = _select(ClusterExposure, "exposure_by_cluster") + _MODE
_TRADED: Final = " and strategy_name <> 'climatology'"  # a benchmark, scored like ours and never traded on
SCORES: Final = _select(ForecastScore, "forecast_scores") + _MODE + _TRADED
BINS: Final = _select(CalibrationBin, "calibration_bins") + _MODE + _TRADED
PATH: Final = (
    _select(PathHour, "forecast_path") + " where city_code = %(city)s and market_type = %(kind)s"
    " and climate_date = %(day)s order by hour_at"
)
FUNNEL: Final = _select(FunnelStep, "decision_funnel") + _MODE + " and date = %(day)s order by step_no"
FUNNEL_DAY: Final = (  # the newest day that is not ahead; trades on tomorrow's weather are made today
    "select max(date) as day from analytics.decision_funnel" + _MODE + " and date <= %(today)s"
)
REASONS: Final = (
    _select(DecisionReason, "decision_reasons")
    + _MODE
    + " and date = %(day)s order by count desc, step_no, reason, city_code, market_type, strategy_name"
)
ANOMALIES: Final = (
    _select(Anomaly, "anomalies") + " order by occurred_at desc, city_code, market_type, bracket_label, kind"
    " limit 50"
)
