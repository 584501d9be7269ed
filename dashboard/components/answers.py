"""Four questions in the visitor's words, each with one answer and one sentence."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Final

from dashboard import format as fmt
from dashboard.components import health_badges
from dashboard.components.funnel import reasons as funnel_words
from dashboard.rows import CityMetric, EquityPoint, FunnelStep, Health, PageState, PublicTrade

ENOUGH_SETTLED: Final = 100  # below this a result says more about luck than about skill


def four(
    page: PageState | None,
    health: Sequence[Health],
    trades: Sequence[PublicTrade],
    equity: Sequence[EquityPoint],
    cities: Sequence[CityMetric],
    funnel: Sequence[FunnelStep],
    *,
    is_away: bool,
) -> str:
    today = fmt.local(page.as_of, fmt.NEW_YORK).date() if page else None
    cells = (
        ("Is it running?", *running(page, health, is_away=is_away)),
        ("What did it trade?", *traded(page, trades, cities, today)),
        ("Is it any good?", *quality(equity, cities)),
        ("Why not more?", *restraint(funnel, today)),
    )
    body = "".join(
        f'<div><h2>{q}</h2><p class="a">{answer}</p><p>{words}</p></div>' for q, answer, words in cells
    )
    return f'<section class="four" aria-label="Four questions">{body}</section>'


def running(page: PageState | None, health: Sequence[Health], *, is_away: bool) -> tuple[str, str]:
    if is_away:
        return (
            '<b class="st bad">Not known</b>',
            "The database does not answer; what you see is the last we had.",
        )
    if page is None:
        return (
            '<b class="st off">Not yet</b>',
            "No data yet. The first cycle fills this; the page follows by itself.",
        )
    cycle = "No cycle yet."
    if page.last_cycle_at is not None:
        cycle = f"Last cycle {fmt.when(page.last_cycle_at, page.as_of)} {fmt.zone_name(page.last_cycle_at)}"
        cycle += f", {page.cities_ok} of 10 cities." if page.cities_ok is not None else "."
    trader = next((h for h in health if h.component == "trader"), None)
    status = trader.status if trader else "unknown"
    answer = {
        "ok": '<b class="st ok">Yes</b>',
        "degraded": '<b class="st warn">Late</b>',
        "down": '<b class="st bad">No</b>',
        "unknown": '<b class="st off">Unknown</b>',
    }[status]
    row = health_badges.worst(health)
    if row is None or row.status == "ok":
        return answer, f"{cycle} <br>All parts answer in time."
    said = fmt.esc(f": {row.message}" if row.message else "")
    return answer, f"{cycle} <br>{health_badges.badge(row.status, health_badges.NAMES[row.component])}{said}"


def traded(
    page: PageState | None, trades: Sequence[PublicTrade], cities: Sequence[CityMetric], today: date | None
) -> tuple[str, str]:
    if page is None or today is None:
        return f'<span class="na">{fmt.NA}</span>', "No data yet."
    if not trades:
        return "0 trades", "No trade is 60 minutes old yet."
    count = sum(m.trades for m in cities if m.date == today)
    last = trades[0]
    contract = f"{(last.market_type or 'market').lower()} {fmt.esc(fmt.bracket_label(last.bracket_label))}"
    verb = "bought" if last.action == "OPEN" else "sold back"
    words = (
        f"Latest shown: {fmt.esc(last.city)} {contract}, {verb} "
        f"<b>{last.side}</b>, <br>{fmt.quantity(last.qty)} at {fmt.cents(last.price)}, "
        f"{fmt.when(last.fill_time, page.as_of)} {fmt.zone_name(last.fill_time)}."
    )
    return f"{fmt.plural(count, 'trade')} <small>on today’s weather</small>", words


def quality(equity: Sequence[EquityPoint], cities: Sequence[CityMetric]) -> tuple[str, str]:
    if not equity:
        return f'<span class="na">{fmt.NA}</span>', "Too early to say: no figures are 60 minutes old yet."
    last = equity[-1]
    change = last.total_equity - last.starting_capital
    share = change / last.starting_capital if last.starting_capital else Decimal(0)
    ink, word = ("up", "Up") if change > 0 else ("down", "Down") if change < 0 else ("", "Even")
    answer = (
        f'<span class="{ink}">{fmt.money_signed(change)}</span> <small>{fmt.percent_signed(share)}</small>'
    )
    wins, losses = sum(m.wins for m in cities), sum(m.losses for m in cities)
    settled = wins + losses
    if settled < ENOUGH_SETTLED:
        count = fmt.plural(settled, "settled position")
        tail = f" <br>{wins} won, {losses} lost so far." if settled else ""
        return answer, f"{word}. Too early to say: {count} of {ENOUGH_SETTLED}.{tail}"
    return answer, f"{word}. {settled:,} settled positions: {wins:,} won, {losses:,} lost, after fees."


def restraint(funnel: Sequence[FunnelStep], today: date | None) -> tuple[str, str]:
    if not funnel:
        return f'<span class="na">{fmt.NA}</span>', "No decision is 60 minutes old yet."
    first = funnel[0]
    last = next((s for s in funnel if s.step == "sent"), funnel[-1])
    reasons = ", ".join(f"{count:,} {words}" for words, count in funnel_words(funnel)[:3])
    day = "" if today is None or first.date == today else f"{fmt.day(first.date, today)}: "
    words = f"{day}{reasons}." if reasons else f"{day}Nothing was turned down."
    return f"{last.count:,} of {first.count:,} <small>prices passed</small>", words
