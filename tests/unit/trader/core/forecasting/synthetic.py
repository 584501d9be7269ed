"""A small archive with a known truth: highs follow a forecast with bias and spread, prices follow highs."""

from datetime import date

import numpy as np

from trader.core.forecasting.archive import (
    DAY_S,
    EPOCH,
    REPORT_DELAY_S,
    RESULT_DELAY_S,
    Archive,
    Bracket,
    Event,
    Issues,
    Midday,
    Prices,
    Settled,
)
from trader.core.forecasting.chance import uniforms

FIRST = date(2024, 1, 1).toordinal()
BIAS_F = 3.0
HOURS = (-40, -30, -20, -10, -2, 8, 16)
"""Hours from the target day's 00Z at which the source speaks."""


def noise(seed: int, count: int, sd: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return roughly normal numbers: a sum of twelve uniforms."""
    return np.asarray(
        sd * (uniforms(seed, 12 * count).reshape(count, 12).sum(axis=1) - 6.0), dtype=np.float64
    )


def archive(days: int = 120, *, spread: float = 2.0, with_midday: bool = False) -> Archive:
    """Return New York's archive: high = forecast + BIAS_F + noise, six brackets a day with likely prices."""
    day = np.arange(FIRST, FIRST + days, dtype=np.int64)
    forecast = 60 + 15 * np.sin(np.arange(days) / 40) + noise(1, days, 4.0)
    high = np.floor(forecast + BIAS_F + noise(2, days, spread) + 0.5)
    report = (day - EPOCH) * DAY_S + 29 * 3600 + REPORT_DELAY_S
    hours = np.tile(np.array(HOURS, dtype=np.int64), days)
    target = np.repeat(day, len(HOURS))
    value = np.repeat(forecast, len(HOURS)) + noise(3, len(hours), 0.5)
    known = (target - EPOCH) * DAY_S + hours * 3600
    order = np.lexsort((known, target))
    seen = Midday(day, (day - EPOCH) * DAY_S + 18 * 3600, high - 2.0, high - 1.0)
    return Archive(
        issues={("NYC", "test"): Issues(target[order], known[order], value[order])},
        settled={"NYC": Settled(day, report, high)},
        midday={"NYC": seen} if with_midday else {},
        events={
            "NYC": {
                int(d): _event(int(d), int(f), int(h)) for d, f, h in zip(day, forecast, high, strict=True)
            }
        },
        prices={
            k: v
            for d, f, h in zip(day, forecast, high, strict=True)
            for k, v in _prices(int(d), int(f), int(h))
        },
    )


def brackets(middle: int) -> list[tuple[int | None, int | None]]:
    """Return six brackets around a middle that cover every degree once."""
    edges = [middle - 4, middle - 2, middle, middle + 2, middle + 4]
    inner = [(lo, lo + 1) for lo in edges[:-1]]
    return [(None, edges[0] - 1), *inner, (edges[-1], None)]


def _event(day: int, forecast: int, high: int) -> Event:
    found = []
    for i, (lo, hi) in enumerate(brackets(forecast + 3)):
        won = (lo is None or high >= lo) and (hi is None or high <= hi)
        found.append(Bracket(f"T-{day}-{i}", lo, hi, won))
    return Event("NYC", day, tuple(found), (day - EPOCH) * DAY_S + 29 * 3600 + RESULT_DELAY_S)


def _prices(day: int, forecast: int, high: int) -> list[tuple[str, Prices]]:
    out = []
    for bracket in _event(day, forecast, high).brackets:
        last = 0.4 if bracket.won else 0.12
        known = np.array([(day - EPOCH) * DAY_S - 7200, (day - EPOCH) * DAY_S + 40_000], dtype=np.int64)
        blank = np.full(2, np.nan)
        prices = Prices(
            np.zeros(2, np.int64), known, np.array([last, float(bool(bracket.won))]), blank, blank
        )
        out.append((bracket.ticker, prices))
    return out
