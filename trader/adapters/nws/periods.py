"""Forecast periods as the weather service words them for people: half days, or hours."""

from dataclasses import dataclass
from datetime import datetime

from trader.adapters.fields import Fields

_MAX_PERIODS = 400


@dataclass(frozen=True, slots=True)
class ForecastPeriod:
    """Half-open [``starts_at``, ``ends_at``) in UTC; Fahrenheit: a high by day, a low by night."""

    name: str
    starts_at: datetime
    ends_at: datetime
    is_daytime: bool
    temp_f: int
    summary: str


def parse_periods(body: Fields) -> tuple[datetime, tuple[ForecastPeriod, ...]]:
    """Return the issue time and the periods. Raises MalformedPayload for another unit or form, or none."""
    forecast = body.child("properties")
    rows = list(forecast.children("periods"))
    if not 0 < len(rows) <= _MAX_PERIODS:
        raise forecast.error("periods", f"1 to {_MAX_PERIODS} periods")
    return forecast.instant("updateTime"), tuple(_period(row) for row in rows)


def _period(row: Fields) -> ForecastPeriod:
    """With a feature flag the temperature comes as a quantity instead of a number."""
    if isinstance(row.raw("temperature"), dict):
        quantity = row.child("temperature")
        quantity.one_of("unitCode", ("wmoUnit:degF",))
        temp_f = quantity.whole("value")
    else:
        row.one_of("temperatureUnit", ("F",))
        temp_f = row.whole("temperature")
    if not -80 <= temp_f <= 140:
        raise row.error("temperature", "-80 to 140 degrees Fahrenheit")
    return ForecastPeriod(
        name=row.text("name", allow_empty=True),
        starts_at=row.instant("startTime"),
        ends_at=row.instant("endTime"),
        is_daytime=row.flag("isDaytime"),
        temp_f=temp_f,
        summary=row.text("shortForecast", allow_empty=True),
    )
