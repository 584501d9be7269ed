"""Weather of the ten cities: fetched in parallel behind a cache, judged at the moment it is asked for."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from trader.adapters.http import Response
from trader.adapters.nws import grid, mapping, metar
from trader.adapters.nws.cache import CityCache
from trader.adapters.nws.cells import CellMisplaced, Cells
from trader.adapters.nws.client import NwsClient
from trader.adapters.nws.reports import ClimateReports
from trader.domain.cities import CityConfig
from trader.domain.climate_day import climate_date, climate_day_bounds
from trader.domain.constants import WEATHER_CACHE_MIN
from trader.domain.errors import MalformedPayload, TransientError
from trader.domain.risk import GateLimits
from trader.domain.types import ReasonCode
from trader.domain.weather import (
    CellCheck,
    DepthForecast,
    Forecast,
    HourlyForecast,
    Observation,
    WeatherSnapshot,
)
from trader.ports.clock import Clock
from trader.ports.exchange import RawPayload
from trader.ports.weather import ClimateReport, WeatherView

FROZEN_SPAN = timedelta(hours=8)
"""Reports that show one value for so long are taken for a stuck sensor; 4 to 24 hours are sensible. Shorter
stops trading on calm foggy nights, longer trusts a stuck sensor longer.
"""

MAX_JUMP_F = 40.0
"""Largest change within an hour that is believed; 30 to 60 are sensible. A wrong unit moves a summer reading
by more, the sharpest fronts by less.
"""

WEATHER_WORKERS = 4
"""Cities asked at once; the service asks for no more than a few."""


class EnsembleSource(Protocol):
    """A second provider of forecasts; off when the caller passes none."""

    def forecasts(self, city: CityConfig) -> tuple[tuple[Forecast, ...], Response]: ...


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a city: the union of what was fetched, newest issue per day winning."""

    fetched_at: datetime | None
    readings: dict[datetime, mapping.Reading]
    forecasts: tuple[Forecast, ...]
    hourly: HourlyForecast | None
    depths: tuple[DepthForecast, ...]
    problems: tuple[ReasonCode, ...]
    hashes: tuple[str, ...]
    payloads: tuple[RawPayload, ...]


class WeatherService:
    """Implements the weather port. Silence is never taken for "no change": what is old shows as stale.

    ``has_depths``: forecasts of rain and snow are read too.
    """

    def __init__(
        self,
        nws: NwsClient,
        ensemble: EnsembleSource | None,
        *,
        clock: Clock,
        gates: GateLimits,
        workers: int = WEATHER_WORKERS,
        has_depths: bool = False,
        ttl_s: float = WEATHER_CACHE_MIN * 60,
    ) -> None:
        self._nws, self._ensemble, self._clock, self._gates = nws, ensemble, clock, gates
        self._workers, self._has_depths = workers, has_depths
        self._cache: CityCache[Known] = CityCache(clock, ttl_s)
        self._reports = ClimateReports(nws, clock)
        self._cells = Cells(nws, clock)

    def get_weather(self, cities: tuple[CityConfig, ...]) -> tuple[WeatherView, ...]:
        """Return one view per city in the given order. Never raises for a source that fails: flags tell."""
        if self._workers == 1:  # a simulation: the order of its calls must repeat
            return tuple(map(self._view, cities))
        with ThreadPoolExecutor(self._workers, thread_name_prefix="weather") as pool:
            return tuple(pool.map(self._view, cities))

    def cells(self) -> tuple[CellCheck, ...]:
        """Return the grid cells in use, newest verdict per city."""
        return self._cells.checks()

    def resolve_cell(self, city: CityConfig) -> CellCheck:
        """Ask which cell holds the city's station and verify its polygon, now.

        Raises TransientError without an answer, MalformedPayload for an unreadable one.
        """
        return self._cells.verify(city)

    def climate_reports(
        self, city: CityConfig, location: str, since: datetime | None = None
    ) -> tuple[ClimateReport, ...]:
        """Return every version of a location's climate reports, oldest first. Raises TransientError."""
        return self._reports.of(city, location, since)

    def _view(self, city: CityConfig) -> WeatherView:
        known, is_new = self._cache.get(city.code, lambda before: self._fetch(city, before))
        return WeatherView(
            snapshot=judge(known, city, self._clock.now(), self._gates),
            payloads=known.payloads if is_new else (),
        )

    def _fetch(self, city: CityConfig, before: Known | None) -> Known:
        now = self._clock.now()
        day = climate_date(now, city.std_utc_offset_hours)
        since = climate_day_bounds(day, city.std_utc_offset_hours)[0] - FROZEN_SPAN
        problems: list[ReasonCode] = []
        responses: list[Response] = []
        readings = {at: reading for at, reading in (before.readings if before else {}).items() if at >= since}
        fetched_at = before.fetched_at if before else None

        def observe() -> None:
            nonlocal fetched_at
            found, response = self._nws.observations(city.settlement_station, since)
            responses.append(response)
            problems.extend(found.problems)
            for at in found.refused_at:
                readings.pop(at, None)
            readings.update(found.accepted)
            fetched_at = response.received_at

        offered: list[Forecast] = []
        hourly = before.hourly if before else None
        depths = {depth.variable: depth for depth in (before.depths if before else ())}

        def read_grid() -> None:
            nonlocal hourly
            body, response = self._cells.read(city)
            responses.append(response)
            found, hours = grid.parse_grid(body, city, response.received_at)
            offered.extend(found)
            if hours is not None and (hourly is None or hours.issued_at >= hourly.issued_at):
                hourly = hours
            for depth in grid.parse_depths(body, city, response.received_at) if self._has_depths else ():
                if depth.variable not in depths or depth.issued_at >= depths[depth.variable].issued_at:
                    depths[depth.variable] = depth

        def members() -> None:
            if self._ensemble is not None:
                found, response = self._ensemble.forecasts(city)
                responses.append(response)
                offered.extend(found)

        for source in (observe, read_grid, members):
            problems += _attempt(source)
        problems += drop_jumps(readings)
        kept = [f for f in (before.forecasts if before else ()) if f.climate_date >= day]
        forecasts = newest_forecasts((*kept, *offered))
        return Known(
            fetched_at=fetched_at,
            readings=readings,
            forecasts=forecasts,
            hourly=hourly,
            depths=tuple(depths[kind] for kind in sorted(depths)),
            problems=tuple(sorted(set(problems))),
            hashes=tuple(response.sha256 for response in responses),
            payloads=tuple(response.payload() for response in responses),
        )


def _attempt(source: Callable[[], None]) -> list[ReasonCode]:
    """Run one source. No answer shows as age; an answer that cannot be used is a problem of its own."""
    try:
        source()
    except TransientError:
        return []
    except grid.FromFuture:
        return [ReasonCode.WEATHER_FROM_FUTURE]
    except CellMisplaced:
        return [ReasonCode.GRID_CELL_MISPLACED]
    except MalformedPayload:
        return [ReasonCode.PAYLOAD_MALFORMED]
    return []


def newest_forecasts(offered: tuple[Forecast, ...]) -> tuple[Forecast, ...]:
    """Keep the newest issue per source, variable and day: two edges may alternate old and new."""
    newest: dict[tuple[str, str, object], Forecast] = {}
    for forecast in offered:
        key = (forecast.source, forecast.variable.value, forecast.climate_date)
        if key not in newest or forecast.issued_at >= newest[key].issued_at:
            newest[key] = forecast
    return tuple(sorted(newest.values(), key=lambda f: (f.climate_date, f.variable.value, f.source)))


def drop_jumps(readings: dict[datetime, mapping.Reading]) -> list[ReasonCode]:
    """Remove readings too far from the one within the hour before; a wrong unit looks like that."""
    problems: list[ReasonCode] = []
    last: mapping.Reading | None = None
    for at in sorted(readings):
        reading = readings[at]
        is_near = last is not None and at - last.observed_at <= timedelta(hours=1)
        if last is not None and is_near and abs(reading.temp_f - last.temp_f) > MAX_JUMP_F:
            del readings[at]
            problems.append(ReasonCode.WEATHER_IMPLAUSIBLE)
        else:
            last = reading
    return problems


def judge(known: Known, city: CityConfig, now: datetime, gates: GateLimits) -> WeatherSnapshot:
    """Return the snapshot of one instant: extremes of the running climate day, ages as flags."""
    day = climate_date(now, city.std_utc_offset_hours)
    start, end = climate_day_bounds(day, city.std_utc_offset_hours)
    seen = [reading for at, reading in sorted(known.readings.items()) if at <= now]
    highs: list[tuple[float, datetime]] = []
    lows: list[tuple[float, datetime]] = []
    best: list[float] = []
    for reading in (reading for reading in seen if start <= reading.observed_at < end):
        # the weaker bound of what a reading may mean; the earliest report of an extreme is kept
        highs.append((reading.low_f, reading.observed_at))
        lows.append((reading.high_f, reading.observed_at))
        best.append(reading.temp_f)
        opened, closed = metar.six_hour_window(reading.observed_at)
        if start <= opened and closed <= end:
            highs += [(reading.max_f, reading.observed_at)] if reading.max_f is not None else []
            lows += [(reading.min_f, reading.observed_at)] if reading.min_f is not None else []
    high = min(highs, key=lambda item: (-item[0], item[1]), default=None)
    low = min(lows, default=None)
    newest = seen[-1] if seen else None
    forecasts = tuple(f for f in known.forecasts if f.climate_date >= day)
    issued = max((f.issued_at for f in forecasts), default=None)
    is_frozen = mapping.is_frozen(seen, FROZEN_SPAN)
    problems = {*known.problems, *([ReasonCode.OBSERVATION_STALE] if is_frozen else [])}
    return WeatherSnapshot(
        city_code=city.code,
        captured_at=now,
        fetched_at=known.fetched_at,
        climate_date=day,
        latest=Observation(
            station=city.settlement_station, observed_at=newest.observed_at, temp_f=newest.temp_f
        )
        if newest
        else None,
        high_so_far_f=high[0] if high else None,
        high_so_far_at=high[1] if high else None,
        low_so_far_f=low[0] if low else None,
        low_so_far_at=low[1] if low else None,
        seen_max_f=max([*best, high[0]]) if high else None,
        seen_min_f=min([*best, low[0]]) if low else None,
        forecasts=forecasts,
        hourly=known.hourly,
        depths=known.depths,
        is_fetch_stale=_is_older(known.fetched_at, now, gates.max_fetch_age_s),
        is_observation_stale=is_frozen
        or _is_older(newest.observed_at if newest else None, now, gates.max_observation_age_s),
        is_forecast_stale=_is_older(issued, now, gates.max_forecast_age_s),
        problems=tuple(sorted(problems)),
        payload_hashes=known.hashes,
    )


def _is_older(at: datetime | None, now: datetime, limit_s: int) -> bool:
    return at is None or now - at > timedelta(seconds=limit_s)
