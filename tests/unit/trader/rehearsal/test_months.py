"""Rain and snow in a constructed month (no price of such a market was ever recorded): looked at only when
asked for, traded on the reports of the station that settles, paid, and recomputed.
"""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from tests.simulation.months import construct_month
from trader.app.books import reconcile
from trader.app.cycle import run_cycle
from trader.app.replay import replay
from trader.app.reports import collect_reports
from trader.app.results import settle
from trader.domain.types import MarketType, TradingMode
from trader.rehearsal.stage import Stage, books_in_memory, set_up

BEGINS = datetime(2026, 2, 16, 18, 0, 3, tzinfo=UTC)
CODES = ("NYC", "CHI")


def stage_of(path: Path, **env: str) -> Stage:
    world = construct_month(4, CODES, date(2026, 2, 1), BEGINS)
    return set_up(world, path, at=BEGINS, env={"MAX_EDGE_USD": "0.5", **env})


def test_without_the_setting_no_month_is_looked_at(tmp_path: Path) -> None:
    stage = stage_of(tmp_path)
    trader = stage.start(books_in_memory())
    collect_reports(trader)

    summary = run_cycle(trader, slot="off", codes=CODES)

    assert (summary.error, summary.signals, summary.orders) == (None, 0, 0)


def test_ladders_of_rain_and_snow_are_traded_settled_and_recomputed(tmp_path: Path) -> None:
    stage = stage_of(tmp_path, TRADE_MONTHLY="true")
    trader = stage.start(books_in_memory())
    for n in range(3):
        stage.clock.step_to(BEGINS + timedelta(days=3 * n, minutes=1))
        collect_reports(trader)
        run_cycle(trader, slot=f"day {n}", codes=CODES)

    plan = trader.store.cycles.load_plan(trader.store.cycles.list()[-1].cycle_id)
    predicted = {(p.city_code, p.strategy_name): p for p in plan.predictions}
    benchmarks = {(c, "climatology") for c in CODES}
    assert (
        set(predicted)
        == {(c, s) for c in CODES for s in ("monthly_rain", "monthly_snow")}
        - {
            ("CHI", "monthly_snow")  # no record of Chicago's snow
        }
        | benchmarks
    )
    ohare = next(
        m
        for m in trader.store.weather.months(date(2026, 2, 1))
        if (m.location, m.market_type) == ("ORD", MarketType.RAIN)
    )
    assert predicted["CHI", "monthly_rain"].features["fallen"] == ohare.amount.units > 0
    traded = {f.ticker.partition("-")[0] for f in trader.store.fills.get(TradingMode.DEMO)}
    assert {"KXRAINNYCM", "KXNYCSNOWM", "KXRAINCHIM"} <= traded

    stage.clock.step_to(datetime(2026, 3, 1, 20, 0, tzinfo=UTC))
    collect_reports(trader)
    settle(trader)
    reconcile(trader)

    assert not trader.store.positions.held(TradingMode.DEMO)
    assert trader.exchange.get_balance().cash_usd == stage.simulator.exchange.account.available
    assert not trader.store.risk.breaks(TradingMode.DEMO)
    results = {r.ticker: r.value for r in trader.store.markets.results(BEGINS)}
    settled = stage.world.markets["KXRAINNYCM-26FEB-3"].settled_value
    assert Decimal(results["KXRAINNYCM-26FEB-3"] or 0) / 100 == settled
    found = replay(trader.store)
    assert (found.cycles, found.identical) == (3, 3), found.differences
