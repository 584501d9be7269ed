"""Which climate day, or which month's last day, a market is about: ticker and close must both say it."""

import re
from datetime import date, datetime, timedelta

from trader.adapters.fields import Fields
from trader.domain.amounts import UNIT_IN
from trader.domain.cities import CityConfig
from trader.domain.climate_day import climate_date, climate_day_bounds
from trader.domain.errors import MalformedPayload
from trader.domain.monthly_terms import month_end
from trader.domain.types import MarketType

_TICKER_DAY = re.compile(r"-(\d\d)([A-Z]{3})(\d\d)$")
_TICKER_MONTH = re.compile(r"-(\d\d)([A-Z]{3})$")
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
# Until August 2026 markets closed one minute before the climate day ended.
CLOSES_EARLY_BY = timedelta(minutes=1)
# A month's market closes about when the month ends: an hour early on the wall clock in summer, or on the day
# after; which one no recording shows for sure.
_MONTH_CLOSES = timedelta(hours=-2), timedelta(hours=36)


def climate_date_of(
    market: Fields, event_ticker: str, close_at: datetime, city: CityConfig, market_type: MarketType
) -> date:
    """The day that ends when trading closes; ticker and close must say the same day. Of a month the last."""
    if market_type in UNIT_IN:
        return _last_day(market, event_ticker, close_at, city)
    day = climate_date(close_at - timedelta(seconds=1), city.std_utc_offset_hours)
    end = climate_day_bounds(day, city.std_utc_offset_hours)[1]
    named = _TICKER_DAY.search(event_ticker)
    written = f"{day:%y}", _MONTHS[day.month - 1], f"{day:%d}"
    if not timedelta(0) <= end - close_at <= CLOSES_EARLY_BY or named is None or named.groups() != written:
        raise MalformedPayload(
            f"{market.what}: expected {event_ticker} to close with its day in {city.code}, found {close_at}"
        )
    return day


def _last_day(market: Fields, event_ticker: str, close_at: datetime, city: CityConfig) -> date:
    named = _TICKER_MONTH.search(event_ticker)
    if named is not None and named[2] in _MONTHS:
        day = month_end(2000 + int(named[1]), _MONTHS.index(named[2]) + 1)
        end = climate_day_bounds(day, city.std_utc_offset_hours)[1]
        if _MONTH_CLOSES[0] <= close_at - end <= _MONTH_CLOSES[1]:
            return day
    raise MalformedPayload(
        f"{market.what}: expected {event_ticker} to close with its month in {city.code}, found {close_at}"
    )
