"""One recorded world for all tests of the simulator, and a fresh exchange on it."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

import pytest

from trader.simulator.clock import WorldClock
from trader.simulator.exchange import Exchange
from trader.simulator.order_request import OrderRequest
from trader.simulator.world import World

ExchangeMaker = Callable[..., Exchange]
RequestMaker = Callable[..., OrderRequest]


@pytest.fixture(scope="session")
def world() -> World:
    return World.load("july2026")


@pytest.fixture
def exchange_at(world: World) -> ExchangeMaker:
    """Return a maker of exchanges with a stepped clock at an instant."""

    def make(at: datetime, cash: str = "5000", seed: int = 0) -> Exchange:
        exchange = Exchange(world, WorldClock(at, world.end, 0, lambda: 0.0), Decimal(cash), seed)
        exchange.advance()
        return exchange

    return make


@pytest.fixture
def order() -> RequestMaker:
    """Return a maker of well-formed requests with a new client id each time."""
    number = 0

    def make(ticker: str, side: str, count: str, price: str, **changes: object) -> OrderRequest:
        nonlocal number
        number += 1
        fields: dict[str, object] = {
            "ticker": ticker,
            "client_order_id": f"client-{number}",
            "is_bid": side == "bid",
            "count": Decimal(count),
            "price": Decimal(price),
            "time_in_force": "good_till_canceled",
            "self_trade_prevention": "taker_at_cross",
            "expires_at": None,
            "post_only": False,
            "reduce_only": False,
            "cancel_on_pause": False,
        }
        return OrderRequest(**(fields | changes))  # type: ignore[arg-type]  # a table of keyword defaults

    return make
