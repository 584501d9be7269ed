"""Crashes and cut answers around an order: after restart no duplicate, no lost fill, ledgers equal."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from tests.integration.world import EVENING, process_env, settings_for, step, trader_at
from trader.app.books import reconcile
from trader.app.context import Trader
from trader.app.cycle import run_cycle
from trader.app.money import equity_now
from trader.app.postgres import Urls
from trader.app.world import SimulatorProcess
from trader.core.ledger import time_weighted_return
from trader.domain.errors import ConfigurationError, LostWriterLock
from trader.domain.types import OrderStatus

ROOT = Path(__file__).resolve().parents[2]
Start = Callable[..., SimulatorProcess]


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[Start]:
    """Start simulators with faults; all end with the test."""
    with ExitStack() as stack:

        def start(*faults: dict[str, object]) -> SimulatorProcess:
            file = tmp_path / "faults.json"
            file.write_text(json.dumps(list(faults)))
            extra = ("--faults", str(file)) if faults else ()
            return stack.enter_context(SimulatorProcess(tmp_path, world="july2026", extra=extra))

        yield start


def assert_books_equal(trader: Trader, simulator: SimulatorProcess) -> None:
    """The exchange's own ledger is the judge: orders, fills and cash, each equal, each once."""
    truth = simulator.get("/sim/ledger")
    ours = trader.store.fills.get(trader.mode)
    known = {o["order_id"] for o in truth["orders"]}
    assert len({o["client_order_id"] for o in truth["orders"]}) == len(truth["orders"])
    assert {f.kalshi_order_id for f in ours} <= known
    assert sorted(f.fill_id for f in ours) == sorted(f["fill_id"] for f in truth["fills"])
    assert sum(f.qty for f in ours) == sum(Decimal(f["count_fp"]) for f in truth["fills"])
    assert equity_now(trader).cash_usd == Decimal(truth["cash_dollars"])
    sent = [o for o in known if trader.store.orders.get_by_kalshi_id(o)]
    assert len(sent) == len(known)


@pytest.mark.story("4.7")
@pytest.mark.story("9.1")
@pytest.mark.parametrize("fault", ["timeout_after_accept", "http_500_after_accept", "drop_connection"])
def test_order_whose_answer_was_lost_is_found_again_and_never_sent_twice(
    simulator: Start, database_urls: Urls, tmp_path: Path, fault: str
) -> None:
    exchange = simulator({"on": "create", "nth": 1, "do": fault})
    settings = settings_for(exchange, database_urls.trader, tmp_path, HTTP_TIMEOUT_S="1")

    with trader_at(exchange, settings, EVENING) as trader:
        run_cycle(trader, slot="one")
        unknown = trader.store.orders.open_orders(trader.mode)

    with trader_at(exchange, settings, EVENING + timedelta(minutes=5), command="restart") as trader:
        for minutes in (5, 7, 9):
            step(exchange, trader, EVENING + timedelta(minutes=minutes))
            reconcile(trader)

        assert not trader.store.orders.open_orders(trader.mode), unknown
        assert_books_equal(trader, exchange)
        assert trader.store.fills.get(trader.mode)


@pytest.mark.story("4.6")
@pytest.mark.story("4.7")
@pytest.mark.story("9.1")
@pytest.mark.parametrize("point", ["before_send", "after_send"])
def test_trader_killed_around_a_send_restarts_without_duplicate_or_lost_fill(
    simulator: Start, database_urls: Urls, tmp_path: Path, point: str
) -> None:
    exchange = simulator()
    settings = settings_for(exchange, database_urls.trader, tmp_path)
    exchange.step_to(EVENING)
    env = process_env(exchange, database_urls.trader, tmp_path)
    killed = subprocess.run(
        [sys.executable, "-m", "tests.integration.killed_trader", point, EVENING.isoformat()],
        env=env,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert killed.returncode == 9, killed.stderr

    later = EVENING + timedelta(seconds=5)
    with trader_at(exchange, settings, later, command="restart") as trader:
        found = trader.store.orders.count(trader.mode)
        for minutes in (3, 5):
            step(exchange, trader, EVENING + timedelta(minutes=minutes))
            reconcile(trader)

        assert_books_equal(trader, exchange)
        truth = exchange.get("/sim/ledger")
        assert len(truth["orders"]) == (0 if point == "before_send" else 1), found
        assert len(trader.store.fills.get(trader.mode)) == len(truth["fills"])
        if point == "before_send":
            assert trader.store.orders.count(trader.mode).get(OrderStatus.REJECTED) == 1
        run_cycle(trader, slot="killed")
        assert_books_equal(trader, exchange)


@pytest.mark.story("4.6")
def test_second_trader_refuses_to_start_while_the_first_holds_the_lock(
    simulator: Start, database_urls: Urls, tmp_path: Path
) -> None:
    exchange = simulator()
    settings = settings_for(exchange, database_urls.trader, tmp_path)

    with (
        trader_at(exchange, settings, EVENING),
        pytest.raises(LostWriterLock),
        trader_at(exchange, settings, EVENING),
    ):
        raise AssertionError("two traders at once")


@pytest.mark.story("4.10")
def test_a_trader_of_another_mode_refuses_to_start_while_orders_are_open(
    simulator: Start, database_urls: Urls, tmp_path: Path
) -> None:
    exchange = simulator({"on": "create", "nth": 1, "do": "timeout_before_accept"})
    settings = settings_for(exchange, database_urls.trader, tmp_path, HTTP_TIMEOUT_S="1")
    with trader_at(exchange, settings, EVENING) as trader:
        run_cycle(trader, slot="one")
        assert trader.store.orders.open_orders(trader.mode)
    shadow = settings_for(exchange, database_urls.trader, tmp_path, TRADING_MODE="SHADOW")

    with (
        pytest.raises(ConfigurationError, match="TRADING_MODE=DEMO milkbot reconcile"),
        trader_at(exchange, shadow, EVENING),
    ):
        raise AssertionError("two modes at once")


@pytest.mark.story("4.7")
def test_two_hundred_dollars_paid_in_are_no_break_no_profit_and_no_return(
    simulator: Start, database_urls: Urls, tmp_path: Path
) -> None:
    paid_in = EVENING + timedelta(minutes=6)
    exchange = simulator({"on": "*", "do": "deposit", "value": 200, "from": paid_in.isoformat()})
    settings = settings_for(exchange, database_urls.trader, tmp_path)
    with trader_at(exchange, settings, EVENING) as trader:
        for minutes in (0, 5, 10, 15):  # no book was recorded after the first: marks stand still
            step(exchange, trader, EVENING + timedelta(minutes=minutes, seconds=1))  # a start takes some time
            assert run_cycle(trader, slot=f"{minutes}").error is None
        assert_books_equal(trader, exchange)
        history = trader.store.cycles.equity_history(trader.mode)
        events = [(event.kind, event.amount_usd) for event in trader.store.capital.events(trader.mode)]
        breaks = trader.store.risk.breaks(trader.mode)

    assert [row["amount_dollars"] for row in exchange.get("/sim/ledger")["transfers"]] == ["200.00"]
    assert (events[1:], breaks) == ([("DEPOSIT", Decimal(200))], ())
    _, before, after, last = history
    assert [row.equity_usd - before.equity_usd for row in (after, last)] == [Decimal(200)] * 2
    assert {row.profit_usd for row in (before, after, last)} == {before.profit_usd}
    points = [(row.starting_capital_usd, row.equity_usd) for row in history]
    assert time_weighted_return(points) == time_weighted_return(points[:2])
