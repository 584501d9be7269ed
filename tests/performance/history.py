"""A made-up history as large as asked for, written by SQL: for benchmarks only, nothing in it happened.

Each day has ten cities with six brackets, each bracket 17 fills and 167 quotes, an hourly cycle and a
result: 1,000 fills and 10,000 snapshots a day, so a longer history has more days and not denser ones.
"""

import json
from datetime import UTC, datetime, timedelta
from typing import Final, LiteralString

import psycopg

from trader.domain.cities import load_cities

END: Final = datetime(2026, 7, 31, 0, 0, tzinfo=UTC)  # the world's clock; a day of 5-minute cycles follows
FILLS_A_DAY: Final = 1_020
_HASH: Final = "a" * 64
_COMMON: Final[LiteralString] = """
create temp table days as select d::date as day, d as starts, row_number() over (order by d) as n
    from generate_series(%(first)s::timestamptz, %(end)s::timestamptz, interval '1 day') as d;
create temp table markets as select
        n * 100 + c.position * 10 + b as m, day, starts, c.city_code, b,
        'KXHIGH' || c.city_code || '-' || to_char(day, 'YYMONDD') as event_ticker,
        'KXHIGH' || c.city_code || '-' || to_char(day, 'YYMONDD') || '-B' || b as ticker
    from days cross join ops.cities as c cross join generate_series(0, 5) as b;
"""
_FACTS: Final[dict[str, LiteralString]] = {
    "epochs": """insert into ops.epochs (epoch, mode, account, command, version, started_at)
        overriding system value values (1, 'DEMO', 'benchmark', 'benchmark', '0', %(first)s)""",
    "capital_events": """insert into ops.capital_events (mode, kind, amount_usd, set_by, occurred_at,
            recorded_at)
        values ('DEMO', 'START', 100000, 'benchmark', %(first)s, %(first)s)""",
    "contracts": """insert into ops.contracts (ticker, terms_hash, event_ticker, series_ticker, city_code,
            market_type, climate_date, label, lo, hi, open_time, close_time, rules_text, rules_url,
            rules_hash, settlement_source, station, fee_type, fee_multiplier, tick, first_seen_at)
        select ticker, %(hash)s, event_ticker, 'KXHIGH', city_code, 'HIGH', day, 'bracket ' || b,
            case when b > 0 then 78 + 2 * b end, case when b < 5 then 79 + 2 * b end,
            starts - interval '14 hours', starts + interval '29 hours', 'r', 'u', %(hash)s, 's', 'K',
            'quadratic', 1, 0.01, starts
        from markets""",
    "market_results": """insert into ops.market_results
            (ticker, event_ticker, climate_date, result, value, determined_at, recorded_at)
        select ticker, event_ticker, day, case b when 2 then 'yes' else 'no' end, 83,
            starts + interval '38 hours', starts + interval '38 hours'
        from markets where starts + interval '38 hours' < %(end)s""",
    "cycles": """insert into ops.cycles (cycle_id, epoch, mode, slot, started_at, decided_at, finished_at)
        overriding system value
        select n * 24 + h, 1, 'DEMO', n || ' ' || h, at, at, at + interval '20 s'
        from days cross join generate_series(0, 23) as h
        cross join lateral (select starts + h * interval '1 hour' as at) as t where at < %(end)s""",
    "market_snapshots": """insert into ops.market_snapshots (captured_at, cycle_id, ticker, event_ticker,
            city_code, market_type, climate_date, status, yes_bid, yes_ask, volume, open_interest, close_time,
            rules_url, terms_hash, recorded_at)
        select at, null, ticker, event_ticker, city_code, 'HIGH', day, 'active', 0.10 + (m + k) %% 40 * 0.01,
            0.12 + (m + k) %% 40 * 0.01, k, k, starts + interval '29 hours', 'u', %(hash)s, at
        from markets cross join generate_series(0, 166) as k
        cross join lateral (select starts + k * interval '10 minutes' as at) as t where at < %(end)s""",
    "predictions": """insert into ops.predictions (decided_at, cycle_id, event_ticker, city_code,
            market_type, climate_date, strategy_name, strategy_version, distribution, mean_f, sd_f, p10_f,
            p50_f, p90_f, source, issued_at, lead_h, features, recorded_at)
        select at, n * 24 + k, event_ticker, city_code, 'HIGH', day, 'daily_high', '1',
            '{"start": 77, "ppm": [50000, 50000, 100000, 100000, 200000, 200000, 100000, 100000, 50000,
            50000]}', 81.5, 2.2, 78, 81, 85, 'benchmark', at, 29 - k, '{}', at
        from (select *, (m / 100) as n from markets where b = 0) as events
        cross join generate_series(0, 16) as k
        cross join lateral (select starts + k * interval '1 hour' as at) as t where at < %(end)s""",
    "signals": """insert into ops.signals (signal_id, decided_at, cycle_id, mode, ticker, event_ticker,
            city_code, market_type, climate_date, strategy_name, strategy_version, p_yes, decision, side,
            price,
            limit_price, fee, edge, qty, reasons, recorded_at) overriding system value
        select m * 100 + k, at, m / 100 * 24 + k, 'DEMO', ticker, event_ticker, city_code, 'HIGH', day,
            'daily_high', '1', 0.3, 'BUY', 'YES', 0.2, 0.2, 0.01, 0.09, 2, '{EDGE_FOUND}', at
        from markets cross join generate_series(0, 16) as k
        cross join lateral (select starts + k * interval '1 hour' as at) as t where at < %(end)s""",
    "orders": """insert into ops.orders (order_id, client_order_id, intent_key, kalshi_order_id, epoch,
            cycle_id, mode, ticker, event_ticker, city_code, side, action, status, qty, filled_qty,
            booked_qty,
            limit_price, worst_usd, time_in_force, slot, attempt, strategy_name, strategy_version,
            signal_id, signal_at,
            created_at, sent_at, updated_at) overriding system value
        select signal_id, 'c' || signal_id, 'i' || signal_id, 'k' || signal_id, 1, cycle_id, mode, ticker,
            event_ticker, city_code, 'YES', 'OPEN', 'FILLED', 2, 2, 2, 0.2, 0.4, 'immediate_or_cancel',
            cycle_id::text, 1, strategy_name, '1', signal_id, decided_at, decided_at, decided_at, decided_at
        from ops.signals""",
    "fills": """insert into ops.fills (fill_id, order_id, kalshi_order_id, epoch, mode, ticker, side, action,
            qty, price, fee, is_taker, filled_at, recorded_at)
        select 'f' || order_id, order_id, kalshi_order_id, 1, mode, ticker, side, action, 2, 0.2, 0.02, true,
            created_at + interval '5 s', created_at + interval '6 s'
        from ops.orders""",
    "settlements": """insert into ops.settlements (mode, ticker, event_ticker, result, yes_qty, no_qty,
            revenue_usd, settled_at, recorded_at, epoch)
        select 'DEMO', f.ticker, r.event_ticker, r.result, sum(f.qty), 0,
            case r.result when 'yes' then sum(f.qty) else 0 end, r.determined_at, r.recorded_at, 1
        from ops.fills as f join ops.market_results as r on r.ticker = f.ticker
        group by f.ticker, r.event_ticker, r.result, r.determined_at, r.recorded_at""",
}
_CYCLE: Final[LiteralString] = """
with made as (
    insert into ops.cycles (epoch, mode, slot, started_at, decided_at, finished_at)
    values (1, 'DEMO', 'benchmark ' || %(at)s, %(at)s, %(at)s, %(at)s) returning cycle_id
)
insert into ops.market_snapshots (captured_at, cycle_id, ticker, event_ticker, city_code, market_type,
    climate_date, status, yes_bid, yes_ask, volume, open_interest, close_time, rules_url, terms_hash,
            recorded_at)
select %(at)s, made.cycle_id, ticker, event_ticker, city_code, market_type, climate_date, 'active', 0.2, 0.22,
    1, 1, close_time, rules_url, terms_hash, %(at)s
from ops.contracts cross join made where close_time > %(at)s and open_time < %(at)s
"""


def fill(superuser_url: str, fills: int) -> dict[str, int]:
    """Write about ``fills`` fills and ten times as many snapshots into an empty migrated database.

    Returns rows per table. The superuser's rights spare foreign keys and triggers.
    """
    days = max(2, round(fills / FILLS_A_DAY))
    first = END - timedelta(days=days)
    given = {"first": first, "end": END, "hash": _HASH}
    counts = {}
    with psycopg.connect(superuser_url) as connection:
        connection.execute("set timezone to 'UTC'")
        connection.execute("select ops.ensure_partitions(%s, 24)", (first.date(),))
        if days > 700:
            connection.execute("select ops.ensure_partitions(%s, 12)", (END.date() - timedelta(days=330),))
        connection.execute("set session_replication_role = replica")
        connection.execute(
            "insert into ops.world_clock (world, world_now, updated_at) values ('benchmark', %s, %s)",
            (END, END),
        )
        for position, city in enumerate(load_cities().values()):
            connection.execute(
                "insert into ops.cities select * from jsonb_populate_record(null::ops.cities, %s::jsonb)",
                (
                    json.dumps(
                        {
                            "city_code": city.code,
                            "position": position,
                            "name": city.name,
                            "timezone": city.timezone,
                            "cluster": city.cluster,
                            "region": city.region,
                            "std_utc_offset_hours": city.std_utc_offset_hours,
                            "settlement_station": city.settlement_station,
                            "latitude": city.lat,
                            "longitude": city.lon,
                            "updated_at": END.isoformat(),
                        }
                    ),
                ),
            )
        for statement in filter(str.strip, _COMMON.split(";")):
            connection.execute(
                statement.encode(), {k: v for k, v in given.items() if f"%({k})s" in statement}
            )
        for table, statement in _FACTS.items():
            counts[table] = connection.execute(statement, given).rowcount
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        connection.execute("select setval(pg_get_serial_sequence('ops.cycles', 'cycle_id'), 100000000)")
        connection.execute("vacuum analyze")
    return counts


def one_cycle(superuser_url: str, at: datetime) -> None:
    """What a cycle adds: itself and a quote of each open market; fills come of age meanwhile."""
    with psycopg.connect(superuser_url) as connection:
        connection.execute("set session_replication_role = replica")
        connection.execute(_CYCLE, {"at": at})
        connection.execute("update ops.world_clock set world_now = %s", (at + timedelta(minutes=1),))
