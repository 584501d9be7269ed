"""Constructed worlds: values made from a seed, for simulations only. Nothing in them was ever recorded."""

import json
import math
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from importlib.resources import files
from random import Random
from statistics import NormalDist

import numpy as np

from trader.domain.cities import CityConfig, load_cities
from trader.domain.climate_day import climate_day_bounds
from trader.domain.types import MarketType
from trader.simulator.world import Climate, EnsembleRow, Levels, Market, Temperature, World, instant

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
BOOK_SPAN = timedelta(minutes=5)
"""A constructed book stands for so long (``span`` of a world), then the next one takes its place."""
_SUMMER_F, _WINTER_F = 84.0, 42.0


@cache
def places() -> dict[str, dict[str, object]]:
    """Facts of the ten stations as the recorded week has them: headings, elevations, places' names."""
    text = files("trader.simulator.worlds").joinpath("july2026/places.json").read_text(encoding="utf-8")
    found: dict[str, dict[str, object]] = json.loads(text)
    return found


@dataclass(frozen=True)
class ConstructedWorld(World):
    """A world whose books are drawn when asked for: the same for one seed, capture and ticker."""

    seed: int = 0
    span: timedelta = BOOK_SPAN
    quoted: dict[str, float] = field(default_factory=dict)
    """What the market believes each event's extreme will be, degrees Fahrenheit."""
    _drawn: dict[tuple[int, str], tuple[Levels, Levels] | None] = field(default_factory=dict)

    def capture_at(self, now: datetime) -> int | None:
        return int((now - self.start) / self.span) if now >= self.start else None

    def book(self, capture: int, ticker: str) -> tuple[Levels, Levels] | None:
        key = capture, ticker
        if key not in self._drawn:
            self._drawn[key] = self._draw(capture, ticker)
        return self._drawn[key]

    def _draw(self, capture: int, ticker: str) -> tuple[Levels, Levels] | None:
        random = Random(f"{self.seed}/{capture}/{ticker}")
        if random.random() < 0.04:
            return None
        middle = min(97, max(3, round(100 * self._chance(self.markets[ticker], random))))
        half = random.choice((1, 1, 2, 3))
        return self._levels(random, middle - half), self._levels(random, 100 - middle - half)

    def _chance(self, market: Market, random: Random) -> float:
        """What the market believes of YES now."""
        believed = NormalDist(self.quoted[market.event_ticker] + random.gauss(0, 0.4), 2.2)
        low = -math.inf if market.floor is None else market.floor + (0.5 if market.cap is None else -0.5)
        high = math.inf if market.cap is None else market.cap + (-0.5 if market.floor is None else 0.5)
        return believed.cdf(high) - believed.cdf(low)

    def _levels(self, random: Random, best: int) -> Levels:
        steps = [best]
        for _ in range(random.choice((1, 2, 2, 3))):
            steps.append(steps[-1] - random.choice((1, 1, 2)))
        sizes = (random.choice((1500, 2500, 4000, 10_000, 725)) for _ in steps)
        levels = zip(steps, sizes, strict=True)
        return tuple(sorted((cents, size) for cents, size in levels if 1 <= cents <= 99))


def construct(
    seed: int, codes: tuple[str, ...], day: date, *, span: timedelta = BOOK_SPAN
) -> ConstructedWorld:
    """Build the world of one climate day and its neighbours in some cities, from noon UTC the day before.

    Highs and lows of ``day``, highs of the day after; observations every 20 or 50 minutes, forecasts every
    three hours, results as the climate report gives them.
    """
    random = Random(f"world {seed} {' '.join(codes)} {day}")
    start = datetime(day.year, day.month, day.day, 12, tzinfo=UTC) - timedelta(days=1)
    world = ConstructedWorld(
        name="constructed",
        start=start,
        end=start + timedelta(days=4),
        markets={},
        captures=(start,),
        temperatures={},
        ensemble={},
        climate={},
        places=places(),
        _group=np.zeros(0, np.uint32),
        _ends=np.zeros(0, np.int64),
        _cents=np.zeros(0, np.uint8),
        _hundredths=np.zeros(0, np.uint32),
        seed=seed,
    )
    markets: dict[str, Market] = {}
    temperatures: dict[str, tuple[Temperature, ...]] = {}
    ensemble: dict[str, tuple[EnsembleRow, ...]] = {}
    climate: dict[str, tuple[Climate, ...]] = {}
    for code in codes:
        city = load_cities()[code]
        days = [day + timedelta(days=offset) for offset in (-1, 0, 1)]
        extremes = {each: _extremes(random, each) for each in days}
        climate[code] = tuple(_climate(city, each, *extremes[each]) for each in days)
        temperatures[city.settlement_station] = _temperatures(random, city, start, extremes)
        ensemble[code] = _ensemble(random, city, start, extremes)
        for each, kind in ((day, MarketType.HIGH), (day, MarketType.LOW), (days[2], MarketType.HIGH)):
            value = extremes[each][0 if kind is MarketType.HIGH else 1]
            rows = _event(city, each, kind, value, random)
            markets |= {row.ticker: row for row in rows}
            world.quoted[rows[0].event_ticker] = value + random.gauss(0, 1.5)
    return ConstructedWorld(
        **{name: getattr(world, name) for name in World.__dataclass_fields__}
        | {"markets": markets, "temperatures": temperatures, "ensemble": ensemble, "climate": climate},
        seed=seed,
        span=span,
        quoted=world.quoted,
    )


def _extremes(random: Random, day: date) -> tuple[int, int]:
    """Return (high, low) of a day, whole degrees, in keeping with the season."""
    season = (1 + math.cos((day.timetuple().tm_yday - 200) / 365 * 2 * math.pi)) / 2
    high = round(_WINTER_F + (_SUMMER_F - _WINTER_F) * season + random.gauss(0, 5))
    return high, high - random.randint(10, 22)


def _climate(city: CityConfig, day: date, high: int, low: int) -> Climate:
    issued = instant(f"{day + timedelta(days=1)}T{places()[city.code]['cli_issued_utc']}:00Z")
    end = climate_day_bounds(day, city.std_utc_offset_hours)[1]
    return Climate(city.code, day, high, low, max(issued, end + timedelta(minutes=30)))


def _temperatures(
    random: Random, city: CityConfig, start: datetime, extremes: dict[date, tuple[int, int]]
) -> tuple[Temperature, ...]:
    rows = []
    phase = random.randrange(1200)
    every_s = random.choice((1200, 3000, 3000))
    for number in range(72 * 3600 // every_s):
        at = start - timedelta(hours=10) + timedelta(seconds=phase + every_s * number)
        local = at + timedelta(hours=city.std_utc_offset_hours)
        high, low = extremes.get(local.date(), next(iter(extremes.values())))
        warmth = (1 - math.cos((local.hour + local.minute / 60 - 3) / 24 * 2 * math.pi)) / 2
        reading = Decimal(str(round(low + (high - low) * warmth, 1)))
        rows.append(Temperature(city.settlement_station, at, reading))
    return tuple(rows)


def _ensemble(
    random: Random, city: CityConfig, start: datetime, extremes: dict[date, tuple[int, int]]
) -> tuple[EnsembleRow, ...]:
    rows = []
    for step in range(24):
        for day, (high, _) in extremes.items():
            mean = high + random.gauss(0, 1.2)
            members = tuple(Decimal(str(round(mean + random.gauss(0, 1.5), 1))) for _ in range(8))
            at = start + timedelta(hours=3 * step - 3)
            rows.append(EnsembleRow(city.code, day, at, Decimal(str(round(mean, 1))), members))
    return tuple(rows)


def _event(city: CityConfig, day: date, kind: MarketType, value: int, random: Random) -> list[Market]:
    """Return the six brackets of one event, as the exchange lists them: two tails, four of two degrees."""
    series = city.series(kind)
    event = f"{series}-{day:%y}{MONTHS[day.month - 1]}{day:%d}"
    first = value - 4 + random.randint(-2, 2)
    edges: list[tuple[str, int | None, int | None, str]] = [("less", None, first, f"T{first}")]
    for number in range(4):
        low = first + 2 * number
        edges.append(("between", low, low + 1, f"B{low}.5"))
    edges.append(("greater", first + 7, None, f"T{first + 7}"))
    close_at = climate_day_bounds(day, city.std_utc_offset_hours)[1]
    return [
        Market(
            ticker=f"{event}-{name}",
            event_ticker=event,
            series_ticker=str(series),
            city=city.code,
            market_type=kind,
            climate_date=day,
            strike_type=word,
            floor=floor,
            cap=cap,
            close_at=close_at,
            result="yes" if _wins(word, floor, cap, value) else "no",
            settled_value=Decimal(value),
        )
        for word, floor, cap, name in edges
    ]


def _wins(word: str, floor: int | None, cap: int | None, value: int) -> bool:
    if word == "less":
        return cap is not None and value < cap
    if word == "greater":
        return floor is not None and value > floor
    return floor is not None and cap is not None and floor <= value <= cap
