"""Weather of one city, gathered behind a cache."""

from datetime import date, datetime
from typing import Literal, Protocol

from trader.domain.cities import CityConfig
from trader.domain.types import Frozen, Instant
from trader.domain.weather import WeatherSnapshot
from trader.ports.exchange import RawPayload


class WeatherView(Frozen):
    """A snapshot and the bodies it was read from (only those fetched anew)."""

    snapshot: WeatherSnapshot
    payloads: tuple[RawPayload, ...]


class ClimateReport(Frozen):
    """One version of a daily climate report; whole degrees Fahrenheit.

    ``final_first`` is the first report after the climate day that holds its values. ``refused`` has no values
    and says why in ``refusal``, a code and a sentence. ``payload`` is the text as issued.
    """

    pil: str
    city_code: str
    climate_date: date | None
    issued_at: Instant
    status: Literal["preliminary", "final_first", "final_revised", "refused"]
    high_f: int | None
    low_f: int | None
    refusal: str | None
    payload: RawPayload


class WeatherSource(Protocol):
    def get_weather(self, cities: tuple[CityConfig, ...]) -> tuple[WeatherView, ...]:
        """Return one view per city, in the given order; a failing source shows as flags and problems, never
        as silence.
        """
        ...

    def climate_reports(self, city: CityConfig, since: datetime | None = None) -> tuple[ClimateReport, ...]:
        """Return every version of the city's climate reports issued since then (three days by default),
        oldest first. Raises TransientError; a partial list is never returned.
        """
        ...
