"""The warehouse a second time, continued: what forecasts were worth."""

import json
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from tests.warehouse.book import Book, first_seen
from tests.warehouse.exact import F, Row, Tables, grouped, lead, ratio, rounded, summed

LEAST = Fraction(1, 10**6)
Key = tuple[Any, ...]


class Scores:
    """Everything that follows from predictions whose result is known, as of ``trades.as_of``."""

    def __init__(self, ops: Tables, trades: Book, *, least_days: int) -> None:
        self.ops, self.trades, self.until, self.least_days = ops, trades, trades.until, least_days

    def scored(self) -> list[Row]:
        """The last prediction of each settled event, mode, strategy, version and lead, with its contracts."""
        modes = {c["cycle_id"]: c["mode"] for c in self.ops["cycles"]}
        results = grouped(self.trades.results.values(), lambda r: r["event_ticker"])
        last: dict[Key, Row] = {}
        at_cycle: dict[Key, Row] = {}
        for p in sorted(self.ops["predictions"], key=lambda p: (p["decided_at"], p["prediction_id"])):
            left = self.trades.day_end(p["city_code"], p["climate_date"]) - p["decided_at"]
            hours = left / timedelta(hours=1)
            if p["event_ticker"] in results and hours >= 0 and p["decided_at"] <= self.until:
                mode = modes[p["cycle_id"]]
                key = (p["event_ticker"], mode, p["strategy_name"], p["strategy_version"], *lead(hours))
                last[key] = p
        for key, p in last.items():
            if p["strategy_name"] == "climatology":
                at_cycle[key[0], key[1], p["decided_at"]] = p
        return [
            self._judged(key, p, results[key[0]], at_cycle.get((key[0], key[1], p["decided_at"])))
            for key, p in last.items()
        ]

    def _judged(self, key: Key, p: Row, results: list[Row], climatology: Row | None) -> Row:
        contracts = [(r, max(self.trades.versions[r["ticker"]], key=first_seen)) for r in results]
        mids = [self._mid(r["ticker"], p["decided_at"]) for r, _ in contracts]
        is_nested = p["market_type"] in ("RAIN", "SNOW")
        known = [m for m in mids if m is not None]
        whole = Fraction(1) if is_nested else summed(known)
        has_market = len(known) == len(mids) and whole > 0
        values = [r["value"] for r in results if r["value"] is not None]
        return {
            "key": key,
            "city": p["city_code"],
            "kind": p["market_type"],
            "day": p["climate_date"],
            "won": [F(r["result"] == "yes") for r, _ in contracts],
            "model": [chance(p, terms) for _, terms in contracts],
            "market": [F(rounded(m / whole)) for m in known] if has_market else None,
            "climatology": [chance(climatology, terms) for _, terms in contracts] if climatology else None,
            "crps": crps(p, max(values)) if values else None,
        }

    def _mid(self, ticker: str, at: datetime) -> Fraction | None:
        quote = self.trades.last_quote(ticker, at, lambda _: True, at - timedelta(minutes=10))
        if quote is None or (quote["yes_bid"] is None and quote["yes_ask"] is None):
            return None
        bid, ask = quote["yes_bid"], quote["yes_ask"]
        return (F(bid if bid is not None else 0) + F(ask if ask is not None else 1)) / 2

    def forecast_scores(self) -> list[Row]:
        sums: dict[Key, dict[object, list[Fraction]]] = {}
        for event in self.scored():
            _, mode, strategy, version, lead_no, lead_name = event["key"]
            for measure, score, weight in measured(event):
                if score is None:
                    continue
                for city in (event["city"], "ALL"):
                    group = (mode, event["kind"], city, lead_no, lead_name, strategy, version, measure)
                    day = sums.setdefault(group, {}).setdefault(event["day"], [Fraction(0), Fraction(0)])
                    day[0] += score
                    day[1] += weight
        rows = []
        names = ("mode", "market_type", "city_code", "lead_no", "lead", "strategy_name", "strategy_version")
        for group, by_day in sums.items():
            days, weights = len(by_day), summed(w for _, w in by_day.values())
            mean = summed(s for s, _ in by_day.values()) / weights
            value = rounded(mean)
            is_enough = days >= self.least_days
            half = None
            if is_enough:
                spread = summed((s - mean * w) ** 2 for s, w in by_day.values()) * days / (days - 1)
                half = Decimal("1.96") * root(spread) / Decimal(int(weights))
            row = dict(zip((*names, "measure"), group, strict=True)) | {"value": value}
            row |= {
                "value_lo": None if half is None else rounded(F(value) - F(half)),
                "value_hi": None if half is None else rounded(F(value) + F(half)),
            }
            rows.append(row | {"count": int(weights), "days": days, "is_enough": is_enough})
        return rows

    def calibration_bins(self) -> list[Row]:
        bins: dict[Key, list[tuple[Fraction, Fraction]]] = {}
        for event in self.scored():
            _, mode, strategy, version, lead_no, lead_name = event["key"]
            for who in ("model", "market"):
                for p, won in zip(event[who] or (), event["won"] if event[who] else (), strict=True):
                    place = min(9, int(p * 10))
                    group = (mode, event["kind"], lead_no, lead_name, strategy, version, who, place)
                    bins.setdefault(group, []).append((p, won))
        rows = []
        names = ("mode", "market_type", "lead_no", "lead", "strategy_name", "strategy_version", "forecaster")
        for group, pairs in bins.items():
            n, won = len(pairs), int(summed(w for _, w in pairs))
            share, k = Decimal(won) / n, Decimal("3.8416") / n
            half = (k * share * (1 - share) + k * k / 4).sqrt()
            lo, hi = ((share + k / 2 + sign * half) / (1 + k) for sign in (-1, 1))
            rows.append(
                dict(zip((*names, "bin_no"), group, strict=True))
                | {"bin_from": Decimal(group[-1]) / 10, "bin_to": Decimal(group[-1] + 1) / 10}
                | {"contracts": n, "won": won, "mean_p": ratio(summed(p for p, _ in pairs), n)}
                | {"won_share": rounded(Fraction(won, n)), "is_enough": n >= 30}
                | {"won_share_lo": rounded(F(lo)), "won_share_hi": rounded(F(hi))}
            )
        return rows


def distribution(p: Row) -> tuple[int, list[int]]:
    found = p["distribution"] if isinstance(p["distribution"], dict) else json.loads(p["distribution"])
    return found["start"], found["ppm"]


def chance(p: Row, terms: Row) -> Fraction:
    start, ppm = distribution(p)
    lo, hi = terms["lo"], terms["hi"]
    inside = [n for v, n in enumerate(ppm, start) if (lo is None or v >= lo) and (hi is None or v <= hi)]
    return Fraction(sum(inside), 10**6)


def crps(p: Row, outcome: int) -> Fraction:
    start, ppm = distribution(p)
    score, below = Fraction(0), 0
    for value in range(min(start, outcome), max(start + len(ppm), outcome)):
        below += ppm[value - start] if 0 <= value - start < len(ppm) else 0
        score += (Fraction(below, 10**6) - (value >= outcome)) ** 2
    return F(rounded(score))


def measured(event: Row) -> list[tuple[str, Fraction | None, int]]:
    """Name, score and weight of each measure of one event."""
    won, n = event["won"], len(event["won"])

    def brier(who: str) -> Fraction | None:
        return summed((p - o) ** 2 for p, o in zip(event[who], won, strict=True)) if event[who] else None

    def log(who: str) -> Fraction | None:
        if summed(won) != 1 or not event[who]:
            return None
        p = max(event[who][won.index(1)], LEAST)
        return F(rounded(-F((Decimal(p.numerator) / Decimal(p.denominator)).ln())))

    def less(a: Fraction | None, b: Fraction | None) -> Fraction | None:
        return None if a is None or b is None else a - b

    return [
        ("brier", brier("model"), n),
        ("log_loss", log("model"), 1),
        ("crps", event["crps"], 1),
        ("market_brier", brier("market"), n),
        ("market_log_loss", log("market"), 1),
        ("climatology_brier", brier("climatology"), n),
        ("brier_minus_market", less(brier("model"), brier("market")), n),
        ("log_loss_minus_market", less(log("model"), log("market")), 1),
        ("brier_minus_climatology", less(brier("model"), brier("climatology")), n),
    ]


def root(value: Fraction) -> Decimal:
    return (Decimal(value.numerator) / Decimal(value.denominator)).sqrt()
