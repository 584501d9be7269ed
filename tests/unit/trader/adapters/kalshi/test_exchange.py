"""Three outcomes of a send, and lists that are whole or not there."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import SecretStr

from tests.fakes.clock import FakeClock
from tests.fakes.loopback import Asked, Loopback, Reply, reply, serving
from tests.fakes.samples import exchange_case, intent
from tests.fakes.venue import unfenced
from trader.adapters.http import HttpClient
from trader.adapters.kalshi.client import KalshiClient
from trader.adapters.kalshi.exchange import KalshiExchange
from trader.adapters.kalshi.signing import Signer
from trader.domain.errors import ConfigurationError, InvariantViolation, LostWriterLock, TransientError
from trader.domain.orders import Accepted, Canceled, Refused, Unknown
from trader.domain.types import TradingMode

ORDER_ID = "3b23c1c7-f4ef-4f0d-8b9a-9e53c61f1a0d"
CREATED = {
    "order_id": ORDER_ID,
    "client_order_id": "8c35ecb3-328f-4f52-8c7c-0f4b9862f8d1",
    "fill_count": "4.00",
    "remaining_count": "0.00",
    "ts_ms": 1795182600123,
}
CANCELED = {"order_id": ORDER_ID, "reduced_by": "6.00", "ts_ms": 1795182600123}
FILLS = exchange_case("fills__after_taker")["response_body"]["fills"]
ORDERS = exchange_case("portfolio__orders_list")["response_body"]["orders"]


@contextmanager
def account(
    script: Callable[[Asked], Reply], *, is_keyed: bool = True, timeout_s: float = 10
) -> Iterator[tuple[KalshiExchange, Loopback]]:
    clock = FakeClock()
    signer = Signer(SecretStr("key-id-0001"), Ed25519PrivateKey.generate()) if is_keyed else None
    with serving(script) as server, HttpClient(clock=clock, timeout_s=timeout_s) as http:
        client = KalshiClient(http, f"{server.origin}/trade-api/v2", clock=clock, signer=signer)
        yield KalshiExchange(client, clock=clock, mode=TradingMode.DEMO), server


CUTOFF = {"market_settled_ts": "2026-04-01T00:00:00Z", "trades_created_ts": "2026-04-01T00:00:00Z"}
CUTOFF |= {"orders_updated_ts": "2026-05-28T00:00:00Z"}


def rows(name: str, *values: Any) -> Callable[[Asked], Reply]:
    """Serve these rows as live ones; nothing is in the archive."""

    def script(asked: Asked) -> Reply:
        if asked.path.endswith("/historical/cutoff"):
            return reply(CUTOFF)
        return reply({name: [] if "/historical/" in asked.path else list(values), "cursor": ""})

    return script


@pytest.mark.story("3.3")
def test_create_returns_the_exchange_id_and_quantities() -> None:
    with account(lambda _: reply(CREATED, 201)) as (exchange, server):
        outcome = exchange.create_order(intent(), fence=unfenced)

    assert outcome == Accepted(kalshi_order_id=ORDER_ID, filled_qty=Decimal(4), remaining_qty=Decimal(0))
    assert server.paths("POST") == ["/trade-api/v2/portfolio/events/orders"]


@pytest.mark.story("3.3")
@pytest.mark.parametrize(
    ("case", "code"),
    [
        ("orders__insufficient_balance", "insufficient_balance"),
        ("orders__invalid_price_structure", "invalid_price"),
        ("orders__post_only_cross", "invalid_order"),
        ("orders__numeric_field_types", "bad_request"),
        ("auth__skew_minus30s", "header_timestamp_expired"),
    ],
)
def test_recorded_refusal_of_a_create_is_proof_and_is_not_retried(case: str, code: str) -> None:
    recorded = exchange_case(case)

    with account(lambda _: reply(recorded["response_body"], recorded["status"])) as (exchange, server):
        assert exchange.create_order(intent(), fence=unfenced) == Refused(
            status=recorded["status"], code=code
        )
        assert len(server.asked) == 1


UNKNOWN = {
    "request time-out": Reply(408, b'{"error":{"code":"timeout"}}'),
    "server error": Reply(500, b'{"error":{"code":"internal_error"}}'),
    "bad gateway in HTML": Reply(502, b"<html>"),
    "unavailable": reply({"error": {"code": "exchange_unavailable"}}, 503),
    "gateway time-out": Reply(504, b""),
    "dropped": Reply(is_dropped=True),
    "cut": Reply(201, b"{}" * 50, cut_after=3),
    "trickle": Reply(201, b"x" * 100, pause_s=0.1),
    "success without an order": reply({}, 201),
    "success with an error": reply({"error": {"code": "deprecated_v1_order_endpoint"}}, 200),
    "success in HTML": Reply(200, b"<html>"),
    "success with another order": reply(CREATED | {"client_order_id": "other"}, 201),
    "refusal in HTML": Reply(403, b"<html>blocked</html>"),
    "redirect": Reply(307, b"", {"Location": "/elsewhere"}),
    "our own id again": reply({"error": {"code": "order_already_exists", "message": "m"}}, 409),
    "our own id again in capitals": reply({"error": {"code": "ORDER_ALREADY_EXISTS", "message": "m"}}, 409),
}


@pytest.mark.story("3.3")
@pytest.mark.parametrize("answer", UNKNOWN.values(), ids=UNKNOWN.keys())
def test_create_without_proof_is_unknown_and_sent_once(answer: Reply) -> None:
    with account(lambda _: answer, timeout_s=0.5 if answer.pause_s else 10) as (exchange, server):
        outcome = exchange.create_order(intent(), fence=unfenced)

        assert isinstance(outcome, Unknown)
        assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (409, {"error": {"code": "trading_is_paused", "message": "m"}}, "trading_is_paused"),
        (
            409,
            {"error": {"code": "fill_or_kill_insufficient_resting_volume"}},
            "fill_or_kill_insufficient_resting_volume",
        ),
        (410, {"error": {"code": "deprecated_v1_order_endpoint"}}, "deprecated_v1_order_endpoint"),
        (429, {"error": "too many requests"}, "too_many_requests"),
        (422, {"error": {"code": "SOMETHING_NEW"}}, "SOMETHING_NEW"),
    ],
)
def test_other_refusals_with_a_code_are_proof(status: int, body: Any, code: str) -> None:
    with account(lambda _: reply(body, status)) as (exchange, _):
        assert exchange.create_order(intent(), fence=unfenced) == Refused(status=status, code=code)


def lost_lock() -> None:
    raise LostWriterLock("another process may hold the lock; nothing is sent")


def test_fence_stops_a_create_and_a_cancel_before_the_first_byte() -> None:
    with account(lambda _: reply(CREATED, 201)) as (exchange, server):
        with pytest.raises(LostWriterLock):
            exchange.create_order(intent(), fence=lost_lock)
        with pytest.raises(LostWriterLock):
            exchange.cancel_order(ORDER_ID, "T", fence=lost_lock)

        assert server.asked == []


def test_fence_is_asked_after_the_signature_was_made_so_that_a_sleeper_wakes_with_an_old_one() -> None:
    with account(lambda _: reply(CREATED, 201)) as (exchange, server):
        clock = FakeClock()
        exchange._client._clock = clock  # the signature's clock
        before = clock.now()

        exchange.create_order(intent(), fence=lambda: clock.advance(3600))

        stamp = int(server.asked[0].headers["kalshi-access-timestamp"])
        assert stamp == int(before.timestamp() * 1000)


def test_orders_since_an_instant_are_what_rests_and_what_was_created_since() -> None:
    since = datetime(2026, 6, 11, 6, 29, 30, tzinfo=UTC)

    with account(rows("orders", *ORDERS)) as (exchange, server):
        found = exchange.list_orders(since)

    assert len(found) == len({row["order_id"] for row in ORDERS})
    asked = [(a.query.get("status"), a.query.get("min_ts")) for a in server.asked if "portfolio" in a.path]
    assert asked == [("resting", None), (None, str(int(since.timestamp())))]


def test_age_of_the_lists_is_the_exchanges_word_or_unknown() -> None:
    with account(lambda _: reply({"as_of_time": "2026-06-11T06:29:30.5Z"})) as (exchange, server):
        assert exchange.data_as_of() == datetime(2026, 6, 11, 6, 29, 30, 500_000, tzinfo=UTC)
        assert server.paths() == ["/trade-api/v2/exchange/user_data_timestamp"]
    with account(lambda _: reply({"error": {"code": "not_found"}}, 404)) as (exchange, _):
        assert exchange.data_as_of() is None
    with account(lambda _: reply({})) as (exchange, _), pytest.raises(TransientError, match="lists were not"):
        exchange.data_as_of()


@pytest.mark.story("3.3")
def test_cancel_names_order_and_market() -> None:
    with account(lambda _: reply(CANCELED)) as (exchange, server):
        outcome = exchange.cancel_order(ORDER_ID, "KXHIGHNY-26JUL16-B85.5", fence=unfenced)
    assert outcome == Canceled(kalshi_order_id=ORDER_ID, reduced_qty=Decimal(6))

    assert server.paths("DELETE") == [f"/trade-api/v2/portfolio/events/orders/{ORDER_ID}"]
    assert server.asked[0].query == {"market_ticker": "KXHIGHNY-26JUL16-B85.5"}


@pytest.mark.parametrize(
    "case", ["orders__cancel_executed", "orders__cancel_already_canceled", "orders__cancel_unknown_id"]
)
def test_cancel_of_what_is_not_found_proves_nothing(case: str) -> None:
    recorded = exchange_case(case)

    with account(lambda _: reply(recorded["response_body"], recorded["status"])) as (exchange, _):
        assert exchange.cancel_order(ORDER_ID, "T", fence=unfenced) == Unknown(why="not_found")


@pytest.mark.parametrize(
    "answer",
    [reply({}), reply(CANCELED | {"order_id": "another-order"}), reply(CANCELED | {"reduced_by": "0.00"})],
)
def test_cancel_answer_that_names_no_reduction_is_unknown(answer: Reply) -> None:
    with account(lambda _: answer) as (exchange, _):
        assert isinstance(exchange.cancel_order(ORDER_ID, "T", fence=unfenced), Unknown)


@pytest.mark.parametrize("order_id", ["", " ", "/", "..", "batched/", "short", "x" * 65, "a?b=c&d=efgh"])
def test_id_that_is_none_never_reaches_the_cancel_all_address(order_id: str) -> None:
    with account(lambda _: Reply(204, b"")) as (exchange, server):
        with pytest.raises(InvariantViolation, match="nothing was sent"):
            exchange.cancel_order(order_id, "T", fence=unfenced)
        assert server.asked == []


def test_intent_of_another_mode_is_not_sent() -> None:
    with account(lambda _: reply(CREATED, 201)) as (exchange, server):
        with pytest.raises(InvariantViolation, match="expected DEMO, found LIVE"):
            exchange.create_order(intent(mode=TradingMode.LIVE), fence=unfenced)
        assert server.asked == []


@pytest.mark.story("3.1")
def test_authenticate_proves_the_key_and_names_the_account() -> None:
    balance = exchange_case("auth__balance_ok")["response_body"]

    with account(lambda _: reply(balance)) as (exchange, server):
        name = exchange.authenticate()

    assert name.startswith("demo-")
    assert "key-id-0001" not in name
    assert server.paths() == ["/trade-api/v2/portfolio/balance"]
    assert server.asked[0].headers["kalshi-access-key"] == "key-id-0001"


@pytest.mark.story("3.1")
@pytest.mark.parametrize(
    "case", ["auth__bad_signature", "auth__unknown_key_id", "auth__missing_signature_header"]
)
def test_refused_key_is_the_operators_to_mend(case: str) -> None:
    recorded = exchange_case(case)

    refusal = reply(recorded["response_body"], 401)
    with account(lambda _: refusal) as (exchange, _), pytest.raises(ConfigurationError, match="was started"):
        exchange.authenticate()
    with account(lambda _: Reply(200)) as (exchange, _), pytest.raises(TransientError):
        exchange.authenticate()
    with account(lambda _: Reply(200), is_keyed=False) as (exchange, _), pytest.raises(ConfigurationError):
        exchange.authenticate()


@pytest.mark.story("3.1")
@pytest.mark.parametrize(
    ("case", "offset_s"),
    [("auth__skew_minus5min", None), ("auth__bad_signature", 40), ("auth__bad_signature", -40)],
)
def test_refusal_that_a_wrong_clock_explains_passes_by_itself(case: str, offset_s: int | None) -> None:
    recorded = reply(exchange_case(case)["response_body"], 401)
    if offset_s is not None:
        said = FakeClock().now() - timedelta(seconds=offset_s)
        recorded = replace(recorded, headers={"Date": format_datetime(said, usegmt=True)})

    with (
        account(lambda _: recorded) as (exchange, _),
        pytest.raises(TransientError, match=r"our clock (is|differs)"),
    ):
        exchange.authenticate()


@pytest.mark.story("3.4")
def test_fills_are_filtered_by_time_sorted_and_each_once() -> None:
    since = datetime(2026, 6, 11, 6, 29, 30, 164956, tzinfo=UTC)

    with account(rows("fills", *FILLS, FILLS[0])) as (exchange, server):
        everything = exchange.get_fills()
        newer = exchange.get_fills(since)
        later = exchange.get_fills(since + timedelta(microseconds=1))

    assert [fill.filled_at for fill in everything] == sorted({fill.filled_at for fill in everything})
    assert len(everything) == len(FILLS)
    assert [fill.fill_id for fill in newer] == [FILLS[0]["fill_id"]]
    assert later == ()
    asked = [a.query.get("min_ts") for a in server.asked if a.path.endswith("/portfolio/fills")]
    assert asked[:2] == [None, str(int(since.timestamp()))]


@pytest.mark.story("3.4")
def test_empty_account_gives_empty_lists() -> None:
    def script(asked: Asked) -> Reply:
        name = asked.path.rpartition("/")[2]
        if name == "cutoff":
            return reply({"error": {"code": "not_found"}}, 404)
        return reply({"market_positions" if name == "positions" else name: [], "cursor": ""})

    with account(script) as (exchange, _):
        assert exchange.get_fills() == ()
        assert exchange.list_orders() == ()
        assert exchange.get_settlements() == ()
        assert exchange.get_positions() == ()


@pytest.mark.story("3.4")
def test_orders_and_positions_are_listed_in_our_words() -> None:
    positions = exchange_case("portfolio__positions")["response_body"]

    with account(rows("orders", *ORDERS, ORDERS[0])) as (exchange, server):
        orders = exchange.list_orders()
        assert "status" not in server.asked[0].query
    with account(lambda _: reply(positions)) as (exchange, _):
        held = exchange.get_positions()

    assert len(orders) == len(ORDERS)
    assert [position.position for position in held] == [3]


@pytest.mark.parametrize(
    "row", [ORDERS[0] | {"status": "pending"}, {k: v for k, v in ORDERS[0].items() if k != "ticker"}, "text"]
)
def test_one_unreadable_order_spoils_the_list_instead_of_vanishing(row: Any) -> None:
    listed = rows("orders", ORDERS[1], row)
    with account(listed) as (exchange, _), pytest.raises(TransientError, match="the list was not used"):
        exchange.list_orders()


def test_refused_look_up_is_no_answer_about_orders() -> None:
    with account(lambda _: reply({"error": {"code": "forbidden"}}, 403)) as (exchange, _):
        for read in (exchange.list_orders, exchange.get_fills, exchange.get_positions, exchange.get_balance):
            with pytest.raises(TransientError, match="403 forbidden"):
                read()


@pytest.mark.story("3.4")
@pytest.mark.parametrize(
    ("since", "paths"),
    [
        (None, ["portfolio", "historical"]),
        (datetime(2026, 5, 27, tzinfo=UTC), ["portfolio", "portfolio", "historical"]),
        (datetime(2026, 5, 28, tzinfo=UTC), ["portfolio", "portfolio"]),
    ],
)
def test_orders_older_than_the_exchanges_line_are_read_from_its_archive_too(
    since: datetime | None, paths: list[str]
) -> None:
    old = ORDERS[0] | {"order_id": "9" * 36}

    def script(asked: Asked) -> Reply:
        if asked.path.endswith("cutoff"):
            return reply(CUTOFF)
        return reply({"orders": [old if "historical" in asked.path else ORDERS[1]], "cursor": ""})

    with account(script) as (exchange, server):
        found = exchange.list_orders(since)
        exchange.list_orders(since)

        assert [p.split("/")[3] for p in server.paths() if p.endswith("/orders")] == 2 * paths
        assert sum(path.endswith("/cutoff") for path in server.paths()) == 1
    assert ("9" * 36 in {order.kalshi_order_id for order in found}) is ("historical" in paths)


def test_archive_that_cannot_be_told_spoils_the_list() -> None:
    def script(asked: Asked) -> Reply:
        if asked.path.endswith("cutoff"):
            return reply({"market_settled_ts": "2026-04-01T00:00:00Z"})
        return reply({"fills": [], "cursor": ""})

    with account(script) as (exchange, _), pytest.raises(TransientError, match="old rows may be missing"):
        exchange.get_fills()


@pytest.mark.story("3.3")
def test_one_order_is_read_and_none_found_is_told_apart_from_no_answer() -> None:
    recorded = exchange_case("orders__get_after_cancel")["response_body"]
    with account(lambda _: reply(recorded)) as (exchange, server):
        found = exchange.get_order(ORDER_ID)
        assert server.paths() == [f"/trade-api/v2/portfolio/orders/{ORDER_ID}"]
        with pytest.raises(InvariantViolation):
            exchange.get_order("")
    assert found is not None
    assert (found.status, found.remaining_qty) == ("resting", Decimal(1))  # reads lag the matching engine

    with account(lambda _: reply({"error": {"code": "not_found"}}, 404)) as (exchange, _):
        assert exchange.get_order(ORDER_ID) is None
    for answer in (reply({"error": {"code": "forbidden"}}, 403), reply({"order": {}}), Reply(503)):
        with account(lambda _, a=answer: a) as (exchange, _), pytest.raises(TransientError):  # type: ignore[misc]
            exchange.get_order(ORDER_ID)


@pytest.mark.story("3.3")
def test_cancel_of_everything_is_confirmed_by_an_empty_204_only() -> None:
    with account(lambda _: Reply(204, b"")) as (exchange, server):
        assert exchange.cancel_all(fence=unfenced) is None
        assert server.paths("DELETE") == ["/trade-api/v2/portfolio/events/orders"]
    with account(lambda _: reply({"error": {"code": "forbidden"}}, 403)) as (exchange, _):
        assert exchange.cancel_all(fence=unfenced) == Refused(status=403, code="forbidden")
    for answer in (Reply(500), reply({"ok": True}), Reply(403, b"<html>")):
        with account(lambda _, a=answer: a) as (exchange, server):  # type: ignore[misc]
            assert isinstance(exchange.cancel_all(fence=unfenced), Unknown)
            assert len(server.asked) == 1


DEPOSIT = {
    "id": "7f1",
    "status": "applied",
    "type": "ach",
    "amount_cents": 20_000,
    "fee_cents": 0,
    "created_ts": 1784160000,
    "finalized_ts": 1784163600,
}


@pytest.mark.story("3.4")
def test_transfers_that_reached_the_balance_are_listed_with_their_sign() -> None:
    listed = {
        "deposits": [DEPOSIT, DEPOSIT | {"id": "7f2", "status": "pending"}, DEPOSIT | {"status": "failed"}],
        "withdrawals": [
            DEPOSIT | {"id": "8a", "amount_cents": 150, "fee_cents": 200, "finalized_ts": None},
            DEPOSIT | {"id": "8b", "status": "returned"},
        ],
    }

    def script(asked: Asked) -> Reply:
        name = asked.path.rpartition("/")[2]
        return reply({name: listed[name]} if name == "deposits" else {name: listed[name], "cursor": ""})

    with account(script) as (exchange, server):
        found = exchange.get_transfers()

        assert {asked.query["limit"] for asked in server.asked} == {"500"}
    assert [(t.ref, t.amount_usd, t.fee_usd, t.is_returned) for t in found] == [
        ("withdrawal 8a", Decimal("-1.5"), Decimal(2), False),
        ("deposit 7f1", Decimal(200), Decimal(0), False),
        ("withdrawal 8b", Decimal(-200), Decimal(0), True),
    ]
    assert found[1].applied_at == datetime(2026, 7, 16, 1, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "change",
    [{"status": "settled"}, {"amount_cents": "20000"}, {"amount_cents": -1}, {"fee_cents": None}, {"id": 7}],
)
def test_transfer_of_another_form_spoils_the_list(change: dict[str, Any]) -> None:
    script = rows("deposits", DEPOSIT | change)

    with account(script) as (exchange, _), pytest.raises(TransientError, match="the list was not used"):
        exchange.get_transfers()
