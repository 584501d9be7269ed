"""What people read of an evaluation: a line on the terminal, and one HTML file that needs nothing else."""

from collections.abc import Mapping, Sequence
from datetime import date
from html import escape

import numpy as np

from trader.app.evaluate import svg
from trader.app.evaluate.lead_table import LeadRow
from trader.app.evaluate.summary import FORECASTERS, Row
from trader.core.forecasting.scoring import ScoredDay

INTRODUCTION = """Every number uses only what was known at the instant of decision. Intervals are 95 %, from
resampling whole days. A score below the stated minimum of days is withheld."""
STYLE = """
:root{color-scheme:dark}
body{background:#0b0c0e;color:#d9d9d6;font:14px/1.5 ui-monospace,Menlo,Consolas,monospace;margin:0 auto;
max-width:1060px;padding:24px}
h1,h2{font-weight:600;color:#fff}
h2{margin-top:40px;border-top:1px solid #2a2d31;padding-top:16px}
p{max-width:86ch}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(420px,100%),1fr));gap:16px}
figure{margin:0;border:1px solid #2a2d31;padding:8px;background:#121417}
figcaption{color:#9a9a96}
table{border-collapse:collapse}
td,th{border-bottom:1px solid #2a2d31;padding:3px 12px;text-align:right;font-variant-numeric:tabular-nums}
th{color:#9a9a96;font-weight:400}
td:first-child,th:first-child{text-align:left}
svg{width:100%;height:auto;display:block}
svg text{fill:#9a9a96;font-size:11px}
.grid{stroke:#22252a}
.ours{stroke:#f5a623;fill:none;stroke-width:2}
.theirs{stroke:#8ab4f8;fill:none;stroke-width:2}
.even{stroke:#6b6f76;fill:none;stroke-dasharray:4 3}
.bar,.dot{fill:#f5a623}
.dot2{fill:#8ab4f8}
.wrap{overflow-x:auto}
"""


def line(row: Row) -> str:
    """Return one readable line of a city and instant."""
    head = f"{row['city']} {row['at']:<6} days {row['n_days']:>4} markets {row['n_markets']:>5}"
    if row["brier_market"] is None and row["crps_model"] is None:
        return f"{head}  {row['status']}"
    names = " ".join(f"{name} {_number(row[f'brier_{name}'])}" for name in FORECASTERS)
    cover = f"crps {_number(row['crps_model'], 3)} coverage80 {_number(row['coverage80_model'], 3)}"
    return f"{head}  Brier: {names}  {cover}  {'' if row['status'] == 'ok' else row['status']}".rstrip()


def page(
    sections: Sequence[tuple[Row, Sequence[ScoredDay]]],
    leads: Mapping[str, Sequence[LeadRow]],
    date_from: date,
    date_to: date,
) -> str:
    """Return the whole report as one HTML page without outside resources."""
    body = [
        f"<h1>Forecasts against the market</h1><p>{date_from} to {date_to}, walk-forward. {INTRODUCTION}</p>"
    ]
    head = ["city", "at", "days", "markets", *(f"Brier {name}" for name in FORECASTERS), "status"]
    body.append(_table(head, [_overview(row) for row, _ in sections]))
    body += [_section(row, days) for row, days in sections if row["crps_model"] or row["brier_market"]]
    body += [_leads(what, rows) for what, rows in leads.items()]
    title = "Forecasts against the market"
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{STYLE}</style></head><body>{''.join(body)}</body></html>\n"
    )


def _overview(row: Row) -> list[str]:
    counts = [str(row[name]) for name in ("n_days", "n_markets")]
    return [
        row["city"],
        row["at"],
        *counts,
        *(_number(row[f"brier_{n}"]) for n in FORECASTERS),
        row["status"],
    ]


def _section(row: Row, days: Sequence[ScoredDay]) -> str:
    captions = (
        "Reliability: amber ours, blue the market; on the dashed line is calibrated.",
        "Where outcomes fell in our distribution (randomised PIT); flat is calibrated.",
        "Squared error of ours minus the market's, summed; falling is better than the price.",
    )
    drawn = (_reliability(row), _pit(row), _cumulative(days))
    figures = [_figure(*pair) for pair in zip(drawn, captions, strict=True)]
    measures = (("brier_{}", 4), ("logloss_{}", 3), ("crps_{}", 3), ("brier_{}_minus_market", 4))
    scores = [[n, *(_span(row, name.format(n), digits) for name, digits in measures)] for n in FORECASTERS]
    band = " to ".join(_number(row[f"coverage80_{edge}"], 3) for edge in ("lo", "hi"))
    clv, profit = (_span(row, name, 4) for name in ("clv_model_usd", "executable_profit_model_usd"))
    fresh = ", ".join(f"{n} {_span(row, f'brier_{n}_fresh', 4)}" for n in FORECASTERS[:3])
    cover = (
        f"80 % interval covers {_number(row['coverage80_model'], 3)} of {row['n_days']} days (calibrated: "
        f"{band}), mean width {_number(row['width80_model_f'], 1)} degrees; a report of the day was known on "
        f"{row['n_days_observed']} days. Closing-line value {clv} dollars on {row['n_clv']} wishes; profit "
        f"at recorded quotes {profit} dollars on {row['n_executable']} contracts. Look-ahead: "
        f"{row['lookahead_checked']} decisions repeated without later data, {row['lookahead_leaks']} differ. "
        f"Half of the last prices were older than {_number(row['price_age_median_min'], 0)} minutes; on the "
        f"{row['n_markets_fresh']} at most half an hour old the Brier is {fresh}."
    )
    head = ["", "Brier a market", "log loss an event", "CRPS, degrees F", "Brier minus market"]
    return (
        f"<h2>{escape(row['city'])} at {escape(row['at'])}</h2><p>{escape(row['status'])}</p>"
        f'{_table(head, scores)}<p>{escape(cover)}</p><div class="charts">{"".join(figures)}</div>'
    )


def _reliability(row: Row) -> str:
    axes = svg.Axes((0, 1), (0, 1), "probability", "share that won")
    marks = [svg.line(axes, [(0, 0), (1, 1)], "even")]
    for name, style in (("model", "dot"), ("market", "dot2")):
        for mean, won, count in row[f"reliability_{name}"]:
            title = f"{name}: said {mean:.2f}, won {won:.2f}, {count} markets"
            marks.append(svg.dot(axes, mean, won, style, title, 2 + min(6.0, count**0.5 / 5)))
    return svg.chart(axes, marks, "reliability")


def _pit(row: Row) -> str:
    counts = row["pit"]
    if not counts:
        return ""
    axes = svg.Axes((0, 1), (0, max(counts) * 1.1), "place in our distribution", "days")
    marks = [svg.bar(axes, (i + 0.5) / 10, 0.09, n, "bar", f"{n} days") for i, n in enumerate(counts)]
    even = sum(counts) / len(counts)
    return svg.chart(axes, [*marks, svg.line(axes, [(0, even), (1, even)], "even")], "PIT histogram")


def _cumulative(days: Sequence[ScoredDay]) -> str:
    compared = [(d.day, m) for d in days if (m := d.markets) is not None]
    lines = {}
    for name in ("model", "pooled"):
        has = [(day, m) for day, m in compared if name in m.probabilities]
        gaps = [
            float(((m.probabilities[name] - m.won) ** 2 - (m.probabilities["market"] - m.won) ** 2).sum())
            for _, m in has
        ]
        if has:
            lines[name] = list(zip((day for day, _ in has), np.cumsum(gaps).tolist(), strict=True))
    if not lines:
        return ""
    points = [p for line_ in lines.values() for p in line_]
    low, high = min(0.0, *(y for _, y in points)), max(0.0, *(y for _, y in points))
    first, last = points[0][0], max(x for x, _ in points)
    axes = svg.Axes(
        (first, max(last, first + 1)), (low, high or 1.0), "amber: ours alone, blue: pooled", "sum"
    )
    ticks = [(float(x), str(date.fromordinal(int(x)))) for x in (first, (first + last) // 2, last)]
    styles = {"model": "ours", "pooled": "theirs"}
    marks = [svg.line(axes, p, styles[name]) for name, p in lines.items()]
    return svg.chart(
        axes, [*marks, svg.line(axes, [(first, 0), (last, 0)], "even")], "cumulative", x_ticks=ticks
    )


def _leads(what: str, rows: Sequence[LeadRow]) -> str:
    if not rows:
        return ""
    head = [
        "lead, days",
        "raw",
        "calibrated",
        "climatology",
        "calibrated minus raw",
        "coverage 80 %",
        "values",
    ]
    cells = [_lead_cells(r) for r in rows]
    top = max(max(r.raw.value, r.climatology.value) for r in rows) * 1.1
    axes = svg.Axes((0, max(r.lead_days for r in rows)), (0, top), "lead, days", "CRPS, degrees F")
    marks = [
        svg.line(axes, [(r.lead_days, r.calibrated.value) for r in rows], "ours"),
        svg.line(axes, [(r.lead_days, r.raw.value) for r in rows], "theirs"),
        svg.line(axes, [(r.lead_days, r.climatology.value) for r in rows], "even"),
    ]
    ticks = [(float(r.lead_days), str(r.lead_days)) for r in rows]
    drawn = svg.chart(axes, marks, "CRPS by lead", x_ticks=ticks)
    caption = f"Amber calibrated, blue raw forecast, dashed climatology: weather service forecasts of {what}."
    return (
        f"<h2>CRPS of {what} by lead, places of 2014 to 2016</h2>"
        f'{_table(head, cells)}<div class="charts">{_figure(drawn, caption)}</div>'
    )


def _lead_cells(r: LeadRow) -> list[str]:
    gap = r.calibrated_minus_raw
    crps = [f"{e.value:.3f}" for e in (r.raw, r.calibrated, r.climatology)]
    span = f"{gap.value:+.3f} [{gap.lo:+.3f}, {gap.hi:+.3f}]"
    return [str(r.lead_days), *crps, span, f"{r.coverage80:.3f}", str(r.values)]


def _figure(drawn: str, caption: str) -> str:
    return f"<figure>{drawn}<figcaption>{escape(caption)}</figcaption></figure>" if drawn else ""


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    top = "".join(f"<th>{escape(h)}</th>" for h in head)
    body = "".join("<tr>" + "".join(f"<td>{escape(c)}</td>" for c in row) + "</tr>" for row in rows)
    return f'<div class="wrap"><table><tr>{top}</tr>{body}</table></div>'


def _number(value: float | None, digits: int = 4) -> str:
    return "N/A" if value is None else f"{value:.{digits}f}"


def _span(row: Row, name: str, digits: int) -> str:
    if row.get(name) is None:
        return "N/A"
    return f"{row[name]:.{digits}f} [{row[name + '_lo']:.{digits}f}, {row[name + '_hi']:.{digits}f}]"
