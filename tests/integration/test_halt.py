"""Halting on real sockets and a Postgres of its own that is stopped: the file alone stops a trader."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.integration.world import EVENING, settings_for, step, trader_at
from trader.app import postgres
from trader.app.cycle import run_cycle
from trader.app.halt import book_state, states_in_force
from trader.app.migrate import up
from trader.app.order_desk import submit
from trader.app.switches import halt_now
from trader.app.world import SimulatorProcess
from trader.core.cycle import caps_of
from trader.domain.errors import PersistenceError
from trader.domain.types import OrderStatus, TimeInForce, TradingState


@pytest.fixture
def urls(tmp_path: Path) -> Iterator[postgres.Urls]:
    server = postgres.ensure_server(tmp_path / "pg", is_durable=False)
    made = postgres.create_database(server, "halt", is_test=True)
    up(made.owner)
    yield made
    postgres.stop_server(tmp_path / "pg")


@pytest.mark.story("4.5")
@pytest.mark.story("9.4")
def test_a_halt_with_postgres_stopped_holds_when_it_is_back_and_what_rests_is_cancelled(
    urls: postgres.Urls, tmp_path: Path
) -> None:
    with SimulatorProcess(tmp_path, world="july2026") as exchange:
        settings = settings_for(exchange, urls.trader, tmp_path, DB_TIMEOUT_S="2")
        with trader_at(exchange, settings, EVENING) as trader:
            assert run_cycle(trader, slot="one").orders > 0
            cycle = trader.store.cycles.list()[-1].cycle_id
            plan, inputs = trader.store.cycles.load_plan(cycle), trader.store.cycles.load_inputs(cycle)
            resting = plan.intents[0].model_copy(
                update={
                    "intent_key": "a" * 64, "client_order_id": "resting", "limit_price": "0.01", "qty": 1,
                    "worst_usd": "0.02", "time_in_force": TimeInForce.GTC,
                    "expires_at": EVENING + timedelta(seconds=240),
                }
            )  # fmt: skip
            order = submit(
                trader, type(resting).model_validate(dict(resting)), cycle_id=None, caps=caps_of(inputs)
            )
            assert order.status is OrderStatus.RESTING
            before = len(exchange.get("/sim/ledger")["orders"])

            postgres.stop_server(tmp_path / "pg")
            env = {"DATABASE_URL": urls.trader, "DB_TIMEOUT_S": "1", "MILKBOT_DATA_DIR": str(tmp_path)}
            said = halt_now(env, "smoke", by="ann", reduce_only=False)
            assert "the halt file alone halts trading" in said[1]
            step(exchange, trader, EVENING + timedelta(seconds=60))
            with pytest.raises(PersistenceError):
                run_cycle(trader, slot="two")

        postgres.ensure_server(tmp_path / "pg", is_durable=False)
        later = EVENING + timedelta(seconds=120)
        with trader_at(exchange, settings, later, command="restart") as trader:
            summary = run_cycle(trader, slot="three")

            states = states_in_force(trader.store, trader.halt_file, trader.mode, trader.clock)
            assert book_state(states) is TradingState.HALTED
            assert summary.orders == 0
            found = trader.store.orders.get_by_intent_key("a" * 64)
            assert found is not None
            assert found.status is OrderStatus.CANCELED
        truth = exchange.get("/sim/ledger")["orders"]
        assert len(truth) == before
        assert [o["status"] for o in truth if o["client_order_id"] == "resting"] == ["canceled"]
