"""Weather as received and normalised. Temperatures are degrees Fahrenheit."""

import math
from datetime import date, datetime
from typing import Annotated

from pydantic import Field

from trader.domain.amounts import Amount
from trader.domain.types import Frozen, Instant, MarketType, ReasonCode

Fahrenheit = Annotated[float, Field(ge=-80, le=140, strict=False)]
"""Degrees Fahrenheit inside the band any US station can report; anything else is refused at the edge."""


BLOCK_H = 6
"""Hours of a block of forecast issues."""

MAX_CELL_DISTANCE_KM = 2.6
"""Distance from a station to its grid cell, beyond which its forecasts are not used; a cell is 2.5 km wide.
1 to 5 are sensible: less refuses sensors at a cell's edge, more takes a neighbour's weather for ours.
"""


class Observation(Frozen):
    """One station report."""

    station: str
    observed_at: Instant
    temp_f: Fahrenheit


class Forecast(Frozen):
    """One source's forecast of a climate day's extreme; ``issued_at`` is when it was first known.

    ``older_f`` is the mean of its issues 18 to 42 hours before this one, ``spread_f`` the standard deviation
    of those of the last 24 hours; None where our books hold none.
    """

    source: str
    variable: MarketType
    climate_date: date
    issued_at: Instant
    value_f: Fahrenheit
    members_f: tuple[Fahrenheit, ...] = ()
    older_f: Fahrenheit | None = None
    spread_f: Annotated[float, Field(ge=0)] | None = None

    @property
    def anchor_f(self) -> float:
        """What stands for the forecast: the mean of its members where there are several, else its value."""
        return math.fsum(self.members_f) / len(self.members_f) if self.members_f else self.value_f

    @property
    def block(self) -> datetime:
        """Start of the six hours (UTC) of the issue: of each block our books keep one issue."""
        at = self.issued_at
        return at.replace(hour=at.hour - at.hour % BLOCK_H, minute=0, second=0, microsecond=0)


class HourlyForecast(Frozen):
    """One source's temperatures at ``starts_at`` and each whole hour after it, None where it has a gap."""

    source: str
    issued_at: Instant
    starts_at: Instant
    temps_f: tuple[Fahrenheit | None, ...]


class DepthForecast(Frozen):
    """One source's rain or snow of whole climate days in a row, the first named, in units of its variable."""

    source: str
    variable: MarketType
    issued_at: Instant
    first: date
    units: tuple[Annotated[float, Field(ge=0)], ...]


class CellCheck(Frozen):
    """A city's grid cell as the weather service names it, and how far its polygon is from the station."""

    city_code: str
    office: str
    grid_x: int
    grid_y: int
    distance_km: Annotated[float, Field(ge=0, strict=False)]
    resolved_at: Instant

    @property
    def holds_station(self) -> bool:
        return self.distance_km == 0

    @property
    def is_usable(self) -> bool:
        """One cell away at most: a sensor at the shore may lie in a cell of the sea, without forecast."""
        return self.distance_km <= MAX_CELL_DISTANCE_KM


class MonthToDate(Frozen):
    """Rain or snow of a month up to and with ``climate_date``, by the newest report of ``location``.

    A report that is not final counts only part of its day. ``day`` is that day's own amount, if it was told.
    """

    location: str
    market_type: MarketType
    climate_date: date
    is_final: bool
    amount: Amount
    day: Amount | None
    issued_at: Instant


class WeatherSnapshot(Frozen):
    """What one cycle knows of one city.

    ``climate_date`` is the day running at ``captured_at`` (local standard time). ``high_so_far_f`` and
    ``low_so_far_f`` are certain bounds of its extremes, a rounded reading counting with its weaker meaning;
    ``seen_max_f`` and ``seen_min_f`` the best single values, up to a degree beyond; None before the first
    report. ``hourly`` has the temperatures forecast from the running hour on, ``months`` the newest reports
    of the month's rain and snow and ``depths`` what is forecast of them, where these are traded. The three
    ages are judged at ``captured_at`` and end in the three flags; ``problems`` says what was refused.
    """

    city_code: str
    captured_at: Instant
    fetched_at: Instant | None
    climate_date: date
    latest: Observation | None
    high_so_far_f: Fahrenheit | None
    high_so_far_at: Instant | None
    low_so_far_f: Fahrenheit | None
    low_so_far_at: Instant | None
    seen_max_f: Fahrenheit | None = None
    seen_min_f: Fahrenheit | None = None
    forecasts: tuple[Forecast, ...]
    is_fetch_stale: bool
    is_observation_stale: bool
    is_forecast_stale: bool
    hourly: HourlyForecast | None = None
    months: tuple[MonthToDate, ...] = ()
    depths: tuple[DepthForecast, ...] = ()
    problems: tuple[ReasonCode, ...] = ()
    payload_hashes: tuple[str, ...] = ()
