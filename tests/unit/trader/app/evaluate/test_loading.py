from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest

from tests.unit.trader.app.evaluate.folder import FIRST, write
from trader.app.evaluate.loading import load_archive
from trader.domain.errors import ConfigurationError
from trader.domain.types import MarketType


def second(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=UTC).timestamp())  # type: ignore[arg-type, misc]


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("history") / "h")


def extra(history: Path, name: str, text: str) -> Path:
    path = history / name
    path.write_text(text)
    return path


def test_every_table_arrives_with_the_time_it_was_known(history: Path) -> None:
    archive = load_archive(history)

    day = FIRST.toordinal()
    assert archive.issues["NYC", "open_meteo"].known[0] == second(
        2030, 2, 27
    )  # 48 hours before the first target
    assert archive.settled["NYC"].known[0] == second(
        2030, 3, 2, 11
    )  # end of day 05 UTC, report within 6 hours
    assert archive.events["NYC"][day].result_known == second(2030, 3, 2, 17)
    assert archive.prices["KXHIGHNY-30MAR01-0"].known.tolist() == [second(2030, 2, 28, 22)]


def test_the_midday_report_of_new_york_counts_from_two_by_the_wall_clock(history: Path) -> None:
    midday = load_archive(history).midday["NYC"]

    winter, summer = (date(2030, m, d).toordinal() - FIRST.toordinal() for m, d in ((3, 5), (4, 5)))
    assert midday.known[winter] == second(2030, 3, 5, 19)
    assert midday.known[summer] == second(2030, 4, 5, 18)


def test_other_sources_are_read_with_the_latest_plausible_time(tmp_path: Path) -> None:
    history = write(tmp_path / "h", days=3)
    extra(
        history,
        "forecasts/nws_email_2030.csv",
        "date,city,forecast_hi_2_prev_PM,forecast_hi_prev_AM,forecast_hi_prev_PM,forecast_hi_current_AM\n"
        "2030-03-03,BOSTON,50,51,52,53\n2030-03-03,CHICAGO,10,10,10,10\n",
    )
    extra(
        history,
        "forecasts/model_highs_2030.csv",
        "city,date,hrrr_prev_day_run_f,hrrr_lead0_f\nLAX,2030-03-03,70.5,71\nLAX,2030-03-04,,72\n",
    )
    extra(
        history,
        "forecasts/nws_point_log_2030.csv",
        "city,retrieved_local,target_date,fc_tmax_f\nNYC,2030-07-03 18:44:36,2030-07-04,85\n",
    )
    extra(
        history,
        "forecasts/ensemble_highs_2030.csv",
        "city,station,target_date,fetched_utc,fc_tmax_f\nMIA,KMIA,2030-03-03,2030-03-02T23:55:00Z,80\n",
    )

    issues = load_archive(history).issues

    email = issues["BOS", "nws_email"]
    assert email.value.tolist() == [50.0, 51.0, 52.0, 53.0]
    assert email.known.tolist() == [second(2030, 3, 2, 3), second(2030, 3, 2, 15), second(2030, 3, 3, 3),
                                    second(2030, 3, 3, 15)]  # fmt: skip
    assert ("CHI", "nws_email") not in issues  # O'Hare, not the settlement station
    assert issues["LAX", "hrrr_previous_day"].value.tolist() == [70.5]  # lead0 is not a forecast
    assert issues["LAX", "hrrr_previous_day"].known.tolist() == [second(2030, 3, 3, 7)]
    assert issues["NYC", "nws_point"].known.tolist() == [second(2030, 7, 3, 22, 44, 36)]
    assert issues["MIA", "gefs_mean"].known.tolist() == [second(2030, 3, 2, 23, 55)]


def test_quotes_books_and_closes_join_the_trades_in_order_of_time(tmp_path: Path) -> None:
    history = write(tmp_path / "h", days=1)
    extra(
        history,
        "kalshi/quotes_2030.csv",
        "ticker,ts_utc,yes_bid_cents,yes_ask_cents\n"
        "KXHIGHNY-30MAR01-0,2030-03-01T01:00:00Z,30,40\nKXHIGHNY-30MAR01-0,2030-02-28T21:00:00Z,,10\nOTHER-1,2030-03-01T01:00:00Z,1,2\n",
    )

    prices = load_archive(history).prices

    assert "OTHER-1" not in prices
    found = prices["KXHIGHNY-30MAR01-0"]
    assert (np.diff(found.known) > 0).all()
    assert found.last[0] == pytest.approx(0.05)  # nobody bid: the middle of 0 and 10 cents
    assert found.at(second(2030, 3, 1, 2)) == (0.35, second(2030, 3, 1, 1))
    assert found.quote_at(second(2030, 3, 1, 1, 5)) == (0.30, 0.40)


def test_a_folder_that_is_no_history_is_refused(tmp_path: Path) -> None:
    (tmp_path / "observations").mkdir()

    with pytest.raises(ConfigurationError, match="without forecasts, kalshi; nothing was evaluated"):
        load_archive(tmp_path)


def test_our_own_result_stands_in_where_the_exchange_published_none(tmp_path: Path) -> None:
    history = write(tmp_path / "h", days=1)
    extra(
        history,
        "kalshi/markets.csv",
        "city,series,date,ticker,lo_f,hi_f,result,result_from_obs\n"
        "NYC,KXHIGHNY,2030-03-01,A,,59,,no\nNYC,KXHIGHNY,2030-03-01,B,60,,,yes\nNYC,KXLOWTNYC,2030-03-01,C,,40,,yes\n",
    )

    found = load_archive(history).events["NYC"][FIRST.toordinal()].brackets

    assert [(b.ticker, b.lo, b.hi, b.won) for b in found] == [("A", None, 59, False), ("B", 60, None, True)]


def test_lows_are_loaded_negated_so_that_a_low_is_a_high_of_minus_the_temperature(tmp_path: Path) -> None:
    history = write(tmp_path / "h", days=3)
    extra(
        history,
        "kalshi/markets.csv",
        "city,series,date,ticker,lo_f,hi_f,result,result_from_obs\n"
        "NYC,KXLOWTNYC,2030-03-01,A,,39,no,\nNYC,KXLOWTNYC,2030-03-01,B,40,41,yes,\n",
    )
    highs = load_archive(history)
    extra(
        history,
        "forecasts/nws_email_2030.csv",
        "date,city,forecast_lo_prev_AM,forecast_lo_prev_PM,forecast_lo_current_AM,forecast_lo_current_PM\n"
        "2030-03-03,BOSTON,30,31,32,33\n",
    )

    lows = load_archive(history, MarketType.LOW)

    assert (lows.settled["NYC"].value == 15 - highs.settled["NYC"].value).all()
    assert (lows.issues["NYC", "open_meteo"].value == 15 - highs.issues["NYC", "open_meteo"].value).all()
    assert not lows.midday
    assert [(b.ticker, b.lo, b.hi, b.won) for b in lows.events["NYC"][FIRST.toordinal()].brackets] == [
        ("B", -41, -40, True),
        ("A", -39, None, False),
    ]
    email = lows.issues["BOS", "nws_email"]  # a low in an e-mail is that of the night after
    assert set(email.day.tolist()) == {date(2030, 3, 4).toordinal()}
    assert email.value.tolist() == [-30.0, -31.0, -32.0, -33.0]
    assert email.known.tolist() == [second(2030, 3, 2, 15), second(2030, 3, 3, 3), second(2030, 3, 3, 15),
                                    second(2030, 3, 4, 3)]  # fmt: skip
