"""The files of a recorded world, read as they were packed by its builder."""

import csv
import gzip
import json
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from importlib.resources.abc import Traversable

import numpy as np

from trader.domain.cities import load_cities
from trader.domain.types import MarketType
from trader.simulator.world import Climate, EnsembleRow, Market, Temperature, World, instant


def _rows(folder: Traversable, name: str) -> list[dict[str, str]]:
    text = gzip.decompress(folder.joinpath(name).read_bytes()).decode()
    return list(csv.DictReader(text.splitlines()))


def _market(row: Mapping[str, str], low_series: frozenset[str]) -> Market:
    return Market(
        ticker=row["ticker"],
        event_ticker=row["ticker"].rsplit("-", 1)[0],
        series_ticker=row["series"],
        city=row["city"],
        market_type=MarketType.LOW if row["series"] in low_series else MarketType.HIGH,
        climate_date=date.fromisoformat(row["date"]),
        strike_type=row["strike_type"],
        floor=int(row["floor_strike"]) if row["floor_strike"] else None,
        cap=int(row["cap_strike"]) if row["cap_strike"] else None,
        close_at=instant(row["close_time"]),
        result=row["result"] or None,
        settled_value=Decimal(row["expiration_value"]) if row["expiration_value"] else None,
    )


def read_world(name: str, folder: Traversable, start: datetime, end: datetime) -> World:
    """Return the world whose files lie in ``folder``, from ``start`` to ``end``."""
    low_series = frozenset(city.low_series for city in load_cities().values())
    places = json.loads(folder.joinpath("places.json").read_text(encoding="utf-8"))
    temperatures: dict[str, list[Temperature]] = {}
    for row in sorted(_rows(folder, "temps.csv.gz"), key=lambda row: row["polled_utc"]):
        reading = Temperature(row["station"], instant(row["polled_utc"]), Decimal(row["temp_f"]))
        temperatures.setdefault(row["station"], []).append(reading)
    ensemble: dict[str, list[EnsembleRow]] = {}
    for row in sorted(_rows(folder, "ensemble.csv.gz"), key=lambda row: row["fetched_utc"]):
        members = tuple(Decimal(value) for value in row["member_highs_f"].split("|") if value)
        day, fetched_at = date.fromisoformat(row["target_date"]), instant(row["fetched_utc"])
        ensemble.setdefault(row["city"], []).append(
            EnsembleRow(row["city"], day, fetched_at, Decimal(row["fc_tmax_f"]), members)
        )
    climate: dict[str, list[Climate]] = {}
    for row in _rows(folder, "climate.csv.gz"):
        day = date.fromisoformat(row["date"])
        issued_at = instant(f"{day + timedelta(days=1)}T{places[row['city']]['cli_issued_utc']}:00Z")
        high, low = (int(Decimal(row[column])) for column in ("cli_high_f", "cli_low_f"))
        climate.setdefault(row["city"], []).append(Climate(row["city"], day, high, low, issued_at))
    with folder.joinpath("books.npz").open("rb") as stream, np.load(stream) as books:
        return World(
            name=name,
            start=start,
            end=end,
            markets={row["ticker"]: _market(row, low_series) for row in _rows(folder, "markets.csv.gz")},
            captures=tuple(instant(str(text)) for text in books["captures"]),
            temperatures={key: tuple(rows) for key, rows in temperatures.items()},
            ensemble={key: tuple(rows) for key, rows in ensemble.items()},
            climate={key: tuple(rows) for key, rows in climate.items()},
            places=places,
            _group=books["group"],
            _ends=np.cumsum(books["count"], dtype=np.int64),
            _cents=books["cents"],
            _hundredths=books["hundredths"],
        )
