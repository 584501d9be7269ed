"""Four questions in the visitor's words, each with one answer and one sentence."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Final

from dashboard import format as fmt
from dashboard.bundles import Figures
from dashboard.components import health_badges, scores
from dashboard.components import reasons as why
from dashboard.components.funnel import reasons
from dashboard.rows import CityMetric, EquityPoint, ForecastScore, FunnelStep, Health, PageState, PublicTrade

ENOUGH_SETTLED: Final = 100  # below this a result says more about luck than about skill
_NO_FIGURES: Final = "Too early to say: no figures are 60 minutes old yet."
_WORD: Final = {"up": "Up", "down": "Down", "": "Even"}


def four(page: PageState | None, health: Sequence[Health], late: Figures, *, is_away: bool) -> str:
    today = fmt.local(page.as_of, fmt.NEW_YORK).date() if page else None
    cells = (
        ("Is it running?", *running(page, health, is_away=is_away)),
        ("What did it trade?", *traded(page, late.trades, late.cities, today)),
        ("Is it any good?", *quality(late.equity, late.cities, late.scores)),
        ("Why not more?", *restraint(late.funnel, today)),
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


def quality(
    equity: Sequence[EquityPoint], cities: Sequence[CityMetric], found: Sequence[ForecastScore] = ()
) -> tuple[str, str]:
    if not equity:
        return f'<span class="na">{fmt.NA}</span>', _NO_FIGURES
    change, share = _result(equity)
    small = f"<small>{fmt.percent_signed(share)}</small>"
    answer = f'<span class="{fmt.ink(change)}">{fmt.money_signed(change)}</span> {small}'
    skill = scores.short(scores.headline(found))
    return answer, f"{_WORD[fmt.ink(change)]}. {_settled(cities)} <br>{skill}"


def result_sentence(equity: Sequence[EquityPoint], cities: Sequence[CityMetric]) -> str:
    """The result in one sentence, with how much it says."""
    if not equity:
        return _NO_FIGURES
    change, share = _result(equity)
    amount = f"{fmt.money(abs(change))} ({fmt.percent_signed(share)})"
    return f"{_WORD[fmt.ink(change)]} {amount} after fees. {_settled(cities)}"


def _result(equity: Sequence[EquityPoint]) -> tuple[Decimal, Decimal]:
    """What was made of the capital: dollars and share."""
    last = equity[-1]
    change = last.total_equity - last.starting_capital
    return change, change / last.starting_capital if last.starting_capital else Decimal(0)


def _settled(cities: Sequence[CityMetric]) -> str:
    """How many positions have a result, and whether that is enough to judge."""
    wins, losses = sum(m.wins for m in cities), sum(m.losses for m in cities)
    if wins + losses < ENOUGH_SETTLED:
        return f"Too early to say: {fmt.plural(wins + losses, 'settled position')} of {ENOUGH_SETTLED}."
    return f"{wins + losses:,} settled positions: {wins:,} won, {losses:,} lost."


def restraint(funnel: Sequence[FunnelStep], today: date | None) -> tuple[str, str]:
    if not funnel:
        return f'<span class="na">{fmt.NA}</span>', "No decision is 60 minutes old yet."
    first = funnel[0]
    sent = next((s for s in funnel if s.step == "sent"), funnel[-1])
    said = ", ".join(f"{count:,} {why.words(code)}" for code, count in reasons(funnel)[:3])
    day = "" if today is None or first.date == today else f"{fmt.day(first.date, today)}: "
    words = f"{day}{said}." if said else f"{day}Nothing was turned down."
    return f"{sent.count:,} of {first.count:,} <small>prices became orders</small>", words
