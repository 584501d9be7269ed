"""Our rule of settlement against every result the exchange published: agreement, and each exception with what
the record says about it.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np

from trader.app.evaluate.tables import find, groups, read
from trader.core.settlement import bracket_bounds, settled_value
from trader.domain.errors import ConfigurationError
from trader.domain.markets import bracket_wins
from trader.domain.types import MarketType

REQUIRED = Decimal("0.999")
"""Share of published results that must follow from our rule; below it a run fails."""
BELIEVED = 0.9
"""Last price, dollars, from which the market is said to have known the winner."""
Key = tuple[str, MarketType, date]
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Published:
    """One market with a published result. ``lo`` to ``hi`` win; ``strikes`` says they were read from strikes,
    not taken from the table.
    """

    ticker: str
    lo: int | None
    hi: int | None
    won: bool
    strikes: bool


@dataclass(frozen=True, slots=True)
class Difference:
    """An event in which our value gives other results than the published ones, and why, as far as known."""

    city: str
    variable: MarketType
    day: date
    ours: int
    markets: tuple[str, ...]
    paid: str
    reason: str


def settled(history: Path, *, as_json: bool, say: Say) -> int:
    """Compare, print one line a city and variable, each difference, the total; return 0, or 1 below REQUIRED.

    Reads ``kalshi/markets*``, ``kalshi/settled_*`` (results beside the climate report's values),
    ``observations/daily_obs*`` and, to explain, the other sources and the last trades. A published result
    without a value of ours counts as not compared. Raises ConfigurationError when nothing can be compared.
    """
    values, others = _values(history)
    events = _published(history)
    differences, total, agreed = [], 0, 0
    counts: dict[tuple[str, MarketType], list[int]] = {}
    lacking = 0
    for key, markets in sorted(events.items()):
        if key not in values:
            lacking += len(markets)
            continue
        wrong = [m for m in markets if bracket_wins(m.lo, m.hi, values[key]) != m.won]
        count = counts.setdefault(key[:2], [0, 0, 0])
        count[0] += len(markets) - len(wrong)
        count[1] += len(markets)
        count[2] += sum(m.strikes for m in markets)
        if wrong:
            differences.append(_difference(history, key, values, others, markets, wrong))
    for (city, variable), (right, of, strikes) in counts.items():
        agreed, total = agreed + right, total + of
        line = {"city": city, "variable": variable, "agree": right, "markets": of, "from_strikes": strikes}
        say(
            json.dumps(line)
            if as_json
            else f"{city} {variable}: {right} of {of}, {strikes} read from strikes"
        )
    if not total:
        raise ConfigurationError(
            f"{history}: expected published results and the values of their days, found none; "
            "nothing was compared"
        )
    for d in differences:
        say(json.dumps(_row(d)) if as_json else _words(d))
    share = Decimal(agreed) / total
    if as_json:
        say(json.dumps({"agree": agreed, "markets": total, "share": float(share), "not_compared": lacking}))
    else:
        say(
            f"all: {agreed} of {total} = {100 * share:.3f} % (required {100 * REQUIRED:.1f} %), "
            f"{len(differences)} events differ, {lacking} results without a value of ours"
        )
    return 0 if share >= REQUIRED else 1


def _row(d: Difference) -> dict[str, object]:
    return {
        "differs": f"{d.city} {d.variable} {d.day}", "ours": d.ours, "paid": d.paid,
        "markets": d.markets, "reason": d.reason,
    }  # fmt: skip


def _words(d: Difference) -> str:
    return (
        f"  differs: {d.city} {d.variable} {d.day}: ours {d.ours}, the exchange paid {d.paid} "
        f"({', '.join(d.markets)}): {d.reason}"
    )


def _values(history: Path) -> tuple[dict[Key, int], dict[Key, dict[str, int]]]:
    """Return the value our rule gives for each day, and each source's own.

    The climate report's value where it was recorded, else the value chosen from the archives.
    """
    values: dict[Key, int] = {}
    others: dict[Key, dict[str, int]] = {}
    columns = {MarketType.HIGH: "tmax_f", MarketType.LOW: "tmin_f"}
    for path in find(history, "observations", "daily_obs.csv*"):
        table = read(path, ["city", "date", *columns.values()])
        for kind, name in columns.items():
            values |= {key: value for key, value, _ in _daily(table, kind, name, "")}
    for path in find(history, "observations", "daily_obs_by_source.parquet"):
        table = read(path, ["city", "date", "source", *columns.values()])
        for kind, name in columns.items():
            for key, value, source in _daily(table, kind, name, "source"):
                others.setdefault(key, {})[source] = value
    columns = {MarketType.HIGH: "cli_high_f", MarketType.LOW: "cli_low_f"}
    for path in find(history, "kalshi", "settled_*.csv*"):
        table = read(path, ["city", "date", *columns.values()])
        for kind, name in columns.items():
            values |= {key: value for key, value, _ in _daily(table, kind, name, "")}
    return values, others


def _daily(
    table: dict[str, np.ndarray], kind: MarketType, name: str, source: str
) -> Iterator[tuple[Key, int, str]]:
    sources = table[source].tolist() if source else [""] * len(table[name])
    columns = (table["city"].tolist(), table["date"].tolist(), table[name].tolist(), sources)
    for city, day, value, said_by in zip(*columns, strict=True):
        if np.isfinite(value):
            yield (city, kind, date.fromisoformat(day[:10])), settled_value(value), said_by


def _published(history: Path) -> dict[Key, list[Published]]:
    """Return the markets with a published result by event; strikes are read by our own rule."""
    strikes = _strikes(history)
    found: dict[Key, list[Published]] = {}
    for path in find(history, "kalshi", "markets.csv*", "settled_*.csv*"):
        is_settled = path.name.startswith("settled_")
        ends = [] if is_settled else ["series", "lo_f", "hi_f"]
        table = read(path, ["city", "date", "ticker", "result", *ends])
        for n, (city, day, ticker, result) in enumerate(
            zip(*(table[name].tolist() for name in ("city", "date", "ticker", "result")), strict=True)
        ):
            if result not in ("yes", "no"):
                continue
            kind = MarketType.LOW if "LOW" in ticker else MarketType.HIGH
            if ticker in strikes:
                lo, hi = strikes[ticker]
            elif is_settled:
                raise ConfigurationError(
                    f"{path.name}, {ticker}: expected strikes in markets or order books, found none; "
                    "nothing was compared"
                )
            else:
                lo, hi = (None if np.isnan(v) else int(v) for v in (table["lo_f"][n], table["hi_f"][n]))
            key = (city, kind, date.fromisoformat(day[:10]))
            found.setdefault(key, []).append(Published(ticker, lo, hi, result == "yes", ticker in strikes))
    return found


def _strikes(history: Path) -> dict[str, tuple[int | None, int | None]]:
    """Return the winning degrees of each market whose strike fields were recorded."""
    names = ["ticker", "strike_type", "floor_strike", "cap_strike"]
    found: dict[str, tuple[int | None, int | None]] = {}
    for path in find(history, "kalshi", "markets.csv*", "order_books_*.parquet"):
        table = read(path, names)
        for row in dict.fromkeys(zip(*(map(str, table[name].tolist()) for name in names), strict=True)):
            ticker, word, *ends = row
            if word in ("less", "greater", "between"):
                floor, cap = (None if end == "nan" else Decimal(end) for end in ends)
                found[ticker] = bracket_bounds(word, floor, cap)
    return found


def _difference(
    history: Path,
    key: Key,
    values: dict[Key, int],
    others: dict[Key, dict[str, int]],
    markets: Sequence[Published],
    wrong: Sequence[Published],
) -> Difference:
    city, kind, day = key
    paid = next((m for m in markets if m.won), None)
    ours = next((m for m in markets if bracket_wins(m.lo, m.hi, values[key])), None)
    reason = _reason(history, key, values, others, paid, ours)
    shown = "no market" if paid is None else _degrees(paid)
    return Difference(city, kind, day, values[key], tuple(m.ticker for m in wrong), shown, reason)


def _degrees(m: Published) -> str:
    if m.lo is None or m.hi is None:
        return f"{m.hi} or below" if m.lo is None else f"{m.lo} or above"
    return f"{m.lo} to {m.hi}"


def _reason(
    history: Path,
    key: Key,
    values: dict[Key, int],
    others: dict[Key, dict[str, int]],
    paid: Published | None,
    ours: Published | None,
) -> str:
    """Say what the record proves about a difference; a guess is not made."""
    if paid is None or ours is None:
        return "the recorded brackets of the event are not complete"
    told = others.get(key, {})
    if siding := sorted(name for name, value in told.items() if bracket_wins(paid.lo, paid.hi, value)):
        return f"the sources differ: {', '.join(siding)} give the value that was paid"
    sources = ", ".join(f"{name} {value}" for name, value in sorted(told.items())) or "one table"
    price = _last_prices(history, {paid.ticker, ours.ticker})
    if price.get(paid.ticker, 0.0) >= BELIEVED:
        return (
            f"the market knew what was paid (last trade {price[paid.ticker]:.2f}): the archive ({sources}) "
            "holds a value other than the first report's"
        )
    before = values.get((key[0], key[1], key[2] - timedelta(days=1)))
    day_before = before is not None and bracket_wins(paid.lo, paid.hi, before)
    text = f"neither the archive ({sources}) nor the market expected it"
    if ours.ticker in price:
        text += f" (last trade of ours {price[ours.ticker]:.2f})"
    return text + (f"; the day before had {before}, which is what was paid" if day_before else "")


def _last_prices(history: Path, tickers: set[str]) -> dict[str, float]:
    """Return the price of the newest trade, dollars."""
    found: dict[str, tuple[int, float]] = {}
    for path in find(history, "kalshi", "trades_*.parquet"):
        table = read(path, ["ticker", "created_time", "yes_price_cents"])
        mask = np.isin(table["ticker"].astype(str), sorted(tickers))
        for ticker, rows in groups(table["ticker"][mask]):
            times, cents = table["created_time"][mask][rows], table["yes_price_cents"][mask][rows]
            newest = int(np.flatnonzero(times == times.max())[-1])
            found[ticker] = max(found.get(ticker, (0, 0.0)), (int(times[newest]), float(cents[newest]) / 100))
    return {ticker: price for ticker, (_, price) in found.items()}


__all__ = ["REQUIRED", "settled"]
