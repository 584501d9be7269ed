"""A constructed month: ladders of rain and snow, which no recorded world has. It says so by its name."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from statistics import NormalDist

import numpy as np

from tests.simulation.worlds import MONTHS, ConstructedWorld, places
from trader.core.forecasting.totals import last_day
from trader.domain.amounts import UNIT_IN, Amount
from trader.domain.cities import CityConfig, load_cities
from trader.domain.climate_day import climate_day_bounds
from trader.domain.types import MarketType
from trader.simulator.world import Climate, Market, instant

RUNGS_IN = {MarketType.RAIN: (1, 2, 3, 4, 5, 6), MarketType.SNOW: (1, 3, 6, 10)}
Days = dict[MarketType, list[Amount]]


class MonthWorld(ConstructedWorld):
    """Books that believe in a normal around ``quoted``, inches, an inch and a half wide."""

    def _chance(self, market: Market, random: Random) -> float:
        assert market.floor is not None
        believed = NormalDist(self.quoted[market.event_ticker] + random.gauss(0, 0.2), 1.5)
        return 1 - believed.cdf(market.floor + 0.05)


def construct_month(seed: int, codes: tuple[str, ...], first: date, begins: datetime) -> MonthWorld:
    """Build the rain and snow of one month from ``begins`` to three days after it, with a report a day."""
    random, last = Random(f"month {seed} {first}"), last_day(first)
    markets: dict[str, Market] = {}
    climate: dict[str, tuple[Climate, ...]] = {}
    quoted: dict[str, float] = {}
    for code in codes:
        city = load_cities()[code]
        days = {kind: _days(random, kind, last.day) for kind in RUNGS_IN}
        climate[code] = tuple(row for n in range(last.day) for row in _reports(city, first, n, days))
        for kind in RUNGS_IN:
            units = sum(amount.units for amount in days[kind])
            rows = _ladder(city, kind, last, units)
            markets |= {row.ticker: row for row in rows}
            quoted[rows[0].event_ticker] = float(units * UNIT_IN[kind]) + random.gauss(0, 1.0)
    return MonthWorld(
        name="constructed-month",
        start=begins,
        end=datetime(last.year, last.month, last.day, tzinfo=UTC) + timedelta(days=4),
        markets=markets,
        captures=(begins,),
        temperatures={},
        ensemble={},
        climate=climate,
        places=places(),
        _group=np.zeros(0, np.uint32),
        _ends=np.zeros(0, np.int64),
        _cents=np.zeros(0, np.uint8),
        _hundredths=np.zeros(0, np.uint32),
        seed=seed,
        quoted=quoted,
    )


def _days(random: Random, kind: MarketType, count: int) -> list[Amount]:
    """A third of the days wet, a few of the others with a trace."""
    found = []
    for _ in range(count):
        if random.random() < 0.33:
            found.append(
                Amount(units=max(1, round(random.gammavariate(0.7, 45 if kind is MarketType.RAIN else 9))))
            )
        else:
            found.append(Amount(units=0, is_trace=random.random() < 0.1))
    return found


def _reports(city: CityConfig, first: date, n: int, days: Days) -> list[Climate]:
    """The morning's reports of a day: of Chicago two, because rain and snow are O'Hare's."""
    day = first + timedelta(days=n)
    issued = instant(f"{day + timedelta(days=1)}T{places()[city.code]['cli_issued_utc']}:00Z")
    end = climate_day_bounds(day, city.std_utc_offset_hours)[1]
    issued = max(issued, end + timedelta(minutes=30))
    told = {kind: (of[n].text(kind), _so_far(of[: n + 1]).text(kind)) for kind, of in days.items()}
    rain, snow = told[MarketType.RAIN], told[MarketType.SNOW]
    location = city.report_location(MarketType.RAIN)
    if location == city.cli_location:
        return [Climate(city.code, day, 40, 30, issued, rain, snow)]
    return [
        Climate(city.code, day, 40, 30, issued),
        Climate(city.code, day, 39, 29, issued, rain, snow, location),
    ]


def _so_far(amounts: list[Amount]) -> Amount:
    units = sum(amount.units for amount in amounts)
    return Amount(units=units, is_trace=not units and any(amount.is_trace for amount in amounts))


def _ladder(city: CityConfig, kind: MarketType, last: date, units: int) -> list[Market]:
    series = city.series(kind)
    event = f"{series}-{last:%y}{MONTHS[last.month - 1]}"
    total = units * UNIT_IN[kind]
    return [
        Market(
            ticker=f"{event}-{inches}",
            event_ticker=event,
            series_ticker=str(series),
            city=city.code,
            market_type=kind,
            climate_date=last,
            strike_type="greater",
            floor=inches,
            cap=None,
            close_at=climate_day_bounds(last, city.std_utc_offset_hours)[1],
            result="yes" if total > inches else "no",
            settled_value=Decimal(total),
        )
        for inches in RUNGS_IN[kind]
    ]
