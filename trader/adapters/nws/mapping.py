"""JSON of api.weather.gov in our words: readings, grid forecasts, grid cells. Refused values are told.

The service sends degrees Celsius; everything that leaves here is degrees Fahrenheit and UTC.
"""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from trader.adapters.fields import Fields, parse_instant
from trader.adapters.nws import metar
from trader.domain.cities import CityConfig
from trader.domain.climate_day import climate_date
from trader.domain.errors import MalformedPayload
from trader.domain.types import MarketType, ReasonCode
from trader.domain.weather import Forecast

SOURCE = "nws_grid"
CLOCK_TOLERANCE = timedelta(minutes=2)
_CELSIUS = ("wmoUnit:degC", "unit:degC")
_PASSED, _DOUBTED = frozenset("VSCG"), frozenset("XBQ")
"""Quality flags: verified, screened, coarse pass, subjectively good; rejected, subjectively bad, questioned.
"""

_BAND_C = 60
_MAX_WINDOW, _MIN_WINDOW = timedelta(hours=13), timedelta(hours=14)
_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?)?")
_MAX_CELL_DISTANCE_DEG = 0.035
"""About 3.9 km: a cell is 2.5 km wide and the sensor may stand at its edge; Boston's old cell was 28 km off.
"""


@dataclass(frozen=True, slots=True)
class Reading:
    """One report. ``temp_f`` is the best single value; the true one lies in [``low_f``, ``high_f``].

    ``max_f`` and ``min_f`` are extremes of the six hours ending at ``window_end``, None when not reported.
    """

    observed_at: datetime
    temp_f: float
    low_f: float
    high_f: float
    max_f: float | None = None
    min_f: float | None = None


@dataclass(frozen=True, slots=True)
class Readings:
    """Readings by time, times whose reading is refused, and why."""

    accepted: dict[datetime, Reading]
    refused_at: frozenset[datetime]
    problems: tuple[ReasonCode, ...]


@dataclass(frozen=True, slots=True)
class GridCell:
    office: str
    x: int
    y: int


def parse_observations(body: Fields, station: str, now: datetime) -> Readings:
    """Return the readings of one station. A record that is not as expected is refused alone.

    Raises MalformedPayload when the list itself cannot be read.
    """
    accepted: dict[datetime, Reading] = {}
    refused: set[datetime] = set()
    problems: list[ReasonCode] = []
    for feature in body.items("features"):
        try:
            fields = Fields(feature, f"observation of {station}").child("properties")
            if fields.raw("timestamp") is None:
                continue  # a record with nothing in it
            at = fields.instant("timestamp")
            if fields.text("station").rpartition("/")[2] != station:
                raise fields.error("station", station)
        except MalformedPayload:
            problems.append(ReasonCode.PAYLOAD_MALFORMED)
            continue
        if at > now + CLOCK_TOLERANCE:
            problems.append(ReasonCode.WEATHER_FROM_FUTURE)
            refused.add(at)
            continue
        try:
            reading = _reading(fields, at)
        except MalformedPayload:
            problems.append(ReasonCode.WEATHER_IMPLAUSIBLE)
            refused.add(at)
            continue
        if reading is None:
            refused.add(at)
        else:
            accepted[at] = reading
    for at in refused:
        accepted.pop(at, None)
    return Readings(accepted, frozenset(refused), tuple(sorted(set(problems))))


def _reading(fields: Fields, at: datetime) -> Reading | None:
    """Return a reading, None when the source gives none or doubts it. Raises MalformedPayload for nonsense.

    The report's own text comes first: its tenths are exact whole Fahrenheit. A record without text that shows
    whole Celsius may mean one or two values, so it bounds the extremes by the weaker one.
    """
    raw = fields.text("rawMessage", allow_empty=True) if fields.has("rawMessage") else ""
    quantity = fields.child("temperature") if fields.has("temperature") else None
    has_value = quantity is not None and quantity.has("value")
    flag = quantity.text("qualityControl").removeprefix("qc:") if quantity is not None and has_value else ""
    if flag in _DOUBTED:
        return None
    exact = metar.exact_f(raw)
    highest, lowest = metar.six_hour_extremes(raw)
    if exact is not None:
        _plausible_c(fields, "rawMessage", (exact - 32) * 5 / 9)
        return Reading(at, float(exact), float(exact), float(exact), _as_float(highest), _as_float(lowest))
    if quantity is None or flag not in _PASSED:
        return None
    quantity.one_of("unitCode", _CELSIUS)
    celsius = float(quantity.number("value"))
    _plausible_c(quantity, "value", celsius)
    fahrenheit = round(celsius * 9 / 5 + 32, 1)
    low: float = fahrenheit
    high: float = fahrenheit
    if celsius == int(celsius):
        low, high = (float(bound) for bound in metar.possible_f(int(celsius)))
    return Reading(at, fahrenheit, low, high, _as_float(highest), _as_float(lowest))


def _plausible_c(fields: Fields, name: str, celsius: float) -> None:
    if not -_BAND_C <= celsius <= _BAND_C:
        raise fields.error(name, f"between -{_BAND_C} and {_BAND_C} degrees Celsius")


def _as_float(value: int | None) -> float | None:
    return None if value is None else float(value)


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


def check_cell(body: Fields, city: CityConfig) -> None:
    """Raise MalformedPayload unless the grid's polygon lies at the station: offices move their grids
    unannounced.
    """
    geometry = body.child("geometry")
    geometry.one_of("type", ("Polygon",))
    try:
        points = [(float(lon), float(lat)) for lon, lat in geometry.items("coordinates")[0]]
        lon = sum(point[0] for point in points[:-1]) / (len(points) - 1)
        lat = sum(point[1] for point in points[:-1]) / (len(points) - 1)
    except (IndexError, TypeError, ValueError, ZeroDivisionError) as error:
        raise geometry.error("coordinates", "a ring of longitude and latitude") from error
    distance = math.hypot((lon - city.lon) * math.cos(math.radians(city.lat)), lat - city.lat)
    if not distance <= _MAX_CELL_DISTANCE_DEG:
        raise MalformedPayload(
            f"cell of {city.code}: expected it near {city.lat},{city.lon}, found {lat:.4f},{lon:.4f}"
        )


def parse_grid(body: Fields, city: CityConfig, now: datetime) -> tuple[Forecast, ...]:
    """Return forecasts of high and low per climate day, issued at the grid's update time.

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
    hourly = [
        (climate_date(at, offset), f)
        for start, length, f in _layer(grid, "temperature")
        for at in _hours(start, length)
        if at >= now - timedelta(hours=1)  # what has passed is told by observations
    ]
    found = [
        (day, MarketType.HIGH, max(values))
        for day, values in _days(maxima, _MAX_WINDOW, hourly, today).items()
    ]
    found += [
        (day, MarketType.LOW, min(values))
        for day, values in _days(minima, _MIN_WINDOW, hourly, today).items()
    ]
    return tuple(
        Forecast(source=SOURCE, variable=kind, climate_date=day, issued_at=issued_at, value_f=value)
        for day, kind, value in sorted(found)
    )


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


class FromFuture(MalformedPayload):
    """A time of the source lies in the future."""


def _layer(grid: Fields, name: str) -> Iterator[tuple[datetime, timedelta, float]]:
    """Yield (start, length, degrees Fahrenheit) of a layer; the source grid is in whole Fahrenheit."""
    layer = grid.child(name)
    values = layer.items("values")
    if values:
        layer.one_of("uom", _CELSIUS)
    for item in values:
        entry = Fields(item, layer.what)
        if not entry.has("value"):
            continue
        start, length = _interval(entry)
        celsius = float(entry.number("value"))
        _plausible_c(entry, "value", celsius)
        yield start, length, float(round(celsius * 9 / 5 + 32))


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


@dataclass(frozen=True, slots=True)
class ProductHead:
    """One entry of a product list."""

    product_id: str
    issued_at: datetime


def parse_product_list(body: Fields, code: str) -> tuple[ProductHead, ...]:
    """Return the products of a list, oldest first, whatever order they came in."""
    found = []
    for entry in body.children("@graph"):
        entry.one_of("productCode", (code,))
        found.append(ProductHead(entry.text("id"), entry.instant("issuanceTime")))
    return tuple(sorted(found, key=lambda head: (head.issued_at, head.product_id)))


def is_frozen(readings: Sequence[Reading], span: timedelta) -> bool:
    """Whether every report over at least ``span`` shows the same value: a stuck sensor looks like calm
    weather.
    """
    if not readings:
        return False
    ordered = sorted(readings, key=lambda reading: reading.observed_at)
    newest = ordered[-1]
    same_since = newest.observed_at
    for reading in reversed(ordered):
        if reading.temp_f != newest.temp_f:
            break
        same_since = reading.observed_at
    return newest.observed_at - same_since >= span
