"""The marts that a backtest reports from, read with the public role: what anybody may see of a database."""

from collections import Counter

from trader.adapters.ops.pool import Database
from trader.adapters.ops.rows import fetch_rows
from trader.ports.marts import CityResult, FunnelStep

_FUNNEL = """
select step_no, step, sum(count)::bigint as count, sum(lost)::bigint as lost,
       jsonb_agg(top_reasons) as reasons
from analytics.decision_funnel group by step_no, step order by step_no
"""
_CITIES = """
select city_code, sum(trades)::bigint as fills, sum(fees) as fees, coalesce(sum(pnl), 0) as pnl,
       sum(wins)::bigint as wins, sum(losses)::bigint as losses
from analytics.city_metrics group by city_code order by city_code
"""
TOP = 3


class MartReader:
    """Implements ``ports.marts.Marts``; the database holds one run and one mode."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def funnel(self) -> tuple[FunnelStep, ...]:
        with self._database.connection() as connection:
            rows = fetch_rows(connection, _FUNNEL, {})
        return tuple(FunnelStep(row["step"], row["count"], row["lost"], _top(row["reasons"])) for row in rows)

    def cities(self) -> tuple[CityResult, ...]:
        with self._database.connection() as connection:
            rows = fetch_rows(connection, _CITIES, {})
        names = ("city_code", "fills", "fees", "pnl", "wins", "losses")
        return tuple(CityResult(*(row[name] for name in names)) for row in rows)


def _top(days: list[list[dict[str, object]] | None]) -> dict[str, int]:
    """Add the days' most frequent reasons up; a reason outside a day's list is not counted there."""
    total: Counter[str] = Counter()
    for reasons in days:
        for row in reasons or []:
            total[str(row["reason"])] += int(str(row["count"]))
    return dict(total.most_common(TOP))
