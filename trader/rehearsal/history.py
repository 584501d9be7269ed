"""A folder of recorded history as a world: markets, prices, forecasts, reports and results of a period.

What each file means is told by the folder's README; every value carries the instant from which it could be
known, by the rules of ``trader.app.evaluate``. Daily highs only: lows were not forecast where prices are.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from trader.app.evaluate.forecast_files import EXTREMES, load_issues, load_midday, load_settled
from trader.app.evaluate.loading import require_history
from trader.app.evaluate.tables import find, read
from trader.core.forecasting.archive import DAY_S, EPOCH, Issues, Midday, Settled
from trader.domain.cities import CityConfig, city_named, load_cities
from trader.domain.climate_day import climate_day_bounds
from trader.domain.errors import ConfigurationError
from trader.domain.types import MarketType
from trader.rehearsal.prices import Prices, load_prices
from trader.simulator.quoted import QuotedWorld, quoted_world
from trader.simulator.world import Climate, EnsembleRow, Market, Temperature, instant

SOURCES = ("open_meteo", "gefs_mean", "nws_point", "nws_email", "nws_archive")
"""Recorded sources, best first. The first that spoke of a city before the period is served, in the envelope
of the ensemble provider: one value without members."""
LEAD_DAYS = 3
"""Days ahead of which forecasts are served, as far as the provider is asked."""


@dataclass(frozen=True, slots=True)
class Period:
    """What is to be traded: climate days, both in; how long before them the trader learns; the cycle."""

    first: date
    last: date
    warm_up_days: int
    every_s: int
    depth: Decimal

    @property
    def start(self) -> datetime:
        day = self.first - timedelta(days=self.warm_up_days + 1)
        return datetime(day.year, day.month, day.day, tzinfo=UTC)

    @property
    def end(self) -> datetime:
        return datetime(self.last.year, self.last.month, self.last.day, tzinfo=UTC) + timedelta(days=3)

    @property
    def opens(self) -> datetime:
        """Markets open on the day before."""
        return datetime(self.first.year, self.first.month, self.first.day, tzinfo=UTC) - timedelta(days=1)

    def __str__(self) -> str:
        return f"{self.first} to {self.last}"


def load_world(history: Path, codes: Sequence[str], period: Period) -> QuotedWorld:
    """Build the world of some cities (all that were recorded, when none is named) in a period.

    Raises ConfigurationError for another folder, an unknown city, or a period of which markets, prices,
    forecasts or results are not there, saying what there is.
    """
    require_history(history)
    asked = {code: city_named(code) for code in codes} or load_cities()
    extreme = EXTREMES[MarketType.HIGH]
    issues, settled = load_issues(history, asked, extreme), load_settled(history, asked, extreme)
    markets = _markets(history, asked, settled)
    wanted = [row for row in markets if period.first <= row.climate_date <= period.last]
    prices = load_prices(history, {row.ticker for row in wanted})
    sources = {code: source for code in asked if (source := _source(issues, code, period))}
    lacking = {code: _lacking(code, wanted, markets, prices, sources, period) for code in asked}
    found = tuple(code for code, words in lacking.items() if not words)
    if not found or (codes and len(found) < len(asked)):
        words = next(words for words in lacking.values() if words)
        raise ConfigurationError(f"--history {history.name}: {words}; nothing was traded")
    cities = {code: asked[code] for code in found}
    traded = [row for row in wanted if row.city in cities]
    midday = load_midday(history, asked)
    return quoted_world(
        name=f"{' '.join(found)} {period}",
        start=period.start,
        end=period.end,
        markets=traded,
        temperatures={
            cities[code].settlement_station: _temperatures(cities[code], rows, period)
            for code, rows in midday.items()
            if code in cities
        },
        ensemble={code: _ensemble(code, issues[code, sources[code]], period) for code in found},
        climate={code: _climate(code, settled[code], period) for code in found if code in settled},
        places=json.loads(
            files("trader.simulator.worlds").joinpath("july2026/places.json").read_text(encoding="utf-8")
        ),
        quotes={row.ticker: prices.quotes[row.ticker] for row in traded if row.ticker in prices.quotes},
        depth={row.ticker: prices.depth[row.ticker] for row in traded if row.ticker in prices.depth},
        depth_hundredths=int(period.depth * 100),
        every_s=period.every_s,
        trade_from=period.opens,
        trade_to=period.end,
        notes=_notes(traded, prices, sources, found),
    )


def _markets(history: Path, cities: Mapping[str, CityConfig], settled: Mapping[str, Settled]) -> list[Market]:
    columns = ["city", "series", "date", "ticker", "lo_f", "hi_f", "close_time", "result", "result_from_obs"]
    values = {
        code: dict(zip(rows.day.tolist(), rows.value.tolist(), strict=True)) for code, rows in settled.items()
    }
    return [
        _market(row, cities[row["city"]], values.get(row["city"], {}))
        for path in find(history, "kalshi", "markets.csv*")
        for row in _rows(read(path, columns))
        if row["city"] in cities
        and "HIGH" in row["series"]
        and not (_none(row["lo_f"]) and _none(row["hi_f"]))
    ]


def _rows(table: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    lists = [column.tolist() for column in table.values()]
    return (dict(zip(table, row, strict=True)) for row in zip(*lists, strict=True))


def _none(value: float) -> bool:
    return bool(np.isnan(value))


def _market(row: Mapping[str, Any], city: CityConfig, values: Mapping[int, float]) -> Market:
    """Series were renamed in August 2024; an older ticker gets today's name, or nobody would look for it."""
    day = date.fromisoformat(row["date"])
    ticker = city.high_series + row["ticker"].removeprefix(row["series"])
    lo, hi = (None if _none(row[name]) else int(row[name]) for name in ("lo_f", "hi_f"))
    kind = "less" if lo is None else "greater" if hi is None else "between"
    told = (row["result"], row["result_from_obs"])  # a wholly empty column is NaN
    value = values.get(day.toordinal())
    return Market(
        ticker=ticker,
        event_ticker=ticker.rsplit("-", 1)[0],
        series_ticker=city.high_series,
        city=city.code,
        market_type=MarketType.HIGH,
        climate_date=day,
        strike_type=kind,
        floor=lo - 1 if lo is not None and hi is None else lo,
        cap=hi + 1 if hi is not None and lo is None else hi,
        close_at=instant(row["close_time"])
        if isinstance(row["close_time"], str) and row["close_time"]
        else climate_day_bounds(day, city.std_utc_offset_hours)[1],
        result=next((text for text in told if text in ("yes", "no")), None),
        settled_value=None if value is None else Decimal(int(value)),
    )


def _source(issues: Mapping[tuple[str, str], Issues], code: str, period: Period) -> str | None:
    """The best source that had spoken before the period: what came later must not choose it."""
    began = int(period.opens.timestamp())
    days = range(period.first.toordinal() - 2, period.first.toordinal() + LEAD_DAYS + 1)
    for source in SOURCES:
        rows = issues.get((code, source))
        if rows is not None and ((rows.known <= began + DAY_S) & np.isin(rows.day, days)).any():
            return source
    return None


def _lacking(
    code: str,
    wanted: Sequence[Market],
    markets: Sequence[Market],
    prices: Prices,
    sources: Mapping[str, str],
    period: Period,
) -> str:
    """Say what a city lacks in the period, and what there is; empty when it can be traded."""
    mine = [row for row in wanted if row.city == code]
    if not mine:
        days = sorted(row.climate_date for row in markets if row.city == code)
        there = f"those from {days[0]} to {days[-1]}" if days else "none at all"
        return f"expected markets of {code}'s daily high in {period}, found {there}"
    if not any(row.ticker in prices.quotes or row.ticker in prices.depth for row in mine):
        return f"expected quotes, trades or books of {code} in {period}, found none for {len(mine)} markets"
    if code not in sources:
        return f"expected forecasts of {code} with a time of issue by {period.first}, found none"
    if not any(row.result for row in mine):
        return f"expected results of {code} in {period}, found none for {len(mine)} markets"
    return ""


def _temperatures(city: CityConfig, rows: Midday, period: Period) -> tuple[Temperature, ...]:
    """One report a day, at the instant from which it counts as known."""
    return tuple(
        Temperature(city.settlement_station, datetime.fromtimestamp(known, UTC), Decimal(str(temp)))
        for known, temp in sorted(zip(rows.known.tolist(), rows.temp.tolist(), strict=True))
        if period.start <= datetime.fromtimestamp(known, UTC) <= period.end
    )


def _ensemble(code: str, rows: Issues, period: Period) -> tuple[EnsembleRow, ...]:
    first, last = int(period.start.timestamp()), int(period.end.timestamp())
    lead = rows.day - (rows.known // DAY_S + EPOCH)
    kept = (rows.known >= first - DAY_S) & (rows.known <= last) & (lead <= LEAD_DAYS)
    found = zip(rows.known[kept].tolist(), rows.day[kept].tolist(), rows.value[kept].tolist(), strict=True)
    return tuple(
        EnsembleRow(
            code,
            date.fromordinal(day),
            datetime.fromtimestamp(known, UTC),
            Decimal(str(round(value, 2))),
            (),
        )
        for known, day, value in sorted(found)
    )


def _climate(code: str, rows: Settled, period: Period) -> tuple[Climate, ...]:
    days = range(period.start.date().toordinal() - 1, period.end.date().toordinal() + 1)
    return tuple(
        Climate(code, date.fromordinal(day), int(value), None, datetime.fromtimestamp(known, UTC))
        for day, known, value in zip(rows.day.tolist(), rows.known.tolist(), rows.value.tolist(), strict=True)
        if day in days
    )


def _notes(
    traded: Sequence[Market], prices: Prices, sources: Mapping[str, str], codes: Sequence[str]
) -> tuple[str, ...]:
    days = {(row.city, row.climate_date) for row in traded}
    priced = {
        (row.city, row.climate_date)
        for row in traded
        if row.ticker in prices.quotes or row.ticker in prices.depth
    }
    served = ", ".join(f"{sources[code]} for {code}" for code in codes)
    notes = [
        f"{len(priced)} of {len(days)} listed days have prices; on the others nothing can be traded.",
        f"Forecasts: {served}, each from its recorded issue on, in the ensemble provider's envelope.",
        "Climate reports count six hours after the climate day, results at 14:10Z of the day after.",
    ]
    if prices.from_trades:
        notes.append(
            "Where only trades were recorded, the newest trade of each taker side within 30 minutes stands "
            "for the quote, never better than the last trade."
        )
    return tuple(notes)
