"""Rules first: the class of a market condition and plain words for a signal, from stored numbers alone.

A language model may reword what stands here and decides nothing. No trading code imports this module.
"""

import re
import unicodedata
from collections.abc import Iterable
from decimal import Decimal
from itertools import groupby

from trader.domain.advice import AnomalyClass, AnomalyKind, Finding, MarketFacts, SignalFacts
from trader.domain.types import MarketType, Side

# Limits are (suspicious, alert). A spread of 10 cents is three times what we trade, 25 cents is no market.
SPREAD_USD = (Decimal("0.10"), Decimal("0.25"))
# contracts at the best price of the thinner side, at most; the alert is an empty side
TOP_SIZE = (Decimal(10), Decimal(0))
# our probability against the middle of the market, for the contract where they differ most
PROBABILITY_GAP = (Decimal("0.25"), Decimal("0.40"))
# degrees Fahrenheit between the warmest and the coldest strategy
MEAN_GAP_F = (Decimal(4), Decimal(8))
# away from these an empty side or a wide spread is usual
LIVELY = (Decimal("0.05"), Decimal("0.95"))

_TEMPERATURES = (MarketType.HIGH, MarketType.LOW)
_KIND_WORDS = {
    MarketType.HIGH: "high",
    MarketType.LOW: "low",
    MarketType.RAIN: "rain of the month",
    MarketType.SNOW: "snow of the month",
}


def find(markets: Iterable[MarketFacts]) -> tuple[Finding, ...]:
    """Return one finding for each event and kind that can be judged, NORMAL ones included, in order."""
    ordered = sorted(markets, key=lambda m: (m.event_ticker, m.ticker))
    found: list[Finding | None] = []
    for _, group in groupby(ordered, key=lambda m: m.event_ticker):
        event = list(group)
        middles = [(m, mid) for m in event if (mid := _middle(m)) is not None]
        lively = [m for m, mid in middles if LIVELY[0] <= mid <= LIVELY[1]]
        found += [_spread(lively), _liquidity(lively), _disagreement(event, middles)]
    return tuple(f for f in found if f is not None)


def _middle(market: MarketFacts) -> Decimal | None:
    if market.yes_bid is None or market.yes_ask is None:
        return None
    return (market.yes_bid + market.yes_ask) / 2


def _class(value: Decimal, limits: tuple[Decimal, Decimal]) -> AnomalyClass:
    suspicious, alert = limits
    is_low_bad = alert < suspicious
    if value <= alert if is_low_bad else value >= alert:
        return AnomalyClass.ALERT
    if value < suspicious if is_low_bad else value >= suspicious:
        return AnomalyClass.SUSPICIOUS
    return AnomalyClass.NORMAL


def _finding(
    kind: AnomalyKind, level: AnomalyClass, market: MarketFacts, reason: str, figures: dict[str, str]
) -> Finding:
    return Finding(
        kind=kind,
        anomaly_class=level,
        event_ticker=market.event_ticker,
        city_code=market.city_code,
        ticker=market.ticker,
        reason=reason,
        figures=figures,
    )


def _spread(lively: list[MarketFacts]) -> Finding | None:
    spreads = [(m.yes_ask - m.yes_bid, m) for m in lively if m.yes_ask is not None and m.yes_bid is not None]
    if not spreads:
        return None
    spread, market = max(spreads, key=lambda pair: pair[0])
    text = cents(spread)
    reason = f"The widest distance between buying and selling price is {text} cents."
    figures = {"spread_cents": text}
    return _finding(AnomalyKind.WIDE_SPREAD, _class(spread, SPREAD_USD), market, reason, figures)


def _liquidity(lively: list[MarketFacts]) -> Finding | None:
    sizes = [(m.top_size, m) for m in lively if m.top_size is not None]
    if not sizes:
        return None
    size, market = min(sizes, key=lambda pair: pair[0])
    text = f"{size.normalize():f}"
    reason = f"At the best price only {text} contracts stand."
    return _finding(
        AnomalyKind.LOW_LIQUIDITY, _class(size, TOP_SIZE), market, reason, {"contracts_at_best_price": text}
    )


def _disagreement(event: list[MarketFacts], middles: list[tuple[MarketFacts, Decimal]]) -> Finding | None:
    """The worse of two: our strategies among themselves, and our forecast against the market."""
    candidates: list[Finding] = []
    means = [mean for m in event for mean in m.mean_f]
    if len(means) > 1:
        gap = Decimal(str(round(max(means) - min(means), 1)))
        reason = f"Our own forecasts lie {gap} degrees Fahrenheit apart."
        figures = {"degrees_apart": str(gap)}
        candidates.append(
            _finding(AnomalyKind.FORECAST_DISAGREEMENT, _class(gap, MEAN_GAP_F), event[0], reason, figures)
        )
    gaps = [(abs(m.p_yes - mid), m, mid) for m, mid in middles if m.p_yes is not None]
    if gaps:
        wide, market, mid = max(gaps, key=lambda found: found[0])
        ours, theirs = percent(market.p_yes or Decimal(0)), percent(mid)
        reason = f"Our forecast gives {ours} % where the market gives {theirs} %."
        figures = {"our_percent": ours, "market_percent": theirs}
        candidates.append(
            _finding(
                AnomalyKind.FORECAST_DISAGREEMENT, _class(wide, PROBABILITY_GAP), market, reason, figures
            )
        )
    order = list(AnomalyClass)
    return max(candidates, key=lambda f: order.index(f.anomaly_class), default=None)


def cents(price: Decimal) -> str:
    """Dollars per contract as cents, no more decimals than there are."""
    return f"{(price * 100).normalize():f}"


def percent(probability: Decimal) -> str:
    return f"{(probability * 100).quantize(Decimal(1)):f}"


def explain(facts: SignalFacts) -> str:
    """Return why a contract was wanted, in two or three sentences of plain text."""
    p_side = facts.p_yes if facts.side is Side.YES else 1 - facts.p_yes
    name = (
        f"{facts.city}, {_KIND_WORDS[facts.market_type]} of {facts.climate_date:%B} {facts.climate_date.day}"
    )
    forecast = "Our forecast"
    if facts.market_type in _TEMPERATURES and facts.mean_f is not None and facts.sd_f is not None:
        forecast += f" ({facts.mean_f:.1f} °F, give or take {facts.sd_f:.1f})"
    parts = [
        f"{name}, {facts.label}: {forecast} gives {facts.side} {percent(p_side)} %.",
        f"Buying {facts.side} costs {cents(facts.price)} cents"
        + (f" and {cents(facts.fee)} cents of fee" if facts.fee is not None else "")
        + (
            f", so {cents(facts.edge)} cents are expected to be left per contract."
            if facts.edge is not None
            else "."
        ),
    ]
    if facts.allowed_qty is not None and facts.allowed_qty < facts.qty:
        allowed, asked = f"{facts.allowed_qty.normalize():f}", f"{facts.qty.normalize():f}"
        parts.append(f"The limits on risk left {allowed} of {asked} contracts.")
    return " ".join(parts)


# the scheme's length is bounded: an unbounded one costs quadratic time on one long word
_LINK = re.compile(r"(?:[a-z][a-z0-9+.-]{0,20}://|www\.|mailto:|javascript:|data:)\S*", re.IGNORECASE)
_MARKUP = re.compile(r"<[^<>]*>|[<>`*_#|\\{}\[\]~]")
_KEPT_CATEGORIES = ("L", "N", "P", "S", "Zs", "M")


def plain_text(text: str, limit: int) -> str:
    """Return text without markup, links, control, invisible or direction-changing characters, cut at a word.

    What comes out is safe to show as text anywhere; whoever shows it still escapes it.
    """
    text = unicodedata.normalize(
        "NFKC", text[: 4 * limit]
    )  # longer texts are cut before work is spent on them
    text = "".join(c if unicodedata.category(c).startswith(_KEPT_CATEGORIES) else " " for c in text)
    text = " ".join(_MARKUP.sub(" ", _LINK.sub(" ", text)).split())
    if len(text) <= limit:
        return text
    return text[: limit - 1].rsplit(" ", 1)[0].rstrip(" ,;:") + "…"


_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


def numbers_in(text: str) -> set[str]:
    """The numerals of a text, as written but for trailing zeros after a point: ``7.50`` is ``7.5``."""
    found = set()
    for numeral in _NUMBER.findall(text):
        plain = numeral.replace(",", "")
        found.add(plain.rstrip("0").rstrip(".") if "." in plain else plain)
    return found


def invented_numbers(text: str, source: str) -> set[str]:
    """Numerals of ``text`` that are not in ``source``: a model that makes up a number is not believed."""
    return numbers_in(text) - numbers_in(source)
