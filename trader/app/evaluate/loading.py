"""A history folder as one archive. Any period may lie in it; what is missing is simply not there."""

from pathlib import Path

from trader.app.evaluate.forecast_files import load_highs, load_issues, load_midday
from trader.app.evaluate.market_files import load_events, load_prices
from trader.core.forecasting.archive import Archive
from trader.domain.cities import load_cities
from trader.domain.errors import ConfigurationError

FOLDERS = ("observations", "forecasts", "kalshi")


def load_archive(history: Path) -> Archive:
    """Return everything the folder holds about daily highs.

    Raises ConfigurationError when the folder is no history folder, or a table in it cannot be read.
    """
    lacking = [name for name in FOLDERS if not (history / name).is_dir()]
    if lacking:
        raise ConfigurationError(
            f"--history: expected a folder with {', '.join(FOLDERS)}, found {history} without "
            f"{', '.join(lacking)}; nothing was evaluated"
        )
    cities = load_cities()
    events = load_events(history, cities)
    tickers = {b.ticker for of_city in events.values() for e in of_city.values() for b in e.brackets}
    return Archive(
        issues=load_issues(history, cities),
        highs=load_highs(history, cities),
        midday=load_midday(history, cities),
        events=events,
        prices=load_prices(history, tickers),
    )
