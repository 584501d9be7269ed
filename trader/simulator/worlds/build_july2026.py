"""Make the files of the world ``july2026`` from the recorded history, byte for byte the same every time.

Run ``python -m trader.simulator.worlds.build_july2026 --history DIR [--check]``: without ``--check`` the
files are written into ``july2026/`` beside this script, with it they are only compared; a difference exits 1.
``DIR`` is the recorded history with ``kalshi/``, ``observations/`` and ``forecasts/``; provenance in
``july2026/README.md``. Nothing is computed but the packing: cents, and hundredths of a contract.
"""

import argparse
import csv
import gzip
import io
import sys
from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

HERE = Path(__file__).parent / "july2026"
WEATHER_FROM, WORLD_END = "2026-07-13", "2026-07-23T02:00:00Z"
BOOKS, MARKETS, CLIMATE, TEMPS, ENSEMBLE = (
    "books.npz",
    "markets.csv.gz",
    "climate.csv.gz",
    "temps.csv.gz",
    "ensemble.csv.gz",
)
Row = dict[str, str]


def read_rows(path: Path) -> list[Row]:
    with gzip.open(path, "rt", newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def pack_rows(header: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """Return gzipped CSV without a time stamp, so that equal rows are equal bytes."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return gzip.compress(text.getvalue().encode(), compresslevel=9, mtime=0)


def whole(value: float | None) -> str:
    """Strikes are whole degrees; an absent one stays empty."""
    if value is None or value != value:
        return ""
    if value != int(value):
        raise SystemExit(f"strike: expected a whole degree, found {value}; nothing was written")
    return str(int(value))


def build(history: Path) -> dict[str, bytes]:
    """Return file name to content. Source columns are described in the history's own README."""
    columns = pq.read_table(history / "kalshi" / "order_books_2026_07.parquet").to_pydict()
    settled = {
        row["ticker"]: row for row in read_rows(history / "kalshi" / "settled_high_low_2026_07.csv.gz")
    }
    terms: dict[str, tuple[str, ...]] = {}
    names = ("ticker", "series", "city", "date", "strike_type", "floor_strike", "cap_strike", "close_time")
    for ticker, series, city, day, kind, floor, cap, close in zip(
        *(columns[name] for name in names), strict=True
    ):
        row = (ticker, series, city, day, kind, whole(floor), whole(cap), close)
        if terms.setdefault(ticker, row) != row:
            raise SystemExit(
                f"{ticker}: expected one set of terms, found {row} and {terms[ticker]}; nothing was written"
            )
    tickers, captures = sorted(terms), sorted(set(columns["captured_utc"]))
    ticker_at, capture_at = ({key: index for index, key in enumerate(keys)} for keys in (tickers, captures))
    levels = sorted(
        (
            capture_at[when],
            ticker_at[ticker],
            side == "no",
            cents,
            int((Decimal(str(size)) * 100).to_integral_exact()),
        )
        for when, ticker, side, cents, size in zip(
            *(columns[name] for name in ("captured_utc", "ticker", "side", "bid_cents", "contracts")),
            strict=True,
        )
    )
    packed = io.BytesIO()
    capture, ticker_no, is_no, cents_column, hundredths = (
        np.array(column) for column in zip(*levels, strict=True)
    )
    key = (capture * len(tickers) + ticker_no) * 2 + is_no
    group, count = np.unique(key, return_counts=True)
    np.savez_compressed(
        packed,
        captures=np.array(captures),
        group=group.astype(np.uint32),
        count=count.astype(np.uint8),
        cents=cents_column.astype(np.uint8),
        hundredths=hundredths.astype(np.uint32),
    )
    market_rows = (
        (
            *terms[ticker],
            settled[ticker]["result"] if ticker in settled else "",
            settled.get(ticker, {}).get("expiration_value", ""),
        )
        for ticker in tickers
    )
    climate = sorted({(r["city"], r["date"], r["cli_high_f"], r["cli_low_f"]) for r in settled.values()})
    temps = (
        (r["city"], r["station"], r["polled_utc"], r["temp_f"])
        for r in read_rows(history / "observations" / "station_temps_2026_07_08.csv.gz")
        if WEATHER_FROM <= r["polled_utc"] <= WORLD_END
    )
    ensemble = (
        (r["city"], r["station"], r["target_date"], r["fetched_utc"], r["fc_tmax_f"], r["member_highs_f"])
        for r in read_rows(history / "forecasts" / "ensemble_highs_2026_07_08.csv.gz")
        if WEATHER_FROM <= r["fetched_utc"] <= WORLD_END
    )
    market_header = (*names, "result", "expiration_value")
    return {
        BOOKS: packed.getvalue(),
        MARKETS: pack_rows(market_header, market_rows),
        CLIMATE: pack_rows(("city", "date", "cli_high_f", "cli_low_f"), climate),
        TEMPS: pack_rows(("city", "station", "polled_utc", "temp_f"), temps),
        ENSEMBLE: pack_rows(
            ("city", "station", "target_date", "fetched_utc", "fc_tmax_f", "member_highs_f"), ensemble
        ),
    }


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        description="Rebuild the recorded world july2026, or compare with --check."
    )
    parser.add_argument("--history", type=Path, required=True, help="folder of the recorded history")
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 when a file differs")
    options = parser.parse_args(argv)
    differing = []
    for name, content in build(options.history).items():
        path = HERE / name
        if options.check and (not path.exists() or path.read_bytes() != content):
            differing.append(name)
        if not options.check:
            path.write_bytes(content)
    if differing:
        names = ", ".join(differing)
        sys.stderr.write(
            f"july2026: expected the committed bytes, found others in {names}; nothing was written\n"
        )
    return 1 if differing else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
