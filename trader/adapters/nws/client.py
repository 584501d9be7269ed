"""Reads of api.weather.gov. Every answer comes with the body it was read from."""

from collections.abc import Mapping
from datetime import datetime

from trader.adapters.fields import Fields, read_json
from trader.adapters.http import HttpClient, Response, join_path
from trader.adapters.nws import mapping
from trader.domain.cities import CityConfig
from trader.domain.errors import MalformedPayload, TransientError
from trader.domain.weather import Forecast, Observation
from trader.ports.clock import Clock

MAX_READINGS = 500
_EXPIRED_GRID = "/problems/ForecastGridExpired"


class NwsClient:
    """Public data, no key. TransientError without an answer, MalformedPayload for an unexpected one."""

    def __init__(self, http: HttpClient, base_url: str, *, clock: Clock) -> None:
        self._http, self._base, self._clock = http, base_url.rstrip("/"), clock

    def observations(self, station: str, since: datetime) -> tuple[mapping.Readings, Response]:
        """Return the station's readings since then, at most the 500 newest."""
        start = since.replace(microsecond=0).isoformat().replace("+00:00", "Z")
        response = self._get(
            join_path("stations", station, "observations"),
            f"observations of {station}",
            {"start": start, "limit": str(MAX_READINGS)},
        )
        body = read_json(response.body, f"observations of {station}")
        return mapping.parse_observations(body, station, response.received_at), response

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

    def grid_cell(self, city: CityConfig) -> tuple[mapping.GridCell, Response]:
        """Return the cell that now holds the station; coordinates go out with at most four decimals."""
        where = ",".join(f"{value:.4f}".rstrip("0").rstrip(".") for value in (city.lat, city.lon))
        response = self._get(join_path("points", where), f"grid cell of {city.code}")
        return mapping.parse_cell(read_json(response.body, f"grid cell of {city.code}")), response

    def forecasts(self, city: CityConfig, cell: mapping.GridCell) -> tuple[tuple[Forecast, ...], Response]:
        """Return the grid's highs and lows per climate day, if the cell lies at the station."""
        what = f"grid forecast of {city.code}"
        response = self._get(join_path("gridpoints", cell.office, f"{cell.x},{cell.y}"), what)
        body = read_json(response.body, what)
        mapping.check_cell(body, city)
        return mapping.parse_grid(body, city, response.received_at), response

    def get_forecast(self, office: str, grid_x: int, grid_y: int, city: CityConfig) -> tuple[Forecast, ...]:
        """Return the forecasts of one cell for a city."""
        return self.forecasts(city, mapping.GridCell(office, grid_x, grid_y))[0]

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

    def _get(self, path: str, what: str, params: Mapping[str, str] | None = None) -> Response:
        response = self._http.read(
            self._base + path,
            what=what,
            params=params,
            headers=lambda: {"Accept": "application/geo+json"},  # without it a stale cache has answered
            is_answer=_is_final,
        )
        if response.status != 200:
            raise TransientError(f"{what}: expected status 200, found {response.status}; nothing was read")
        return response


def _is_final(response: Response) -> bool:
    """An office's expired grid stays so for hours: asking again within seconds helps nobody."""
    return response.status == 503 and _EXPIRED_GRID.encode() in response.body
