"""Gather everything one decision depends on, storing the raw bodies on the way."""

from collections.abc import Sequence
from decimal import Decimal

from trader.app.context import Trader
from trader.app.halt import states_in_force
from trader.app.money import equity_now, loss_state
from trader.core.edge import worst_unit_cost
from trader.domain.orders import Order
from trader.domain.plan import CycleInputs
from trader.domain.positions import Holding, Position
from trader.domain.risk import StateChange
from trader.domain.types import EXCLUSIVE_TYPES, MarketType, PositionStatus, ReasonCode, TradingState
from trader.ports.exchange import ExchangeStatus

TRADED_TYPES = (MarketType.HIGH, MarketType.LOW)
MAX_SKEW_S = 5.0


def gather(trader: Trader, slot: str, codes: Sequence[str]) -> CycleInputs:
    """Look at markets, weather and our own books; return the inputs, sorted so that arrival order cannot
    matter.

    Raises TransientError when the exchange does not answer; weather that fails shows as flags instead.
    """
    clock, store, mode = trader.clock, trader.store, trader.mode
    cities = tuple(trader.cities[code] for code in codes)
    status = trader.market_data.status()
    weather = trader.weather.get_weather(cities)
    series = [s for city in cities for kind in TRADED_TYPES if (s := city.series(kind))]
    view = trader.market_data.look(series)
    trader.last_view = view
    store.save_payloads([*view.payloads, *(p for w in weather for p in w.payloads)])
    equity = equity_now(trader)
    return CycleInputs(
        now=clock.now(),
        mode=mode,
        account=trader.account,
        slot=slot,
        order_expiry_s=trader.settings.order_expiry_s,
        min_forecast_pairs=trader.min_forecast_pairs,
        gates=trader.settings.gates,
        limits=trader.settings.risk,
        losses=loss_state(trader, equity),
        cash_usd=equity.cash_usd,
        states=(*states_in_force(store, trader.halt_file, mode, clock), *venue_states(trader, status)),
        cities=cities,
        contracts=tuple(sorted(view.contracts, key=lambda c: c.ticker)),
        snapshots=tuple(sorted(view.snapshots, key=lambda s: s.ticker)),
        refused=tuple(sorted(view.refused, key=lambda r: r.ticker)),
        weather=tuple(sorted((w.snapshot for w in weather), key=lambda w: w.city_code)),
        pairs=store.weather.forecast_pairs(),
        holdings=holdings(trader),
        taken_intents=store.orders.taken_intents(mode, slot),
    )


def venue_states(trader: Trader, status: ExchangeStatus) -> tuple[StateChange, ...]:
    """Halts that hold only as long as the exchange says so: a pause, and a clock that differs from ours."""
    now = trader.clock.now()
    found: list[tuple[ReasonCode, str]] = []
    if not (status.exchange_active and status.trading_active):
        found.append((ReasonCode.EXCHANGE_PAUSED, "the exchange says trading is paused"))
    if status.skew_s is not None and abs(status.skew_s) > MAX_SKEW_S:
        found.append(
            (ReasonCode.CLOCK_SKEW_TOO_LARGE, f"expected at most {MAX_SKEW_S} s, found {status.skew_s:.1f} s")
        )
    return tuple(
        StateChange(
            scope="book",
            state=TradingState.HALTED,
            reason=reason,
            note=note,
            set_by=f"rule:{reason}",
            set_at=now,
        )
        for reason, note in found
    )


def holdings(trader: Trader) -> tuple[Holding, ...]:
    """Positions, and orders that may still fill at limit price and fee, whatever we know of their fate."""
    store, mode = trader.store, trader.mode
    held = [  # with all fees paid: what the caps once allowed does not shrink by being filled
        _holding(trader, p, qty=p.qty, cost_usd=(p.cost_usd + p.fees_usd) / p.qty, is_pending=False)
        for p in store.positions.get_all(mode)
        if p.status is PositionStatus.OPEN
    ]
    pending = [
        _holding(trader, o, qty=o.open_qty, cost_usd=None, is_pending=True)
        for o in store.orders.open_orders(mode)
        if o.open_qty > Decimal(0)
    ]
    return tuple(
        sorted([*held, *pending], key=lambda h: (h.event_ticker, h.ticker, h.side, h.is_pending, h.qty))
    )


def _holding(
    trader: Trader, source: Position | Order, *, qty: Decimal, cost_usd: Decimal | None, is_pending: bool
) -> Holding:
    contract = trader.contracts.get(source.ticker) or trader.store.markets.contract(source.ticker)
    if contract is not None:
        trader.contracts[source.ticker] = contract
    if isinstance(source, Order):
        cost_usd = worst_unit_cost(source.limit_price, contract.fee_multiplier if contract else Decimal(1))
    return Holding(
        ticker=source.ticker,
        event_ticker=source.event_ticker,
        city_code=source.city_code,
        side=source.side,
        qty=qty,
        cost_usd=cost_usd or Decimal(0),
        is_pending=is_pending,
        is_exclusive=contract is not None and contract.market_type in EXCLUSIVE_TYPES,
    )
