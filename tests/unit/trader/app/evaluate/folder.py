"""Writes a small history folder in the layout of the recorded one: New York, 100 days, issues and trades."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from trader.core.forecasting.chance import uniforms

FIRST = date(2030, 3, 1)
DAYS = 100
MARKET_COLUMNS = "city,series,date,ticker,lo_f,hi_f,result,strike_type,floor_strike,cap_strike"


def write(folder: Path, days: int = DAYS) -> Path:
    """Return the folder with everything an evaluation of New York needs."""
    for name in ("observations", "forecasts", "kalshi"):
        (folder / name).mkdir(parents=True)
    dates = [FIRST + timedelta(days=i) for i in range(days)]
    forecast = 55 + 12 * np.sin(np.arange(days) / 30) + 6 * (uniforms(1, days) - 0.5)
    highs = np.floor(forecast + 2 + 8 * (uniforms(2, days) - 0.5) + 0.5).astype(int)
    _issues(folder / "forecasts" / "openmeteo_nyc_issues_2030.parquet", dates, forecast)
    _observations(folder / "observations", dates, highs)
    _markets(folder / "kalshi", dates, forecast, highs)
    return folder


def _issues(path: Path, dates: list[date], forecast: np.ndarray[tuple[int], np.dtype[np.float64]]) -> None:
    rows = [
        (day, value, hour) for day, value in zip(dates, forecast, strict=True) for hour in range(-48, 20, 4)
    ]
    issued = [datetime(d.year, d.month, d.day, tzinfo=UTC) + timedelta(hours=h) for d, _, h in rows]
    table = pa.table(
        {
            "issued_utc": pa.array([i.replace(tzinfo=None) for i in issued], pa.timestamp("ms")),
            "target_date": [str(d) for d, _, _ in rows],
            "tmax_f": pa.array([v for _, v, _ in rows], pa.float32()),
            "tmin_f": pa.array([v - 15 for _, v, _ in rows], pa.float32()),
        }
    )
    pq.write_table(table, path)


def _observations(folder: Path, dates: list[date], highs: np.ndarray[tuple[int], np.dtype[np.int64]]) -> None:
    lines = ["city,station,date,tmax_f,tmin_f"]
    lines += [f"NYC,KNYC,{d},{h},{h - 15}" for d, h in zip(dates, highs, strict=True)]
    (folder / "daily_obs.csv").write_text("\n".join(lines) + "\n")
    seen = ["date,obs_hour_local,temp_f,max_so_far_f"]
    seen += [f"{d},13.0,{h - 2},{h - 1}" for d, h in zip(dates, highs, strict=True)]
    (folder / "knyc_13h_obs.csv").write_text("\n".join(seen) + "\n")


def _markets(
    folder: Path,
    dates: list[date],
    forecast: np.ndarray[tuple[int], np.dtype[np.float64]],
    highs: np.ndarray[tuple[int], np.dtype[np.int64]],
) -> None:
    markets, trades = [f"{MARKET_COLUMNS},result_from_obs,close_time"], []
    for day, said, high in zip(dates, forecast, highs, strict=True):
        middle = int(said) + 2
        for i, (lo, hi, strikes) in enumerate(_brackets(middle)):
            won = (lo is None or high >= lo) and (hi is None or high <= hi)
            ticker, result = f"KXHIGHNY-{day:%y%b%d}-{i}".upper(), "yes" if won else "no"
            ends = ",".join("" if end is None else str(float(end)) for end in (lo, hi))
            markets.append(f"NYC,KXHIGHNY,{day},{ticker},{ends},{result},{strikes},,")
            at = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=2)
            trades.append((ticker, at, 50 if won else 28))
    (folder / "markets.csv").write_text("\n".join(markets) + "\n")
    table = pa.table(
        {
            "ticker": [t for t, _, _ in trades],
            "created_time": pa.array([at for _, at, _ in trades], pa.timestamp("ms", tz="UTC")),
            "yes_price_cents": pa.array([p for _, _, p in trades], pa.int16()),
            "taker_side": ["yes"] * len(trades),
        }
    )
    pq.write_table(table, folder / "trades_2030.parquet")


def _brackets(middle: int) -> list[tuple[int | None, int | None, str]]:
    """Whole degrees that win, and the strike fields that say so."""
    return [
        (None, middle - 2, f"less,,{middle - 1}"),
        (middle - 1, middle, f"between,{middle - 1},{middle}"),
        (middle + 1, None, f"greater,{middle},"),
    ]
