"""The request budget: bursts, waits, the account's own rates and the exchange's list of costs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import SecretStr

from tests.fakes.clock import FakeClock
from tests.fakes.loopback import Asked, Loopback, Reply, reply, serving
from tests.fakes.samples import exchange_case
from trader.adapters.http import HttpClient
from trader.adapters.kalshi.client import KalshiClient
from trader.adapters.kalshi.limits import Limits
from trader.adapters.kalshi.signing import Signer
from trader.adapters.token_bucket import TokenBucket
from trader.domain.errors import TransientError
from trader.simulator.limits import Buckets

LIMITS = exchange_case("account__limits")["response_body"]
COSTS = exchange_case("account__endpoint_costs")["response_body"]


@contextmanager
def client(
    script: Callable[[Asked], Reply], *, is_signed: bool = True
) -> Iterator[tuple[KalshiClient, Loopback, FakeClock]]:
    clock = FakeClock()
    signer = Signer(SecretStr("key-id-0001"), Ed25519PrivateKey.generate()) if is_signed else None
    with serving(script) as server, HttpClient(clock=clock, timeout_s=10) as http:
        yield KalshiClient(http, f"{server.origin}/trade-api/v2", clock=clock, signer=signer), server, clock


def account(limits: Any = LIMITS, costs: Any = COSTS) -> Callable[[Asked], Reply]:
    return lambda asked: reply(costs if asked.path.endswith("endpoint_costs") else limits)


@pytest.mark.story("3.2")
def test_bucket_lets_a_burst_pass_and_then_one_per_interval() -> None:
    clock = FakeClock()
    bucket = TokenBucket(clock, rate=20, capacity=3)

    for _ in range(5):
        bucket.take()

    assert clock.slept == pytest.approx([0.05, 0.05])
    clock.advance(10)
    for _ in range(3):
        bucket.take()
    assert len(clock.slept) == 2


@pytest.mark.story("3.2")
def test_a_call_that_costs_more_than_the_bucket_holds_waits_for_a_full_one() -> None:
    clock = FakeClock()
    bucket = TokenBucket(clock, rate=10, capacity=20)

    bucket.take(150)
    bucket.take(150)

    assert clock.slept == pytest.approx([2.0])


@pytest.mark.story("3.2")
@pytest.mark.parametrize(
    ("method", "path", "calls"),
    [
        ("GET", "/markets", 60),  # 600 tokens at 10 each
        ("GET", "/portfolio/orders/2597b999-f887-4195-8bac-c3f97a1f2021", 300),
        ("GET", "/portfolio/orders", 60),
        ("POST", "/portfolio/events/orders", 8),  # 80 of 100 tokens at 10 each
        ("DELETE", "/portfolio/events/orders/2597b999-f887-4195-8bac-c3f97a1f2021", 40),
        ("DELETE", "/portfolio/events/orders", 40),
    ],
)
def test_documented_costs_hold_until_the_exchange_names_its_own(method: str, path: str, calls: int) -> None:
    clock = FakeClock()
    limits = Limits(clock)

    for _ in range(calls):
        limits.take(method, path)

    assert clock.slept == []
    limits.take(method, path)
    assert len(clock.slept) == 1


@pytest.mark.story("3.2")
@pytest.mark.parametrize("is_adopted", [False, True])
def test_no_order_of_a_burst_is_refused_where_the_first_travels_longer_than_the_others(
    *, is_adopted: bool
) -> None:
    with client(account()) as (kalshi, _, clock):
        if is_adopted:
            kalshi.adopt_limits()
        exchange = Buckets(clock.monotonic)
        taken = []
        for journey_s in (0.15, *[0.005] * 29):
            kalshi.limits.take("POST", "/portfolio/events/orders")
            clock.advance(journey_s)
            taken.append(exchange.take("create", is_write=True))

    assert taken == [True] * 30


@pytest.mark.story("3.1")
def test_account_limits_and_costs_are_adopted() -> None:
    with client(account()) as (kalshi, _, clock):
        assert kalshi.adopt_limits() == "basic"
        for _ in range(20):  # the recorded account has 200 read tokens at once and no more
            kalshi.get("/markets", what="markets")

        assert sum(clock.slept) == pytest.approx(0.0)
        kalshi.get("/markets", what="markets")
        assert clock.slept == pytest.approx([0.05])


@pytest.mark.story("3.1")
def test_without_a_key_only_the_public_list_of_costs_is_read() -> None:
    with client(account(), is_signed=False) as (kalshi, server, _):
        assert kalshi.adopt_limits() == "documented basic"

        assert [asked.path.rpartition("/")[2] for asked in server.asked] == ["endpoint_costs"]


@pytest.mark.story("3.1")
@pytest.mark.parametrize(
    "script",
    [
        account(limits={"usage_tier": "basic", "read": {"refill_rate": 0, "bucket_capacity": 200}}),
        account(limits={**LIMITS, "write": {"refill_rate": 100}}),
        account(limits={**LIMITS, "read": {"refill_rate": "200", "bucket_capacity": 200}}),
        account(costs={**COSTS, "default_cost": 0}),
        account(costs={"default_cost": 10}),
        lambda _: reply({"error": {"code": "not_found"}}, 404),
    ],
)
def test_limits_that_cannot_be_read_change_nothing(script: Callable[[Asked], Reply]) -> None:
    with client(script) as (kalshi, _, _):
        with pytest.raises(TransientError, match="the limits in force stay"):
            kalshi.adopt_limits()

        assert kalshi.limits.tier == "documented basic"
