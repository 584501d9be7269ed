"""Our forecasts against the market's prices: one verdict in words, by lead, and city by city.

The score is Brier's: the squared distance of a chance from what happened, a contract on average; 0 is
perfect, lower is better. The market's chance is its mid price at the same instant.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from dashboard import format as fmt
from dashboard.cities import PLACES
from dashboard.rows import ForecastScore

ALL = "ALL"


@dataclass(frozen=True)
class Pair:
    """Both sides on the same contracts; ``ahead_lo`` to ``ahead_hi`` is the 95 % interval of ours minus the
    market's (below zero: ours is better), None while there are too few days.
    """

    name: str
    us: ForecastScore
    market: ForecastScore
    ahead: ForecastScore | None

    @property
    def is_us_closer(self) -> bool:
        return (self.us.value or Decimal(0)) < (self.market.value or Decimal(0))


def pairs(
    scores: Sequence[ForecastScore], market_type: str, *, city: str | None = ALL, lead: int | None = None
) -> tuple[Pair, ...]:
    """Comparisons of the strategy with most scored days: one for each lead of a ``city``, or for each city
    (``city`` None) of a ``lead``.
    """
    chosen = [
        s
        for s in scores
        if s.market_type == market_type
        and (s.city_code == city if city else s.city_code != ALL)
        and (lead is None or s.lead_no == lead)
    ]
    strategy = _leading(chosen)
    found: dict[tuple[int, str], dict[str, ForecastScore]] = {}
    for score in chosen:
        if (score.strategy_name, score.strategy_version) == strategy:
            found.setdefault((score.lead_no, score.city_code), {})[score.measure] = score
    return tuple(
        Pair(
            measures["brier"].lead if city else code,
            measures["brier"],
            measures["market_brier"],
            measures.get("brier_minus_market"),
        )
        for (_, code), measures in sorted(found.items())
        if {"brier", "market_brier"} <= set(measures)
    )


def headline(scores: Sequence[ForecastScore], market_type: str = "HIGH") -> Pair | None:
    """The comparison that stands for all: that of the lead with most scored contracts."""
    found = pairs(scores, market_type)
    return max(found, key=lambda p: (p.market.count, -p.us.lead_no), default=None)


def verdict(pair: Pair | None) -> str:
    """Who was closer, or why it is too early to say."""
    if pair is None:
        return "Too early to say: no settled day of ours has been scored against the market yet."
    numbers = (
        f"score {_score(pair.us.value)} against the market’s {_score(pair.market.value)}, lower is better"
    )
    closer = "ours were closer" if pair.is_us_closer else "the market was closer"
    over = f"over {fmt.plural(pair.us.days, 'day')}"
    if pair.ahead is None or not pair.ahead.is_enough:
        return f"Too early to say: {fmt.plural(pair.us.days, 'day')} of 30. So far {closer}: {numbers}."
    lo, hi = pair.ahead.value_lo, pair.ahead.value_hi
    if lo is None or hi is None or lo <= 0 <= hi:
        return f"No difference that can be told from chance {over}: {numbers}."
    return f"Over {fmt.plural(pair.us.days, 'day')} {closer}: {numbers}."


def short(pair: Pair | None) -> str:
    """The verdict in the few words of the first page."""
    if pair is None or not pair.us.days:
        return ""
    closer = "Our forecasts were closer" if pair.is_us_closer else "The market has forecast better"
    return f"{closer} so far."


def lead_table(found: Sequence[Pair]) -> str:
    body = "".join(
        f'<tr><th scope="row">{fmt.esc(p.name)}</th><td class="n us">{_score(p.us.value)}</td>'
        f'<td class="n mktt">{_score(p.market.value)}</td><td class="n">{_difference(p.ahead)}</td>'
        f'<td class="n t hide">{_interval(p.ahead)}</td><td class="n">{p.us.days:,}</td>'
        f'<td class="n hide">{p.us.count:,}</td></tr>'
        for p in found
    )
    return (
        '<table class="tab"><thead><tr><th>Before the day ends</th><th class="n">Us</th>'
        '<th class="n">Market</th><th class="n">Difference</th><th class="n hide">95% interval</th>'
        f'<th class="n">Days</th><th class="n hide">Contracts</th></tr></thead><tbody>{body}</tbody></table>'
    )


def dumbbells(found: Sequence[Pair]) -> str:
    """One line a city: our square and the market's circle on one scale, hairline between, intervals "
    "behind."""
    known = {p.us.city_code: p for p in found}
    shown = [known[place.code] for place in PLACES if place.code in known]
    edges = [
        v for p in shown for s in (p.us, p.market) for v in (s.value, s.value_lo, s.value_hi) if v is not None
    ]
    if not edges:
        return ""
    low, high = min(edges), max(edges)
    span = (high - low) or Decimal(1)

    def at(value: Decimal) -> str:
        return f"{3 + 94 * (value - low) / span:.1f}%"

    rows = ""
    for pair in shown:
        us, market = pair.us.value or Decimal(0), pair.market.value or Decimal(0)
        marks = _range(pair.us, "us", at) + _range(pair.market, "mk", at)
        left, right = min(us, market), max(us, market)
        rows += (
            f'<tr><th scope="row">{pair.us.city_code}</th><td class="track" aria-hidden="true">{marks}'
            f'<i class="join" style="left:{at(left)};right:calc(100% - {at(right)})"></i>'
            f'<i class="sq" style="left:{at(us)}"></i><i class="dot" style="left:{at(market)}"></i></td>'
            f'<td class="n us">{_score(us)}</td><td class="n mktt">{_score(market)}</td>'
            f'<td class="n t">{pair.us.days:,}</td></tr>'
        )
    return (
        '<table class="tab bell"><thead><tr><th>City</th><th class="ends" aria-hidden="true">'
        f"<span>{_score(low)} better</span><span>worse {_score(high)}</span></th>"
        '<th class="n">Us</th><th class="n">Market</th><th class="n">Days</th></tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )


def _leading(scores: Sequence[ForecastScore]) -> tuple[str, str] | None:
    """Strategy and version with the most scored contracts, by name among equals."""
    counts: dict[tuple[str, str], int] = {}
    for score in scores:
        if score.measure == "market_brier":
            key = (score.strategy_name, score.strategy_version)
            counts[key] = counts.get(key, 0) + score.count
    return min(counts, key=lambda key: (-counts[key], key), default=None)


def _range(score: ForecastScore, css: str, at: Callable[[Decimal], str]) -> str:
    if score.value_lo is None or score.value_hi is None:
        return ""
    left, right = at(score.value_lo), at(score.value_hi)
    return f'<i class="iv {css}" style="left:{left};right:calc(100% - {right})"></i>'


def _score(value: Decimal | None) -> str:
    return fmt.NA if value is None else fmt.fixed(value, 3)


def _difference(score: ForecastScore | None) -> str:
    if score is None or score.value is None:
        return f'<span class="na">{fmt.NA}</span>'
    word = "better" if score.value < 0 else "worse" if score.value > 0 else "equal"
    return f"{fmt.signed(score.value, 3)} {word}"


def _interval(score: ForecastScore | None) -> str:
    if score is None or score.value_lo is None or score.value_hi is None:
        return "too few days"
    return f"{fmt.signed(score.value_lo, 3)} to {fmt.signed(score.value_hi, 3)}"
