"""Weather as received and normalised. Temperatures are degrees Fahrenheit."""

from datetime import date
from typing import Annotated

from pydantic import Field

from trader.domain.amounts import Amount
from trader.domain.types import Frozen, Instant, MarketType, ReasonCode

Fahrenheit = Annotated[float, Field(ge=-80, le=140, strict=False)]
"""Degrees Fahrenheit inside the band any US station can report; anything else is refused at the edge."""


class Observation(Frozen):
    """One station report."""

    station: str
    observed_at: Instant
    temp_f: Fahrenheit


class Forecast(Frozen):
    """One source's forecast of a climate day's extreme; ``issued_at`` is when it was first known."""

    source: str
    variable: MarketType
    climate_date: date
    issued_at: Instant
    value_f: Fahrenheit
    members_f: tuple[Fahrenheit, ...] = ()


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

    ``climate_date`` is the day running at ``captured_at`` (local standard time); ``high_so_far_f`` and
    ``low_so_far_f`` are extremes of the reports inside that day, None before the first one.
    The three ages are judged at ``captured_at`` and end in the three flags; ``problems`` says what was
    refused.
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
    forecasts: tuple[Forecast, ...]
    is_fetch_stale: bool
    is_observation_stale: bool
    is_forecast_stale: bool
    problems: tuple[ReasonCode, ...] = ()
    payload_hashes: tuple[str, ...] = ()
