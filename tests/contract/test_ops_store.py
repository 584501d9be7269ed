"""One behaviour suite for our books: what holds for the memory store holds for Postgres, and the reverse."""

import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.contract import ops_samples as a
from tests.contract.ops_samples import AT, DAY, EVENT, MINUTE, MODE, TICKER, D
from trader.adapters.memory.store import MemoryOpsStore
from trader.adapters.ops.store import PostgresOpsStore
from trader.domain.alarms import Alarm, AlarmCode
from trader.domain.amounts import Amount
from trader.domain.canonical import canonical_json, content_hash
from trader.domain.cities import load_cities
from trader.domain.errors import InvariantViolation, LostWriterLock, PersistenceError
from trader.domain.intents import derive_client_order_id, derive_intent_key
from trader.domain.orders import MarketResult, Order
from trader.domain.types import (
    Action,
    Component,
    ComponentStatus,
    Decision,
    MarketStatus,
    MarketType,
    OrderStatus,
    PositionStatus,
    ReasonCode,
    Severity,
    Side,
    TradingMode,
    TradingState,
)
from trader.domain.weather import CellCheck
from trader.ports.ops_store import OpsStore
from trader.ports.weather import ClimateReport

OpenStore = Callable[[], OpsStore]
DAYS = timedelta(days=7)


@pytest.fixture(params=["memory", "postgres"])
def open_store(request: pytest.FixtureRequest) -> Iterator[OpenStore]:
    """Open the same empty books as often as asked, each time as another process would."""
    opened: list[OpsStore] = []

    def memory() -> OpsStore:
        first = next((s for s in opened if isinstance(s, MemoryOpsStore)), None)
        opened.append(MemoryOpsStore(same_books_as=first))
        return opened[-1]

    def postgres() -> OpsStore:
        urls = request.getfixturevalue("database_urls")
        opened.append(PostgresOpsStore(request.getfixturevalue("database"), lock_url=urls.trader))
        return opened[-1]

    yield {"memory": memory, "postgres": postgres}[request.param]
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store: OpenStore) -> OpsStore:
    """Books with the ten cities, July's partitions and an open epoch 1."""
    store = open_store()
    store.save_cities(list(load_cities().values()), at=AT)
    store.ensure_partitions(DAY, 2)
    open_epoch(store)
    return store


def open_epoch(store: OpsStore, account: str = "demo-account", at: datetime = AT) -> int:
    return store.open_epoch(mode=MODE, account=account, command="test", version="1", at=at)


def begun(store: OpsStore, slot: str = "s1", **changes: Any) -> int:
    fields: dict[str, Any] = {"epoch": 1, "mode": MODE, "slot": slot, "at": AT}
    return store.cycles.begin(**fields | changes)


def decided(store: OpsStore, slot: str = "s1") -> int:
    """A cycle with sample inputs and plan stored."""
    cycle_id = begun(store, slot)
    inputs = a.inputs(slot=slot)
    store.cycles.save_inputs(cycle_id, inputs, at=AT)
    store.cycles.save_plan(cycle_id, a.plan(inputs), at=AT)
    return cycle_id


def created(store: OpsStore, cycle_id: int | None = None, **changes: Any) -> Order:
    order, is_new = store.orders.create(a.intent(**changes), at=AT, epoch=1, cycle_id=cycle_id)
    assert is_new
    return order


def moved(store: OpsStore, order: Order, to: OrderStatus, **changes: Any) -> Order:
    assert order.order_id is not None
    given: dict[str, Any] = {"evidence": "test", "at": AT + MINUTE, "epoch": 1} | changes
    return store.orders.transition(order.order_id, to, **given)


def accepted(store: OpsStore, cycle_id: int | None = None, *, venue_id: str = "k1", **changes: Any) -> Order:
    order = moved(store, created(store, cycle_id, **changes), OrderStatus.SUBMITTING, sent_at=AT)
    return moved(store, order, OrderStatus.RESTING, kalshi_order_id=venue_id)


# ---- weather


@pytest.mark.story("2.6")
def test_newest_weather_snapshot_of_a_city_comes_back_as_it_was_saved(store: OpsStore) -> None:
    newest = a.weather(captured_at=AT + MINUTE)

    ids = [store.weather.save_snapshot(found, at=AT) for found in (newest, a.weather())]

    assert store.weather.get_latest("NYC") == newest
    assert store.weather.get_latest("CHI") is None
    assert len(set(ids)) == 2


@pytest.mark.story("2.6")
def test_weather_snapshot_without_any_report_comes_back_as_it_was_saved(store: OpsStore) -> None:
    names = ("fetched_at", "latest", "high_so_far_f", "high_so_far_at", "low_so_far_f", "low_so_far_at")
    empty = a.weather(**dict.fromkeys(names), forecasts=(), problems=(), payload_hashes=())

    store.weather.save_snapshot(empty, at=AT)

    assert store.weather.get_latest("NYC") == empty


def save_report(store: OpsStore, **changes: Any) -> bool:
    fields: dict[str, Any] = {
        "pil": "CLINYC",
        "city_code": "NYC",
        "climate_date": DAY,
        "issued_at": AT + timedelta(hours=14),
        "status": "final_first",
        "high_f": 91,
        "low_f": 70,
        "refusal": None,
        "payload": a.payload("CLIMATE REPORT", content_type="text/plain"),
    }
    return store.weather.save_climate_report(ClimateReport(**fields | changes), at=AT)


def test_first_final_climate_report_is_the_earliest_final_whatever_order_they_arrive_in(
    store: OpsStore,
) -> None:
    def report(hours: int, **changes: Any) -> bool:
        text = a.payload(f"CLI {hours}", content_type="text/plain", sha256=f"{hours:064d}")
        return save_report(store, issued_at=AT + timedelta(hours=hours), payload=text, **changes)

    assert store.weather.first_final("CLINYC", DAY, MarketType.HIGH) is None
    assert report(5, status="preliminary", high_f=88)
    assert report(6, status="refused", high_f=None, low_f=None, refusal="no date")
    assert store.weather.first_final("CLINYC", DAY, MarketType.HIGH) is None
    assert report(20, status="final_revised", high_f=92)
    assert report(14)
    assert not report(14)

    assert store.weather.first_final("CLINYC", DAY, MarketType.HIGH) == 91
    assert store.weather.first_final("CLINYC", DAY, MarketType.LOW) == 70
    assert store.weather.first_final("CLIMDW", DAY, MarketType.HIGH) is None


def test_the_first_final_report_of_a_depth_is_the_first_that_holds_it_and_a_trace_is_none(
    store: OpsStore,
) -> None:
    def report(hours: int, **changes: Any) -> bool:
        text = a.payload(f"CLI {hours}", content_type="text/plain", sha256=f"{hours:064d}")
        return save_report(store, issued_at=AT + timedelta(hours=hours), payload=text, **changes)

    first_final = store.weather.first_final
    report(5, status="preliminary", rain_month=Amount(units=300))
    report(14)
    assert first_final("CLINYC", DAY, MarketType.RAIN) is None
    report(
        15, status="final_revised", rain_month=Amount(units=412), snow_month=Amount(units=0, is_trace=True)
    )
    report(16, status="final_revised", rain_month=Amount(units=999), snow_month=Amount(units=7))

    assert first_final("CLINYC", DAY, MarketType.RAIN) == 412
    assert first_final("CLINYC", DAY, MarketType.SNOW) == 0


def test_months_are_the_newest_word_of_each_station_on_rain_and_on_snow(store: OpsStore) -> None:
    trace = Amount(units=0, is_trace=True)

    def report(day: int, hours: int, **changes: Any) -> bool:
        text = a.payload(
            f"{day} {hours} {changes}", content_type="text/plain", sha256=f"{day * 100 + hours:064d}"
        )
        fields = {
            "climate_date": DAY + timedelta(days=day),
            "issued_at": AT + timedelta(days=day, hours=hours),
        }
        return save_report(store, payload=text, **fields | changes)

    report(0, 14, rain=Amount(units=5), rain_month=Amount(units=305), snow_month=trace)
    report(1, 20, rain=trace, rain_month=Amount(units=306), status="preliminary")
    report(1, 19, rain_month=Amount(units=9), status="preliminary")
    report(0, 44, rain_month=Amount(units=307), status="final_revised")
    report(1, 21, status="refused", high_f=None, low_f=None, refusal="no date")
    report(0, 15, pil="CLIORD", city_code="CHI", rain_month=Amount(units=1))

    found = store.weather.months(DAY)

    assert [
        (m.location, m.market_type, m.climate_date - DAY, m.is_final, m.amount, m.day) for m in found
    ] == [
        ("NYC", MarketType.RAIN, timedelta(days=1), False, Amount(units=306), trace),
        ("NYC", MarketType.SNOW, timedelta(0), True, trace, None),
        ("ORD", MarketType.RAIN, timedelta(0), True, Amount(units=1), None),
    ]
    assert [m.location for m in store.weather.months(DAY + timedelta(days=1))] == ["NYC"]


def test_a_corrected_result_is_a_further_row_and_the_newest_stands(store: OpsStore) -> None:
    first = MarketResult(
        ticker=TICKER, event_ticker=EVENT, climate_date=DAY, result="yes", value=91, determined_at=AT
    )
    later = first.model_copy(update={"result": "no", "value": 88})

    def save(result: MarketResult, hours: int) -> bool:
        at = AT + timedelta(hours=hours)
        return store.markets.save_result(result, our_value=None, our_result=None, at=at)

    assert save(first, 1)
    assert not save(first, 2)
    assert save(later, 3)
    assert not save(later, 4)
    assert store.markets.results(first.determined_at) == (later,)
    assert store.markets.results(first.determined_at + timedelta(seconds=1)) == ()


# ---- markets


@pytest.mark.story("2.6")
def test_active_markets_of_a_city_are_the_newest_snapshots_still_open_by_ticker(store: OpsStore) -> None:
    tickers = [f"{EVENT}-{name}" for name in ("B89.5", "B87.5", "T97", "T80")]
    contracts = [a.contract(ticker=t) for t in tickers[:3]]
    contracts.append(a.contract(ticker=tickers[3], close_time=AT))
    store.markets.save_contracts(contracts, at=AT)
    first = [a.snapshot(ticker=t) for t in tickers]
    later = AT + MINUTE
    second = [
        a.snapshot(ticker=tickers[0], captured_at=later, book=None, yes_bid=None),
        a.snapshot(ticker=tickers[1], captured_at=later),
        a.snapshot(ticker=tickers[2], captured_at=later, status=MarketStatus.CLOSED),
    ]

    store.markets.save_snapshots([*first, *second], at=AT)
    store.markets.save_snapshot(a.snapshot(ticker=tickers[1], captured_at=AT - MINUTE, volume=D("1")), at=AT)

    assert store.markets.get_active_markets("NYC") == (second[1], second[0])
    assert store.markets.get_active_markets("CHI") == ()


def test_latest_marks_are_the_newest_quoted_snapshots_of_the_named_markets(store: OpsStore) -> None:
    other = f"{EVENT}-T97"
    store.markets.save_contracts([a.contract(), a.contract(ticker=other)], at=AT)
    newest = a.snapshot(captured_at=AT + MINUTE, yes_bid=D("0.3"))
    unquoted = a.snapshot(captured_at=AT + 2 * MINUTE, book=None, yes_bid=None, yes_ask=None)
    store.markets.save_snapshots([unquoted, newest, a.snapshot(), a.snapshot(ticker=other)], at=AT)

    assert store.markets.latest_marks([TICKER, "unknown"]) == {TICKER: newest}
    assert store.markets.latest_marks([]) == {}


def test_each_version_of_terms_is_stored_once_and_the_newest_is_given(store: OpsStore) -> None:
    second = a.contract(terms_hash="9" * 64, hi=None, tick=D("0.001"), proof=(ReasonCode.RULES_NOT_PROVEN,))

    assert store.markets.save_contracts([a.contract()], at=AT) == 1
    assert store.markets.save_contracts([a.contract(), second], at=AT + MINUTE) == 1
    assert store.markets.save_contracts([second], at=AT + MINUTE) == 0

    assert store.markets.contract(TICKER) == second
    assert store.markets.contract("unknown") is None


def test_snapshot_of_unknown_terms_is_refused_whole(store: OpsStore) -> None:
    store.markets.save_contracts([a.contract()], at=AT)

    with pytest.raises(PersistenceError):
        store.markets.save_snapshots([a.snapshot(), a.snapshot(ticker="unknown")], at=AT)

    assert store.markets.latest_marks([TICKER]) == {}


def test_market_awaits_its_result_from_its_close_on(store: OpsStore) -> None:
    other = f"{EVENT}-T97"
    store.markets.save_contracts([a.contract(), a.contract(ticker=other)], at=AT)
    closed = a.contract().close_time

    def result(ticker: str) -> bool:
        found = MarketResult(
            ticker=ticker,
            event_ticker=EVENT,
            climate_date=DAY,
            result="no",
            value=91,
            determined_at=closed,
        )
        return store.markets.save_result(found, our_value=91, our_result="no", at=AT)

    assert store.markets.markets_awaiting_result(closed - MINUTE) == ()
    assert result(TICKER)
    assert not result(TICKER)
    assert store.markets.markets_awaiting_result(closed) == (other,)
    assert result(other)
    assert store.markets.markets_awaiting_result(closed) == ()


# ---- cycles, signals


def test_inputs_and_plan_are_rebuilt_byte_for_byte_from_what_was_stored(store: OpsStore) -> None:
    cycle_id = begun(store)
    inputs = a.inputs()
    plan = a.plan(inputs)

    stored_hash = store.cycles.save_inputs(cycle_id, inputs, at=AT + MINUTE)
    store.cycles.save_plan(cycle_id, plan, at=AT + MINUTE)

    assert stored_hash == content_hash(inputs)
    assert canonical_json(store.cycles.load_inputs(cycle_id)) == canonical_json(inputs)
    assert canonical_json(store.cycles.load_plan(cycle_id)) == canonical_json(plan)
    row = store.cycles.list()[0]
    assert (row.cycle_id, row.slot, row.mode, row.started_at) == (cycle_id, "s1", MODE, AT)
    assert (row.inputs_hash, row.plan_hash) == (stored_hash, content_hash(plan))
    assert store.weather.get_latest("NYC") == inputs.weather[0]
    assert store.markets.latest_marks([TICKER]) == {TICKER: inputs.snapshots[0]}


def test_decision_keeps_the_reading_of_terms_of_its_day(store: OpsStore) -> None:
    before, after = a.inputs(slot="s1"), a.inputs(slot="s2", contracts=(a.contract(label="89-90"),))
    ids = [begun(store, found.slot) for found in (before, after)]
    for cycle_id, found in zip(ids, (before, after), strict=True):
        store.cycles.save_inputs(cycle_id, found, at=AT)

    assert [store.cycles.load_inputs(cycle_id) for cycle_id in ids] == [before, after]


def test_cycle_stores_inputs_plan_and_end_once_and_in_order(store: OpsStore) -> None:
    inputs = a.inputs()
    plan = a.plan(inputs)
    cycle_id = begun(store)

    with pytest.raises(InvariantViolation):
        store.cycles.save_plan(cycle_id, plan, at=AT)
    with pytest.raises(InvariantViolation):
        store.cycles.load_inputs(cycle_id)
    store.cycles.save_inputs(cycle_id, inputs, at=AT)
    with pytest.raises(InvariantViolation):
        store.cycles.load_plan(cycle_id)
    with pytest.raises(InvariantViolation):
        store.cycles.save_inputs(cycle_id, inputs, at=AT)
    with pytest.raises(InvariantViolation):
        store.cycles.save_plan(cycle_id, plan.model_copy(update={"inputs_hash": "0" * 64}), at=AT)
    store.cycles.save_plan(cycle_id, plan, at=AT)
    with pytest.raises(InvariantViolation):
        store.cycles.save_plan(cycle_id, plan, at=AT)
    store.cycles.finish(cycle_id, a.summary(), a.equity(), at=AT + MINUTE)
    with pytest.raises(InvariantViolation):
        store.cycles.finish(cycle_id, a.summary(), a.equity(), at=AT + MINUTE)

    assert store.signals.get_for_cycle(cycle_id) == plan.signals


def test_slot_is_used_once_in_an_epoch(store: OpsStore) -> None:
    begun(store)

    with pytest.raises(PersistenceError):
        begun(store)

    assert begun(store, epoch=open_epoch(store)) > 0


def test_equity_history_has_the_finished_cycles_of_the_mode_oldest_first(store: OpsStore) -> None:
    for minutes, usd in ((0, "5000.5"), (5, None), (10, "4999.123456")):
        cycle_id = begun(store, str(minutes))
        money = None if usd is None else a.equity(usd)
        store.cycles.finish(cycle_id, a.summary(error="away"), money, at=AT + minutes * MINUTE)
    begun(store, "unfinished")

    history = store.cycles.equity_history(MODE)
    assert [(p.finished_at, p.equity_usd) for p in history] == [
        (AT, D("5000.5")),
        (AT + 10 * MINUTE, D("4999.123456")),
    ]
    assert {p.starting_capital_usd for p in history} == {a.equity("5000").starting_capital_usd}
    assert store.cycles.equity_history(TradingMode.SHADOW) == ()


def test_last_equity_is_the_newest_finished_cycles_or_the_last_before_an_instant(store: OpsStore) -> None:
    assert store.cycles.last_equity(MODE) is None
    for minutes, usd, peak in ((0, "5000", None), (10, "5100.5", "120.25"), (5, "4900", "0")):
        money = a.equity(usd).model_copy(update={"peak_profit_usd": None if peak is None else D(peak)})
        store.cycles.finish(begun(store, f"{minutes}"), a.summary(), money, at=AT + minutes * MINUTE)
    store.cycles.finish(begun(store, "blind"), a.summary(), None, at=AT + 20 * MINUTE)

    newest = store.cycles.last_equity(MODE)

    assert newest is not None
    assert (newest.finished_at, newest.profit_usd) == (AT + 10 * MINUTE, D("100.5"))
    assert (newest.starting_capital_usd, newest.peak_profit_usd) == (D(5000), D("120.25"))
    before = store.cycles.last_equity(MODE, AT + 10 * MINUTE)
    assert before is not None
    assert (before.finished_at, before.profit_usd) == (AT + 5 * MINUTE, D(-100))
    assert store.cycles.last_equity(MODE, AT) is None
    assert store.cycles.last_equity(TradingMode.LIVE) is None


def test_cycles_are_listed_since_an_instant(store: OpsStore) -> None:
    first, second = begun(store, "s1"), begun(store, "s2", at=AT + MINUTE)

    assert [row.cycle_id for row in store.cycles.list()] == [first, second]
    assert [row.cycle_id for row in store.cycles.list(AT + MINUTE)] == [second]


@pytest.mark.story("2.7")
def test_recent_signals_of_a_market_come_newest_first(store: OpsStore) -> None:
    for number in range(3):
        cycle_id, now = begun(store, str(number)), AT + number * MINUTE
        inputs = a.inputs(slot=str(number), now=now)
        store.cycles.save_inputs(cycle_id, inputs, at=now)
        store.cycles.save_plan(cycle_id, a.plan(inputs, signals=(a.signal(qty=D(number)),)), at=now)

    found = store.signals.recent(TICKER, limit=2)

    assert [(at, signal.qty) for _, at, signal in found] == [(AT + 2 * MINUTE, D(2)), (AT + MINUTE, D(1))]
    assert found[0][0] > found[1][0]
    assert store.signals.recent("unknown") == ()
    assert store.signals.get_for_cycle(999) == ()


def test_tally_counts_decisions_by_their_first_reason(store: OpsStore) -> None:
    for slot in ("s1", "s2"):
        decided(store, slot)

    assert store.signals.tally(MODE) == {
        (Decision.BUY, ReasonCode.EDGE_FOUND): 2,
        (Decision.HOLD, ReasonCode.NO_FORECAST): 2,
    }
    assert store.signals.tally(TradingMode.LIVE) == {}


# ---- orders


@pytest.mark.story("2.7")
def test_order_without_intent_key_gets_the_derived_one(store: OpsStore) -> None:
    order = created(store)

    key = derive_intent_key(
        "demo-account", MODE, TICKER, Side.YES, Action.OPEN, AT.isoformat(), "1", attempt=1
    )
    assert (order.intent_key, order.client_order_id) == (key, derive_client_order_id(key))
    assert order == store.orders.get_by_intent_key(key)
    assert order.status is OrderStatus.CREATED
    assert store.orders.get_by_intent_key("unknown") is None


@pytest.mark.story("2.7")
def test_known_intent_returns_the_existing_order_and_changes_nothing(store: OpsStore) -> None:
    order = accepted(store)

    again, is_new = store.orders.create(
        a.intent(qty=D("99"), limit_price=D("0.5")), at=AT + MINUTE, epoch=1, cycle_id=None
    )

    assert (again, is_new) == (order, False)
    assert len(store.orders.events(order.order_id or 0)) == 3
    other, is_new = store.orders.create(a.intent(attempt=2), at=AT, epoch=1, cycle_id=None)
    assert is_new
    assert other.order_id != order.order_id


def test_intent_whose_client_order_id_is_known_returns_that_order(store: OpsStore) -> None:
    """A restored backup forgets intents; their orders are adopted under the client id the exchange lists."""
    key = derive_intent_key("acc", MODE, TICKER, Side.YES, Action.OPEN, "slot", "1", attempt=1)
    client_id = derive_client_order_id(key)
    found = a.foreign_order(
        client_order_id=client_id,
        intent_key=f"adopted:{client_id}",
        is_foreign=False,
        expires_at=AT + MINUTE,
    )
    adopted = store.orders.create_found(found, at=AT, epoch=1)

    again = store.orders.create(
        a.intent(intent_key=key, client_order_id=client_id), at=AT + MINUTE, epoch=1, cycle_id=None
    )

    assert again == (adopted, False)
    assert not adopted.is_foreign
    assert store.orders.open_orders(MODE) == (adopted,)


@pytest.mark.story("2.7")
def test_order_points_at_its_strategys_signal_of_the_cycle(store: OpsStore) -> None:
    inputs = a.inputs()
    other = a.signal(strategy_name="ensemble")
    signals = (a.signal(), a.signal(qty=D("7")), other, a.hold(ticker="KXHIGHNY-26JUL10-T97"))
    cycle_id = begun(store)
    store.cycles.save_inputs(cycle_id, inputs, at=AT)
    store.cycles.save_plan(cycle_id, a.plan(inputs, signals=signals), at=AT)

    own = created(store, cycle_id)
    unknown = created(store, cycle_id, strategy_name="third", attempt=2)
    loose = created(store, None, attempt=3)

    by_id = {number: signal for number, _, signal in store.signals.recent(TICKER)}
    assert by_id[own.signal_id or 0] == signals[1]
    assert by_id[unknown.signal_id or 0] == other
    assert loose.signal_id is None


def test_denied_intent_is_stored_with_our_reason_and_never_open(store: OpsStore) -> None:
    order, is_new = store.orders.create(a.intent(), at=AT, epoch=1, cycle_id=None, denied="HALTED")

    assert is_new
    assert (order.status, order.reject_code) == (OrderStatus.DENIED, "HALTED")
    assert store.orders.open_orders(MODE) == ()
    assert store.orders.events(order.order_id or 0) == (
        (None, OrderStatus.CREATED, "intent committed", AT),
        (OrderStatus.CREATED, OrderStatus.DENIED, "HALTED", AT),
    )


def test_intent_that_is_sent_next_is_committed_as_submitting_at_once(store: OpsStore) -> None:
    order, is_new = store.orders.create(a.intent(), at=AT, epoch=1, cycle_id=None, is_sent=True)
    denied, _ = store.orders.create(
        a.intent(attempt=2), at=AT, epoch=1, cycle_id=None, denied="HALTED", is_sent=True
    )

    assert is_new
    assert (order.status, order.sent_at) == (OrderStatus.SUBMITTING, AT)
    assert store.orders.open_orders(MODE) == (order,)
    assert store.orders.events(order.order_id or 0) == (
        (None, OrderStatus.CREATED, "intent committed", AT),
        (OrderStatus.CREATED, OrderStatus.SUBMITTING, "exposure reserved", AT),
    )
    assert (denied.status, denied.sent_at) == (OrderStatus.DENIED, None)


def test_every_transition_is_kept_with_its_evidence(store: OpsStore) -> None:
    order = accepted(store)
    final = moved(
        store,
        order,
        OrderStatus.CANCELED,
        evidence="exchange canceled",
        at=AT + 2 * MINUTE,
        filled_qty=D("12.5"),
        detail={"remaining": "7.5"},
    )

    assert final == store.orders.get_by_kalshi_id("k1")
    assert (final.filled_qty, final.sent_at, final.updated_at) == (D("12.5"), AT, AT + 2 * MINUTE)
    assert store.orders.events(order.order_id or 0) == (
        (None, OrderStatus.CREATED, "intent committed", AT),
        (OrderStatus.CREATED, OrderStatus.SUBMITTING, "test", AT + MINUTE),
        (OrderStatus.SUBMITTING, OrderStatus.RESTING, "test", AT + MINUTE),
        (OrderStatus.RESTING, OrderStatus.CANCELED, "exchange canceled", AT + 2 * MINUTE),
    )


@pytest.mark.parametrize(
    ("to", "changes"),
    [
        (OrderStatus.RESTING, {"filled_qty": D("9.99")}),
        (OrderStatus.RESTING, {"filled_qty": D("20.01")}),
        (OrderStatus.RESTING, {"kalshi_order_id": "k2"}),
        (OrderStatus.PARTIALLY_FILLED, {"expected": OrderStatus.RESTING}),
    ],
)
def test_transition_that_would_unsay_what_was_proven_is_refused(
    store: OpsStore, to: OrderStatus, changes: dict[str, Any]
) -> None:
    order = moved(store, accepted(store), OrderStatus.PARTIALLY_FILLED, filled_qty=D("10"))

    with pytest.raises(InvariantViolation):
        moved(store, order, to, **changes)

    assert store.orders.get_by_kalshi_id("k1") == order
    assert len(store.orders.events(order.order_id or 0)) == 4


def test_closed_order_takes_a_late_fill_and_never_reopens(store: OpsStore) -> None:
    order = moved(store, accepted(store), OrderStatus.CANCELED)

    late = moved(store, order, OrderStatus.CANCELED, filled_qty=D("20"))

    assert late.filled_qty == 20
    with pytest.raises(InvariantViolation):
        moved(store, late, OrderStatus.RESTING)
    with pytest.raises(InvariantViolation):
        moved(store, late.model_copy(update={"order_id": 999}), OrderStatus.CANCELED)


def test_exchange_id_belongs_to_one_order(store: OpsStore) -> None:
    accepted(store)
    other = created(store, attempt=2)

    with pytest.raises(PersistenceError):
        moved(store, other, OrderStatus.RESTING, kalshi_order_id="k1")


def test_open_orders_are_those_that_may_still_fill_in_the_mode(store: OpsStore) -> None:
    resting = accepted(store)
    unsent = created(store, attempt=2)
    created(store, mode=TradingMode.SHADOW)
    rejected = created(store, attempt=3)
    moved(store, rejected, OrderStatus.REJECTED, reject_code="INSUFFICIENT_BALANCE")

    assert store.orders.open_orders(MODE) == (resting, unsent)
    assert store.orders.count(MODE) == {
        OrderStatus.RESTING: 1,
        OrderStatus.CREATED: 1,
        OrderStatus.REJECTED: 1,
    }
    assert store.orders.count(TradingMode.LIVE) == {}
    assert store.orders.get_many(["k1", "unknown"]) == (resting,)
    assert store.orders.get_many([]) == ()


def test_closed_order_lives_until_every_fill_it_had_is_booked(store: OpsStore) -> None:
    done = moved(store, accepted(store), OrderStatus.FILLED, filled_qty=D("20"))
    moved(store, created(store, attempt=2), OrderStatus.REJECTED)
    assert store.orders.open_orders(MODE) == ()
    assert store.orders.live_orders(MODE) == (done,)
    assert done.pending_qty == 20  # filled, and in no position yet

    store.fills.book(a.fill(), order=done, position=a.position(), at=AT, epoch=1)
    (part,) = store.orders.live_orders(MODE)
    assert (part.booked_qty, part.filled_qty, part.pending_qty) == (D("12.5"), D(20), D("7.5"))
    assert not store.fills.book(a.fill(), order=done, position=a.position(), at=AT, epoch=1)
    assert store.orders.live_orders(MODE) == (part,)
    rest = a.fill(fill_id="f2", qty=D("7.5"))
    store.fills.book(rest, order=done, position=a.position(), at=AT, epoch=1)

    assert store.orders.live_orders(MODE) == ()
    assert store.orders.live_orders(TradingMode.LIVE) == ()


def test_booked_fill_counts_as_filled_whatever_the_order_said_before(store: OpsStore) -> None:
    order = accepted(store)

    store.fills.book(a.fill(), order=order, position=a.position(), at=AT, epoch=1)

    (found,) = store.orders.live_orders(MODE)
    assert (found.filled_qty, found.booked_qty, found.open_qty) == (D("12.5"), D("12.5"), D("7.5"))


def test_first_absence_of_an_order_is_kept(store: OpsStore) -> None:
    order = moved(store, created(store), OrderStatus.UNKNOWN, sent_at=AT)

    absent = moved(store, order, OrderStatus.UNKNOWN, absent_at=AT + MINUTE)
    later = moved(store, absent, OrderStatus.RESTING, kalshi_order_id="k1")

    assert (absent.absent_at, later.absent_at) == (AT + MINUTE, AT + MINUTE)
    assert store.orders.open_orders(MODE) == (later,)


def test_rejects_are_counted_from_an_instant_on(store: OpsStore) -> None:
    for attempt, minutes, code in ((1, 0, "a"), (2, 5, "b"), (3, 9, "a"), (4, 9, None)):
        order = created(store, attempt=attempt)
        moved(store, order, OrderStatus.REJECTED, at=AT + minutes * MINUTE, reject_code=code)

    assert store.orders.rejects_since(MODE, AT + 5 * MINUTE) == 3
    assert store.orders.rejects_since(MODE, AT, without=("a", "c")) == 2
    assert store.orders.rejects_since(TradingMode.SHADOW, AT) == 0


def test_taken_intents_are_the_keys_of_one_slot_and_mode(store: OpsStore) -> None:
    keys = sorted(created(store, attempt=n).intent_key for n in (1, 2))
    created(store, slot="other")
    created(store, mode=TradingMode.SHADOW)

    assert store.orders.taken_intents(MODE, AT.isoformat()) == tuple(keys)
    assert store.orders.taken_intents(MODE, "none") == ()


def test_foreign_order_is_recorded_once_and_counted_as_open(store: OpsStore) -> None:
    order = store.orders.create_found(a.foreign_order(), at=AT, epoch=1)

    assert store.orders.create_found(a.foreign_order(), at=AT + MINUTE, epoch=1) == order
    assert order == a.foreign_order(order_id=order.order_id, updated_at=AT)
    assert store.orders.open_orders(MODE) == (order,)


def test_order_of_unknown_epoch_is_refused(store: OpsStore) -> None:
    with pytest.raises(PersistenceError):
        store.orders.create(a.intent(), at=AT, epoch=99, cycle_id=None)


# ---- fills, positions, settlements, capital


@pytest.mark.story("2.7")
def test_trade_lives_from_signal_to_settled_position(store: OpsStore) -> None:
    order = accepted(store, decided(store))

    assert store.fills.book(a.fill(), order=order, position=a.position(), at=AT + MINUTE, epoch=1)

    booked = a.fill(order_id=order.order_id)
    assert store.fills.get(MODE) == (booked,)
    assert store.positions.get(MODE, TICKER) == a.position()
    assert store.positions.settle(a.settlement(), position=a.settled(), at=AT, epoch=1)
    assert store.positions.get_all(MODE) == (a.settled(),)
    assert store.positions.get_all(MODE)[0].status is PositionStatus.SETTLED
    assert store.positions.settlements(MODE) == (a.settlement(),)


def test_fill_is_booked_once_and_a_known_one_changes_nothing(store: OpsStore) -> None:
    order = accepted(store)
    second = a.fill(fill_id="f2", qty=D("2.5"), filled_at=AT + 2 * MINUTE)
    store.fills.book(second, order=order, position=a.position(), at=AT, epoch=1)
    store.fills.book(a.fill(), order=order, position=a.position(), at=AT, epoch=1)

    doubled = a.position(qty=D("25"))
    assert not store.fills.book(a.fill(), order=order, position=doubled, at=AT, epoch=1)

    assert store.positions.get(MODE, TICKER) == a.position()
    assert [found.fill_id for found in store.fills.get(MODE)] == ["f1", "f2"]
    assert [found.fill_id for found in store.fills.get(MODE, second.filled_at)] == ["f2"]
    assert store.fills.filled_qty(order.order_id or 0) == 15
    assert store.fills.filled_qty(999) == 0
    assert store.fills.known(["f1", "f3"]) == {"f1"}
    assert store.fills.known([]) == frozenset()
    assert store.fills.last_filled_at(MODE) == second.filled_at
    assert store.fills.last_filled_at(TradingMode.LIVE) is None
    assert store.fills.get(TradingMode.LIVE) == ()


@pytest.mark.parametrize("changes", [{"kalshi_order_id": "k2"}, {"ticker": "X"}, {"mode": TradingMode.LIVE}])
def test_fill_of_another_order_is_refused(store: OpsStore, changes: dict[str, Any]) -> None:
    order = accepted(store)

    with pytest.raises(InvariantViolation):
        store.fills.book(a.fill(**changes), order=order, position=a.position(), at=AT, epoch=1)

    assert store.fills.get(MODE) == ()
    assert store.positions.get_all(MODE) == ()


def test_settlement_is_booked_once(store: OpsStore) -> None:
    assert store.positions.settle(a.settlement(), position=None, at=AT, epoch=1)

    assert not store.positions.settle(a.settlement(result="no"), position=a.position(), at=AT, epoch=1)
    assert store.positions.get(MODE, TICKER) is None


def test_correction_of_a_payout_is_a_further_row(store: OpsStore) -> None:
    first = a.settlement(result="scalar", value_usd=D("0.37"), revenue_usd=D("4.62"))
    less = first.model_copy(update={"revenue_usd": D("-1"), "settled_at": AT + timedelta(days=2)})
    order = accepted(store)
    store.fills.book(a.fill(), order=order, position=a.position(), at=AT, epoch=1)
    store.positions.settle(first, position=a.settled(), at=AT, epoch=1)
    after = a.settled(realized_pnl_usd=D("5.94205"))

    assert store.positions.settle(less, position=after, at=AT + MINUTE, epoch=1, is_correction=True)

    assert store.positions.settlements(MODE) == (first, less)
    assert store.positions.last_settled_at(MODE) == less.settled_at
    assert store.positions.realized(MODE) == D("5.94205")


def test_settlements_come_by_market_oldest_first_and_the_last_is_known(store: OpsStore) -> None:
    assert store.positions.last_settled_at(MODE) is None
    first, second = a.settlement(), a.settlement(ticker="other", settled_at=AT + timedelta(days=2))
    for paid in (second, first):
        store.positions.settle(paid, position=None, at=AT, epoch=1)

    assert store.positions.settlements(MODE) == (first, second)
    assert store.positions.settlements(MODE, ["other", "unknown"]) == (second,)
    assert store.positions.settlements(MODE, []) == ()
    assert store.positions.last_settled_at(MODE) == second.settled_at
    assert store.positions.last_settled_at(TradingMode.LIVE) is None


def test_realised_profit_is_the_sum_over_every_position_and_held_ones_are_open(store: OpsStore) -> None:
    other = a.position(ticker="B", realized_pnl_usd=D("-1.000000001"))
    order, second = accepted(store), accepted(store, venue_id="k2", attempt=2, ticker="B")
    assert (store.positions.realized(MODE), store.positions.held(MODE)) == (D(0), ())

    store.fills.book(a.fill(), order=order, position=a.position(), at=AT, epoch=1)
    fill = a.fill(fill_id="f2", kalshi_order_id="k2", ticker="B")
    store.fills.book(fill, order=second, position=other, at=AT, epoch=1)
    assert store.positions.realized(MODE) == D("-1.214200001")
    assert store.positions.held(MODE) == (other, a.position())
    store.positions.settle(a.settlement(), position=a.settled(), at=AT, epoch=1)

    assert store.positions.realized(MODE) == D("6.94205") - D("1.000000001")
    assert store.positions.held(MODE) == (other,)
    assert store.positions.get_many(MODE, [TICKER, "B", "unknown"]) == (other, a.settled())
    assert store.positions.realized(TradingMode.LIVE) == 0


def test_positions_keep_every_digit_of_money(store: OpsStore) -> None:
    exact = a.position(
        qty=D("0.01"),
        avg_entry=D("0.4285714286"),
        cost_usd=D("0.00428571429"),
        realized_pnl_usd=D("-0.000000001"),
    )
    order = accepted(store)

    store.fills.book(a.fill(fee=D("0.00000001")), order=order, position=exact, at=AT, epoch=1)

    assert store.positions.get(MODE, TICKER) == exact
    assert store.fills.get(MODE)[0].fee == D("0.00000001")


def test_capital_adds_up_and_starts_once(store: OpsStore) -> None:
    assert store.capital.total(MODE) == 0
    assert store.capital.save(a.capital(), set_by="ann", at=AT)
    assert not store.capital.save(a.capital(amount_usd=D("9")), set_by="ann", at=AT)
    for amount in ("10.25", "10.25", "-0.000001"):
        deposit = a.capital(kind="DEPOSIT", amount_usd=D(amount))
        assert store.capital.save(deposit, set_by="ann", at=AT)

    assert store.capital.total(MODE) == D("5020.499999")
    assert store.capital.save(a.capital(mode=TradingMode.SHADOW), set_by="ann", at=AT)


def test_transfer_the_exchange_names_counts_once(store: OpsStore) -> None:
    deposit = a.capital(kind="DEPOSIT", amount_usd=D(200), ref="deposit 7")

    assert store.capital.save(deposit, set_by="rule:transfers", at=AT)
    assert not store.capital.save(deposit, set_by="rule:transfers", at=AT + MINUTE)
    assert store.capital.save(deposit.model_copy(update={"ref": "deposit 8"}), set_by="ann", at=AT)
    assert store.capital.total(MODE) == D(400)


# ---- risk, health


@pytest.mark.story("2.5")
def test_recent_risk_events_come_newest_first_with_their_payload(store: OpsStore) -> None:
    events = [a.risk_event(message=str(n), occurred_at=AT + n * MINUTE) for n in range(3)]
    for event in events:
        store.risk.save_event(event, at=AT, mode=MODE, cycle_id=None)

    assert store.risk.recent_events(limit=2) == (events[2], events[1])


def test_halt_holds_until_its_own_end_or_an_active_row_of_its_reason(store: OpsStore) -> None:
    loss = a.state(reason=ReasonCode.DAILY_LOSS_REACHED, until=AT + 5 * MINUTE)
    city = a.state(scope="city:NYC", state=TradingState.REDUCE_ONLY)
    for change in (a.state(), loss, city, a.state(note="second thought")):
        store.risk.save_state(change, mode=MODE, at=AT)

    assert store.risk.states(MODE, AT) == (loss, city, a.state(note="second thought"))
    assert store.risk.states(MODE, AT + 5 * MINUTE) == (city, a.state(note="second thought"))
    store.risk.save_state(a.state(state=TradingState.ACTIVE), mode=MODE, at=AT)
    assert store.risk.states(MODE, AT + 5 * MINUTE) == (city,)
    assert store.risk.lifted_at(MODE, a.state().reason) == a.state().set_at
    store.risk.save_state(a.state(set_at=AT + MINUTE), mode=MODE, at=AT)
    assert store.risk.lifted_at(MODE, a.state().reason) == AT
    assert store.risk.lifted_at(MODE, ReasonCode.DAILY_LOSS_REACHED) is None
    assert store.risk.states(TradingMode.LIVE, AT) == ()


def test_break_is_stored_anew_only_when_it_changed(store: OpsStore) -> None:
    first, other = a.found_break(), a.found_break(key="cash", kind="cash")
    changed = a.found_break(theirs="14", found_at=AT + MINUTE)
    saved = [
        store.risk.save_break(found, mode=MODE, at=AT, epoch=1)
        for found in (first, first, other, changed, first)
    ]

    assert saved == [True, False, True, True, True]
    assert store.risk.breaks(MODE) == (first, other, changed, first)
    assert store.risk.breaks(TradingMode.LIVE) == ()


def test_break_is_open_until_its_two_sides_are_equal(store: OpsStore) -> None:
    first, other = a.found_break(ticker=TICKER), a.found_break(key="cash", kind="cash")
    changed = first.model_copy(update={"theirs": "14"})
    for found in (first, other, changed):
        store.risk.save_break(found, mode=MODE, at=AT, epoch=1)
    assert store.risk.open_breaks(MODE) == (other, changed)

    store.risk.save_break(changed.model_copy(update={"ours": "14"}), mode=MODE, at=AT, epoch=1)

    assert store.risk.open_breaks(MODE) == (other,)
    assert store.risk.open_breaks(TradingMode.LIVE) == ()


@pytest.mark.story("2.5")
def test_latest_health_has_one_row_for_each_component_seen(store: OpsStore) -> None:
    down = a.health(status=ComponentStatus.DOWN, last_ok=None, checked_at=AT + MINUTE)
    for found in (a.health(component=Component.NWS_API), down, a.health()):
        store.risk.save_health(found, at=AT)
    store.risk.probe_write(at=AT)

    latest = {found.component: found for found in store.risk.latest_health()}

    assert list(latest) == [Component.TRADER, Component.NWS_API, Component.DATABASE]
    assert latest[Component.TRADER] == down
    assert latest[Component.DATABASE].last_ok == AT


# ---- epochs, world, refusals


def test_one_writer_at_a_time_and_each_epoch_is_newer(store: OpsStore, open_store: OpenStore) -> None:
    other = open_store()
    store.assert_writer(1)
    with pytest.raises(LostWriterLock):
        open_epoch(other)
    with pytest.raises(LostWriterLock):
        other.assert_writer(1)
    store.assert_writer(1)

    store.close()
    assert open_epoch(other, "other account") == 2
    other.assert_writer(2)
    with pytest.raises(LostWriterLock):
        store.assert_writer(1)


def test_older_epoch_of_the_same_process_may_not_send(store: OpsStore) -> None:
    assert open_epoch(store) == 2

    with pytest.raises(LostWriterLock):
        store.assert_writer(1)
    with pytest.raises(LostWriterLock):
        store.assert_writer(2)  # a lock once in doubt is given up


def test_epoch_is_reconciled_once(store: OpsStore) -> None:
    store.mark_reconciled(1, at=AT)

    for epoch in (1, 7):
        with pytest.raises(InvariantViolation):
            store.mark_reconciled(epoch, at=AT)


def test_create_is_allowed_only_in_an_epoch_whose_reconciliation_is_committed(store: OpsStore) -> None:
    with pytest.raises(InvariantViolation, match="reconciliation committed, found none"):
        store.assert_may_create(1)
    store.assert_writer(1)  # a cancel needs no reconciliation

    store.mark_reconciled(1, at=AT)
    store.assert_may_create(1)

    open_epoch(store)  # reconciled anew in each epoch
    with pytest.raises(InvariantViolation):
        store.assert_may_create(2)
    with pytest.raises(LostWriterLock):
        store.assert_may_create(1)


def break_a_write(store: OpsStore) -> None:
    """Make the database refuse one write; the memory store has none to refuse, so it is told."""
    if isinstance(store, MemoryOpsStore):
        store.fail_writes("a fault of the test")
        return
    with pytest.raises(PersistenceError):
        store.orders.create(a.intent(), at=AT, epoch=99, cycle_id=None)


def test_failed_write_forbids_every_create_until_a_probe_is_committed(store: OpsStore) -> None:
    store.mark_reconciled(1, at=AT)

    break_a_write(store)

    created(store, attempt=2)  # another write that succeeds is no probe
    with pytest.raises(PersistenceError, match="probe committed since, found"):
        store.assert_may_create(1)
    store.assert_writer(1)  # a cancel goes on
    store.risk.probe_write(at=AT)
    store.assert_may_create(1)


# ---- transactions


def book_everything(store: OpsStore) -> None:
    """One write of every kind that a reconciliation makes."""
    order = accepted(store)
    moved(store, order, OrderStatus.PARTIALLY_FILLED, filled_qty=D("12.5"))
    store.fills.book(a.fill(), order=order, position=a.position(), at=AT, epoch=1)
    store.orders.create_found(a.foreign_order(), at=AT, epoch=1)
    moved(store, created(store, attempt=2), OrderStatus.REJECTED)
    store.positions.settle(a.settlement(), position=a.settled(), at=AT, epoch=1)
    store.risk.save_break(a.found_break(), mode=MODE, at=AT, epoch=1)
    store.risk.save_event(a.risk_event(), at=AT, mode=MODE, cycle_id=None)
    store.risk.save_state(a.state(), mode=MODE, at=AT)
    store.capital.save(a.capital(), set_by="ann", at=AT)


def everything(store: OpsStore) -> list[object]:
    return [
        store.orders.count(MODE),
        store.orders.get_by_kalshi_id("k1"),
        store.orders.taken_intents(MODE, AT.isoformat()),
        store.orders.open_orders(MODE),
        store.orders.rejects_since(MODE, AT),
        store.fills.get(MODE),
        store.positions.get_all(MODE),
        store.positions.settlements(MODE),
        store.risk.breaks(MODE),
        store.risk.recent_events(),
        store.risk.states(MODE, AT),
        store.capital.total(MODE),
    ]


@pytest.mark.story("4.7")
def test_transaction_commits_all_of_its_block_and_a_failing_one_nothing(store: OpsStore) -> None:
    class Killed(BaseException):
        """A kill is no Exception."""

    before = everything(store)

    with pytest.raises(Killed), store.transaction():
        book_everything(store)
        assert everything(store) != before  # it sees its own writes
        raise Killed
    assert everything(store) == before

    with store.transaction(is_exclusive=True):
        book_everything(store)
    assert all(now != then for now, then in zip(everything(store), before, strict=True))


def test_transaction_inside_another_is_refused(store: OpsStore) -> None:
    with pytest.raises(InvariantViolation, match="expected none open"), store.transaction():
        created(store)
        with store.transaction():
            raise AssertionError("an inner commit that is none")

    assert store.orders.open_orders(MODE) == ()
    with store.transaction():
        created(store)
    assert len(store.orders.open_orders(MODE)) == 1


def test_exclusive_transactions_wait_for_each_other(store: OpsStore, open_store: OpenStore) -> None:
    other, first_holds, order = open_store(), threading.Event(), list[str]()

    def second() -> None:
        first_holds.wait()
        with other.transaction(is_exclusive=True):
            order.append(f"second sees {len(other.orders.open_orders(MODE))}")

    thread = threading.Thread(target=second)
    thread.start()
    with store.transaction(is_exclusive=True):
        first_holds.set()
        thread.join(0.05)  # it would be through by now, were it not held off
        created(store)
        order.append("first")
    thread.join()

    assert order == ["first", "second sees 1"]


def test_world_clock_has_one_row_and_only_in_worlds(store: OpsStore) -> None:
    assert store.world_now() is None

    store.set_world_clock("july2026", AT, at=AT)
    store.set_world_clock("july2026", AT + MINUTE, at=AT)

    assert store.world_now() == ("july2026", AT + MINUTE)


@pytest.mark.story("2.7")
@pytest.mark.parametrize(
    "write",
    [
        lambda store, at: store.weather.save_snapshot(a.weather(), at=at),
        lambda store, at: store.markets.save_contracts([a.contract()], at=at),
        lambda store, at: begun(store, "s9", at=at),
        lambda store, at: store.orders.create(a.intent(), at=at, epoch=1, cycle_id=None),
        lambda store, at: store.orders.rejects_since(MODE, at),
        lambda store, at: store.positions.settle(a.settlement(), position=None, at=at, epoch=1),
        lambda store, at: store.risk.save_state(a.state(), mode=MODE, at=at),
        lambda store, at: store.risk.probe_write(at=at),
        lambda store, at: store.alarms.save(alarm(), mode=MODE, at=at),
        lambda store, at: store.capital.save(a.capital(), set_by="ann", at=at),
        lambda store, at: store.set_world_clock("july2026", at, at=AT),
        lambda store, at: open_epoch(store, at=at),
    ],
)
def test_instant_without_a_zone_is_refused(
    store: OpsStore, write: Callable[[OpsStore, datetime], object]
) -> None:
    with pytest.raises(InvariantViolation, match="zone"):
        write(store, AT.replace(tzinfo=None))


def alarm(subject: str = "NYC", minute: int = 0, **changes: Any) -> Alarm:
    fields: dict[str, Any] = {
        "code": AlarmCode.OBSERVATION_SILENT,
        "subject": subject,
        "severity": Severity.WARNING,
        "message": "no report",
        "opened_at": AT + minute * MINUTE,
    }
    return Alarm(**fields | changes)


def test_alarms_are_open_until_closed_and_opened_anew_with_their_new_words(store: OpsStore) -> None:
    alarms = store.alarms
    alarms.save(alarm("NYC", 1), mode=MODE, at=AT)
    alarms.save(alarm("MIA"), mode=MODE, at=AT)
    alarms.save(alarm("BOS"), mode=TradingMode.SHADOW, at=AT)

    assert alarms.open_alarms(MODE) == (alarm("MIA"), alarm("NYC", 1))
    assert alarms.close(AlarmCode.OBSERVATION_SILENT, "MIA", mode=MODE, at=AT + MINUTE)
    assert not alarms.close(AlarmCode.OBSERVATION_SILENT, "MIA", mode=MODE, at=AT + MINUTE)
    assert not alarms.close(AlarmCode.FORECAST_SILENT, "NYC", mode=MODE, at=AT)
    assert alarms.open_alarms(MODE) == (alarm("NYC", 1),)
    again = alarm("MIA", 5, message="no report again")
    alarms.save(again, mode=MODE, at=AT + 5 * MINUTE)
    assert alarms.open_alarms(MODE) == (alarm("NYC", 1), again)


def test_newest_resolution_of_each_grid_cell_is_known(store: OpsStore) -> None:
    def check(code: str, x: int, minute: int) -> CellCheck:
        return CellCheck(
            city_code=code,
            office="OKX",
            grid_x=x,
            grid_y=38,
            distance_km=0.5,
            resolved_at=AT + minute * MINUTE,
        )

    assert store.cells.newest() == ()
    for found in (check("NYC", 34, 2), check("NYC", 33, 1), check("BOS", 73, 0)):
        store.cells.save(found, at=AT)

    assert store.cells.newest() == (check("BOS", 73, 0), check("NYC", 34, 2))


def test_newest_terms_of_many_markets_are_read_at_once(store: OpsStore) -> None:
    old = a.contract()
    new = old.model_copy(update={"terms_hash": "f" * 64, "label": "changed"})
    store.markets.save_contracts([old], at=AT)
    store.markets.save_contracts([new], at=AT + MINUTE)

    assert store.markets.contracts([TICKER, "NOBODY"]) == {TICKER: new}
    assert store.markets.contracts([]) == {}


def test_newest_cycle_is_the_one_that_began_last_with_what_it_did(store: OpsStore) -> None:
    assert store.cycles.newest() is None
    first, second = begun(store, "a"), begun(store, "b", mode=TradingMode.SHADOW, at=AT + MINUTE)
    store.cycles.finish(first, a.summary(), None, at=AT + 2 * MINUTE)

    newest, of_mode = store.cycles.newest(), store.cycles.newest(MODE)

    assert newest is not None
    assert of_mode is not None
    assert (newest.cycle_id, newest.mode, newest.finished_at) == (second, TradingMode.SHADOW, None)
    assert (of_mode.cycle_id, of_mode.summary, of_mode.started_at) == (first, a.summary(), AT)


def test_signal_is_found_by_its_number_and_leads_to_its_orders(store: OpsStore) -> None:
    cycle = decided(store)
    (number, at, signal), *_ = store.signals.recent(TICKER)
    order, _ = store.orders.create(a.intent(), at=AT, epoch=1, cycle_id=cycle)

    found = store.signals.find(number)

    assert found is not None
    assert (found.cycle_id, found.decided_at, found.signal) == (cycle, at, signal)
    assert store.signals.find(10**9) is None
    assert store.orders.of_signal(number) == ((order,) if order.signal_id == number else ())
    assert store.orders.of_signal(10**9) == ()


def test_when_a_city_was_last_priced_and_an_order_last_wanted(store: OpsStore) -> None:
    assert store.signals.last_seen(MODE, AT - DAYS) == ({}, None)
    cycle = decided(store)
    signals = store.signals.get_for_cycle(cycle)
    at = store.cycles.load_inputs(cycle).now

    priced, wanted = store.signals.last_seen(MODE, at)

    assert priced == {s.city_code: at for s in signals if s.p_yes is not None} != {}
    assert wanted == (at if any(s.decision is not Decision.HOLD for s in signals) else None)
    assert store.signals.last_seen(MODE, at + MINUTE) == ({}, None)
    assert store.signals.last_seen(TradingMode.SHADOW, at) == ({}, None)


def test_memory_forgets_the_inputs_of_old_cycles_when_told_to() -> None:
    store = MemoryOpsStore(keep_cycles=2)
    open_epoch(store)
    ids = [decided(store, str(n)) for n in range(3)]

    assert store.cycles.load_plan(ids[2]).signals
    with pytest.raises(InvariantViolation):
        store.cycles.load_inputs(ids[0])
    assert len(store.cycles.list()) == 3
