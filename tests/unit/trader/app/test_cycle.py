"""One cycle end to end on fakes: what is stored, what is sent, and what an error leaves behind."""

from datetime import timedelta
from decimal import Decimal

import pytest
import structlog.testing

from tests.fakes.desk import MODE, Desk, Failing, wish
from tests.unit.trader.core import builders as b
from trader.adapters.shadow.exchange import ShadowExchange
from trader.app.cycle import run_cycle
from trader.app.replay import replay
from trader.domain.constants import LOSS_PAUSE_HOURS
from trader.domain.errors import LostWriterLock, PersistenceError, TransientError
from trader.domain.orders import Refused
from trader.domain.plan import RefusedMarket
from trader.domain.positions import CapitalEvent
from trader.domain.signals import OrderIntent
from trader.domain.types import (
    Component,
    ComponentStatus,
    Decision,
    OrderStatus,
    ReasonCode,
    TimeInForce,
    TradingMode,
    TradingState,
)
from trader.ports.ops_store import EquityRow

D = Decimal
R = ReasonCode


def health(desk: Desk) -> dict[Component, ComponentStatus]:
    return {row.component: row.status for row in desk.store.risk.latest_health()}


def reasons(desk: Desk, cycle_id: int = 1) -> set[ReasonCode]:
    return {reason for s in desk.store.signals.get_for_cycle(cycle_id) for reason in s.reasons}


@pytest.mark.story("4.8")
def test_a_cycle_goes_from_weather_and_markets_to_a_filled_order_and_stores_every_step(desk: Desk) -> None:
    summary = run_cycle(desk.trader, slot="one", codes=["NYC"])

    assert (summary.cities, summary.snapshots, summary.signals) == (1, 6, 6)
    assert (summary.orders, summary.fills, summary.error) == (1, 1, None)
    (row,) = desk.store.cycles.list()
    assert (row.slot, row.mode, row.started_at) == ("one", MODE, b.NOW)
    inputs, plan = desk.store.cycles.load_inputs(1), desk.store.cycles.load_plan(1)
    assert {s.ticker for s in inputs.snapshots} == {s.ticker for s in plan.signals}
    assert desk.store.weather.get_latest("NYC") == inputs.weather[0]
    (intent,) = plan.intents
    assert desk.exchange.sent == [intent]
    order = desk.store.orders.get_by_intent_key(intent.intent_key)
    assert order is not None
    assert (order.status, order.filled_qty, order.mode) == (OrderStatus.FILLED, intent.qty, MODE)
    (fill,) = desk.store.fills.get(MODE)
    assert (fill.order_id, fill.qty, fill.price) == (order.order_id, intent.qty, intent.limit_price)
    position = desk.store.positions.get(MODE, intent.ticker)
    assert position is not None
    assert position.qty == intent.qty
    (point,) = desk.store.cycles.equity_history(MODE)
    assert (point.finished_at, point.equity_usd) == (b.NOW, summary.equity_usd)
    assert health(desk) == dict.fromkeys(
        (Component.TRADER, Component.KALSHI_API, Component.NWS_API, Component.DATABASE), ComponentStatus.OK
    )


@pytest.mark.story("4.9")
def test_a_cycle_says_one_summary_line(desk: Desk) -> None:
    with structlog.testing.capture_logs() as said:
        run_cycle(desk.trader, slot="one")

    (line,) = [entry for entry in said if entry["event"] == "cycle_finished"]
    assert {name: line[name] for name in ("slot", "mode", "orders", "fills", "signals", "error")} == {
        "slot": "one",
        "mode": MODE,
        "orders": 1,
        "fills": 1,
        "signals": 6,
        "error": None,
    }
    assert line["buy"] + line["sell"] + line["hold"] == 6


@pytest.mark.story("4.6")
def test_the_slot_of_a_killed_trader_run_again_sends_nothing_twice(desk: Desk) -> None:
    run_cycle(desk.trader, slot="one")
    at = desk.clock.now()
    desk.trader.epoch = desk.store.open_epoch(
        mode=MODE, account="fake-account", command="again", version="1", at=at
    )
    desk.store.mark_reconciled(desk.trader.epoch, at=at)
    run_cycle(desk.trader, slot="one")

    tickers = [intent.ticker for intent in desk.exchange.sent]
    assert len(set(tickers)) == len(tickers)
    assert len({intent.intent_key for intent in desk.exchange.sent}) == len(tickers)


@pytest.mark.story("4.8")
def test_everything_of_a_decision_is_stored_before_the_first_byte_of_its_order(desk: Desk) -> None:
    seen: list[tuple[int, int, list[OrderStatus]]] = []
    desk.exchange.on_send = lambda _: seen.append(
        (
            len(desk.store.cycles.load_inputs(1).snapshots),
            len(desk.store.cycles.load_plan(1).intents),
            [o.status for o in desk.store.orders.open_orders(MODE)],
        )
    )

    run_cycle(desk.trader, slot="one")

    assert seen == [(6, 1, [OrderStatus.SUBMITTING])]


@pytest.mark.story("4.9")
def test_a_cluster_cap_holds_across_cities_and_cycles(desk: Desk) -> None:
    desk.show("PHL", "BOS")
    cap = desk.trader.settings.risk.cluster.model_copy(update={"usd": D(7)})
    risk = desk.trader.settings.risk.model_copy(update={"cluster": cap})
    desk.trader.settings = desk.trader.settings.model_copy(update={"risk": risk})

    for slot in ("one", "two", "three"):
        run_cycle(desk.trader, slot=slot)

    paid = sum((f.qty * f.price + f.fee for f in desk.store.fills.get(MODE)), D(0))
    assert len({order.city_code for order in desk.exchange.sent}) > 1
    assert D(6) < paid <= D(7)


# ---- errors


@pytest.mark.story("4.8")
def test_market_data_that_do_not_answer_end_the_cycle_without_an_order_and_with_a_trace(desk: Desk) -> None:
    desk.markets.error = TransientError("exchange status: expected an answer, found none")

    summary = run_cycle(desk.trader, slot="one")

    assert summary.error == "exchange status: expected an answer, found none"
    assert desk.exchange.sent == []
    assert desk.events("CYCLE_FAILED") == [summary.error]
    assert health(desk)[Component.KALSHI_API] is ComponentStatus.DOWN
    assert health(desk)[Component.TRADER] is ComponentStatus.DEGRADED
    assert [p.equity_usd for p in desk.store.cycles.equity_history(MODE)] == [D(5000)]


@pytest.mark.story("4.8")
def test_the_cycle_after_a_failed_one_trades_again(desk: Desk) -> None:
    desk.exchange.is_away = True
    assert run_cycle(desk.trader, slot="one").error is not None
    assert desk.exchange.sent == []

    desk.exchange.is_away = False
    assert run_cycle(desk.trader, slot="two").orders == 1


@pytest.mark.story("4.8")
@pytest.mark.parametrize(
    ("repository", "method"), [("cycles", "begin"), ("cycles", "save_inputs"), ("cycles", "save_plan")]
)
def test_a_write_that_is_not_confirmed_before_the_plan_is_stored_stops_every_order(
    desk: Desk, repository: str, method: str
) -> None:
    setattr(desk.store, repository, Failing(getattr(desk.store, repository), method))

    with pytest.raises(PersistenceError, match="expected the write to be confirmed"):
        run_cycle(desk.trader, slot="one")

    assert desk.exchange.sent == []


@pytest.mark.story("4.6")
def test_an_intent_whose_commit_fails_is_not_sent(desk: Desk) -> None:
    desk.store.orders = Failing(desk.store.orders, "create")

    with pytest.raises(PersistenceError):
        run_cycle(desk.trader, slot="one")

    assert desk.exchange.sent == []


@pytest.mark.story("4.6")
@pytest.mark.story("4.7")
def test_an_answer_that_could_not_be_written_is_read_again_from_the_exchange(desk: Desk) -> None:
    orders = desk.store.orders
    desk.store.orders = Failing(orders, "transition")
    with pytest.raises(PersistenceError):
        run_cycle(desk.trader, slot="one")
    assert len(desk.exchange.sent) == 1
    assert [o.status for o in orders.open_orders(MODE)] == [OrderStatus.SUBMITTING]

    desk.store.orders = orders
    desk.clock.advance(300)
    run_cycle(desk.trader, slot="two")

    assert [f.qty for f in desk.store.fills.get(MODE)][:1] == [desk.exchange.sent[0].qty]
    assert orders.live_orders(MODE) == ()


@pytest.mark.story("4.6")
def test_a_trader_that_lost_the_writer_lock_sends_nothing(desk: Desk) -> None:
    desk.store.open_epoch(mode=MODE, account="other", command="test", version="1", at=b.NOW)

    with pytest.raises(LostWriterLock):
        run_cycle(desk.trader, slot="one")

    assert desk.exchange.sent == []


# ---- what stops new risk


@pytest.mark.story("4.5")
def test_a_loss_beyond_the_days_limit_halts_for_24_hours_and_survives_everything_but_time(
    desk: Desk,
) -> None:
    run_cycle(desk.trader, slot="one")
    lost = EquityRow(
        starting_capital_usd=D(5000),
        cash_usd=D(5300),
        realized_pnl_usd=D(300),
        unrealized_pnl_usd=D(0),
        equity_usd=D(5300),
    )
    # yesterday, Eastern, we stood at 5,300; now at about 5,000: 300 lost today
    earlier = desk.store.cycles.begin(epoch=1, mode=MODE, slot="earlier", at=b.NOW - timedelta(days=1))
    summary = run_cycle(desk.trader, slot="two")
    desk.store.cycles.finish(earlier, summary, lost, at=b.NOW - timedelta(days=1))
    sent = len(desk.exchange.sent)

    run_cycle(desk.trader, slot="three")

    (state,) = desk.store.risk.states(MODE, desk.clock.now())
    assert (state.reason, state.state) == (R.DAILY_LOSS_REACHED, TradingState.HALTED)
    assert state.until == desk.clock.now() + timedelta(hours=LOSS_PAUSE_HOURS)
    assert "loss since midnight Eastern" in desk.events("TRADING_HALTED")[0]
    desk.clock.advance(LOSS_PAUSE_HOURS * 3600 - 1)
    assert desk.store.risk.states(MODE, desk.clock.now()) == (state,)
    run_cycle(desk.trader, slot="four")
    assert len(desk.exchange.sent) == sent
    desk.clock.advance(1)
    assert desk.store.risk.states(MODE, desk.clock.now()) == ()


@pytest.mark.story("4.5")
def test_a_burst_of_rejects_halts_until_a_person_resumes(desk: Desk) -> None:
    desk.exchange.answers = [Refused(status=400, code="invalid_price") for _ in range(5)]
    for number in range(5):
        run_cycle(desk.trader, slot=f"{number}")
    assert len(desk.exchange.sent) == 5

    run_cycle(desk.trader, slot="five")

    assert len(desk.exchange.sent) == 5
    (state,) = desk.store.risk.states(MODE, desk.clock.now())
    assert (state.reason, state.until) == (R.ORDER_REJECTS_BURST, None)
    desk.clock.advance(7 * 24 * 3600)
    assert desk.store.risk.states(MODE, desk.clock.now()) == (state,)


@pytest.mark.story("4.5")
def test_a_burst_of_rejects_within_one_plan_stops_the_rest_of_it(desk: Desk) -> None:
    desk.show("CHI", "MIA", "AUS", "DEN", "PHL", "BOS", "SEA")
    desk.exchange.answers = [Refused(status=400, code="invalid_price") for _ in range(8)]

    assert run_cycle(desk.trader, slot="one").orders == 8

    assert len(desk.exchange.sent) == 5
    assert desk.store.orders.count(MODE) == {OrderStatus.REJECTED: 5, OrderStatus.DENIED: 3}
    (state,) = desk.store.risk.states(MODE, desk.clock.now())
    assert state.reason is R.ORDER_REJECTS_BURST
    assert len(desk.events("TRADING_HALTED")) == 1


@pytest.mark.parametrize(
    ("status", "code", "reason"),
    [
        (409, "trading_is_paused", R.EXCHANGE_PAUSED),
        (409, "EXCHANGE_PAUSED", R.EXCHANGE_PAUSED),
        (401, "header_timestamp_expired", R.CLOCK_SKEW_TOO_LARGE),
        (400, "insufficient_balance", R.CASH_TOO_LOW),
    ],
)
def test_a_refusal_that_would_meet_every_order_stops_the_plan_until_the_next_cycle_sees_it_over(
    desk: Desk, status: int, code: str, reason: ReasonCode
) -> None:
    desk.show("CHI", "MIA")
    desk.exchange.answers = [Refused(status=status, code=code)]

    run_cycle(desk.trader, slot="one")

    assert len(desk.exchange.sent) == 1
    (state,) = desk.store.risk.states(MODE, desk.clock.now())
    assert state.reason is reason
    denied = [o for o in desk.store.orders.count(MODE).items() if o[0] is OrderStatus.DENIED]
    assert denied == [(OrderStatus.DENIED, 2)]
    desk.clock.advance(300)
    run_cycle(desk.trader, slot="two")
    assert desk.store.risk.states(MODE, desk.clock.now()) == ()
    assert len(desk.exchange.sent) == 4  # and none of it counted as a burst


@pytest.mark.parametrize("by_file", [True, False])
def test_a_halt_while_a_plan_is_sent_stops_all_but_the_order_in_hand(desk: Desk, by_file: bool) -> None:
    desk.show("CHI", "MIA", "AUS")

    def stop(_: OrderIntent) -> None:
        if by_file:
            desk.halt_file.path.touch()
        else:
            desk.halt()

    desk.exchange.on_send = stop

    assert run_cycle(desk.trader, slot="one").orders == 4

    assert len(desk.exchange.sent) == 1
    assert desk.store.orders.count(MODE) == {OrderStatus.FILLED: 1, OrderStatus.DENIED: 3}


def test_a_halt_withdraws_resting_orders_in_the_next_cycle(desk: Desk) -> None:
    desk.exchange.answers = [lambda intent: desk.exchange.take(intent, D(0))]
    expires_at = desk.clock.now() + timedelta(seconds=240)
    order = desk.submit(wish(time_in_force=TimeInForce.GTC, expires_at=expires_at))
    desk.halt()

    run_cycle(desk.trader, slot="one")

    assert desk.exchange.canceled == [order.kalshi_order_id]
    assert desk.again(order).status is OrderStatus.CANCELED


def test_a_halted_cycle_goes_on_looking_and_deciding(desk: Desk) -> None:
    desk.halt()

    summary = run_cycle(desk.trader, slot="one")

    assert (summary.orders, summary.signals, summary.error) == (0, 6, None)
    (*_, decision) = desk.store.cycles.load_plan(1).risk_decisions
    assert decision.reasons == (R.OPERATOR_HALT,)


@pytest.mark.parametrize(("scope", "orders"), [("city:NYC", {"CHI"}), ("city:CHI", {"NYC"}), ("book", set())])
def test_a_halt_stops_its_scope_and_nothing_else(desk: Desk, scope: str, orders: set[str]) -> None:
    desk.show("CHI")
    desk.halt(scope=scope)

    run_cycle(desk.trader, slot="one")

    assert {intent.city_code for intent in desk.exchange.sent} == orders


@pytest.mark.parametrize(
    ("paused", "skew", "reason"), [(True, 0.0, R.EXCHANGE_PAUSED), (False, 5.1, R.CLOCK_SKEW_TOO_LARGE)]
)
def test_a_paused_exchange_or_a_wrong_clock_halts_as_long_as_it_lasts(
    desk: Desk, paused: bool, skew: float, reason: ReasonCode
) -> None:
    desk.markets.is_trading, desk.markets.skew_s = not paused, skew

    assert run_cycle(desk.trader, slot="one").orders == 0
    assert {s.reason for s in desk.store.cycles.load_inputs(1).states} == {reason}
    desk.markets.is_trading, desk.markets.skew_s = True, -5.0
    assert run_cycle(desk.trader, slot="two").orders == 1


def test_a_market_that_could_not_be_read_is_a_signal_and_a_stored_event(desk: Desk) -> None:
    desk.markets.refused = (
        RefusedMarket(
            ticker="KXHIGHNY-26JUL16-T99",
            event_ticker="KXHIGHNY-26JUL16",
            city_code="NYC",
            reason=R.PAYLOAD_MALFORMED,
            detail="yes_bid: expected a price, found text",
        ),
    )

    run_cycle(desk.trader, slot="one")

    signal = next(s for s in desk.store.signals.get_for_cycle(1) if s.ticker == "KXHIGHNY-26JUL16-T99")
    assert (signal.decision, signal.reasons) == (Decision.HOLD, (R.PAYLOAD_MALFORMED,))
    told = "market:KXHIGHNY-26JUL16-T99: yes_bid: expected a price, found text"
    assert desk.events("PAYLOAD_MALFORMED") == [told]


@pytest.mark.parametrize(
    ("late", "expected"),
    [(("NYC",), ComponentStatus.DEGRADED), (("NYC", "CHI"), ComponentStatus.DOWN)],
)
def test_weather_that_is_late_shows_in_health(
    desk: Desk, late: tuple[str, ...], expected: ComponentStatus
) -> None:
    desk.show("CHI")
    for code in late:
        found = desk.weather.snapshots[code]
        desk.weather.snapshots[code] = found.model_copy(update={"is_fetch_stale": True})

    run_cycle(desk.trader, slot="one")

    assert health(desk)[Component.NWS_API] is expected
    assert R.WEATHER_STALE in reasons(desk)


@pytest.mark.story("4.10")
def test_in_shadow_the_same_cycle_fills_at_the_quotes_and_sends_nothing(desk: Desk) -> None:
    shadow = ShadowExchange(clock=desk.clock)
    desk.trader.exchange, desk.trader.mode = shadow, TradingMode.SHADOW
    start = CapitalEvent(kind="START", amount_usd=D(5000), occurred_at=b.NOW, mode=TradingMode.SHADOW)
    desk.store.capital.save(start, set_by="test", at=b.NOW)  # SHADOW has books of its own

    summary = run_cycle(desk.trader, slot="one")

    assert (summary.orders, summary.fills) == (1, 1)
    assert desk.exchange.sent == []
    (fill,) = desk.store.fills.get(TradingMode.SHADOW)
    assert (fill.price, fill.mode) == (D("0.11"), TradingMode.SHADOW)
    assert desk.store.fills.get(MODE) == ()
    assert set(desk.store.orders.count(TradingMode.SHADOW)) == {OrderStatus.FILLED}


def test_what_a_cycle_stored_replays_to_the_same_bytes(desk: Desk) -> None:
    run_cycle(desk.trader, slot="one")
    run_cycle(desk.trader, slot="two")

    result = replay(desk.store)

    assert (result.cycles, result.identical, result.differences) == (2, 2, ())
