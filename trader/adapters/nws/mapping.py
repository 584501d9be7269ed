"""Station reports and product lists of api.weather.gov in our words. Refused values are told.

The service sends degrees Celsius; everything that leaves here is degrees Fahrenheit and UTC.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from trader.adapters.fields import Fields
from trader.adapters.nws import metar
from trader.domain.errors import MalformedPayload
from trader.domain.types import ReasonCode

CLOCK_TOLERANCE = timedelta(minutes=2)
CELSIUS = ("wmoUnit:degC", "unit:degC")
_PASSED, _DOUBTED = frozenset("VSCG"), frozenset("XBQ")
"""Quality flags: verified, screened, coarse pass, subjectively good; rejected, subjectively bad, questioned.
"""

_BAND_C = 60


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
        check_band(fields, "rawMessage", (exact - 32) * 5 / 9)
        return Reading(at, float(exact), float(exact), float(exact), _as_float(highest), _as_float(lowest))
    if quantity is None or flag not in _PASSED:
        return None
    quantity.one_of("unitCode", CELSIUS)
    celsius = float(quantity.number("value"))
    check_band(quantity, "value", celsius)
    fahrenheit = round(celsius * 9 / 5 + 32, 1)
    low: float = fahrenheit
    high: float = fahrenheit
    if celsius == int(celsius):
        low, high = (float(bound) for bound in metar.possible_f(int(celsius)))
    return Reading(at, fahrenheit, low, high, _as_float(highest), _as_float(lowest))


def check_band(fields: Fields, name: str, celsius: float) -> None:
    if not -_BAND_C <= celsius <= _BAND_C:
        raise fields.error(name, f"between -{_BAND_C} and {_BAND_C} degrees Celsius")


def _as_float(value: int | None) -> float | None:
    return None if value is None else float(value)


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
