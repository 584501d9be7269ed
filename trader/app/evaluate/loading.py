"""A history folder as one archive. Any period may lie in it; what is missing is simply not there."""

from pathlib import Path

from trader.app.evaluate.forecast_files import EXTREMES, load_issues, load_midday, load_settled
from trader.app.evaluate.market_files import load_events, load_prices
from trader.core.forecasting.archive import Archive
from trader.domain.cities import load_cities
from trader.domain.errors import ConfigurationError
from trader.domain.types import MarketType

FOLDERS = ("observations", "forecasts", "kalshi")


def load_archive(history: Path, variable: MarketType = MarketType.HIGH) -> Archive:
    """Return everything the folder holds about daily highs, or daily lows.

    Raises ConfigurationError when the folder is no history folder, or a table in it cannot be read.
    """
    require_history(history)
    cities = load_cities()
    extreme = EXTREMES[variable]
    events = load_events(history, cities, variable)
    tickers = {b.ticker for of_city in events.values() for e in of_city.values() for b in e.brackets}
    return Archive(
        issues=load_issues(history, cities, extreme),
        settled=load_settled(history, cities, extreme),
        midday=load_midday(history, cities) if variable is MarketType.HIGH else {},
        events=events,
        prices=load_prices(history, tickers),
    )


def require_history(history: Path) -> None:
    """Raise ConfigurationError unless the folder is laid out like a history."""
    lacking = [name for name in FOLDERS if not (history / name).is_dir()]
    if lacking:
        raise ConfigurationError(
            f"--history: expected a folder with {', '.join(FOLDERS)}, found {history} without "
            f"{', '.join(lacking)}; nothing was evaluated"
        )
