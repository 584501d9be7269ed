"""Gather everything one decision depends on, storing the raw bodies on the way."""

from collections.abc import Sequence

from trader.app import conditions
from trader.app.context import Trader
from trader.app.discovery import note_cells, note_terms
from trader.app.halt import states_in_force
from trader.app.holdings import holdings
from trader.app.money import equity_now, loss_state
from trader.domain.plan import CycleInputs
from trader.domain.types import MarketType
from trader.domain.weather import WeatherSnapshot

DAILY = (MarketType.HIGH, MarketType.LOW)
MONTHLY = (MarketType.RAIN, MarketType.SNOW)


def gather(trader: Trader, slot: str, codes: Sequence[str]) -> CycleInputs:
    """Look at markets, weather and our own books; return the inputs, sorted so that arrival order cannot
    matter.

    Raises TransientError when the exchange does not answer; weather that fails shows as flags instead.
    """
    clock, store, mode = trader.clock, trader.store, trader.mode
    cities = tuple(trader.cities[code] for code in codes)
    traded = DAILY + (MONTHLY if trader.settings.trade_monthly else ())
    status = trader.market_data.status()
    weather = trader.weather.get_weather(cities)
    series = [s for city in cities for kind in traded if (s := city.series(kind))]
    view = trader.market_data.look(series)
    trader.last_view = view
    note_terms(trader, view.contracts)
    note_cells(trader)
    trader.contracts |= {c.ticker: c for c in view.contracts if c.ticker in trader.contracts}
    store.save_payloads([*view.payloads, *(p for w in weather for p in w.payloads)])
    snapshots = tuple(trader.learner.with_lags(w.snapshot) for w in weather)
    if trader.settings.trade_monthly:
        snapshots = with_months(trader, snapshots)
    found = [
        *conditions.of_venue(trader, status),
        *conditions.of_weather(trader, snapshots),
        *conditions.of_refused(trader, view.refused),
    ]
    conditions.sync(trader, found, codes=codes, series=series)
    equity = equity_now(trader)
    return CycleInputs(
        now=clock.now(),
        mode=mode,
        account=trader.account,
        slot=slot,
        order_expiry_s=trader.settings.order_expiry_s,
        order_policy=trader.settings.order_policy,
        min_forecast_pairs=trader.min_forecast_pairs,
        gates=trader.settings.gates,
        limits=trader.settings.risk,
        losses=loss_state(trader, equity),
        cash_usd=equity.cash_usd,
        states=states_in_force(store, trader.halt_file, mode, clock),
        cities=cities,
        contracts=tuple(sorted(view.contracts, key=lambda c: c.ticker)),
        snapshots=tuple(sorted(view.snapshots, key=lambda s: s.ticker)),
        refused=tuple(sorted(view.refused, key=lambda r: r.ticker)),
        weather=tuple(sorted(snapshots, key=lambda w: w.city_code)),
        knowledge=trader.learner.knowledge(clock.now()),
        holdings=holdings(trader),
        taken_intents=store.orders.taken_intents(mode, slot),
    )


def with_months(trader: Trader, snapshots: tuple[WeatherSnapshot, ...]) -> tuple[WeatherSnapshot, ...]:
    """Return the snapshots with what the newest stored reports say of the running month's rain and snow."""
    since = min((s.climate_date.replace(day=1) for s in snapshots), default=None)
    told = () if since is None else trader.store.weather.months(since)
    found = []
    for snapshot in snapshots:
        city, first = trader.cities[snapshot.city_code], snapshot.climate_date.replace(day=1)
        mine = tuple(
            m for m in told if m.location == city.report_location(m.market_type) and m.climate_date >= first
        )
        found.append(snapshot.model_copy(update={"months": mine}))
    return tuple(found)
