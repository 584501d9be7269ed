"""The ten cities: identity of station, climate report, grid cell, clusters and series."""

import json
from functools import cache
from importlib.resources import files
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator

from trader.domain.errors import ConfigurationError
from trader.domain.types import Frozen, MarketType

Cluster = Literal["NE", "SE", "Midwest", "Mountain", "West"]
Region = Literal["NORTHEAST", "SOUTH", "MIDWEST", "WEST"]
Number = Annotated[float, Field(strict=False)]


class CityConfig(Frozen):
    """One city. Grid integers are the last verified values; the live cell is a row of ``ops.grid_cells``.

    ``std_utc_offset_hours`` is the fixed offset of local standard time, which bounds the climate day all
    year. ``cluster`` (five labels) is authoritative for caps, ``region`` (four) is for the map.
    ``depth_cli_headline`` is the site name of the report of rain and snow where that is another station's.
    """

    code: str
    name: str
    timezone: str
    std_utc_offset_hours: int
    cluster: Cluster
    region: Region
    nws_office: str
    nws_grid_x: int
    nws_grid_y: int
    settlement_station: str
    station_name: str
    lat: Number
    lon: Number
    cli_location: str
    cli_headline: str
    high_series: str
    low_series: str
    rain_series: str | None = None
    rain_cli_location: str | None = None
    snow_series: str | None = None
    snow_cli_location: str | None = None
    depth_cli_headline: str | None = None

    @field_validator("timezone")
    @classmethod
    def _zone_exists(cls, value: str) -> str:
        ZoneInfo(value)
        return value

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    def series(self, market_type: MarketType) -> str | None:
        """Ticker of the exchange's series for this market type, or None where none is listed."""
        by_type = {
            MarketType.HIGH: self.high_series,
            MarketType.LOW: self.low_series,
            MarketType.RAIN: self.rain_series,
            MarketType.SNOW: self.snow_series,
        }
        return by_type[market_type]

    def report_location(self, market_type: MarketType) -> str:
        """Location of the climate report that gives this market type's value: O'Hare's for Chicago's rain."""
        by_type = {MarketType.RAIN: self.rain_cli_location, MarketType.SNOW: self.snow_cli_location}
        return by_type.get(market_type) or self.cli_location

    @property
    def report_locations(self) -> tuple[str, ...]:
        """Every location whose reports matter, that of the temperatures first."""
        return tuple(dict.fromkeys(self.report_location(market_type) for market_type in MarketType))

    def report_headline(self, location: str) -> str:
        """Site name in the headline of a location's report. Raises KeyError for one that is not ours."""
        headlines = dict.fromkeys(self.report_locations, self.depth_cli_headline)
        return ({**headlines, self.cli_location: self.cli_headline})[location] or ""


@cache
def load_cities() -> dict[str, CityConfig]:
    """Return the ten cities by code, in their fixed display order.

    Raises ConfigurationError when the shipped file is damaged. Source: trader/cities.json.
    """
    text = files("trader").joinpath("cities.json").read_text(encoding="utf-8")
    try:
        cities = [CityConfig.model_validate(row) for row in json.loads(text)["cities"]]
    except (KeyError, ValueError) as error:
        raise ConfigurationError(
            f"trader/cities.json: expected ten valid cities, found {error}; nothing starts"
        ) from error
    return {city.code: city for city in cities}


def city_named(code: str) -> CityConfig:
    """Return one city. Raises ConfigurationError naming the known codes."""
    cities = load_cities()
    if code not in cities:
        raise ConfigurationError(
            f"city: expected one of {' '.join(cities)}, found {code!r}; nothing was done"
        )
    return cities[code]
