"""Disclosed trades, newest first, as a table; the texts in it come from outside and are shown as plain
text."""

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Final

from dashboard import format as fmt
from dashboard.rows import Explanation, PublicTrade

_LAST_MIDNIGHT: Final = time(8)  # UTC: where climate days end last, standard time of the Pacific
_END: Final = {
    None: "not known yet",
    "won": "the contract paid $1.00",
    "lost": "the contract paid nothing",
    "fair price": "the exchange settled the market at a price between $0.00 and $1.00",
}


def feed(trades: Sequence[PublicTrade], as_of: datetime) -> str:
    """The short table of the overview: time, city, contract, side, quantity, price, our chance, result."""
    zone = fmt.zone_name(trades[0].fill_time) if trades else ""
    body = "".join(_row(t, as_of) for t in trades)
    return (
        f'<table class="tab trades"><thead><tr><th>Time, {zone}</th><th>City</th><th>'
        f"Contract</th>"
        '<th>Side</th><th class="n">Qty</th><th class="n">Price</th><th class="n hide">We said</th>'
        f'<th class="n">Result</th></tr></thead><tbody>{body}</tbody></table>'
    )


def detailed(trades: Sequence[PublicTrade], explanations: Sequence[Explanation], as_of: datetime) -> str:
    """The long list: each row opens to what we thought, what it cost and how it ended."""
    zone = fmt.zone_name(trades[0].fill_time) if trades else ""
    names = ("City", "Contract", "Side", "Qty", "Price", "Fee", "We said", "Edge", "Result")
    head = "".join(f'<span class="{"n" if i > 2 else ""}">{name}</span>' for i, name in enumerate(names))
    rows = "".join(_details(t, _explanation(t, explanations), as_of) for t in trades)
    return f'<div class="rows"><div class="trow hd"><span>Time, {zone}</span>{head}</div>{rows}</div>'


def result(trade: PublicTrade, as_of: datetime) -> str:
    """``open``, ``won +$14.54``, ``lost −$17.62`` or ``fair price +$0.40``: word and sign before ink.
    ``no result yet`` once the climate day is over and the exchange has not said how it ended.
    """
    if trade.outcome is None:
        ends = trade.climate_date and datetime.combine(trade.climate_date, _LAST_MIDNIGHT, UTC)
        is_over = ends and as_of >= ends + timedelta(days=1)
        return f'<span class="open">{"no result yet" if is_over else "open"}</span>'
    money = fmt.money_signed(trade.pnl) if trade.pnl is not None else ""
    css = "up" if (trade.pnl or 0) > 0 else "down" if (trade.pnl or 0) < 0 else "open"
    return f'<span class="{css}">{trade.outcome} {money}</span>'


def _cells(trade: PublicTrade, as_of: datetime) -> dict[str, str]:
    then = fmt.local(trade.fill_time, fmt.NEW_YORK)
    today = fmt.local(as_of, fmt.NEW_YORK).date()
    label = fmt.esc(fmt.bracket_label(trade.bracket_label))
    of = " ".join(
        [(trade.market_type or "").lower(), fmt.day(trade.climate_date, today) if trade.climate_date else ""]
    )
    return {
        "time": f"{fmt.day(then.date(), today)} <b>{then:%H:%M}</b>",
        "city": fmt.esc(trade.city),
        "contract": f"{label} <i>{of}</i>",
        "side": f'<span class="side {trade.side.lower()}">{trade.side}</span>',
        "qty": fmt.quantity(trade.qty),
        "price": fmt.cents(trade.price),
        "said": fmt.NA if trade.p_side is None else f"{fmt.esc(fmt.chance(trade.p_side))}%",
    }


def _row(trade: PublicTrade, as_of: datetime) -> str:
    c = _cells(trade, as_of)
    return (
        f'<tr><td class="t">{c["time"]}</td><td class="c">{c["city"]}</td><td class="k">{c["contract"]}</td>'
        f'<td class="s">{c["side"]}</td><td class="n q1">{c["qty"]}<span class="only"> at '
        f"{c['price']}</span></td>"
        f'<td class="n px">{c["price"]}</td><td class="n us hide">{c["said"]}</td><td class="n">'
        f"{result(trade, as_of)}</td></tr>"
    )


def _details(trade: PublicTrade, words: Explanation | None, as_of: datetime) -> str:
    c = _cells(trade, as_of)
    row = (
        f'<div class="trow"><span class="t">{c["time"]}</span><span class="c">{c["city"]}</span>'
        f'<span class="k">{c["contract"]}</span><span class="s">{c["side"]}</span>'
        f'<span class="n q1">{c["qty"]}<span class="only"> at {c["price"]}</span></span>'
        f'<span class="n px">{c["price"]}</span><span class="n wide">{fmt.money(trade.fee)}</span>'
        f'<span class="n wide us">{c["said"]}</span><span class="n wide">'
        f"{fmt.cents_signed(trade.edge)}</span>"
        f'<span class="n r">{result(trade, as_of)}</span></div>'
    )
    return f'<details class="trade"><summary>{row}</summary>{_why(trade, words, c)}</details>'


def _why(trade: PublicTrade, words: Explanation | None, c: dict[str, str]) -> str:
    """The reasons as named lines: what, our chance against the price, edge, result, words."""
    verb = "Bought" if trade.action == "OPEN" else "Sold back"
    paid, fee = fmt.money(trade.qty * trade.price), fmt.money(trade.fee)
    what = f"{verb} {c['qty']} {trade.side} of {fmt.esc(trade.city_name or trade.city)} {c['contract']}"
    lines = [("Order", f"{what} at {c['price']}: {paid} and {fee} fee")]
    if trade.p_side is None:
        lines.append(("We said", "not published for this trade"))
    else:
        lines.append(
            (
                "We said",
                f"{c['said']} for {trade.side}; the price stood for {fmt.esc(fmt.chance(trade.price))}%",
            )
        )
        before = fmt.cents_signed(trade.p_side - trade.price)
        lines.append(("Edge", f"{before} a contract before fees, {fmt.cents_signed(trade.edge)} after"))
    lines.append(("Result", _END[trade.outcome]))
    if words is not None:
        by = "by rules" if words.author == "rules" else f"by {fmt.esc(words.author)}, not read by trading"
        lines.append(("In words", f"{fmt.esc(words.text)} <i>{by}</i>"))
    strategy = f", strategy {fmt.esc(trade.strategy_name.replace('_', ' '))}" if trade.strategy_name else ""
    lines.append(("Mode", f"{trade.mode}{strategy}"))
    return f'<dl class="words why">{"".join(f"<dt>{q}</dt><dd>{a}</dd>" for q, a in lines)}</dl>'


def _explanation(trade: PublicTrade, found: Sequence[Explanation]) -> Explanation | None:
    """The newest words about this contract from before the fill."""
    return max(
        (
            e
            for e in found
            if (e.city_code, e.market_type, e.date, e.bracket_label)
            == (trade.city, trade.market_type, trade.climate_date, trade.bracket_label)
            and e.decided_at <= trade.fill_time
        ),
        key=lambda e: e.decided_at,
        default=None,
    )
