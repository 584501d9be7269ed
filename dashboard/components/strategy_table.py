"""Result by strategy over all shown days: decisions, trades, edge when bought, how prices moved later, "
"P&L."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from dashboard import format as fmt
from dashboard.rows import ClosingLine, StrategyMetric


def table(metrics: Sequence[StrategyMetric], closing: Sequence[ClosingLine]) -> str:
    """One row a strategy; means of days are weighted by their trades, later prices by their contracts."""
    body = ""
    for name in sorted({m.strategy_name for m in metrics}):
        rows = [m for m in metrics if m.strategy_name == name]
        edge = _mean((m.edge_realized, Decimal(m.trades)) for m in rows)
        later = _mean((c.closing_line_value, c.close_qty) for c in closing if c.strategy_name == name)
        settled = [m.pnl for m in rows if m.pnl is not None]
        pnl = sum(settled, Decimal(0))
        body += (
            f'<tr><th scope="row">{fmt.esc(name.replace("_", " "))}</th>'
            f'<td class="n hide">{sum(m.signals for m in rows):,}</td>'
            f'<td class="n">{sum(m.trades for m in rows):,}</td><td class="n">{fmt.cents_signed(edge)}</td>'
            f'<td class="n">{fmt.cents_signed(later)}</td>'
            f'<td class="n '
            f'{fmt.ink(pnl) if settled else "na"}">{fmt.money_signed(pnl) if settled else fmt.NA}</td></tr>'
        )
    return (
        '<table class="tab"><thead><tr><th>Strategy</th><th class="n hide">Decisions</th>'
        '<th class="n">Trades</th><th class="n">Edge</th><th class="n">Later</th><th '
        'class="n">P&amp;L</th></tr>'
        f"</thead><tbody>{body}</tbody></table>"
    )


def _mean(weighed: Iterable[tuple[Decimal | None, Decimal | None]]) -> Decimal | None:
    known = [(value, weight) for value, weight in weighed if value is not None and weight]
    total = sum((weight for _, weight in known), Decimal(0))
    return sum((value * weight for value, weight in known), Decimal(0)) / total if total else None
