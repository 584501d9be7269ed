"""One line of results for a city and instant: scores with intervals and counts, or what there is not
enough of."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from trader.core.fees import model_fee
from trader.core.forecasting import scores
from trader.core.forecasting.archive import Floats
from trader.core.forecasting.scores import Estimate
from trader.core.forecasting.scoring import MIN_GAP, Markets, ScoredDay

MIN_DAYS = 30
"""Days (or days with prices) below which a score is withheld: its interval would be wider than any skill."""
FRESH_S = 30 * 60
"""Age up to which a last price counts as fresh. An old trade is an easier opponent than a quote would have
been, so the same scores are given on fresh prices alone."""
FORECASTERS = ("model", "pooled", "market", "normal", "climatology")
Row = dict[str, Any]


def summarise(city: str, at: str, days: Sequence[ScoredDay], blocked: str | None) -> Row:
    """Return the line of one city and instant; every score it cannot give is None and ``status`` says why.

    ``blocked`` is why there can be no model (no forecast, too few pairs), None when there is one.
    """
    settled = [d for d in days if d.outcome is not None and "model" in d.crps]
    priced = [d.markets for d in days if d.markets is not None]
    with_model = [m for m in priced if "model" in m.probabilities]
    compared = with_model if settled else priced
    row: Row = {
        "city": city,
        "at": at,
        "n_days": len(settled),
        "n_days_with_prices": len(compared),
        "n_markets": sum(len(m.tickers) for m in compared),
        "status": _status(blocked, len(settled), len(compared)),
    }
    row |= _markets(compared)
    row |= _fresh(with_model)
    row |= _distributions(settled if len(settled) >= MIN_DAYS else [])
    row |= _trading(with_model)
    return row


def _status(blocked: str | None, settled: int, compared: int) -> str:
    lacking = [blocked] if blocked else []
    if not blocked and settled < MIN_DAYS:
        lacking.append(f"{settled} days with forecast and outcome, {MIN_DAYS} needed")
    if compared < MIN_DAYS:
        lacking.append(f"{compared} days with prices, {MIN_DAYS} needed")
    return "not enough data: " + "; ".join(lacking) if lacking else "ok"


def _put(row: Row, name: str, estimate: Estimate | None) -> None:
    """Write ``name``, ``name_lo`` and ``name_hi``."""
    for suffix in ("", "_lo", "_hi"):
        found = None if estimate is None else getattr(estimate, suffix.strip("_") or "value")
        row[name + suffix] = None if found is None else round(found, 6)


def _per_day(markets: Sequence[Markets], value: Callable[[Markets], Floats]) -> tuple[Floats, Floats]:
    parts = [value(m) for m in markets]
    return np.array([p.sum() for p in parts]), np.array([float(len(p)) for p in parts])


def _squared(name: str) -> Callable[[Markets], Floats]:
    return lambda m: (m.probabilities[name] - m.won) ** 2


def _markets(markets: Sequence[Markets]) -> Row:
    row: Row = {}
    for name in FORECASTERS:
        has = [m for m in markets if name in m.probabilities]
        enough = len(has) >= MIN_DAYS
        _put(row, f"brier_{name}", scores.bootstrap(*_per_day(has, _squared(name))) if enough else None)
        logloss = np.array([m.logloss[name] for m in has])
        _put(row, f"logloss_{name}", scores.bootstrap(logloss) if enough else None)
        if name == "market":
            continue
        total, count = _per_day(has, lambda m, n=name: _squared(n)(m) - _squared("market")(m))  # type: ignore[misc]
        _put(row, f"brier_{name}_minus_market", scores.bootstrap(total, count) if enough else None)
        gap = logloss - np.array([m.logloss["market"] for m in has])
        _put(row, f"logloss_{name}_minus_market", scores.bootstrap(gap) if enough else None)
    for other in ("normal", "climatology"):
        both = [m for m in markets if "model" in m.probabilities and other in m.probabilities]
        total, count = _per_day(both, lambda m, n=other: _squared("model")(m) - _squared(n)(m))  # type: ignore[misc]
        found = scores.bootstrap(total, count) if len(both) >= MIN_DAYS else None
        _put(row, f"brier_model_minus_{other}", found)
    enough = len(markets) >= MIN_DAYS
    won = np.concatenate([m.won for m in markets]) if enough else np.zeros(0)
    for name in ("model", "pooled", "market"):
        has_all = enough and all(name in m.probabilities for m in markets)
        found_bins = (
            scores.reliability(np.concatenate([m.probabilities[name] for m in markets]), won)
            if has_all
            else []
        )
        row[f"reliability_{name}"] = [[round(b.mean, 4), round(b.won, 4), b.count] for b in found_bins]
    return row


def _fresh(markets: Sequence[Markets]) -> Row:
    """Scores on brackets whose price was at most FRESH_S old, and the median age in minutes of all."""
    ages = np.concatenate([m.age_s for m in markets]) if markets else np.zeros(0)
    row: Row = {"price_age_median_min": round(float(np.median(ages)) / 60, 1) if len(ages) else None}
    kept = [(m, fresh) for m in markets if (fresh := m.age_s <= FRESH_S).any()]
    row["n_markets_fresh"] = int(sum(fresh.sum() for _, fresh in kept))
    count = np.array([float(fresh.sum()) for _, fresh in kept])
    error = {n: np.array([_squared(n)(m)[f].sum() for m, f in kept]) for n in ("model", "pooled", "market")}
    for name, total in error.items():
        enough = len(kept) >= MIN_DAYS
        _put(row, f"brier_{name}_fresh", scores.bootstrap(total, count) if enough else None)
        gap = scores.bootstrap(total - error["market"], count) if enough and name != "market" else None
        if name != "market":
            _put(row, f"brier_{name}_minus_market_fresh", gap)
    return row


def _distributions(days: Sequence[ScoredDay]) -> Row:
    row: Row = {"n_days_observed": sum(d.is_observed for d in days)}
    for name in ("model", "normal", "climatology"):
        has = np.array([d.crps[name] for d in days if name in d.crps])
        _put(row, f"crps_{name}", scores.bootstrap(has) if len(has) >= MIN_DAYS else None)
    for other in ("normal", "climatology"):
        gap = np.array([d.crps["model"] - d.crps[other] for d in days if other in d.crps])
        _put(row, f"crps_model_minus_{other}", scores.bootstrap(gap) if len(gap) >= MIN_DAYS else None)
    pit = np.array([d.pit for d in days if d.pit is not None])
    if not len(pit):
        return (
            row
            | dict.fromkeys(("coverage80_model", "coverage80_lo", "coverage80_hi", "width80_model_f"))
            | {"pit": []}
        )
    band = scores.coverage_band(len(pit))
    row["coverage80_model"] = round(float(((pit >= 0.1) & (pit < 0.9)).mean()), 6)
    row["coverage80_lo"], row["coverage80_hi"] = round(band[0], 6), round(band[1], 6)
    row["width80_model_f"] = round(float(np.mean([d.width80 for d in days])), 4)
    row["pit"] = np.histogram(pit, bins=10, range=(0.0, 1.0))[0].tolist()
    return row


def _trading(markets: Sequence[Markets]) -> Row:
    """Closing-line value at the last price, and profit at the recorded bid and ask, dollars a contract
    wished for."""
    row: Row = {}
    line = [_closing_line(m) for m in markets]
    row["n_clv"] = int(sum(len(v) for v in line))
    _put(row, "clv_model_usd", _mean_by_day(line))
    profit = [_taken(m) for m in markets]
    row["n_executable"] = int(sum(len(v) for v in profit))
    _put(row, "executable_profit_model_usd", _mean_by_day(profit))
    return row


def _mean_by_day(parts: Sequence[Floats]) -> Estimate | None:
    filled = [p for p in parts if len(p)]
    if len(filled) < MIN_DAYS:
        return None
    return scores.bootstrap(np.array([p.sum() for p in filled]), np.array([float(len(p)) for p in filled]))


def _closing_line(m: Markets) -> Floats:
    ours, price = m.probabilities["model"], m.probabilities["market"]
    wish = (np.abs(ours - price) >= MIN_GAP) & np.isfinite(m.later)
    return np.asarray((np.sign(ours - price) * (m.later - price))[wish], dtype=np.float64)


def _taken(m: Markets) -> Floats:
    """Profit of one contract of each side whose edge after the fee is MIN_GAP at the recorded quote."""
    out = []
    for ours, won, bid, ask in zip(m.probabilities["model"], m.won, m.bid, m.ask, strict=True):
        for chance, gain, price in ((ours, won, ask), (1 - ours, 1 - won, 1 - bid)):
            if np.isfinite(price) and 0 < price < 1:
                fee = float(model_fee(Decimal(1), Decimal(str(round(price, 4))), Decimal(1)))
                if chance - price - fee >= MIN_GAP:
                    out.append(gain - price - fee)
    return np.array(out, dtype=np.float64)
