"""Climate reports: every version of every station's, fetched when one is due and stored."""

from datetime import timedelta

from trader.app.context import Trader
from trader.core.settlement import climate_date
from trader.domain.cities import CityConfig
from trader.domain.errors import TransientError
from trader.domain.types import MarketType

WAIT, WAIT_FOR_FINAL = timedelta(minutes=30), timedelta(minutes=5)
"""Between two looks at a city's lists: most finals come within hours after local midnight, preliminaries and
corrections at any time."""
FINAL_DUE = timedelta(hours=12)
"""A final that has not come this long after its day is no longer asked for every five minutes."""


def collect_reports(trader: Trader) -> int:
    """Store the reports issued since the last look, of each location that is due; return how many were new.

    A service that does not answer is asked again at the next call; nothing is concluded.
    """
    return sum(
        _collect(trader, city, location)
        for city in trader.cities.values()
        for location in city.report_locations
        if _is_due(trader, city, location)
    )


def _is_due(trader: Trader, city: CityConfig, location: str) -> bool:
    now = trader.clock.now()
    looked_at = trader.reports_seen.get(location)
    if looked_at is None:
        return True
    yesterday = climate_date(now - timedelta(days=1), city)
    is_awaited = (
        climate_date(now - FINAL_DUE, city) == yesterday
        and trader.store.weather.first_final(f"CLI{location}", yesterday, MarketType.HIGH) is None
    )
    return now - looked_at >= (WAIT_FOR_FINAL if is_awaited else WAIT)


def _collect(trader: Trader, city: CityConfig, location: str) -> int:
    now = trader.clock.now()
    try:
        reports = trader.weather.climate_reports(city, location)
    except TransientError as error:
        trader.log.warning("climate_reports_unavailable", location=location, error=str(error))
        return 0
    trader.reports_seen[location] = now
    return sum(trader.store.weather.save_climate_report(report, at=now) for report in reports)
