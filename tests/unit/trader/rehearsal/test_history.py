"""A folder of recorded history as a world: its markets, prices, forecasts, and what it lacks."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.unit.trader.app.evaluate.folder import FIRST, write
from trader.domain.errors import ConfigurationError
from trader.rehearsal.history import Period, load_world
from trader.rehearsal.prices import load_prices
from trader.simulator.quoted import QuotedWorld

DAY = FIRST + timedelta(days=60)
STEM = f"KXHIGHNY-{DAY:%y%b%d}".upper()
"""Its three markets end in 0 (lower tail), 1 and 2."""


def period(first: date = DAY, last: date = DAY, **changed: int) -> Period:
    return Period(first, last, changed.get("warm_up_days", 3), 300, Decimal(20))


def quote(history: Path, name: str, *rows: tuple[str, datetime, int | None, int | None]) -> None:
    ticker, at, bid, ask = zip(*rows, strict=True)
    columns = {
        "ticker": ticker,
        "ts_utc": pa.array([moment.replace(tzinfo=None) for moment in at], pa.timestamp("ms")),
        "yes_bid_cents": pa.array(bid, pa.int64()),
        "yes_ask_cents": pa.array(ask, pa.int64()),
    }
    pq.write_table(pa.table(columns), history / "kalshi" / name)


def trades(history: Path, *rows: tuple[str, datetime, int, str]) -> None:
    ticker, at, cents, side = zip(*rows, strict=True)
    columns = {
        "ticker": ticker,
        "created_time": pa.array(at, pa.timestamp("ms", tz="UTC")),
        "yes_price_cents": pa.array(cents, pa.int16()),
        "taker_side": side,
    }
    pq.write_table(pa.table(columns), history / "kalshi" / "trades_2030.parquet")


@pytest.fixture
def history(tmp_path: Path) -> Path:
    return write(tmp_path / "h")


def seconds(*at: datetime) -> list[int]:
    return [int(moment.timestamp()) for moment in at]


def evening(minutes: float = 0) -> datetime:
    return (
        datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC) - timedelta(hours=2) + timedelta(minutes=minutes)
    )


def test_markets_have_the_strikes_results_and_values_of_the_folder(history: Path) -> None:
    world = load_world(history, ["NYC"], period())

    low, middle, high = (world.markets[f"{STEM}-{n}"] for n in range(3))
    assert (low.strike_type, middle.strike_type, high.strike_type) == ("less", "between", "greater")
    assert (low.floor, low.cap, high.cap) == (None, middle.floor, None)
    assert middle.cap == high.floor
    value = low.settled_value
    assert value is not None
    assert low.cap is not None
    assert (low.result == "yes") == (value < low.cap)
    assert [m.result for m in (low, middle, high)].count("yes") == 1
    assert low.close_at == datetime(DAY.year, DAY.month, DAY.day, 5, tzinfo=UTC) + timedelta(days=1)


def test_forecasts_stand_from_their_recorded_issue_on_and_reports_from_six_hours_after_the_day(
    history: Path,
) -> None:
    world = load_world(history, ["NYC"], period())

    issued = [row.fetched_at for row in world.ensemble["NYC"] if row.target_date == DAY]
    midnight = datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC)
    assert issued == [midnight + timedelta(hours=h) for h in range(-48, 20, 4)]
    (report,) = [row for row in world.climate["NYC"] if row.climate_date == DAY]
    assert (report.issued_at, report.low_f) == (midnight + timedelta(days=1, hours=11), None)
    assert world.start == midnight - timedelta(days=4)


def test_quotes_count_before_trades_and_only_the_markets_of_the_period_are_priced(history: Path) -> None:
    quote(
        history,
        "quotes_kxhighny_2030.parquet",
        (f"{STEM}-1", evening(5), 28, None),
        (f"{STEM}-1", evening(), 27, 30),
    )

    world = load_world(history, ["NYC"], period())

    assert set(world.quotes) == {f"{STEM}-{n}" for n in range(3)}
    quoted = world.quotes[f"{STEM}-1"]
    assert quoted.second.tolist() == seconds(evening(), evening(5))
    assert (quoted.bid.tolist(), quoted.ask.tolist()) == ([27, 28], [30, 0])
    assert "1 of 1 listed days have prices" in " ".join(world.fill_words)


def test_a_trade_stands_for_a_quote_and_never_for_a_better_one(history: Path) -> None:
    ticker = f"{STEM}-1"
    trades(
        history,
        (ticker, evening(), 30, "yes"),
        (ticker, evening(10), 27, "no"),
        (ticker, evening(20), 33, "no"),  # somebody hit a bid above the last ask paid
        (ticker, evening(45), 25, "no"),  # the ask paid at first is forgotten after half an hour
    )

    found = load_prices(history, {ticker})

    assert found.from_trades == {ticker}
    quotes = found.quotes[ticker]
    assert quotes.ask.tolist() == [30, 30, 33, 0]
    assert quotes.bid.tolist() == [0, 27, 33, 25]


def test_recorded_books_keep_their_depth(history: Path) -> None:
    rows = [("no", 70, 12.5), ("no", 68, 40.0), ("yes", 25, 0.01)]
    columns = {
        "captured_utc": [evening().isoformat()] * 3,
        "ticker": [f"{STEM}-1"] * 3,
        **{name: [row[n] for row in rows] for n, name in enumerate(("side", "bid_cents", "contracts"))},
    }
    pq.write_table(pa.table(columns), history / "kalshi" / "order_books_2030.parquet")

    world = load_world(history, ["NYC"], period())

    (at,) = seconds(evening())
    assert world.book(at + 5, f"{STEM}-1") == (((25, 1),), ((68, 4000), (70, 1250)))
    assert evening(0) + timedelta(seconds=5) in world.cycle_instants


def test_tickers_of_before_the_renaming_are_found_under_todays_name(history: Path) -> None:
    for name in ("markets.csv",):
        path = history / "kalshi" / name
        path.write_text(path.read_text().replace("KXHIGHNY", "HIGHNY"))
    trades(history, (f"{STEM}-1".removeprefix("KX"), evening(), 30, "yes"))

    world = load_world(history, ["NYC"], period())

    assert f"{STEM}-1" in world.quotes
    assert world.markets[f"{STEM}-1"].series_ticker == "KXHIGHNY"


@pytest.mark.parametrize(
    ("codes", "days", "expected"),
    [
        (["NYC"], (date(2041, 1, 1), date(2041, 1, 31)),
         r"expected markets of NYC's daily high in 2041-01-01 to 2041-01-31, found those from 2030-03-01 to"),
        (["CHI"], (DAY, DAY), "expected markets of CHI's daily high .* found none at all"),
        (["XXX"], (DAY, DAY), "expected one of NYC .* found 'XXX'"),
    ],
)  # fmt: skip
def test_a_period_that_was_not_recorded_says_what_was(
    history: Path, codes: list[str], days: tuple[date, date], expected: str
) -> None:
    with pytest.raises(ConfigurationError, match=expected):
        load_world(history, codes, period(*days))


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("kalshi/trades_2030.parquet", "expected quotes, trades or books of NYC .* found none for 3 markets"),
        ("forecasts/openmeteo_nyc_issues_2030.parquet", "expected forecasts of NYC with a time of issue"),
    ],
)
def test_a_folder_without_prices_or_forecasts_is_refused(history: Path, file: str, expected: str) -> None:
    (history / file).unlink()

    with pytest.raises(ConfigurationError, match=expected):
        load_world(history, ["NYC"], period())


def test_another_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="expected a folder with observations, forecasts, kalshi"):
        load_world(tmp_path, (), period())


def test_every_recorded_city_is_taken_where_none_is_named(history: Path) -> None:
    world = load_world(history, (), period())

    assert isinstance(world, QuotedWorld)
    assert world.name == f"NYC {DAY} to {DAY}"
