"""Markets, results and prices of a history folder. Prices become probabilities (cents / 100): they are
scored here, not paid, so they are floats like every other statistic.
"""

from pathlib import Path

import numpy as np

from trader.app.evaluate.forecast_files import utc_second
from trader.app.evaluate.tables import find, groups, ordinals, read
from trader.core.forecasting.archive import DAY_S, EPOCH, RESULT_DELAY_S, Bracket, Event, Floats, Ints, Prices
from trader.domain.cities import CityConfig
from trader.domain.types import MarketType

Parts = dict[str, list[tuple[Ints, Floats, Floats, Floats]]]


def load_events(
    history: Path, cities: dict[str, CityConfig], variable: MarketType
) -> dict[str, dict[int, Event]]:
    """Return the events by city and day, those of lows negated. The published result counts; ours stands in
    where none was kept."""
    found: dict[str, dict[int, list[Bracket]]] = {}
    for path in find(history, "kalshi", "markets.csv*"):
        table = read(path, ["city", "series", "date", "ticker", "lo_f", "hi_f", "result", "result_from_obs"])
        days = ordinals(table["date"])
        for i, code in enumerate(table["city"].tolist()):
            if code in cities and variable in str(table["series"][i]):
                told = (table["result"][i], table["result_from_obs"][i])  # a wholly empty column is NaN
                won = next((text == "yes" for text in told if text in ("yes", "no")), None)
                ends = (_whole(table["lo_f"][i]), _whole(table["hi_f"][i]))
                if variable is MarketType.LOW:
                    ends = (_negative(ends[1]), _negative(ends[0]))
                bracket = Bracket(str(table["ticker"][i]), *ends, won)
                found.setdefault(code, {}).setdefault(int(days[i]), []).append(bracket)
    return {
        code: {day: _event(cities[code], day, brackets) for day, brackets in sorted(days_of.items())}
        for code, days_of in found.items()
    }


def load_prices(history: Path, tickers: set[str]) -> dict[str, Prices]:
    """Return the recorded prices of the wanted tickers: trades, quotes (their middle), books and hourly
    closes."""
    parts: Parts = {}
    for path in find(history, "kalshi", "trades_*.parquet"):
        table = read(path, ["ticker", "created_time", "yes_price_cents"])
        price = table["yes_price_cents"] / 100
        _add(parts, tickers, table["ticker"], table["created_time"], price, None, None)
    for path in find(history, "kalshi", "candles_*.parquet"):
        table = read(path, ["ticker", "period_end_utc", "close_cents"])
        _add(parts, tickers, table["ticker"], table["period_end_utc"], table["close_cents"] / 100, None, None)
    for path in find(history, "kalshi", "quotes_*.parquet", "quotes_*.csv*"):
        table = read(path, ["ticker", "ts_utc", "yes_bid_cents", "yes_ask_cents"])
        known = table["ts_utc"]
        if known.dtype == object:
            known = np.array([utc_second(text) for text in known.tolist()])
        bid, ask = np.nan_to_num(table["yes_bid_cents"]) / 100, table["yes_ask_cents"] / 100
        _add(parts, tickers, table["ticker"], known, (bid + ask) / 2, bid, ask)
    _books(history, parts, tickers)
    return {ticker: _sorted(rows) for ticker, rows in parts.items()}


def _books(history: Path, parts: Parts, tickers: set[str]) -> None:
    """The best bid of each side a capture; the ask of YES is what the best bid for NO leaves of a dollar."""
    for path in find(history, "kalshi", "order_books_*.parquet"):
        table = read(path, ["captured_utc", "ticker", "side", "bid_cents"])
        best: dict[tuple[str, str], dict[str, float]] = {}
        columns = (table["ticker"], table["captured_utc"], table["side"], table["bid_cents"])
        for ticker, captured, side, cents in zip(*(c.tolist() for c in columns), strict=True):
            if ticker in tickers:
                sides = best.setdefault((ticker, captured), {})
                sides[side] = max(sides.get(side, 0.0), cents)
        for (ticker, captured), sides in best.items():
            bid, ask = sides.get("yes", 0.0) / 100, 1 - sides.get("no", 0.0) / 100
            known = np.array([utc_second(captured)])
            row = (known, np.array([(bid + ask) / 2]), np.array([bid]), np.array([ask]))
            parts.setdefault(ticker, []).append(row)


def _add(
    parts: Parts,
    tickers: set[str],
    names: Floats,
    known: Ints,
    last: Floats,
    bid: Floats | None,
    ask: Floats | None,
) -> None:
    for ticker, rows in groups(names):
        if ticker in tickers:
            i = rows[np.isfinite(last[rows])]
            blank = np.full(len(i), np.nan)
            row = (known[i], last[i], blank if bid is None else bid[i], blank if ask is None else ask[i])
            parts.setdefault(ticker, []).append(row)


def _sorted(rows: list[tuple[Ints, Floats, Floats, Floats]]) -> Prices:
    known, last, bid, ask = (np.concatenate(part) for part in zip(*rows, strict=True))
    order = np.argsort(known, kind="stable")
    return Prices(
        np.zeros(len(order), np.int64), known[order].astype(np.int64), last[order], bid[order], ask[order]
    )


def _event(city: CityConfig, day: int, brackets: list[Bracket]) -> Event:
    ordered = tuple(sorted(brackets, key=lambda b: (b.lo is not None, b.lo or 0, b.hi or 0)))
    end = (day - EPOCH + 1) * DAY_S - city.std_utc_offset_hours * 3600
    return Event(city.code, day, ordered, end + RESULT_DELAY_S)


def _whole(value: float) -> int | None:
    return int(value) if np.isfinite(value) else None


def _negative(value: int | None) -> int | None:
    return None if value is None else -value
