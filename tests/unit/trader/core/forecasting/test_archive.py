import numpy as np
import pytest

from tests.unit.trader.core.forecasting.synthetic import FIRST, archive
from trader.core.forecasting.archive import DAY_S, EPOCH, Prices, parse_instant
from trader.domain.errors import ConfigurationError


@pytest.mark.parametrize(
    ("text", "hours"), [("23Z-1", -1), ("12Z", 12), ("18Z", 18), ("0Z", 0), ("06Z-2", -42), (" 12Z ", 12)]
)
def test_an_instant_counts_hours_from_midnight_utc_of_the_climate_date(text: str, hours: int) -> None:
    assert parse_instant(text).second(EPOCH + 2) == 2 * DAY_S + hours * 3600


@pytest.mark.parametrize("text", ["", "noon", "24Z", "12", "12Z+1", "12Z-11"])
def test_any_other_instant_is_refused_by_name(text: str) -> None:
    with pytest.raises(ConfigurationError, match="--at: expected hours"):
        parse_instant(text)


def test_the_archive_as_of_an_instant_holds_nothing_known_later() -> None:
    full = archive(40, with_midday=True)
    second = parse_instant("12Z").second(FIRST + 20)

    cut = full.known_by(second)

    assert cut.issues["NYC", "test"].known.max() <= second < full.issues["NYC", "test"].known.max()
    assert cut.settled["NYC"].day.max() == FIRST + 19  # reported 11 UTC of the day after
    assert cut.midday["NYC"].day.max() == FIRST + 19
    assert all(p.known.max(initial=0) <= second for p in cut.prices.values())
    assert [b.won for b in cut.events["NYC"][FIRST + 19].brackets] == [None] * 6  # result counts from 17 UTC
    assert True in [b.won for b in cut.events["NYC"][FIRST + 18].brackets]


def test_a_price_is_the_newest_at_the_instant_and_absent_before_the_first() -> None:
    prices = archive(2).prices[f"T-{FIRST}-0"]
    midnight = (FIRST - EPOCH) * DAY_S

    assert prices.at(midnight - 7201) is None
    assert prices.at(midnight) == (0.12, midnight - 7200)
    assert prices.quote_at(midnight) is None  # only trades were recorded


def test_a_quote_stands_for_half_an_hour_even_when_a_trade_follows() -> None:
    known = np.array([1000, 1060], dtype=np.int64)
    nan = float("nan")
    prices = Prices(known * 0, known, np.array([0.35, 0.4]), np.array([0.3, nan]), np.array([0.4, nan]))

    assert prices.at(1100) == (0.4, 1060)
    assert prices.quote_at(1100) == (0.3, 0.4)
    assert prices.quote_at(1000 + 1800) is None
    assert prices.quote_at(999) is None


def test_several_trades_stand_for_the_market_where_one_alone_may_be_at_the_ask() -> None:
    known, nan = np.array([0, 3600, 3660, 3690], dtype=np.int64), np.full(4, np.nan)
    trades = Prices(known * 0, known, np.array([0.5, 0.10, 0.14, 0.10]), nan, nan)

    assert trades.typical_at(-1) is None
    assert trades.typical_at(3600) == pytest.approx(0.10, abs=0.002)  # an hour-old trade hardly counts
    assert trades.typical_at(3690) == pytest.approx((0.10 + 0.14 + 0.10) / 3, abs=0.004)


def test_a_quote_needs_no_averaging() -> None:
    known = np.array([0, 60], dtype=np.int64)
    quotes = Prices(known * 0, known, np.array([0.1, 0.2]), np.array([0.05, 0.15]), np.array([0.15, 0.25]))

    assert quotes.typical_at(60) == 0.2
