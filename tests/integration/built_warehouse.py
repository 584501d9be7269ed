"""A warehouse built from the history of warehouse_history.py, as the public page's role sees it."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from tests.integration.warehouse_history import NOW
from trader.app.postgres import Urls
from trader.app.rollup import RollupResult, rollup

KEYS = {
    "v_public_trades": "fill_time, city, side, action, price",
    "equity_curve": "timestamp",
    "city_metrics": "city_code, date",
    "strategy_metrics": "strategy_name, date",
    "decision_funnel": "date, step_no",
    "decision_reasons": "date, city_code, market_type, strategy_name, step_no, reason",
    "pnl_breakdown": "date, dimension, bucket_no",
    "closing_line_value": "date, strategy_name",
    "exposure_by_cluster": "cluster",
    "forecast_scores": "market_type, city_code, lead_no, strategy_name, measure",
    "calibration_bins": "market_type, lead_no, strategy_name, forecaster, bin_no",
    "signal_explanations": "decided_at, city_code, bracket_label",
    "anomalies": "occurred_at, city_code, bracket_label, kind",
    "v_city_board": "city_position, market_type, climate_date",
    "go_live_gates": "position",
    "forecast_path": "climate_date, market_type, city_code, hour_at",
}


@dataclass
class Warehouse:
    urls: Urls
    data_dir: Path
    built: RollupResult

    def rows(self, statement: str) -> list[dict[str, Any]]:
        """Ask as the public page's role."""
        with psycopg.connect(self.urls.dashboard, row_factory=dict_row) as connection:
            return connection.execute(statement.encode()).fetchall()

    def everything(self) -> dict[str, list[dict[str, Any]]]:
        return {
            name: self.rows(f"select * from analytics.{name} order by {key}") for name, key in KEYS.items()
        }

    def refresh(self) -> None:
        done = rollup(self.urls.analytics, selector="refresh", data_dir=self.data_dir)
        assert done.success, done.failures

    def set_clock(self, minutes: float) -> None:
        with psycopg.connect(self.urls.trader) as connection:
            connection.execute(
                "update ops.world_clock set world_now = %s", (NOW + timedelta(minutes=minutes),)
            )


def build(urls: Urls, data_dir: Path) -> Warehouse:
    built = rollup(urls.analytics, selector="deploy", data_dir=data_dir)
    assert built.success, built.failures
    return Warehouse(urls, data_dir, built)
