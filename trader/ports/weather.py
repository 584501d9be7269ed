"""Weather of one city, gathered behind a cache."""

from datetime import date, datetime, time
from typing import Literal, Protocol

from trader.domain.amounts import Amount
from trader.domain.cities import CityConfig
from trader.domain.types import Frozen, Instant, MarketType
from trader.domain.weather import CellCheck, WeatherSnapshot
from trader.ports.exchange import RawPayload


class WeatherView(Frozen):
    """A snapshot and the bodies it was read from (only those fetched anew)."""

    snapshot: WeatherSnapshot
    payloads: tuple[RawPayload, ...]


class ClimateReport(Frozen):
    """One version of a daily climate report: whole degrees Fahrenheit, times of day in local standard time.

    ``final_first`` is the first report after the climate day that holds its values. ``refused`` has no values
    and says why in ``refusal``, a code and a sentence. ``oddities`` are contradictions inside the report;
    ``payload`` is the text as issued.
    """

    pil: str
    city_code: str
    climate_date: date | None
    issued_at: Instant
    status: Literal["preliminary", "final_first", "final_revised", "refused"]
    high_f: int | None
    low_f: int | None
    high_at: time | None = None
    low_at: time | None = None
    rain: Amount | None = None
    rain_month: Amount | None = None
    snow: Amount | None = None
    snow_month: Amount | None = None
    oddities: tuple[str, ...] = ()
    refusal: str | None
    payload: RawPayload

    def value(self, market_type: MarketType) -> int | None:
        """What a market of this type settles by, in its units: an extreme, or the month's total so far."""
        if market_type in (MarketType.HIGH, MarketType.LOW):
            return self.high_f if market_type is MarketType.HIGH else self.low_f
        amount = self.rain_month if market_type is MarketType.RAIN else self.snow_month
        return None if amount is None else amount.units


class WeatherSource(Protocol):
    def get_weather(self, cities: tuple[CityConfig, ...]) -> tuple[WeatherView, ...]:
        """Return one view per city, in the given order; a failing source shows as flags and problems, never
        as silence.
        """
        ...

    def cells(self) -> tuple[CellCheck, ...]:
        """Return the grid cells that forecasts were read from in this process, newest verdict per city."""
        ...

    def resolve_cell(self, city: CityConfig) -> CellCheck:
        """Ask which cell holds the city's station and verify it, now. Raises TransientError or
        MalformedPayload.
        """
        ...

    def climate_reports(
        self, city: CityConfig, location: str, since: datetime | None = None
    ) -> tuple[ClimateReport, ...]:
        """Return every version of the climate reports of one of the city's locations issued since then (three
        days by default), oldest first. Raises TransientError; a partial list is never returned.
        """
        ...
