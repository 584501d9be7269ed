"""A forecast that moves away from what is held: the running trader sells it and books the loss."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from tests.simulation.worlds import construct
from trader.app.cycle import run_cycle
from trader.app.replay import replay
from trader.domain.types import Action, OrderStatus, PositionStatus, ReasonCode, TradingMode
from trader.rehearsal.stage import Stage, books_in_memory, set_up
from trader.simulator.world import EnsembleRow

DAY = date(2026, 7, 16)
EVENING = datetime(2026, 7, 15, 23, 30, 3, tzinfo=UTC)
LATER = timedelta(hours=4)
MOVED_F = Decimal(12)


def _moved(row: EnsembleRow) -> EnsembleRow:
    """What is fetched after the evening says the day gets twelve degrees warmer."""
    if row.fetched_at <= EVENING:
        return row
    members = tuple(member + MOVED_F for member in row.members_f)
    return replace(row, high_f=row.high_f + MOVED_F, members_f=members)


def test_the_running_trader_sells_what_its_forecast_has_left_and_buys_nothing_there(tmp_path: Path) -> None:
    world = construct(5, ("NYC",), DAY)
    world = replace(world, ensemble={"NYC": tuple(_moved(row) for row in world.ensemble["NYC"])})
    stage = set_up(world, tmp_path, at=EVENING)
    trader = stage.start(books_in_memory())
    run_cycle(trader, slot="evening", codes=("NYC",))
    (bought,) = trader.store.positions.held(TradingMode.DEMO)

    stage.clock.step_to(EVENING + LATER)
    run_cycle(trader, slot="night", codes=("NYC",))

    sale = next(o for o in trader.store.orders.get_many(_ids(stage)) if o.action is Action.REDUCE)
    assert (sale.ticker, sale.side, sale.qty) == (bought.ticker, bought.side, bought.qty)
    assert sale.status is OrderStatus.FILLED
    assert trader.store.positions.held(TradingMode.DEMO) == ()  # and nothing was bought in the event
    closed = trader.store.positions.get(TradingMode.DEMO, bought.ticker)
    assert closed is not None
    assert closed.status is PositionStatus.CLOSED
    account = stage.simulator.exchange.account
    assert account.position(bought.ticker, bought.event_ticker).count == 0
    assert account.available == trader.settings.starting_capital_usd + closed.realized_pnl_usd
    plan = trader.store.cycles.load_plan(trader.store.cycles.list()[-1].cycle_id)
    assert [d.reasons for d in plan.risk_decisions if d.allowed_qty] == [(ReasonCode.EDGE_REVERSED,)]
    found = replay(trader.store)
    assert (found.cycles, found.identical) == (2, 2), found.differences


def _ids(stage: Stage) -> list[str]:
    return [order.order_id for order in stage.simulator.exchange.account.orders.values()]
