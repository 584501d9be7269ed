"""The tables of ops as Postgres has them: they match the models and refuse what no row may say."""

from collections.abc import Callable, Iterator
from datetime import timedelta, timezone
from enum import StrEnum
from typing import Any

import psycopg
import pytest
from pydantic import BaseModel

from tests.contract import ops_samples as a
from tests.contract.ops_samples import AT, DAY, MODE, TICKER, D
from trader.adapters.ops.pool import Database
from trader.adapters.ops.store import PostgresOpsStore
from trader.app.postgres import Server, Urls
from trader.domain import types
from trader.domain.cities import CityConfig, load_cities
from trader.domain.errors import LostWriterLock, PersistenceError
from trader.domain.markets import Contract, MarketSnapshot
from trader.domain.orders import Fill, MarketResult, Order, Settlement
from trader.domain.positions import CapitalEvent, Position
from trader.domain.risk import Break, HealthStatus, RiskEvent, StateChange
from trader.domain.signals import Prediction, RiskDecision, Signal
from trader.domain.types import CLOSED_STATUSES, OrderStatus
from trader.domain.weather import WeatherSnapshot
from trader.ports.exchange import RawPayload
from trader.ports.weather import ClimateReport

ADVISORY = {"advisor_calls", "anomalies", "signal_explanations"}
STATEFUL = {
    "cities",
    "world_clock",
    "epochs",
    "cycles",
    "orders",
    "positions",
    "halts",
    "profit_totals",
    "alarms",
}  # rows with a state
WHO = {"epoch", "cycle_id", "recorded_at"}  # who wrote a row, and when
PLACE = {"event_ticker", "city_code", "market_type", "climate_date"}

# table -> model, fields without a column of that name, columns beyond the model; each with its reason
TABLES: dict[str, tuple[type[BaseModel], set[str], set[str]]] = {
    "weather_snapshots": (
        WeatherSnapshot,
        # the latest as observed_at and temp_f; all of them whole in snapshot
        {"latest", "hourly", "seen_max_f", "seen_min_f", "months", "depths"},
        WHO - {"epoch"} | {"weather_snapshot_id", "observed_at", "temp_f", "snapshot"},
    ),
    "market_snapshots": (MarketSnapshot, set(), WHO - {"epoch"} | {"market_snapshot_id"}),
    "contracts": (Contract, set(), {"first_seen_at"}),
    "market_results": (MarketResult, set(), {"our_value", "our_result", "recorded_at"}),
    "predictions": (
        Prediction,
        set(),
        # figures of the distribution, so that SQL need not unfold it
        WHO - {"epoch"} | {"prediction_id", "decided_at", "mean_f", "sd_f", "p10_f", "p50_f", "p90_f"},
    ),
    "signals": (Signal, set(), WHO - {"epoch"} | {"signal_id", "decided_at", "mode"}),
    "risk_decisions": (RiskDecision, set(), WHO - {"epoch"} | {"risk_decision_id", "decided_at"}),
    "orders": (
        Order,
        set(),
        # of the intent: what was reserved, and the parts of intent_key; signal_at completes the reference
        {
            "epoch",
            "cycle_id",
            "worst_usd",
            "slot",
            "attempt",
            "strategy_name",
            "strategy_version",
            "signal_at",
        },
    ),
    "fills": (Fill, set(), {"epoch", "recorded_at", "action"}),  # action: of its order
    "positions": (Position, set(), {"updated_at"}),
    "settlements": (Settlement, set(), {"epoch", "recorded_at"}),
    "capital_events": (CapitalEvent, set(), {"capital_event_id", "set_by", "recorded_at"}),
    "risk_events": (RiskEvent, set(), {"risk_event_id", "mode", "cycle_id", "recorded_at"}),
    "trading_state": (StateChange, set(), {"trading_state_id", "mode", "recorded_at"}),
    "reconciliation_breaks": (Break, set(), {"break_id", "epoch", "mode", "recorded_at"}),
    "health_status": (HealthStatus, set(), {"health_status_id", "recorded_at"}),
    "climate_reports": (
        ClimateReport,
        {"payload"},  # a row of payloads, by hash and month
        {"climate_report_id", "text_sha256", "text_month", "recorded_at"},
    ),
    "payloads": (RawPayload, {"body"}, {"month", "body_json", "body_text"}),  # a body is JSON or text
    "cities": (
        CityConfig,
        # what only adapters need stays in the file; the live grid cell is a row of grid_cells
        {
            name
            for name in CityConfig.model_fields
            if name.startswith(("nws_", "cli_", "rain_", "snow_", "depth_"))
        }
        | {"code", "lat", "lon", "station_name", "high_series", "low_series"},
        {"city_code", "position", "latitude", "longitude", "updated_at"},
    ),
}
ENUMS: dict[str, type[StrEnum]] = {
    "trading_mode": types.TradingMode,
    "market_type": types.MarketType,
    "order_side": types.Side,
    "order_action": types.Action,
    "decision": types.Decision,
    "order_status": types.OrderStatus,
    "position_status": types.PositionStatus,
    "severity": types.Severity,
    "component": types.Component,
    "component_status": types.ComponentStatus,
    "trading_state_name": types.TradingState,
}
INDEXES = [
    ("weather_snapshots", "(city_code, captured_at DESC)"),
    ("market_snapshots", "(city_code, captured_at DESC)"),
    ("market_snapshots", "(ticker, captured_at DESC)"),
    ("risk_events", "(occurred_at DESC)"),
    ("risk_events", "(severity, occurred_at DESC)"),
    ("health_status", "(component, checked_at DESC)"),
    ("orders", "(intent_key)"),
    ("orders", "(kalshi_order_id)"),
    ("fills", "(filled_at)"),
]


FILL_OF_NO_ORDER = """
insert into ops.fills
select 'f9', 999, kalshi_order_id, epoch, mode, ticker, side, action, qty, price, fee, is_taker, filled_at,
    recorded_at
from ops.fills
"""
PANIC = """
insert into ops.risk_events (event_type, severity, message, occurred_at, recorded_at)
values ('X', 'PANIC', '', now(), now())
"""
TOASTER = """
insert into ops.health_status (component, status, message, checked_at, recorded_at)
values ('toaster', 'ok', '', now(), now())
"""
SAME_INTENT = """
insert into ops.orders (
    client_order_id, intent_key, epoch, mode, ticker, event_ticker, city_code, side, action, status, qty,
    limit_price, worst_usd, time_in_force, slot, attempt, created_at, updated_at
)
select
    'c9', intent_key, epoch, mode, ticker, event_ticker, city_code, side, action, status, qty, limit_price,
    worst_usd, time_in_force, slot, attempt, created_at, updated_at
from ops.orders
"""
TRADE = """
select s.decision::text, s.edge, o.status::text, f.qty, p.status::text, p.realized_pnl_usd, c.slot
from ops.signals as s
inner join ops.orders as o on (o.signal_at, o.signal_id) = (s.decided_at, s.signal_id)
inner join ops.fills as f on f.order_id = o.order_id
inner join ops.positions as p on (p.mode, p.ticker) = (f.mode, f.ticker)
inner join ops.cycles as c on c.cycle_id = o.cycle_id
"""
BODIES = """
select left(sha256, 1), to_char(month, 'YYYY-MM'), body_json is not null, body_text
from ops.payloads where sha256 !~ '^d+$' order by 1, 2
"""


@pytest.fixture(scope="module")
def urls(new_database: Callable[..., Urls]) -> Urls:
    return new_database()


@pytest.fixture(scope="module")
def store(urls: Urls) -> Iterator[PostgresOpsStore]:
    """Books with one trade from signal to settlement, and a row of everything the trader writes."""
    with Database(urls.trader) as database:
        store = PostgresOpsStore(database, lock_url=urls.trader)
        store.save_cities(list(load_cities().values()), at=AT)
        store.ensure_partitions(DAY, 2)
        store.open_epoch(mode=MODE, account="demo-account", command="test", version="1", at=AT)
        store.set_world_clock("july2026", AT, at=AT)
        live_a_life(store)
        yield store
        store.close()


@pytest.fixture
def owner(urls: Urls, store: PostgresOpsStore) -> Iterator[psycopg.Connection]:
    with psycopg.connect(urls.owner, autocommit=True) as connection:
        yield connection


def live_a_life(store: PostgresOpsStore) -> None:
    inputs = a.inputs()
    cycle_id = store.cycles.begin(epoch=1, mode=MODE, slot=inputs.slot, at=AT)
    store.cycles.save_inputs(cycle_id, inputs, at=AT)
    store.cycles.save_plan(cycle_id, a.plan(inputs), at=AT)
    order, _ = store.orders.create(a.intent(), at=AT, epoch=1, cycle_id=cycle_id)
    assert order.order_id is not None
    for to, venue_id in ((OrderStatus.SUBMITTING, None), (OrderStatus.FILLED, "k1")):
        order = store.orders.transition(
            order.order_id or 0, to, evidence="test", at=AT, epoch=1, kalshi_order_id=venue_id
        )
    store.fills.book(a.fill(), order=order, position=a.position(), at=AT, epoch=1)
    store.positions.settle(a.settlement(), position=a.settled(), at=AT, epoch=1)
    store.capital.save(a.capital(), set_by="ann", at=AT)
    store.risk.save_event(a.risk_event(), at=AT, mode=MODE, cycle_id=cycle_id)
    store.risk.save_state(a.state(), mode=MODE, at=AT)
    store.risk.save_break(a.found_break(), mode=MODE, at=AT, epoch=1)
    store.risk.save_health(a.health(), at=AT)
    store.save_payloads([a.payload()])
    store.cycles.finish(cycle_id, a.summary(), a.equity(), at=AT)


def ops_tables(owner: psycopg.Connection) -> list[str]:
    """Every table that is not a partition of another."""
    rows = owner.execute(
        "select relname from pg_class where relnamespace = 'ops'::regnamespace and relkind in ('r', 'p') "
        "and not relispartition order by relname"
    ).fetchall()
    return [row[0] for row in rows]


def rows_of(connection: psycopg.Connection, sql: str) -> list[tuple[Any, ...]]:
    return connection.execute(sql.encode()).fetchall()


@pytest.mark.story("2.3")
@pytest.mark.story("2.4")
@pytest.mark.story("2.5")
@pytest.mark.parametrize("table", TABLES)
def test_columns_of_a_table_match_its_model(owner: psycopg.Connection, table: str) -> None:
    model, without_column, beyond = TABLES[table]

    columns = rows_of(
        owner,
        "select column_name from information_schema.columns "
        f"where table_schema = 'ops' and table_name = '{table}'",
    )

    assert {name for (name,) in columns} == set(model.model_fields) - without_column | beyond


@pytest.mark.story("2.4")
@pytest.mark.parametrize("name", ENUMS)
def test_words_of_an_enum_are_the_same_in_sql_and_python(owner: psycopg.Connection, name: str) -> None:
    words = rows_of(owner, f"select unnest(enum_range(null::ops.{name}))::text")

    assert [word for (word,) in words] == [str(member) for member in ENUMS[name]]


def test_every_enum_of_the_schema_is_compared(owner: psycopg.Connection) -> None:
    found = rows_of(
        owner,
        "select typname from pg_type where typnamespace = 'ops'::regnamespace and typtype = 'e'",
    )

    assert {name for (name,) in found} == set(ENUMS)


def test_index_of_open_orders_leaves_out_exactly_the_closed_statuses(owner: psycopg.Connection) -> None:
    [(definition,)] = rows_of(owner, "select pg_get_indexdef('ops.orders_live'::regclass)")

    named = {status for status in OrderStatus if f"'{status}'::" in definition}
    assert named == CLOSED_STATUSES


@pytest.mark.story("2.3")
@pytest.mark.story("2.5")
@pytest.mark.parametrize(("table", "columns"), INDEXES)
def test_look_up_has_its_index(owner: psycopg.Connection, table: str, columns: str) -> None:
    found = rows_of(
        owner, f"select indexdef from pg_indexes where schemaname = 'ops' and tablename = '{table}'"
    )

    begins = f"({columns[1:-1]}"  # what breaks ties may follow
    assert any(f"{begins}," in definition or f"{begins})" in definition for (definition,) in found)


def test_every_table_says_what_it_is_for(owner: psycopg.Connection) -> None:
    silent = [
        table
        for table in ops_tables(owner)
        if not rows_of(owner, f"select obj_description('ops.{table}'::regclass)")[0][0]
    ]

    assert silent == []


@pytest.mark.story("2.5")
@pytest.mark.parametrize(("table", "days"), [("risk_events", 400), ("health_status", 90)])
def test_retention_of_events_is_documented(owner: psycopg.Connection, table: str, days: int) -> None:
    [(comment,)] = rows_of(owner, f"select obj_description('ops.{table}'::regclass)")

    assert f"Kept {days} days" in comment


def test_times_have_zones_and_money_has_every_digit(owner: psycopg.Connection) -> None:
    naive = rows_of(
        owner,
        "select table_name, column_name from information_schema.columns where table_schema = 'ops' "
        "and (data_type = 'timestamp without time zone' "
        "or data_type in ('double precision', 'real', 'money') and column_name ~ '_usd|price|qty|fee' "
        "or data_type = 'numeric' and numeric_scale is not null)",
    )

    assert naive == []


def test_tables_without_a_state_refuse_change_to_everybody(owner: psycopg.Connection, urls: Urls) -> None:
    append_only = [table for table in ops_tables(owner) if table not in STATEFUL]
    column = (
        "select attname from pg_attribute where attrelid = 'ops.{}'::regclass order by attnum desc limit 1"
    )
    empty = []
    with psycopg.connect(urls.trader, autocommit=True) as trader:
        for table in append_only:
            [(name,)] = rows_of(owner, column.format(table))
            statements = [
                f"update ops.{table} set {name} = {name}",
                f"delete from ops.{table}",
                f"truncate ops.{table} cascade",
            ]
            for statement in statements:
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    trader.execute(statement.encode())
            with pytest.raises(psycopg.errors.RestrictViolation, match="append-only"):
                owner.execute(statements[2].encode())
            if not rows_of(owner, f"select 1 from ops.{table} limit 1"):
                empty.append(table)  # nothing to change; its trigger is looked up below
                continue
            for statement in statements[:2]:
                with pytest.raises(psycopg.errors.RestrictViolation, match="append-only"):
                    owner.execute(statement.encode())

    guarded = rows_of(
        owner,
        "select tgrelid::regclass::text from pg_trigger where tgname = 'append_only' and tgenabled = 'O'",
    )
    assert {f"ops.{table}" for table in empty} <= {name for (name,) in guarded}
    assert set(empty) == {
        *(
            "advisor_calls",
            "anomalies",
            "approvals",
            "climate_reports",
            "grid_cells",
            "market_results",
            "parameter_roles",
            "parameter_sets",
            "signal_explanations",
        )
    }


def test_partitions_refuse_truncate_too(owner: psycopg.Connection) -> None:
    partitions = rows_of(
        owner,
        "select inhrelid::regclass::text from pg_inherits inner join pg_class on pg_class.oid = inhrelid "
        "where relkind = 'r' and relnamespace = 'ops'::regnamespace",
    )

    assert len(partitions) == 10
    for (name,) in partitions:
        with pytest.raises(psycopg.errors.RestrictViolation):
            owner.execute(f"truncate {name} cascade".encode())


def test_trader_changes_states_but_deletes_nothing(owner: psycopg.Connection) -> None:
    for table in ops_tables(owner):
        rights = {
            right
            for right in ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
            if rows_of(owner, f"select has_table_privilege('milkbot_trader', 'ops.{table}', '{right}')")[0][0]
        }

        if table in ADVISORY:  # what a language model wrote is not trading's to read
            assert rights == set(), table
        else:
            assert rights == {"SELECT", "INSERT", *(["UPDATE"] if table in STATEFUL else [])}, table


@pytest.mark.story("2.4")
@pytest.mark.story("2.3")
@pytest.mark.parametrize(
    ("statement", "refusal"),
    [
        ("update ops.orders set status = 'SENT'", psycopg.errors.InvalidTextRepresentation),
        ("update ops.orders set filled_qty = qty + 1", psycopg.errors.CheckViolation),
        ("update ops.orders set limit_price = 'NaN'", psycopg.errors.CheckViolation),
        ("update ops.positions set qty = 1", psycopg.errors.CheckViolation),
        (FILL_OF_NO_ORDER, psycopg.errors.ForeignKeyViolation),
        (PANIC, psycopg.errors.InvalidTextRepresentation),
        (TOASTER, psycopg.errors.InvalidTextRepresentation),
        (SAME_INTENT, psycopg.errors.UniqueViolation),
    ],
)
def test_database_refuses_what_no_row_may_say(
    owner: psycopg.Connection, statement: str, refusal: type[psycopg.Error]
) -> None:
    with pytest.raises(refusal):
        owner.execute(statement.encode())


@pytest.mark.story("2.4")
def test_trade_can_be_followed_from_signal_to_position(owner: psycopg.Connection) -> None:
    found = rows_of(owner, TRADE)

    assert found == [
        ("BUY", D("0.05537"), "FILLED", D("12.50"), "SETTLED", D("6.94205"), a.inputs().slot),
    ]


@pytest.mark.story("2.7")
def test_instant_of_any_zone_is_stored_as_utc(store: PostgresOpsStore) -> None:
    tokyo = AT.astimezone(timezone(timedelta(hours=9)))
    store.set_world_clock("july2026", tokyo, at=tokyo)

    found = store.world_now()

    assert found is not None
    assert found[1].isoformat() == "2026-07-10T16:00:00+00:00"


@pytest.mark.story("2.3")
def test_body_is_stored_once_a_month_as_json_or_as_the_text_that_came(
    store: PostgresOpsStore, owner: psycopg.Connection
) -> None:
    bodies = {
        "1": '{"yes": [["0.41", "10"]]}',
        "2": "<html>bad gateway</html>",
        "3": '{"half": "\\ud800"}',
        "4": '{"nul": "\\u0000"}',
        "5": '{"number": NaN}',
    }
    payloads = [a.payload(body, sha256=digit * 64) for digit, body in bodies.items()]
    payloads.append(a.payload("CLIMATE\x00REPORT", sha256="6" * 64, content_type="text/plain"))
    august = a.payload(bodies["1"], sha256="1" * 64, received_at=AT + timedelta(days=30))

    store.save_payloads([*payloads, august])
    store.save_payloads(payloads)

    found = rows_of(owner, BODIES)
    assert found == [
        ("1", "2026-07", True, None),
        ("1", "2026-08", True, None),
        ("2", "2026-07", False, bodies["2"]),
        ("3", "2026-07", False, bodies["3"]),
        ("4", "2026-07", False, bodies["4"]),
        ("5", "2026-07", False, bodies["5"]),
        ("6", "2026-07", False, "CLIMATE\N{REPLACEMENT CHARACTER}REPORT"),
    ]


def test_inputs_are_stored_whole_or_not_at_all(store: PostgresOpsStore, owner: psycopg.Connection) -> None:
    too_old = a.weather(captured_at=AT - timedelta(days=365))  # a month without a partition
    inputs = a.inputs(contracts=(a.contract(terms_hash="7" * 64),), snapshots=(), weather=(too_old,))
    cycle_id = store.cycles.begin(epoch=1, mode=MODE, slot="broken", at=AT)

    with pytest.raises(PersistenceError, match="no partition"):
        store.cycles.save_inputs(cycle_id, inputs, at=AT)

    assert rows_of(owner, f"select 1 from ops.contracts where terms_hash = '{'7' * 64}'") == []
    assert rows_of(owner, f"select inputs_hash from ops.cycles where cycle_id = {cycle_id}") == [(None,)]
    fixed = inputs.model_copy(update={"weather": ()})
    store.cycles.save_inputs(cycle_id, fixed, at=AT)
    assert store.cycles.load_inputs(cycle_id) == fixed


def test_partitions_are_made_once_and_rows_land_in_their_month(
    store: PostgresOpsStore, owner: psycopg.Connection
) -> None:
    assert store.ensure_partitions(DAY, 2) == 0

    assert rows_of(owner, "select tableoid::regclass::text from ops.market_snapshots limit 1") == [
        ("ops.market_snapshots_202607",)
    ]
    with pytest.raises(PersistenceError, match="1 to 24 months"):
        store.ensure_partitions(DAY, 25)


def test_writer_whose_session_was_ended_may_not_send_and_frees_the_lock(
    pg_server: Server, new_database: Callable[..., Urls]
) -> None:
    urls = new_database()
    with Database(urls.trader) as database:
        first, second = (PostgresOpsStore(database, lock_url=urls.trader) for _ in range(2))
        epoch = first.open_epoch(mode=MODE, account="a", command="run", version="1", at=AT)
        with psycopg.connect(pg_server.superuser_url, autocommit=True) as superuser:
            ended = superuser.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where application_name = 'milkbot writer lock' and datname = %s",
                (urls.trader.rpartition("/")[2],),
            ).fetchall()
        assert ended == [(True,)]

        with pytest.raises(LostWriterLock) as lost:
            first.assert_writer(epoch)

        assert urls.trader.split(":")[2].partition("@")[0] not in str(lost.value)
        assert second.open_epoch(mode=MODE, account="a", command="run", version="1", at=AT) == 2
        second.close()


def test_current_mark_is_found_without_reading_the_history(
    store: PostgresOpsStore, owner: psycopg.Connection
) -> None:
    plan = rows_of(
        owner,
        "explain (costs off) select * from ops.market_snapshots "
        f"where ticker = '{TICKER}' order by captured_at desc, market_snapshot_id desc limit 1",
    )

    assert any("ticker_captured_at" in line for (line,) in plan), plan
