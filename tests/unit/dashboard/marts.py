"""Tables in the shape of the public marts, made from dbt's own contracts, for tests of the page and the
API."""

import json
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

import psycopg
import yaml
from psycopg import sql
from psycopg.types.json import Jsonb

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
from tests.unit.dashboard import sample, sample_late

MODELS = Path(__file__).resolve().parents[3] / "dbt_project" / "models"
ROW_OF: dict[str, type[Row]] = {
    "v_page_state": PageState,
    "v_city_board": BoardRow,
    "v_health_summary": Health,
    "v_public_trades": PublicTrade,
    "equity_curve": EquityPoint,
    "city_metrics": CityMetric,
    "strategy_metrics": StrategyMetric,
    "decision_funnel": FunnelStep,
    "decision_reasons": DecisionReason,
    "pnl_breakdown": PnlBucket,
    "closing_line_value": ClosingLine,
    "exposure_by_cluster": ClusterExposure,
    "forecast_scores": ForecastScore,
    "calibration_bins": CalibrationBin,
    "forecast_path": PathHour,
    "signal_explanations": Explanation,
    "anomalies": Anomaly,
}
JSON_COLUMNS = {"ladder", "top_reasons"}


@cache
def contracts() -> dict[str, dict[str, str]]:
    """Mart -> column -> Postgres type, from the properties files of the warehouse."""
    found: dict[str, dict[str, str]] = {}
    for path in sorted(MODELS.rglob("_*.yml")):
        for model in (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get("models") or ():
            if model["name"] in ROW_OF:
                found[model["name"]] = {c["name"]: c["data_type"] for c in model["columns"]}
    return found


def create(owner_url: str) -> None:
    """Make empty marts that the dashboard's role may read and nothing else."""
    with psycopg.connect(owner_url) as connection:
        for mart, columns in contracts().items():
            parts = [sql.SQL("{} " + kind).format(sql.Identifier(name)) for name, kind in columns.items()]
            table = sql.Identifier("analytics", mart)
            connection.execute(sql.SQL("create table {} ({})").format(table, sql.SQL(", ").join(parts)))
            connection.execute(sql.SQL("grant select on {} to milkbot_dashboard").format(table))


def write(owner_url: str, mart: str, rows: Iterable[Row]) -> None:
    """Replace what a mart holds."""
    columns = [name for name in ROW_OF[mart].columns() if name in contracts()[mart]]
    insert = sql.SQL("insert into {} ({}) values ({})").format(
        sql.Identifier("analytics", mart),
        sql.SQL(", ").join(map(sql.Identifier, columns)),
        sql.SQL(", ").join(sql.Placeholder() * len(columns)),
    )
    with psycopg.connect(owner_url) as connection, connection.cursor() as cursor:
        cursor.execute(sql.SQL("truncate {}").format(sql.Identifier("analytics", mart)))
        cursor.executemany(insert, [_values(row, columns) for row in rows])


def fill(owner_url: str) -> None:
    """The sample day in all marts."""
    for mart, rows in (
        ("v_page_state", (sample.page(),)),
        ("v_city_board", sample.board()),
        ("v_health_summary", sample.health()),
        ("v_public_trades", sample.trades()),
        ("equity_curve", sample.equity()),
        ("city_metrics", sample.city_metrics()),
        ("strategy_metrics", sample.strategy_metrics()),
        ("decision_funnel", sample.funnel()),
        ("decision_reasons", sample_late.reasons()),
        ("pnl_breakdown", sample_late.buckets()),
        ("closing_line_value", sample_late.closing()),
        ("exposure_by_cluster", sample_late.exposure()),
        ("forecast_scores", _with_benchmark(sample_late.scores())),
        ("calibration_bins", _with_benchmark(sample_late.bins())),
        ("forecast_path", sample_late.path()),
        ("signal_explanations", (sample_late.explanation(),)),
        ("anomalies", (sample_late.anomaly(),)),
    ):
        write(owner_url, mart, rows)


def _with_benchmark(rows: Sequence[Row]) -> list[Row]:
    """What dbt writes: the same of climatology, a benchmark."""
    return [*rows, *(row.model_copy(update={"strategy_name": "climatology"}) for row in rows)]


def _values(row: Row, columns: list[str]) -> list[object]:
    plain = row.model_dump(by_alias=True)
    return [Jsonb(plain[c], dumps=_dumps) if c in JSON_COLUMNS else plain[c] for c in columns]


def _dumps(value: object) -> str:
    return json.dumps(value, default=float)  # jsonb_build_object writes numerics as numbers
