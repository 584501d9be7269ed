"""Weather of one city, gathered behind a cache."""

from typing import Protocol

from trader.domain.cities import CityConfig
from trader.domain.types import Frozen
from trader.domain.weather import WeatherSnapshot
from trader.ports.exchange import RawPayload


class WeatherView(Frozen):
    """A snapshot and the bodies it was read from (only those fetched anew)."""

    snapshot: WeatherSnapshot
    payloads: tuple[RawPayload, ...]


class WeatherSource(Protocol):
    def get_weather(self, cities: tuple[CityConfig, ...]) -> tuple[WeatherView, ...]:
        """Return one view per city, in the given order; a failing source shows as flags and problems, never as silence."""
        ...
