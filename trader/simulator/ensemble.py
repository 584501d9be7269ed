"""The ensemble provider's daily form, from recorded members."""

from bisect import bisect_right
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from operator import attrgetter
from typing import Any

from trader.domain.cities import CityConfig, load_cities
from trader.simulator.http import RENDERED, Answer, Request, Route, answer
from trader.simulator.world import EnsembleRow, World

_DAYS_AHEAD = 16
"""As far as the provider's ensembles reach."""
_fetched_at = attrgetter("fetched_at")


def city_near(lat: str, lon: str) -> CityConfig | None:
    """Return the city whose station rounds to the same hundredth of a degree."""
    try:
        wanted = round(float(lat), 2), round(float(lon), 2)
    except ValueError:
        return None
    matching = (city for city in load_cities().values() if (round(city.lat, 2), round(city.lon, 2)) == wanted)
    return next(matching, None)


class Ensemble:
    """Serves recorded highs; a fetch is visible from the instant at which it was made."""

    def __init__(self, world: World, now: Callable[[], datetime]) -> None:
        self._world, self._now = world, now
        self._by_target: dict[str, dict[date, list[EnsembleRow]]] = {}
        for code, rows in world.ensemble.items():
            for row in sorted(rows, key=_fetched_at):
                self._by_target.setdefault(code, {}).setdefault(row.target_date, []).append(row)

    def routes(self) -> tuple[Route, ...]:
        return (Route("GET", "/v1/ensemble", "weather_ensemble", self.daily_highs),)

    def daily_highs(self, request: Request) -> Answer:
        """Daily highs of the newest fetch per target day, from today (local standard time) on.

        The first recorded member stands in the control's place, the others in member01 and up. A fetch
        without recorded members has its one recorded value there and null members.
        """
        query = request.query
        city = city_near(query.get("latitude", ""), query.get("longitude", ""))
        if city is None:
            return self._refused("latitude and longitude: no recorded station there")
        if "temperature_2m_max" not in query.get("daily", "").split(","):
            return self._refused("daily: only temperature_2m_max was recorded")
        if query.get("temperature_unit", "") != "fahrenheit":
            return self._refused("temperature_unit: the world was recorded in fahrenheit")
        rows = self._newest_fetches(city)
        columns = [row.members_f or (row.high_f,) for row in rows]
        daily: dict[str, list[Any]] = {"time": [row.target_date.isoformat() for row in rows]}
        for number in range(max((len(column) for column in columns), default=1)):
            name = "temperature_2m_max" + (f"_member{number:02d}" if number else "")
            daily[name] = [float(column[number]) if number < len(column) else None for column in columns]
        daily["fetched_utc"] = [_z(row.fetched_at) for row in rows]
        newest = max((row.fetched_at for row in rows), default=None)
        body = {
            "latitude": city.lat,
            "longitude": city.lon,
            "generationtime_ms": 0.0,
            "utc_offset_seconds": 0,
            "timezone": query.get("timezone", "GMT"),
            "elevation": self._world.places[city.code]["elevation_m"],
            "fetched_utc": _z(newest) if newest else None,
            "daily_units": {name: "iso8601" if name in ("time", "fetched_utc") else "°F" for name in daily},
            "daily": daily,
        }
        fetched = (("x-milkbot-fetched", _z(newest)),) if newest else ()
        return answer(200, body, RENDERED, *fetched)

    def _newest_fetches(self, city: CityConfig) -> list[EnsembleRow]:
        now = self._now()
        today = now.astimezone(timezone(timedelta(hours=city.std_utc_offset_hours))).date()
        by_target = self._by_target.get(city.code, {})
        days = (today + timedelta(days=ahead) for ahead in range(_DAYS_AHEAD))
        told = (
            (rows, bisect_right(rows, now, key=_fetched_at)) for day in days if (rows := by_target.get(day))
        )
        return [rows[known - 1] for rows, known in told if known]

    def _refused(self, reason: str) -> Answer:
        return answer(400, {"error": True, "reason": reason}, RENDERED)


def _z(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
