"""Disclosed trades, newest first, as a table; the texts in it come from outside and are shown as plain
text."""

from collections.abc import Sequence
from datetime import datetime

from dashboard import format as fmt
from dashboard.rows import PublicTrade


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


def detailed(trades: Sequence[PublicTrade], as_of: datetime) -> str:
    """The long list: each row opens to what we thought, what it cost and how it ended."""
    zone = fmt.zone_name(trades[0].fill_time) if trades else ""
    head = (
        f'<div class="trow hd"><span>Time, {zone}</span><span>City</span><span>Contract</span><span>'
        f"Side</span>"
        '<span class="n">Qty</span><span class="n">Price</span><span class="n">Fee</span><span class="n">We '
        "said</span>"
        '<span class="n">Edge</span><span class="n">Result</span></div>'
    )
    return f'<div class="rows">{head}{"".join(_details(t, as_of) for t in trades)}</div>'


def result(trade: PublicTrade) -> str:
    """``open``, ``won +$14.54`` or ``lost −$17.62``: word and sign before ink."""
    if trade.outcome is None:
        return '<span class="open">open</span>'
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
        f"{result(trade)}</td></tr>"
    )


def _details(trade: PublicTrade, as_of: datetime) -> str:
    c = _cells(trade, as_of)
    row = (
        f'<div class="trow"><span class="t">{c["time"]}</span><span class="c">{c["city"]}</span>'
        f'<span class="k">{c["contract"]}</span><span class="s">{c["side"]}</span>'
        f'<span class="n q1">{c["qty"]}<span class="only"> at {c["price"]}</span></span>'
        f'<span class="n px">{c["price"]}</span><span class="n wide">{fmt.money(trade.fee)}</span>'
        f'<span class="n wide us">{c["said"]}</span><span class="n wide">'
        f"{fmt.cents_signed(trade.edge)}</span>"
        f'<span class="n r">{result(trade)}</span></div>'
    )
    verb = "Bought" if trade.action == "OPEN" else "Sold back"
    ours = (
        f"We gave {trade.side} {c['said']}, the price asked for {fmt.chance(trade.price)}%. "
        if trade.p_side is not None
        else "Our chance at the decision is not published. "
    )
    edge = f"Edge after fees {fmt.cents_signed(trade.edge)} a contract. " if trade.edge is not None else ""
    end = {
        None: "Not settled yet.",
        "won": "Settled: the contract paid $1.00.",
        "lost": "Settled: the contract paid nothing.",
    }[trade.outcome]
    why = (
        f"{verb} {c['qty']} {trade.side} on {fmt.esc(trade.city_name or trade.city)}, {c['contract']}, at "
        f"{c['price']}: "
        f"{fmt.money(trade.qty * trade.price)} and {fmt.money(trade.fee)} fee. {ours}{edge}{end} "
        f"{trade.mode}{f', strategy {fmt.esc(trade.strategy_name)}' if trade.strategy_name else ''}."
    )
    return f'<details class="trade"><summary>{row}</summary><p class="why">{why}</p></details>'
