"""Reads of api.weather.gov. Every answer comes with the body it was read from."""

import json
import threading
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from trader.adapters.fields import Fields, read_json
from trader.adapters.http import HttpClient, Response, join_path
from trader.adapters.nws import grid, mapping
from trader.adapters.nws.periods import ForecastPeriod, parse_periods
from trader.adapters.token_bucket import TokenBucket
from trader.domain.cities import CityConfig
from trader.domain.errors import MalformedPayload, TransientError
from trader.domain.types import ReasonCode
from trader.domain.weather import Observation
from trader.ports.clock import Clock

MAX_READINGS = 500
REQUESTS_PER_S, BURST = 1.0, 40.0
"""The service does not publish its limit. One request a second is what its users settled on; the burst lets
a start look at ten cities at once (place, grid, reports).
"""

FIRST_QUIET_S, LONGEST_QUIET_S = 5.0, 120.0
_PROBLEM = "application/problem+json"


class WrongCell(TransientError):
    """The service has no such grid cell: offices move their grids unannounced."""


class NwsClient:
    """Public data, no key. TransientError without an answer, MalformedPayload for an unexpected one."""

    def __init__(self, http: HttpClient, base_url: str, *, clock: Clock) -> None:
        self._http, self._base, self._clock = http, base_url.rstrip("/"), clock
        self._bucket = TokenBucket(clock, rate=REQUESTS_PER_S, capacity=BURST)
        self._lock = threading.Lock()
        self._quiet_until, self._quiet_s = clock.monotonic(), 0.0
        self._kept: dict[str, Response] = {}
        self._readings: dict[str, tuple[str, mapping.Readings]] = {}

    def observations(self, station: str, since: datetime) -> tuple[mapping.Readings, Response]:
        """Return the station's readings since then, at most the 500 newest."""
        start = since.replace(microsecond=0).isoformat().replace("+00:00", "Z")
        response = self._get(
            join_path("stations", station, "observations"),
            f"observations of {station}",
            {"start": start, "limit": str(MAX_READINGS)},
        )
        known = self._readings.get(station)
        if known is not None and known[0] == response.sha256:
            return known[1], response  # stations report hourly and are asked every few minutes
        body = read_json(response.body, f"observations of {station}")
        found = mapping.parse_observations(body, station, response.received_at)
        if (
            ReasonCode.WEATHER_FROM_FUTURE not in found.problems
        ):  # the same report may be of the past next time
            self._readings[station] = response.sha256, found
        return found, response

    def get_observation(self, station: str) -> Observation:
        """Return the latest report of a station. It can lag behind the list, which cycles read instead."""
        what = f"latest observation of {station}"
        response = self._get(join_path("stations", station, "observations", "latest"), what)
        feature = read_json(response.body, what)
        listed = Fields({"features": [{"properties": feature.raw("properties")}]}, what)
        readings = mapping.parse_observations(listed, station, response.received_at).accepted
        if not readings:
            raise MalformedPayload(f"{what}: expected a temperature, found none that can be used")
        newest = readings[max(readings)]
        return Observation(station=station, observed_at=newest.observed_at, temp_f=newest.temp_f)

    def grid_cell(self, city: CityConfig) -> grid.GridCell:
        """Return the cell that now holds the station; coordinates go out with at most four decimals."""
        where = ",".join(f"{value:.4f}".rstrip("0").rstrip(".") for value in (city.lat, city.lon))
        what = f"grid cell of {city.code}"
        return grid.parse_cell(read_json(self._get(join_path("points", where), what).body, what))

    def grid(self, city: CityConfig, cell: grid.GridCell) -> tuple[Fields, Response]:
        """Return the raw grid of a cell. Raises WrongCell when there is no such cell any more."""
        what = f"grid forecast of {city.code}"
        path = join_path("gridpoints", cell.office, f"{cell.x},{cell.y}")
        response = self._get(path, what, is_kept=True)
        return read_json(response.body, what), response

    def get_forecast(
        self, office: str, grid_x: int, grid_y: int, *, is_hourly: bool = False
    ) -> tuple[datetime, tuple[ForecastPeriod, ...]]:
        """Return issue time and forecast periods of a cell, half days or hours."""
        what = f"forecast of {office}/{grid_x},{grid_y}"
        path = ["gridpoints", office, f"{grid_x},{grid_y}", "forecast", *(["hourly"] if is_hourly else [])]
        return parse_periods(read_json(self._get(join_path(*path), what).body, what))

    def product_list(self, code: str, location: str) -> tuple[mapping.ProductHead, ...]:
        """Return the products of one code (CLI, CF6, DSM) listed for a location, oldest first.

        A wrong location answers 500, not 404.
        """
        what = f"{code} products of {location}"
        response = self._get(join_path("products", "types", code, "locations", location), what)
        return mapping.parse_product_list(read_json(response.body, what), code)

    def product(self, product_id: str) -> tuple[str, datetime, datetime]:
        """Return (text, issue time, receipt time) of a product, which never changes under its id."""
        what = f"product {product_id}"
        response = self._get(join_path("products", product_id), what)
        body = read_json(response.body, what)
        if body.text("id") != product_id:
            raise body.error("id", product_id)
        return body.text("productText"), body.instant("issuanceTime"), response.received_at

    def _get(
        self, path: str, what: str, params: Mapping[str, str] | None = None, *, is_kept: bool = False
    ) -> Response:
        """Read once the budget allows it. ``is_kept`` asks whether the answer we have is still the newest."""
        if (left := self._quiet_until - self._clock.monotonic()) > 0:
            raise TransientError(f"{what}: we were blocked and ask again in {left:.0f} s")
        kept = self._kept.get(path) if is_kept else None
        asked = {"Accept": "application/geo+json"}  # without it a stale cache has answered
        if kept is not None:
            asked["If-Modified-Since"] = kept.headers["last-modified"]

        def headers() -> Mapping[str, str]:
            self._bucket.take()
            return asked

        response = self._http.read(
            self._base + path, what=what, params=params, headers=headers, is_answer=_is_final
        )
        self._note_blocked(response)
        if response.status == 304 and kept is not None:
            return replace(kept, sent_at=response.sent_at, received_at=response.received_at)
        if response.status == 200:
            if is_kept and "last-modified" in response.headers:
                self._kept[path] = response
            return response
        found = f"{what}: expected status 200, found {response.status} {problem_of(response)}; not read"
        if response.status == 404 and path.startswith("/gridpoints/"):
            raise WrongCell(found)
        raise TransientError(found)

    def _note_blocked(self, response: Response) -> None:
        """The network in front of the service blocks for seconds to minutes; asking on prolongs it."""
        with self._lock:
            if not _is_blocked(response):
                self._quiet_s = 0.0
                return
            self._quiet_s = min(max(FIRST_QUIET_S, 2 * self._quiet_s), LONGEST_QUIET_S)
            self._quiet_until = self._clock.monotonic() + self._quiet_s


def problem_of(response: Response) -> str:
    """Return the kind of a problem document, as ``ForecastGridExpired``, or that there was none."""
    try:
        kind = json.loads(response.body)["type"].rpartition("/")[2]
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return "without a problem document"
    return kind[:60] if kind.isascii() and kind.isprintable() else "with an unreadable problem"


def _is_blocked(response: Response) -> bool:
    """429 is the service's word. A 403 without a problem document comes from the network in front of it."""
    is_document = response.headers.get("content-type", "").startswith(_PROBLEM)
    return response.status == 429 or (response.status == 403 and not is_document)


def _is_final(response: Response) -> bool:
    """Answers after which asking again within seconds helps nobody: blocked, or a grid expired for hours."""
    return _is_blocked(response) or (response.status == 503 and problem_of(response) == "ForecastGridExpired")
