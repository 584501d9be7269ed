"""api.weather.gov, from recorded temperatures and climate values."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from operator import attrgetter
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from trader.domain.cities import CityConfig, load_cities
from trader.simulator.climate_text import report_text
from trader.simulator.ensemble import city_near
from trader.simulator.faults import FaultKind, Faults
from trader.simulator.http import RENDERED, Answer, Request, Route, as_json
from trader.simulator.world import Climate, Temperature, World, instant

_ORIGIN = "https://api.weather.gov"
_KEPT = timedelta(days=7)
_LISTED = 28
"""Reports in a list, as the service was seen to give."""
_polled_at = attrgetter("polled_at")
_GEO, _PROBLEM = "application/geo+json", "application/problem+json"
_CONTEXT: list[Any] = ["https://geojson.org/geojson-ld/geojson-context.jsonld", {"@version": "1.1"}]


class _Problem(Exception):
    """A problem document of api.weather.gov."""

    def __init__(self, status: int, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.kind, self.detail = status, kind, detail


def celsius(temp_f: Decimal) -> Decimal:
    """Return degrees Celsius from which ``temp_f`` comes back to a tenth; tenths where they suffice."""
    exact = (temp_f - 32) * 5 / 9
    tenth = exact.quantize(Decimal("0.1"), ROUND_HALF_EVEN)
    back = (tenth * 9 / 5 + 32).quantize(Decimal("0.1"), ROUND_HALF_EVEN)
    return tenth if back == temp_f else exact.quantize(Decimal("0.01"), ROUND_HALF_EVEN)


def _quantity(unit: str, value: Decimal | None) -> dict[str, Any]:
    flag = "Z" if value is None else "V"
    return {
        "unitCode": f"wmoUnit:{unit}",
        "value": None if value is None else float(value),
        "qualityControl": flag,
    }


class Weather:
    """Serves the weather service. Nothing is visible before the instant at which it was recorded."""

    def __init__(self, world: World, clock: Callable[[], datetime], faults: Faults) -> None:
        self._world, self._clock, self._faults = world, clock, faults
        self._shown_at = clock()
        self._features: dict[tuple[str, datetime, Decimal], bytes] = {}
        self._by_station = {city.settlement_station: city for city in load_cities().values()}
        self._by_location = {
            location: city for city in load_cities().values() for location in city.report_locations
        }
        self._products = {
            self._product_id(row): (city, row)
            for city in load_cities().values()
            for row in world.climate.get(city.code, ())
        }

    def routes(self) -> tuple[Route, ...]:
        table = (
            ("/points/{lat},{lon}", "weather_points", self._points, ()),
            ("/gridpoints/{office}/{x},{y}", "weather_grid", self._grid, ()),
            ("/gridpoints/{office}/{x},{y}/forecast", "weather_grid", self._grid, ("units",)),
            ("/gridpoints/{office}/{x},{y}/forecast/hourly", "weather_grid", self._grid, ("units",)),
            ("/stations/{station}", "weather_observations", self._station, ()),
            (
                "/stations/{station}/observations",
                "weather_observations",
                self._list,
                ("start", "end", "limit", "cursor"),
            ),
            (
                "/stations/{station}/observations/latest",
                "weather_observations",
                self._latest,
                ("require_qc",),
            ),
            ("/products/types/CLI/locations/{location}", "weather_reports", self._reports, ()),
            ("/products/{product}", "weather_reports", self._product, ()),
        )
        return tuple(
            Route("GET", path, name, self._guarded(name, handler, known))
            for path, name, handler, known in table
        )

    def _now(self) -> datetime:
        """The instant whose knowledge the present answer shows."""
        return self._shown_at

    def _guarded(
        self, operation: str, handler: Callable[[Request], Answer], known: tuple[str, ...]
    ) -> Callable[[Request], Answer]:
        """Refuse what the service refuses: no User-Agent (403), an unknown parameter (400)."""

        def guarded(request: Request) -> Answer:
            self._shown_at = self._faults.known_at(operation, self._clock())
            try:
                if not request.headers.get("user-agent", "").strip():
                    raise _Problem(403, "Forbidden", "a User-Agent header is required")
                if unknown := sorted(set(request.query) - set(known)):
                    raise _Problem(400, "BadRequest", f"query parameter not recognised: {unknown[0]}")
                return handler(request)
            except _Problem as problem:
                return self._problem(request, problem)

        return guarded

    def _problem(self, request: Request, problem: _Problem) -> Answer:
        body = {
            "correlationId": str(uuid5(NAMESPACE_URL, f"{request.path}/{self._now().isoformat()}")),
            "title": problem.kind,
            "type": f"{_ORIGIN}/problems/{problem.kind}",
            "status": problem.status,
            "detail": problem.detail,
            "instance": f"{_ORIGIN}{request.path}",
        }
        return Answer(problem.status, as_json(body), _PROBLEM, (RENDERED,))

    # places

    def _points(self, request: Request) -> Answer:
        lat, lon = request.params["lat"], request.params["lon"]
        if any(len(part.partition(".")[2]) > 4 for part in (lat, lon)):
            short = ",".join(f"{float(part):.4f}".rstrip("0").rstrip(".") for part in (lat, lon))
            return Answer(301, headers=(("location", f"/points/{short}"),))
        city = city_near(lat, lon)
        if city is None:
            raise _Problem(404, "InvalidPoint", f"no recorded station at {lat},{lon}")
        grid = f"{_ORIGIN}/gridpoints/{city.nws_office}/{city.nws_grid_x},{city.nws_grid_y}"
        where = f"{_ORIGIN}/points/{lat},{lon}"
        properties = {
            "@id": where,
            "@type": "wx:Point",
            "cwa": city.nws_office,
            "type": "land",
            "forecastOffice": f"{_ORIGIN}/offices/{city.nws_office}",
            "gridId": city.nws_office,
            "gridX": city.nws_grid_x,
            "gridY": city.nws_grid_y,
            "forecast": f"{grid}/forecast",
            "forecastHourly": f"{grid}/forecast/hourly",
            "forecastGridData": grid,
            "observationStations": f"{grid}/stations",
            "timeZone": city.timezone,
        }
        geometry = {"type": "Point", "coordinates": [float(lon), float(lat)]}
        return self._geo(
            {
                "@context": _CONTEXT,
                "id": where,
                "type": "Feature",
                "geometry": geometry,
                "properties": properties,
            }
        )

    def _grid(self, request: Request) -> Answer:
        """Grid forecasts were not recorded, so the office's grid counts as never delivered."""
        office = request.params["office"]
        raise _Problem(
            503, "ForecastGridExpired", f"forecast grid of {office} was not recorded in {self._world.name}"
        )

    def _geo(self, value: Any) -> Answer:
        return Answer(200, as_json(value), _GEO, (RENDERED,))

    # observations

    def _city_of(self, request: Request) -> CityConfig:
        station = request.params["station"]
        if station not in self._by_station:
            raise _Problem(404, "NotFound", f"no recorded station {station}")
        return self._by_station[station]

    def _station(self, request: Request) -> Answer:
        city = self._city_of(request)
        elevation = {"unitCode": "wmoUnit:m", "value": self._world.places[city.code]["elevation_m"]}
        properties = {
            "@id": f"{_ORIGIN}/stations/{city.settlement_station}",
            "@type": "wx:ObservationStation",
            "elevation": elevation,
            "stationIdentifier": city.settlement_station,
            "name": city.station_name,
            "timeZone": city.timezone,
        }
        geometry = {"type": "Point", "coordinates": [city.lon, city.lat]}
        feature = {"id": properties["@id"], "type": "Feature", "geometry": geometry, "properties": properties}
        return self._geo({"@context": _CONTEXT, **feature})

    def _feature(self, city: CityConfig, row: Temperature) -> bytes:
        """Return one report; the same reading is rendered once."""
        key = (row.station, row.polled_at, row.temp_f)
        if key not in self._features:
            self._features[key] = as_json(self._rendered(city, row))
        return self._features[key]

    def _rendered(self, city: CityConfig, row: Temperature) -> dict[str, Any]:
        stamp = row.polled_at.isoformat()
        where = f"{_ORIGIN}/stations/{city.settlement_station}"
        properties = {
            "@id": f"{where}/observations/{stamp}",
            "@type": "wx:ObservationStation",
            "elevation": {"unitCode": "wmoUnit:m", "value": self._world.places[city.code]["elevation_m"]},
            "station": where,
            "stationId": city.settlement_station,
            "stationName": city.station_name,
            "timestamp": stamp,
            "rawMessage": "",
            "textDescription": "",
            "temperature": _quantity("degC", celsius(row.temp_f)),
            "dewpoint": _quantity("degC", None),
            "maxTemperatureLast24Hours": {"unitCode": "wmoUnit:degC", "value": None},
            "minTemperatureLast24Hours": {"unitCode": "wmoUnit:degC", "value": None},
        }
        geometry = {"type": "Point", "coordinates": [round(city.lon, 2), round(city.lat, 2)]}
        return {"id": properties["@id"], "type": "Feature", "geometry": geometry, "properties": properties}

    def _seen(self, city: CityConfig) -> list[Temperature]:
        """Return readings known by now, newest first, as far back as the service keeps them."""
        now = self._now()
        rows = self._world.temperatures.get(city.settlement_station, ())
        first = bisect_left(rows, now - _KEPT, key=_polled_at)
        seen = list(reversed(rows[first : bisect_right(rows, now, key=_polled_at)]))
        frozen = self._faults.on(FaultKind.FROZEN_VALUE, "weather_observations", now)
        if frozen is None:
            return seen
        frozen.fired += 1
        held = next((row.temp_f for row in seen if row.polled_at < frozen.start), None)
        return [
            replace(row, temp_f=held) if held is not None and row.polled_at >= frozen.start else row
            for row in seen
        ]

    def _list(self, request: Request) -> Answer:
        city, query = self._city_of(request), request.query
        try:
            start, end = (instant(query[name]) if query.get(name) else None for name in ("start", "end"))
            limit = int(query.get("limit", "500"))
        except ValueError as error:
            raise _Problem(400, "BadRequest", f"start, end or limit not understood: {error}") from error
        if not 1 <= limit <= 500:
            raise _Problem(400, "BadRequest", f"limit: expected 1 to 500, found {limit}")
        rows = [
            row
            for row in self._seen(city)
            if (start is None or row.polled_at >= start) and (end is None or row.polled_at <= end)
        ]
        features = b",".join(self._feature(city, row) for row in rows[:limit])
        head = as_json({"@context": _CONTEXT, "type": "FeatureCollection"})
        return Answer(200, b'%s,"features":[%s]}' % (head[:-1], features), _GEO, (RENDERED,))

    def _latest(self, request: Request) -> Answer:
        city = self._city_of(request)
        rows = self._seen(city)
        if not rows:
            raise _Problem(
                404, "NotFound", f"no observation of {city.settlement_station} was recorded by now"
            )
        return self._geo({"@context": _CONTEXT, **self._rendered(city, rows[0])})

    # climate reports

    def _product_id(self, row: Climate) -> str:
        where = row.city if row.location is None else f"{row.city}/{row.location}"
        return str(uuid5(NAMESPACE_URL, f"milkbot-simulator/{self._world.name}/{where}/{row.climate_date}"))

    def _head(self, product: str) -> dict[str, Any]:
        city, row = self._products[product]
        collective, office = self._world.places[city.code]["wmo_heading"].split()
        return {
            "@id": f"{_ORIGIN}/products/{product}",
            "id": product,
            "wmoCollectiveId": collective,
            "issuingOffice": office,
            "issuanceTime": row.issued_at.isoformat(),
            "productCode": "CLI",
            "productName": "Climatological Report (Daily)",
        }

    def _reports(self, request: Request) -> Answer:
        location = request.params["location"]
        city = self._by_location.get(location)
        if city is None:
            raise _Problem(500, "UnexpectedProblem", "An unexpected problem has occurred.")
        rows = reversed(self._world.climate.get(city.code, ()))
        recorded = (row for row in rows if (row.location or city.cli_location) == location)
        issued = [row for row in recorded if row.issued_at <= self._now()][:_LISTED]
        body = {
            "@context": {"@version": "1.1"},
            "@graph": [self._head(self._product_id(row)) for row in issued],
        }
        return Answer(200, as_json(body), "application/ld+json", (RENDERED,))

    def _product(self, request: Request) -> Answer:
        product = request.params["product"]
        found = self._products.get(product)
        if found is None or found[1].issued_at > self._now():
            raise _Problem(404, "NotFound", f"no product {product}")
        text = report_text(*found, self._world.places[found[0].code]["wmo_heading"])
        body = {"@context": {"@version": "1.1"}, **self._head(product), "productText": text}
        return Answer(200, as_json(body), "application/ld+json", (RENDERED,))
