"""Contracts, market snapshots with their books, and published results."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from trader.adapters.book_rules import aware
from trader.adapters.ops.pool import Database
from trader.adapters.ops.rows import Connection, fetch_model, fetch_models, fetch_rows, fetch_value
from trader.domain.markets import Contract, Level, MarketSnapshot, OrderBook
from trader.domain.orders import MarketResult

INSERT_CONTRACT = """
insert into ops.contracts (
    ticker, terms_hash, event_ticker, series_ticker, city_code, market_type, climate_date, label, lo, hi,
    open_time, close_time, rules_text, rules_url, rules_hash, settlement_source, station, fee_type,
    fee_multiplier, tick, proof, first_seen_at
) values (
    %(ticker)s, %(terms_hash)s, %(event_ticker)s, %(series_ticker)s, %(city_code)s, %(market_type)s,
    %(climate_date)s, %(label)s, %(lo)s, %(hi)s, %(open_time)s, %(close_time)s, %(rules_text)s, %(rules_url)s,
    %(rules_hash)s, %(settlement_source)s, %(station)s, %(fee_type)s, %(fee_multiplier)s, %(tick)s, %(proof)s,
    %(first_seen_at)s
) on conflict (ticker, terms_hash) do nothing
"""
_CONTRACTS = """
select ticker, terms_hash, event_ticker, series_ticker, city_code, market_type, climate_date, label, lo, hi,
    open_time, close_time, rules_text, rules_url, rules_hash, settlement_source, station, fee_type,
    fee_multiplier, tick, proof
from ops.contracts
"""
CONTRACTS_BY_KEY = (
    _CONTRACTS  # noqa: S608 (constants only)
    + """
where (ticker, terms_hash) in (select * from unnest(cast(%(tickers)s as text[]), cast(%(hashes)s as text[])))
"""
)
_CONTRACT = _CONTRACTS + " where ticker = %(ticker)s order by first_seen_at desc limit 1"
_NEWEST_CONTRACTS = (
    _CONTRACTS.replace("select", "select distinct on (ticker)", 1)
    + " where ticker = any(%(tickers)s) order by ticker asc, first_seen_at desc"
)
_COPY_SNAPSHOTS = """
copy ops.market_snapshots (
    captured_at, cycle_id, ticker, event_ticker, city_code, market_type, climate_date, status, yes_bid,
    yes_ask, volume, open_interest, close_time, rules_url, terms_hash, book, payload_hash, recorded_at
) from stdin
"""
_INSERT_SNAPSHOT = """
insert into ops.market_snapshots (
    captured_at, cycle_id, ticker, event_ticker, city_code, market_type, climate_date, status, yes_bid,
    yes_ask, volume, open_interest, close_time, rules_url, terms_hash, book, payload_hash, recorded_at
) values (
    %(captured_at)s, %(cycle_id)s, %(ticker)s, %(event_ticker)s, %(city_code)s, %(market_type)s,
    %(climate_date)s, %(status)s, %(yes_bid)s, %(yes_ask)s, %(volume)s, %(open_interest)s, %(close_time)s,
    %(rules_url)s, %(terms_hash)s, %(book)s, %(payload_hash)s, %(recorded_at)s
) returning market_snapshot_id
"""
_SNAPSHOTS = """
select s.ticker, s.event_ticker, s.city_code, s.market_type, s.climate_date, s.captured_at, s.status,
    s.yes_bid, s.yes_ask, s.volume, s.open_interest, s.close_time, s.rules_url, s.terms_hash, s.book,
    s.payload_hash
"""
SNAPSHOTS_OF_CYCLE = (
    _SNAPSHOTS
    + """
from ops.market_snapshots as s where s.cycle_id = %(cycle_id)s order by s.market_snapshot_id
"""
)
_LATEST = (
    _SNAPSHOTS  # noqa: S608 (constants only)
    + """
from unnest(cast(%(tickers)s as text[])) as wanted (ticker)
cross join lateral (
    select * from ops.market_snapshots as m where m.ticker = wanted.ticker
    order by m.captured_at desc, m.market_snapshot_id desc limit 1
) as s
order by s.ticker
"""
)
_MARKS = _LATEST.replace(
    "where m.ticker = wanted.ticker",
    "where m.ticker = wanted.ticker and (m.yes_bid is not null or m.yes_ask is not null)",
)
# What closed before our last look at the city is over, whatever its last snapshot said.
_OPEN_TICKERS = """
select distinct c.ticker from ops.contracts as c
where c.city_code = %(city_code)s and c.close_time > (
    select max(m.captured_at) from ops.market_snapshots as m where m.city_code = %(city_code)s
)
"""
_INSERT_RESULT = """
insert into ops.market_results (
    ticker, event_ticker, climate_date, result, value, our_value, our_result, determined_at, recorded_at
) values (
    %(ticker)s, %(event_ticker)s, %(climate_date)s, %(result)s, %(value)s, %(our_value)s, %(our_result)s,
    %(determined_at)s, %(at)s
) on conflict do nothing returning ticker
"""
_RESULT = """
select result, value from ops.market_results where ticker = %(ticker)s order by recorded_at desc limit 1
"""
_RESULTS = """
select * from (
    select distinct on (ticker) ticker, event_ticker, climate_date, result, value, determined_at
    from ops.market_results order by ticker, recorded_at desc
) as standing
where determined_at >= %(since)s order by ticker
"""
_AWAITING = """
select distinct c.ticker from ops.contracts as c
where c.close_time <= %(now)s
    and not exists (select 1 from ops.market_results as r where r.ticker = c.ticker)
order by c.ticker
"""


def insert_contracts(connection: Connection, contracts: Iterable[Contract], *, at: datetime) -> int:
    """Store the versions not yet known; return how many were new."""
    rows = [
        {name: getattr(contract, name) for name in Contract.model_fields}
        | {"proof": [str(reason) for reason in contract.proof], "first_seen_at": aware(at)}
        for contract in contracts
    ]
    with connection.cursor() as cursor:
        cursor.executemany(INSERT_CONTRACT, rows)
        return max(cursor.rowcount, 0)


def contract_from(row: Mapping[str, Any]) -> Contract:
    return Contract.model_validate(row, strict=False)


def copy_snapshots(
    connection: Connection, snapshots: Sequence[MarketSnapshot], *, at: datetime, cycle_id: int | None
) -> None:
    """Store many snapshots in one stream; identity numbers follow the given order."""
    aware(at)
    with connection.cursor() as cursor, cursor.copy(_COPY_SNAPSHOTS) as copy:
        for s in snapshots:
            copy.write_row(
                (
                    *(
                        s.captured_at,
                        cycle_id,
                        s.ticker,
                        s.event_ticker,
                        s.city_code,
                        s.market_type,
                        s.climate_date,
                    ),
                    *(s.status, s.yes_bid, s.yes_ask, s.volume, s.open_interest, s.close_time, s.rules_url),
                    *(s.terms_hash, _book_json(s.book), s.payload_hash, at),
                )
            )


def snapshot_from(row: Mapping[str, Any]) -> MarketSnapshot:
    """Return the snapshot of a row of ``_SNAPSHOTS``'s columns."""
    book = row["book"]
    if book is not None:
        book = OrderBook(
            captured_at=book["captured_at"],
            yes_bids=tuple(_level(price, size) for price, size in book["yes_bids"]),
            no_bids=tuple(_level(price, size) for price, size in book["no_bids"]),
        )
    return MarketSnapshot.model_validate({**row, "book": book}, strict=False)


@lru_cache(maxsize=1 << 13)  # most levels stand for many cycles; they are frozen, so one object serves all
def _level(price: str, size: str) -> Level:
    return Level(price=Decimal(price), size=Decimal(size))


def _book_json(book: OrderBook | None) -> str | None:
    if book is None:
        return None
    return json.dumps(
        {
            "captured_at": book.captured_at.isoformat(),
            "yes_bids": _levels(book.yes_bids),
            "no_bids": _levels(book.no_bids),
        }
    )


def _levels(levels: Sequence[Level]) -> list[tuple[str, str]]:
    return [(str(level.price), str(level.size)) for level in levels]


class PostgresMarketRepository:
    """``ports.ops_store.MarketRepository`` on Postgres."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save_contracts(self, contracts: Sequence[Contract], *, at: datetime) -> int:
        with self._database.connection() as connection:
            return insert_contracts(connection, contracts, at=at)

    def save_snapshot(self, snapshot: MarketSnapshot, *, at: datetime, cycle_id: int | None = None) -> int:
        row = {name: getattr(snapshot, name) for name in MarketSnapshot.model_fields}
        row |= {"cycle_id": cycle_id, "book": _book_json(snapshot.book), "recorded_at": aware(at)}
        with self._database.connection() as connection:
            return int(fetch_value(connection, _INSERT_SNAPSHOT, row))

    def save_snapshots(
        self, snapshots: Sequence[MarketSnapshot], *, at: datetime, cycle_id: int | None = None
    ) -> None:
        with self._database.connection() as connection:
            copy_snapshots(connection, snapshots, at=at, cycle_id=cycle_id)

    def get_active_markets(self, city_code: str) -> tuple[MarketSnapshot, ...]:
        with self._database.connection() as connection:
            rows = fetch_rows(connection, _OPEN_TICKERS, {"city_code": city_code})
            found = fetch_rows(connection, _LATEST, {"tickers": [row["ticker"] for row in rows]})
        return tuple(snapshot_from(row) for row in found if row["status"] == "active")

    def save_result(
        self, result: MarketResult, *, our_value: int | None, our_result: str | None, at: datetime
    ) -> bool:
        row = result.model_dump() | {"our_value": our_value, "our_result": our_result, "at": aware(at)}
        with self._database.connection() as connection:
            known = fetch_rows(connection, _RESULT, {"ticker": result.ticker})
            if known and (known[0]["result"], known[0]["value"]) == (result.result, result.value):
                return False
            return fetch_value(connection, _INSERT_RESULT, row) is not None

    def results(self, since: datetime) -> tuple[MarketResult, ...]:
        with self._database.connection() as connection:
            return fetch_models(connection, MarketResult, _RESULTS, {"since": aware(since)})

    def markets_awaiting_result(self, now: datetime) -> tuple[str, ...]:
        with self._database.connection() as connection:
            rows = fetch_rows(connection, _AWAITING, {"now": aware(now)})
        return tuple(row["ticker"] for row in rows)

    def latest_marks(self, tickers: Sequence[str]) -> dict[str, MarketSnapshot]:
        if not tickers:
            return {}
        with self._database.connection() as connection:
            rows = fetch_rows(connection, _MARKS, {"tickers": sorted(set(tickers))})
        return {row["ticker"]: snapshot_from(row) for row in rows}

    def contract(self, ticker: str) -> Contract | None:
        with self._database.connection() as connection:
            return fetch_model(connection, Contract, _CONTRACT, {"ticker": ticker})

    def contracts(self, tickers: Sequence[str]) -> dict[str, Contract]:
        with self._database.connection() as connection:
            found = fetch_models(connection, Contract, _NEWEST_CONTRACTS, {"tickers": list(tickers)})
        return {contract.ticker: contract for contract in found}
