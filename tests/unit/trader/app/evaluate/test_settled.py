"""Our rule of settlement against published results: agreement is counted, each exception is explained."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.unit.trader.app.evaluate.folder import FIRST, MARKET_COLUMNS, write
from trader.app.evaluate.settled import settled
from trader.domain.errors import ConfigurationError


def compare(history: Path) -> tuple[int, list[dict[str, Any]]]:
    lines: list[str] = []
    code = settled(history, as_json=True, say=lines.append)
    return code, [json.loads(line) for line in lines]


def swap(history: Path, day: str) -> tuple[str, str]:
    """Publish that another bracket won than the value says; return the tickers (paid, ours)."""
    path = history / "kalshi" / "markets.csv"
    lines = path.read_text().splitlines()
    rows = [n for n, line in enumerate(lines) if f",{day}," in line]
    ours = next(n for n in rows if ",yes," in lines[n])
    paid = next(n for n in reversed(rows) if n != ours)
    lines[ours], lines[paid] = lines[ours].replace(",yes,", ",no,"), lines[paid].replace(",no,", ",yes,")
    path.write_text("\n".join(lines) + "\n")
    return lines[paid].split(",")[3], lines[ours].split(",")[3]


def trade(history: Path, ticker: str, cents: int) -> None:
    table = pa.table(
        {
            "ticker": [ticker],
            "created_time": pa.array([datetime(2031, 1, 1, tzinfo=UTC)], pa.timestamp("ms", tz="UTC")),
            "yes_price_cents": pa.array([cents], pa.int16()),
        }
    )
    pq.write_table(table, history / "kalshi" / "trades_later.parquet")


def test_every_result_that_follows_from_the_values_agrees(tmp_path: Path) -> None:
    history = write(tmp_path / "h")
    (history / "kalshi" / "settled_2030.csv").write_text(
        "city,date,cli_high_f,cli_low_f,ticker,result\nNYC,2030-07-01,81,70,KXHIGHNY-30JUL01-T80,yes\n"
        "NYC,2030-07-01,81,70,KXLOWTNYC-30JUL01-T70,no\n"
    )
    (history / "kalshi" / "markets.csv.more").write_text(
        f"{MARKET_COLUMNS}\n"
        "NYC,KXHIGHNY,2030-07-01,KXHIGHNY-30JUL01-T80,81,,,greater,80,\n"
        "NYC,KXLOWTNYC,2030-07-01,KXLOWTNYC-30JUL01-T70,71,,,greater,70,\n"
        "NYC,KXHIGHNY,2030-08-01,KXHIGHNY-30AUG01-T80,81,,yes,greater,80,\n"
    )

    code, lines = compare(history)

    assert code == 0
    assert lines == [
        {"city": "NYC", "variable": "HIGH", "agree": 301, "markets": 301, "from_strikes": 301},
        {"city": "NYC", "variable": "LOW", "agree": 1, "markets": 1, "from_strikes": 1},
        {"agree": 302, "markets": 302, "share": 1.0, "not_compared": 1},
    ]


@pytest.mark.parametrize(
    ("ours_cents", "paid_cents", "reason"),
    [
        (99, None, "nor the market expected it (last trade of ours 0.99)"),
        (None, 97, "the market knew what was paid"),
    ],
)
def test_a_result_that_does_not_follow_is_listed_with_what_the_record_says(
    tmp_path: Path, ours_cents: int | None, paid_cents: int | None, reason: str
) -> None:
    history = write(tmp_path / "h")
    day = str(FIRST.replace(day=20))
    paid, ours = swap(history, day)
    trade(history, ours if ours_cents else paid, ours_cents or paid_cents or 0)

    code, lines = compare(history)

    assert code == 1  # 298 of 300 is less than 99.9 %
    assert lines[0]["agree"] == 298
    assert lines[1]["differs"] == f"NYC HIGH {day}"
    assert sorted(lines[1]["markets"]) == sorted((paid, ours))
    assert reason in str(lines[1]["reason"])


def test_a_folder_without_results_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="expected published results"):
        compare(tmp_path)
