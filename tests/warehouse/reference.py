"""Every public mart a second time, computed in plain Python from raw rows of ops."""

from datetime import datetime

from tests.warehouse.decisions import Decisions
from tests.warehouse.exact import Row, Tables
from tests.warehouse.scores import Scores
from tests.warehouse.trades import Trades


def everything(ops: Tables, as_of: datetime, *, least_days: int) -> dict[str, list[Row]]:
    """Name of each public mart that follows from ``ops`` -> its rows as of ``as_of``."""
    trades = Trades(ops, as_of)
    decisions, scores = Decisions(ops, trades), Scores(ops, trades, least_days=least_days)
    return {
        "v_public_trades": trades.public_trades(),
        "city_metrics": trades.city_metrics(),
        "pnl_breakdown": trades.pnl_breakdown(),
        "closing_line_value": trades.closing_line_value(),
        "exposure_by_cluster": trades.exposure_by_cluster(),
        "equity_curve": trades.equity_curve(),
        "strategy_metrics": decisions.strategy_metrics(),
        "decision_funnel": decisions.decision_funnel(),
        "decision_reasons": decisions.decision_reasons(),
        "signal_explanations": decisions.signal_explanations(),
        "anomalies": decisions.anomalies(),
        "forecast_scores": scores.forecast_scores(),
        "calibration_bins": scores.calibration_bins(),
    }
