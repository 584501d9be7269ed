"""Result by strategy over all shown days: decisions, trades, edge that was there at the fill, P&L."""

from collections.abc import Sequence
from decimal import Decimal

from dashboard import format as fmt
from dashboard.rows import StrategyMetric


def table(metrics: Sequence[StrategyMetric]) -> str:
    """One row a strategy; the edge is the mean of the days, weighted by their trades."""
    body = ""
    for name in sorted({m.strategy_name for m in metrics}):
        rows = [m for m in metrics if m.strategy_name == name]
        trades = sum(m.trades for m in rows)
        weighed = [(m.edge_realized, m.trades) for m in rows if m.edge_realized is not None]
        weight = sum(n for _, n in weighed)
        edge = sum((e * n for e, n in weighed), Decimal(0)) / weight if weight else None
        settled = [m.pnl for m in rows if m.pnl is not None]
        pnl = sum(settled, Decimal(0))
        ink = "na" if not settled else "up" if pnl > 0 else "down" if pnl < 0 else ""
        body += (
            f'<tr><th scope="row">{fmt.esc(name)}</th><td class="n">{sum(m.signals for m in rows):,}</td>'
            f'<td class="n">{trades:,}</td><td class="n">{fmt.cents_signed(edge)}</td>'
            f'<td class="n {ink}">{fmt.money_signed(pnl) if settled else fmt.NA}</td></tr>'
        )
    return (
        '<table class="tab"><thead><tr><th>Strategy</th><th class="n">Decisions</th><th '
        'class="n">Trades</th>'
        f'<th class="n">Edge</th><th class="n">P&amp;L</th></tr></thead><tbody>{body}</tbody></table>'
    )
