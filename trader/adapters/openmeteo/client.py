"""Daily extremes of a 31-member ensemble. The free service forbids commercial use; the caller decides.

Source of the form: the provider's documentation and client code as of August 2026.
"""

from datetime import date, datetime
from statistics import fmean

from trader.adapters.fields import Fields, parse_instant, read_json
from trader.adapters.http import HttpClient, Response
from trader.domain.cities import CityConfig
from trader.domain.errors import MalformedPayload, TransientError
from trader.domain.types import MarketType
from trader.domain.weather import Forecast
from trader.ports.clock import Clock

SOURCE = "openmeteo_gfs_ensemble"
MODEL, DAYS = "gfs_seamless", 3
_VARIABLES = {MarketType.HIGH: "temperature_2m_max", MarketType.LOW: "temperature_2m_min"}
_LOWEST_F, _HIGHEST_F = -80.0, 140.0


class EnsembleClient:
    """One read per city. Raises TransientError without an answer, MalformedPayload for an unexpected one."""

    def __init__(self, http: HttpClient, base_url: str, *, clock: Clock) -> None:
        self._http, self._base, self._clock = http, base_url.rstrip("/"), clock

    def forecasts(self, city: CityConfig) -> tuple[tuple[Forecast, ...], Response]:
        """Return the extremes per climate day. The zone asked for is the fixed standard offset, not the wall
        clock.
        """
        what = f"ensemble of {city.code}"
        response = self._http.read(
            f"{self._base}/v1/ensemble",
            what=what,
            params={
                "latitude": str(city.lat),
                "longitude": str(city.lon),
                "daily": ",".join(_VARIABLES.values()),
                "models": MODEL,
                "temperature_unit": "fahrenheit",
                "timezone": f"Etc/GMT{-city.std_utc_offset_hours:+d}",  # the sign of these names is reversed
                "forecast_days": str(DAYS),
            },
        )
        if response.status != 200:
            raise TransientError(f"{what}: expected status 200, found {response.status}; nothing was read")
        return parse_ensemble(read_json(response.body, what), response.received_at), response


def parse_ensemble(body: Fields, received_at: datetime) -> tuple[Forecast, ...]:
    """Return a forecast per variable and day that has a member; its value is the members' mean, Fahrenheit.

    The provider does not say when a run was issued, so the time of receipt stands for it, the first instant
    at which it could be known; a recorded world names the instant at which its answer was fetched. Raises
    MalformedPayload for another unit, ragged columns, a value outside the plausible band.
    """
    daily, units = body.child("daily"), body.child("daily_units")
    days = [_day(daily, text) for text in daily.items("time")]
    if not any(name.startswith(tuple(_VARIABLES.values())) for name in daily.names()):
        raise daily.error("time", f"beside columns named {' or '.join(_VARIABLES.values())}")
    issued = _issue_times(body, daily, len(days), received_at)
    found: list[Forecast] = []
    for variable, prefix in _VARIABLES.items():
        names = sorted(name for name in daily.names() if name.startswith(prefix))
        for name in names:
            units.one_of(name, ("°F",))
        columns = [daily.items(name) for name in names]
        if any(len(column) != len(days) for column in columns):
            raise daily.error("time", f"as long as each of the {len(columns)} columns of {prefix}")
        for place, day in enumerate(days):
            members = tuple(_degrees(daily, column[place]) for column in columns if column[place] is not None)
            if members:
                value = round(fmean(members), 3)
                found.append(
                    Forecast(
                        source=SOURCE,
                        variable=variable,
                        climate_date=day,
                        issued_at=issued[place],
                        value_f=value,
                        members_f=members,
                    )
                )
    return tuple(found)


def _issue_times(body: Fields, daily: Fields, count: int, received_at: datetime) -> list[datetime]:
    if "fetched_utc" not in daily.names():
        top = body.instant("fetched_utc") if body.has("fetched_utc") else received_at
        return [top] * count
    texts = daily.items("fetched_utc")
    try:
        times = [parse_instant(text) for text in texts]
    except (ValueError, TypeError) as error:
        raise daily.error("fetched_utc", "instants with a zone") from error
    if len(times) != count:
        raise daily.error("fetched_utc", f"{count} instants")
    return times


def _day(daily: Fields, text: object) -> date:
    try:
        return date.fromisoformat(str(text))
    except ValueError as error:
        raise daily.error("time", "dates") from error


def _degrees(daily: Fields, value: object) -> float:
    number = float(Fields({"value": value}, daily.what).number("value"))
    if not _LOWEST_F <= number <= _HIGHEST_F:
        raise MalformedPayload(f"{daily.what}: expected {_LOWEST_F} to {_HIGHEST_F} degrees, found {number}")
    return number
