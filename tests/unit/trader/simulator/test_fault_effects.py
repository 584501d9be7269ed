"""What each fault does to the account, the lists and the markets, seen as a client sees it."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from trader.adapters.kalshi.signing import load_signer
from trader.rehearsal.stage import Stage, set_up
from trader.simulator.faults import OPERATIONS, Fault, FaultKind
from trader.simulator.http import Answer, Request
from trader.simulator.server import GENERATED_KEY_ID
from trader.simulator.spoiled import NoReply
from trader.simulator.world import World

AT = datetime(2026, 7, 16, 1, 29, 16, tzinfo=UTC)
TICKER = "KXHIGHNY-26JUL16-B89.5"
EVENT = TICKER.rsplit("-", 1)[0]
BASE = "/trade-api/v2"
ORDERS = "/portfolio/events/orders"
K = FaultKind


class Caller:
    """Signs and calls; every answer is checked to be one."""

    def __init__(self, stage: Stage, key_file: Path) -> None:
        self.stage = stage
        self.account = stage.simulator.exchange.account
        self._signer = load_signer(SecretStr(GENERATED_KEY_ID), key_file)
        self._number = 0

    def raw(self, method: str, path: str, body: Any = None, **query: str) -> Answer | NoReply:
        headers = {
            name.lower(): value
            for name, value in self._signer.headers(method, BASE + path, self.stage.clock.now()).items()
        }
        content = b"" if body is None else json.dumps(body).encode()
        return self.stage.simulator.respond(
            Request(method, BASE + path, query, {"user-agent": "x", **headers}, content)
        )

    def __call__(self, method: str, path: str, body: Any = None, **query: str) -> tuple[int, Any]:
        reply = self.raw(method, path, body, **query)
        assert isinstance(reply, Answer)
        return reply.status, json.loads(reply.body) if reply.body else None

    def get(self, path: str, **query: str) -> Any:
        status, body = self("GET", path, **query)
        assert status == 200, body
        return body

    def rest(self, price: str = "0.01", count: str = "10.00", **changes: Any) -> Any:
        return self.send(price, count, time_in_force="good_till_canceled", **changes)

    def send(self, price: str = "0.99", count: str = "1.00", **changes: Any) -> Any:
        self._number += 1
        body = {
            "ticker": TICKER,
            "side": "bid",
            "price": price,
            "count": count,
            "client_order_id": f"client-{self._number}",
            "time_in_force": "immediate_or_cancel",
            "self_trade_prevention_type": "taker_at_cross",
        }
        return self("POST", ORDERS, body | changes)

    def wait(self, **span: float) -> None:
        self.stage.clock.step_to(self.stage.clock.now() + timedelta(**span))
        self.stage.simulator.exchange.advance()


Make = Callable[..., Caller]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    world = World.load("july2026")

    def made(*faults: Fault, at: datetime = AT) -> Caller:
        stage = set_up(world, tmp_path, at=at, faults=faults)
        return Caller(stage, tmp_path / "simulator_ed25519.pem")

    return made


def test_the_operations_a_fault_can_address_are_the_routes(make: Make) -> None:
    assert make().stage.simulator.operations == frozenset(OPERATIONS)


@pytest.mark.parametrize(
    ("kind", "is_done"),
    [
        (K.TIMEOUT_BEFORE_ACCEPT, False),
        (K.TIMEOUT_AFTER_ACCEPT, True),
        (K.DROP_CONNECTION, False),
        (K.DROP_AFTER_ACCEPT, True),
        (K.CUT_BODY, True),
        (K.TRICKLE, True),
        (K.UNREACHABLE, False),
    ],
)
def test_a_create_without_answer_has_happened_or_not(make: Make, kind: FaultKind, is_done: bool) -> None:
    caller = make(Fault("create", 1, kind))
    body = {"ticker": TICKER}

    assert isinstance(caller.raw("POST", ORDERS, body), NoReply)
    assert caller.send()[0] == 201
    caller = make(Fault("create", 1, kind))
    with pytest.raises(AssertionError):
        caller.send()

    assert len(caller.account.orders) == is_done


@pytest.mark.parametrize(
    ("kind", "status", "is_done"),
    [
        (K.HTTP_429, 429, False),
        (K.HTTP_500, 500, False),
        (K.HTTP_500_AFTER_ACCEPT, 500, True),
        (K.EMPTY_OBJECT, 200, True),
    ],
)
def test_a_wrong_answer_to_a_create(make: Make, kind: FaultKind, status: int, is_done: bool) -> None:
    caller = make(Fault("create", 1, kind))

    assert caller.send()[0] == status
    assert len(caller.account.orders) == is_done


def test_an_id_is_taken_for_ever_unless_the_fault_frees_it(make: Make) -> None:
    for faults, second in (((), 409), ((Fault("*", 0, K.IDS_REUSABLE),), 201)):
        caller = make(*faults)
        caller.send(client_order_id="same")
        assert caller.send(client_order_id="same")[0] == second
        caller.rest(client_order_id="resting")
        assert caller.rest(client_order_id="resting")[0] == 409


def test_what_rests_fills_bit_by_bit_without_a_fee(make: Make) -> None:
    caller = make(Fault("*", 0, K.DRIP_FILLS, value=30))
    order_id = caller.rest()[1]["order_id"]

    caller.wait(minutes=3)

    order = caller.get(f"/portfolio/orders/{order_id}")["order"]
    fills = caller.get("/portfolio/fills")["fills"]
    assert fills
    assert {(fill["is_taker"], fill["fee_cost"]) for fill in fills} == {(False, "0.000000")}
    assert sum(Decimal(fill["count_fp"]) for fill in fills) == Decimal(order["fill_count_fp"])
    assert Decimal(order["maker_fill_cost_dollars"]) == Decimal(order["fill_count_fp"]) * Decimal("0.01")
    assert caller.account.cash == 5000 - Decimal(order["maker_fill_cost_dollars"])


def test_a_fill_may_come_after_a_confirmed_cancel(make: Make) -> None:
    caller = make(Fault("*", 0, K.LATE_FILL, value=20))
    order_id = caller.rest()[1]["order_id"]

    status, canceled = caller("DELETE", f"{ORDERS}/{order_id}")
    before = caller.get("/portfolio/fills")["fills"]
    caller.wait(seconds=21)
    after = caller.get("/portfolio/fills")["fills"]
    order = caller.get(f"/portfolio/orders/{order_id}")["order"]

    assert (status, canceled["reduced_by"], before) == (200, "10.00", [])
    assert [fill["count_fp"] for fill in after] == ["5.00"]
    assert (order["status"], order["fill_count_fp"], order["remaining_count_fp"]) == (
        "canceled",
        "5.00",
        "0.00",
    )


def test_a_cancel_that_comes_too_late_answers_not_found(make: Make) -> None:
    caller = make(Fault("*", 0, K.CANCEL_TOO_LATE))
    order_id = caller.rest()[1]["order_id"]

    assert caller("DELETE", f"{ORDERS}/{order_id}")[0] == 404
    assert caller.get(f"/portfolio/orders/{order_id}")["order"]["status"] == "executed"


def test_a_trading_pause_lets_cancels_pass_and_an_exchange_pause_does_not(make: Make) -> None:
    for kind, cancel, code in (
        (K.TRADING_PAUSE, 200, "trading_is_paused"),
        (K.EXCHANGE_PAUSE, 409, "exchange_is_paused"),
    ):
        begins = AT + timedelta(seconds=10)
        caller = make(Fault("*", 0, kind, start=begins, end=begins + timedelta(minutes=5)))
        order_id = caller.rest()[1]["order_id"]
        caller.wait(seconds=10)

        refused, shown = caller.rest(), caller.get("/exchange/status")
        assert (refused[0], refused[1]["error"]["code"]) == (409, code)
        assert caller("DELETE", f"{ORDERS}/{order_id}")[0] == cancel
        assert (shown["trading_active"], shown["exchange_active"]) == (False, kind is K.TRADING_PAUSE)
        caller.wait(minutes=5)
        assert caller.rest()[0] == 201
        assert caller.stage.simulator.faults.planned[0].fired > 0


def test_a_market_pause_shows_as_inactive_and_ends_with_its_orders_cancelled(make: Make) -> None:
    begins = AT + timedelta(seconds=10)
    caller = make(Fault(TICKER, 0, K.MARKET_PAUSE, start=begins, end=begins + timedelta(minutes=5)))
    order_id = caller.rest()[1]["order_id"]
    caller.wait(seconds=10)

    assert caller.get(f"/markets/{TICKER}")["market"]["status"] == "inactive"
    assert caller.rest()[1]["error"]["code"] == "MARKET_NOT_ACTIVE"
    paused = caller.get("/markets", status="paused", event_ticker=EVENT)["markets"]
    assert [row["ticker"] for row in paused] == [TICKER]
    assert caller.get(f"/portfolio/orders/{order_id}")["order"]["status"] == "resting"
    caller.wait(minutes=5)
    assert caller.get(f"/markets/{TICKER}")["market"]["status"] == "active"
    assert caller.get(f"/portfolio/orders/{order_id}")["order"]["status"] == "canceled"


def test_an_event_that_closes_early_refuses_orders_and_cancels(make: Make) -> None:
    caller = make(Fault(EVENT, 0, K.EARLY_CLOSE, value=10))
    order_id = caller.rest()[1]["order_id"]
    caller.stage.clock.step_to(datetime(2026, 7, 16, 19, tzinfo=UTC))

    assert caller.get(f"/markets/{TICKER}")["market"]["status"] == "closed"
    assert caller.rest()[1]["error"]["code"] == "market_closed"
    assert caller("DELETE", f"{ORDERS}/{order_id}")[0] == 409
    assert caller.get(f"/portfolio/orders/{order_id}")["order"]["status"] == "canceled"


def test_a_clock_that_is_off_refuses_timestamps_and_dates_its_answers_so(make: Make) -> None:
    caller = make(Fault("*", 0, K.CLOCK_OFFSET, value=60))

    reply = caller.raw("GET", "/portfolio/balance")

    assert isinstance(reply, Answer)
    assert (reply.status, json.loads(reply.body)["error"]["code"]) == (401, "header_timestamp_expired")
    assert dict(reply.headers)["date"] == "Thu, 16 Jul 2026 01:30:16 GMT"


@pytest.mark.parametrize("count", [1, -1])
def test_a_settlement_may_be_late_disputed_at_a_price_and_revised(make: Make, count: int) -> None:
    side = "bid" if count > 0 else "ask"
    plan = {
        "late": Fault("*", 0, K.LATE_SETTLEMENT, value=24),
        "dispute": Fault("*", 0, K.DISPUTE, value=3),
        "fair": Fault("*", 0, K.FAIR_PRICE, value=37),
        "revised": Fault("*", 0, K.REVISED_SETTLEMENT, value=5),
    }
    normal = datetime(2026, 7, 17, 14, 15, tzinfo=UTC)
    for name, fault in plan.items():
        caller = make(fault)
        caller.send("0.99" if count > 0 else "0.01", side=side)
        paid = caller.account.cash
        held = next(iter(caller.account.positions.values())).count
        caller.stage.clock.step_to(normal)
        first = caller.get("/portfolio/settlements")["settlements"]
        status = caller.get(f"/markets/{TICKER}")["market"]["status"]
        caller.stage.clock.step_to(normal + timedelta(days=1, minutes=5))
        last = caller.get("/portfolio/settlements")["settlements"]

        assert fault.fired > 0
        assert len(last) == 1
        assert caller.account.cash == paid + Decimal(last[0]["revenue"]) / 100
        if name == "late":
            assert (first, status) == ([], "closed")
        elif name == "dispute":
            assert (first, status) == ([], "disputed")
        elif name == "fair":
            assert (last[0]["market_result"], last[0]["value"]) == ("scalar", 37)
            share = Decimal("0.37") if held > 0 else Decimal("0.63")
            assert Decimal(last[0]["revenue"]) / 100 == abs(held) * share
        else:
            assert {first[0]["market_result"], last[0]["market_result"]} == {"yes", "no"}
            assert first[0]["settled_time"] < last[0]["settled_time"]


def test_money_comes_and_goes_and_only_listed_money_is_listed(make: Make) -> None:
    later = AT + timedelta(minutes=1)
    caller = make(
        Fault("*", 0, K.DEPOSIT, start=later, value=100),
        Fault("*", 0, K.WITHDRAWAL, start=later, value=30),
        Fault("*", 0, K.CASH_MISSING, start=later, value=7.5),
    )
    caller.wait(minutes=2)

    assert caller.account.cash == Decimal("5062.50")
    assert [row["amount_cents"] for row in caller.get("/portfolio/deposits")["deposits"]] == [10_000]
    assert [row["amount_cents"] for row in caller.get("/portfolio/withdrawals")["withdrawals"]] == [3_000]


def test_an_order_by_hand_is_in_the_account_and_marked_in_the_truth(make: Make) -> None:
    caller = make(Fault("*", 0, K.FOREIGN_ORDER, start=AT + timedelta(seconds=5)))
    caller.wait(seconds=6)

    listed = caller.get("/portfolio/orders")["orders"]

    assert len(listed) == 1
    assert [order.is_foreign for order in caller.account.orders.values()] == [True]


def test_reads_lag_while_the_engine_is_ahead(make: Make) -> None:
    caller = make(Fault("*", 0, K.READ_LAG, value=3))
    order_id = caller.rest()[1]["order_id"]

    assert caller.get("/portfolio/orders")["orders"] == []
    assert caller("GET", f"/portfolio/orders/{order_id}")[0] == 404
    assert caller.get("/exchange/user_data_timestamp")["as_of_time"] == "2026-07-16T01:29:13Z"
    caller.wait(seconds=3)
    assert [row["status"] for row in caller.get("/portfolio/orders")["orders"]] == ["resting"]
    caller("DELETE", f"{ORDERS}/{order_id}")
    assert caller.get(f"/portfolio/orders/{order_id}")["order"]["status"] == "resting"
    caller.wait(seconds=3)
    assert caller.get(f"/portfolio/orders/{order_id}")["order"]["status"] == "canceled"


def test_a_fill_may_show_before_its_order(make: Make) -> None:
    caller = make(Fault("*", 0, K.ORDER_HIDDEN, value=3))
    caller.send()

    assert len(caller.get("/portfolio/fills")["fills"]) == 1
    assert caller.get("/portfolio/orders")["orders"] == []


@pytest.mark.parametrize(
    ("kind", "changed"),
    [
        (K.ROWS_DROPPED, lambda rows, before: len(rows) == len(before) - 1),
        (K.ROWS_DOUBLED, lambda rows, before: len(rows) == len(before) + 1),
        (K.ROWS_SHUFFLED, lambda rows, before: sorted(map(str, rows)) == sorted(map(str, before))),
        (K.FIELD_DROPPED, lambda rows, before: rows != before),
        (K.FIELD_RENAMED, lambda rows, before: "_v3" in json.dumps(rows)),
        (K.NUMBER_FOR_STRING, lambda rows, before: rows != before),
        (K.SUB_CENT_PRICE, lambda rows, before: rows != before),
        (K.UNKNOWN_WORD, lambda rows, before: "surprising" in json.dumps(rows)),
    ],
)
def test_a_list_is_rewritten(make: Make, kind: FaultKind, changed: Callable[[Any, Any], bool]) -> None:
    caller = make(Fault("read_fills", 2, kind))
    for _ in range(4):
        caller.send()

    before, spoiled, after = (caller.get("/portfolio/fills").get("fills", []) for _ in range(3))

    assert before == after
    assert changed(spoiled, before) or kind is K.FIELD_DROPPED


def test_a_request_beyond_the_budget_is_refused_and_time_brings_it_back(make: Make) -> None:
    caller = make()

    answers = [caller.rest()[0] for _ in range(12)]
    caller.wait(seconds=1)

    assert answers == [201] * 10 + [429] * 2
    assert caller.rest()[0] == 201
    assert caller("DELETE", f"{ORDERS}/{'0' * 8}")[0] == 404


def test_closed_orders_and_fills_move_to_the_archive_with_age(make: Make) -> None:
    caller = make(at=AT)
    caller.send()
    resting = caller.rest()[1]["order_id"]
    world_end = caller.stage.simulator.exchange.clock
    world_end.move_to(AT + timedelta(days=15))

    assert {row["order_id"] for row in caller.get("/portfolio/orders")["orders"]} <= {resting}
    assert len(caller.get("/historical/orders")["orders"]) >= 1
    assert len(caller.get("/portfolio/fills")["fills"]) == 1
    world_end.move_to(AT + timedelta(days=95))
    assert caller.get("/portfolio/fills")["fills"] == []
    assert len(caller.get("/historical/fills")["fills"]) == 1
    assert set(caller.get("/historical/cutoff")) == {
        "market_settled_ts",
        "trades_created_ts",
        "market_positions_last_updated_ts",
        "orders_updated_ts",
    }
