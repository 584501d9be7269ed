"""The forecast grid of api.weather.gov in our words: cells, extremes and hourly temperatures per climate day.

The service sends degrees Celsius made from whole Fahrenheit; what leaves here is Fahrenheit and UTC.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise

from trader.adapters.fields import Fields, parse_instant
from trader.adapters.nws.mapping import CELSIUS, CLOCK_TOLERANCE, check_band
from trader.domain.amounts import UNIT_IN
from trader.domain.cities import CityConfig
from trader.domain.climate_day import climate_date, climate_day_bounds
from trader.domain.errors import MalformedPayload
from trader.domain.types import MarketType
from trader.domain.weather import DepthForecast, Forecast, HourlyForecast

SOURCE = "nws_grid"
HOURLY_DAYS = 3
"""Climate days of which hourly temperatures are kept, the running one first."""

DEPTH_LAYERS = {MarketType.RAIN: "quantitativePrecipitation", MarketType.SNOW: "snowfallAmount"}
MOST_MM_A_DAY = 1000.0
"""Rain or snow of a day beyond which a number is no weather of our stations; 700 to 2,000 are sensible."""

_MAX_WINDOW, _MIN_WINDOW = timedelta(hours=13), timedelta(hours=14)
_DURATION = re.compile(r"P(?:(\d{1,2})D)?(?:T(?:(\d{1,3})H)?(?:(\d{1,3})M)?)?")
_KM_PER_DEGREE = 111.2
MM_PER_IN = 25.4
MILLIMETRES = ("wmoUnit:mm", "unit:mm")
_OFF_GRID_F, _MAX_OFF_GRID = 0.05, 0.25
"""Values further than this from a whole degree are off the source's grid. All of 1,163 recorded values are on
it; in a layer of another unit most are off.
"""


class FromFuture(MalformedPayload):
    """A time of the source lies in the future."""


@dataclass(frozen=True, slots=True)
class GridCell:
    office: str
    x: int
    y: int


def parse_cell(body: Fields) -> GridCell:
    """Return the grid cell of a point; some versions write the numbers as text."""
    cell = body.child("properties")
    if cell.has("type") and cell.one_of("type", ("land", "marine")) == "marine":
        raise cell.error("type", "land")
    x, y = (
        int(cell.text(name))
        if isinstance(cell.raw(name), str) and cell.text(name).isdigit()
        else cell.whole(name)
        for name in ("gridX", "gridY")
    )
    return GridCell(cell.text("gridId"), x, y)


def distance_km(body: Fields, city: CityConfig) -> float:
    """Return how far the grid's polygon is from the station: 0 when it holds it.

    Raises MalformedPayload when there is no polygon to tell.
    """
    geometry = body.child("geometry")
    geometry.one_of("type", ("Polygon",))
    try:
        ring = [(float(lon), float(lat)) for lon, lat in geometry.items("coordinates")[0]]
    except (IndexError, TypeError, ValueError) as error:
        raise geometry.error("coordinates", "a ring of longitude and latitude") from error
    if len(ring) < 4 or ring[0] != ring[-1] or not all(map(math.isfinite, sum(ring, ()))):
        raise geometry.error("coordinates", "a closed ring of longitude and latitude")
    # kilometres east and north of the station; over a few of them the earth is flat
    east = _KM_PER_DEGREE * math.cos(math.radians(city.lat))
    points = [((lon - city.lon) * east, (lat - city.lat) * _KM_PER_DEGREE) for lon, lat in ring]
    sides = list(pairwise(points))
    is_inside = sum(_crosses(*side) for side in sides) % 2 == 1
    return 0.0 if is_inside else min(_away(*side) for side in sides)


def _crosses(a: tuple[float, float], b: tuple[float, float]) -> bool:
    """Whether a ray from the origin to the east crosses this side."""
    if (a[1] > 0) == (b[1] > 0):
        return False
    return a[0] + (0 - a[1]) * (b[0] - a[0]) / (b[1] - a[1]) > 0


def _away(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Distance of the origin from this side."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    square = dx * dx + dy * dy
    along = max(0.0, min(1.0, -(a[0] * dx + a[1] * dy) / square)) if square else 0.0
    return math.hypot(a[0] + along * dx, a[1] + along * dy)


def parse_grid(
    body: Fields, city: CityConfig, now: datetime
) -> tuple[tuple[Forecast, ...], HourlyForecast | None]:
    """Return forecasts of high and low per climate day and the hours from now on, as of the grid's update.

    The grid's own maximum covers 07 to 20 and its minimum 19 to 09 standard time, so hourly temperatures of
    the climate day widen both; a day that is neither covered by a whole window nor running has no forecast.
    Raises MalformedPayload for an unknown unit or form, FromFuture for an update time in the future.
    """
    grid = body.child("properties")
    issued_at = grid.instant("updateTime")
    if issued_at > now + CLOCK_TOLERANCE:
        raise FromFuture(f"grid of {city.code}: expected an update before {now}, found {issued_at}; not used")
    offset = city.std_utc_offset_hours
    today = climate_date(now, offset)
    maxima = [(climate_date(start, offset), length, f) for start, length, f in _layer(grid, "maxTemperature")]
    # the night's window ends in the morning of the day whose low it is
    minima = [
        (climate_date(start + length, offset), length, f)
        for start, length, f in _layer(grid, "minTemperature")
    ]
    hours = {
        at: f
        for start, length, f in _layer(grid, "temperature")
        for at in _hours(start, length)
        if at >= now - timedelta(hours=1)  # what has passed is told by observations
    }
    hourly = [(climate_date(at, offset), f) for at, f in hours.items()]
    found = [
        (day, MarketType.HIGH, max(values))
        for day, values in _days(maxima, _MAX_WINDOW, hourly, today).items()
    ]
    found += [
        (day, MarketType.LOW, min(values))
        for day, values in _days(minima, _MIN_WINDOW, hourly, today).items()
    ]
    forecasts = tuple(
        Forecast(source=SOURCE, variable=kind, climate_date=day, issued_at=issued_at, value_f=value)
        for day, kind, value in sorted(found)
    )
    return forecasts, _series(hours, issued_at, city, now)


def parse_depths(body: Fields, city: CityConfig, now: datetime) -> tuple[DepthForecast, ...]:
    """Return rain and snow of the whole climate days from tomorrow on, as of the grid's update.

    What falls in an interval is spread evenly over its hours, because intervals of six hours do not end with
    the climate day. A layer that is missing or ends says nothing of the days after; today is left out,
    because the grid tells only what is left of it. Only of stations that also settle the temperature: the
    cell is theirs. Raises MalformedPayload for an unknown unit or form.
    """
    grid = body.child("properties")
    issued_at, offset = grid.instant("updateTime"), city.std_utc_offset_hours
    found = []
    for kind, name in DEPTH_LAYERS.items():
        if not grid.has(name) or city.report_location(kind) != city.cli_location:
            continue
        hours: dict[date, list[float]] = {}
        for start, length, mm in _depth_layer(grid, name):
            every = tuple(_hours(start, length))
            for at in every:
                hours.setdefault(climate_date(at, offset), []).append(mm / len(every))
        first = day = climate_date(now, offset) + timedelta(days=1)
        units: list[float] = []
        while len(of_day := hours.get(day, [])) == 24:
            if (mm := math.fsum(of_day)) > MOST_MM_A_DAY:
                raise grid.child(name).error("values", f"at most {MOST_MM_A_DAY:.0f} mm a day")
            units.append(round(mm / MM_PER_IN / float(UNIT_IN[kind]), 2))
            day += timedelta(days=1)
        if units:
            found.append(
                DepthForecast(
                    source=SOURCE, variable=kind, issued_at=issued_at, first=first, units=tuple(units)
                )
            )
    return tuple(found)


def _depth_layer(grid: Fields, name: str) -> list[tuple[datetime, timedelta, float]]:
    """Return (start, length, millimetres) of a layer. Raises MalformedPayload for another unit or form."""
    layer = grid.child(name)
    values = layer.items("values")
    if values:
        layer.one_of("uom", MILLIMETRES)
    found = []
    for item in values:
        entry = Fields(item, layer.what)
        if entry.has("value"):
            if (mm := float(entry.number("value"))) < 0:
                raise entry.error("value", "no less than nothing")
            found.append((*_interval(entry), mm))
    return found


def _series(
    hours: dict[datetime, float], issued_at: datetime, city: CityConfig, now: datetime
) -> HourlyForecast | None:
    """The hours of the running and the next climate days in one row, None where the grid has a gap."""
    start = now.replace(minute=0, second=0, microsecond=0)
    last = climate_date(now, city.std_utc_offset_hours) + timedelta(days=HOURLY_DAYS - 1)
    end = climate_day_bounds(last, city.std_utc_offset_hours)[1]
    row = [hours.get(start + timedelta(hours=n)) for n in range(int((end - start) / timedelta(hours=1)))]
    while row and row[-1] is None:
        row.pop()
    if not row:
        return None
    return HourlyForecast(source=SOURCE, issued_at=issued_at, starts_at=start, temps_f=tuple(row))


def _days(
    windows: list[tuple[date, timedelta, float]],
    whole: timedelta,
    hourly: list[tuple[date, float]],
    today: date,
) -> dict[date, list[float]]:
    """Collect the values that bear on each day from today on. The remainder of a window counts only today."""
    days: dict[date, list[float]] = {today: []}
    for day, length, value in windows:
        if day >= today and (length >= whole or day == today):
            days.setdefault(day, []).append(value)
    for day, value in hourly:
        if day in days:
            days[day].append(value)
    return {day: values for day, values in days.items() if values}


def _hours(start: datetime, length: timedelta) -> Iterator[datetime]:
    """Equal neighbouring hours come merged into one interval."""
    for hour in range(max(1, int(length / timedelta(hours=1)))):
        yield start + timedelta(hours=hour)


def _layer(grid: Fields, name: str) -> list[tuple[datetime, timedelta, float]]:
    """Return (start, length, whole degrees Fahrenheit) of a layer.

    Raises MalformedPayload for another unit, said or betrayed by values off the grid of whole Fahrenheit.
    """
    layer = grid.child(name)
    values = layer.items("values")
    if values:
        layer.one_of("uom", CELSIUS)
    found, off_grid = [], 0
    for item in values:
        entry = Fields(item, layer.what)
        if not entry.has("value"):
            continue
        start, length = _interval(entry)
        celsius = float(entry.number("value"))
        check_band(entry, "value", celsius)
        exact = celsius * 9 / 5 + 32
        off_grid += abs(exact - round(exact)) > _OFF_GRID_F
        found.append((start, length, float(round(exact))))
    if off_grid > _MAX_OFF_GRID * len(found):
        raise layer.error("values", f"whole Fahrenheit given in Celsius, {off_grid} of {len(found)} are not")
    return found


def _interval(entry: Fields) -> tuple[datetime, timedelta]:
    start, _, length = entry.text("validTime").partition("/")
    match = _DURATION.fullmatch(length)
    if match is None or not any(match.groups()):
        raise entry.error("validTime", "an instant and a duration")
    days, hours, minutes = (int(part or 0) for part in match.groups())
    try:
        return parse_instant(start), timedelta(days=days, hours=hours, minutes=minutes)
    except ValueError as error:
        raise entry.error("validTime", "an instant and a duration") from error
