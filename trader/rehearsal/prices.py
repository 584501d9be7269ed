"""Prices of a history folder as the simulator's quotes and books. Hourly closes are no offer: not read."""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from trader.app.evaluate.forecast_files import utc_second
from trader.app.evaluate.tables import Table, find, groups, read
from trader.core.forecasting.archive import QUOTE_AGE_S
from trader.simulator.quoted import Depth, Ints, Quotes
from trader.simulator.world import Levels

_NO = np.int64(-1)


@dataclass(frozen=True, slots=True)
class Prices:
    """By today's ticker; ``from_trades`` are those whose quotes were read from trades."""

    quotes: dict[str, Quotes]
    depth: dict[str, Depth]
    from_trades: frozenset[str]


def load_prices(history: Path, tickers: set[str]) -> Prices:
    """Return quotes and books of the wanted tickers; trades where neither was recorded."""
    quotes = {ticker: _joined(parts) for ticker, parts in _quotes(history, tickers).items()}
    depth = _books(history, tickers)
    traded = {
        ticker: _of_trades(_joined_columns(parts))
        for ticker, parts in _trades(history, tickers - set(quotes) - set(depth)).items()
    }
    return Prices(quotes | traded, depth, frozenset(traded))


def todays(ticker: str) -> str:
    """Series of highs were renamed in August 2024: HIGHNY is KXHIGHNY since."""
    return ticker if ticker.startswith("KX") else f"KX{ticker}"


def _quotes(history: Path, tickers: set[str]) -> dict[str, list[Quotes]]:
    parts: dict[str, list[Quotes]] = {}
    for path in find(history, "kalshi", "quotes_*.parquet", "quotes_*.csv*"):
        table = read(path, ["ticker", "ts_utc", "yes_bid_cents", "yes_ask_cents"])
        second = _seconds(table["ts_utc"])
        bid, ask = (np.nan_to_num(table[f"yes_{side}_cents"]).astype(np.int64) for side in ("bid", "ask"))
        for ticker, rows in groups(table["ticker"]):
            if (name := todays(ticker)) in tickers:
                parts.setdefault(name, []).append(Quotes(second[rows], bid[rows], ask[rows]))
    return parts


def _joined(parts: list[Quotes]) -> Quotes:
    second = np.concatenate([part.second for part in parts])
    order = np.argsort(second, kind="stable")
    bid, ask = (np.concatenate([getattr(part, side) for part in parts])[order] for side in ("bid", "ask"))
    return Quotes(second[order], bid, ask)


def _trades(history: Path, tickers: set[str]) -> dict[str, list[Table]]:
    parts: dict[str, list[Table]] = {}
    if not tickers:
        return parts
    for path in find(history, "kalshi", "trades_*.parquet"):
        table = read(path, ["ticker", "created_time", "yes_price_cents", "taker_side"])
        for ticker, rows in groups(table["ticker"]):
            if (name := todays(ticker)) in tickers:
                parts.setdefault(name, []).append({key: column[rows] for key, column in table.items()})
    return parts


def _joined_columns(parts: list[Table]) -> Table:
    table = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    order = np.argsort(table["created_time"], kind="stable")
    return {key: column[order] for key, column in table.items()}


def _of_trades(table: Table) -> Quotes:
    """A taker of YES paid the ask, a taker of NO hit the bid; each counts for 30 minutes, and neither side is
    taken for better than the newest trade.
    """
    second, price = table["created_time"].astype(np.int64), table["yes_price_cents"].astype(np.int64)
    sides: dict[str, Ints] = {}
    for side in ("yes", "no"):
        newest = np.maximum.accumulate(np.where(table["taker_side"] == side, np.arange(len(second)), _NO))
        is_young = (newest >= 0) & (second - second[np.maximum(newest, 0)] <= QUOTE_AGE_S)
        sides[side] = np.where(is_young, price[np.maximum(newest, 0)], 0)
    ask = np.where(sides["yes"] > 0, np.maximum(sides["yes"], price), 0)
    bid = np.where(sides["no"] > 0, np.minimum(sides["no"], price), 0)
    return Quotes(second, bid, ask)


def _books(history: Path, tickers: set[str]) -> dict[str, Depth]:
    found: dict[str, dict[int, dict[str, list[tuple[int, int]]]]] = {}
    for path in find(history, "kalshi", "order_books_*.parquet"):
        table = read(path, ["captured_utc", "ticker", "side", "bid_cents", "contracts"])
        second = _seconds(table["captured_utc"])
        columns = (second, *(table[name] for name in ("side", "bid_cents", "contracts")))
        for ticker, rows in groups(table["ticker"]):
            if ticker in tickers:
                books = found.setdefault(ticker, {})
                for at, side, cents, size in zip(*(column[rows].tolist() for column in columns), strict=True):
                    level = (int(cents), int((Decimal(str(size)) * 100).to_integral_value()))
                    books.setdefault(at, {}).setdefault(side, []).append(level)
    return {ticker: _depth(books) for ticker, books in found.items()}


def _depth(books: dict[int, dict[str, list[tuple[int, int]]]]) -> Depth:
    def side(at: int, name: str) -> Levels:
        return tuple(sorted(books[at].get(name, [])))

    seconds = tuple(sorted(books))
    return Depth(seconds, tuple((side(at, "yes"), side(at, "no")) for at in seconds))


def _seconds(column: np.ndarray[Any, Any]) -> Ints:
    """Whole UTC seconds; texts of CSV files are read, each distinct one once."""
    if column.dtype != object:
        return column.astype(np.int64)
    known = {text: utc_second(text) for text in set(column.tolist())}
    return np.array([known[text] for text in column.tolist()], dtype=np.int64)
