"""One decision in plain words, from stored rows alone: what was seen, thought, allowed, sent and filled."""

from decimal import Decimal

from trader.core.cycle import plan_cycle
from trader.domain.canonical import content_hash
from trader.domain.errors import ConfigurationError
from trader.domain.markets import Contract, MarketSnapshot
from trader.domain.plan import CycleInputs, CyclePlan
from trader.domain.signals import Prediction, Signal
from trader.domain.types import MEANINGS, Decision
from trader.domain.weather import WeatherSnapshot
from trader.ports.ops_store import FoundSignal, OpsStore


def explain(store: OpsStore, name: str) -> list[str]:
    """Explain a signal by its number, or the newest one of a market by its ticker.

    Raises ConfigurationError when there is none.
    """
    found = _find(store, name)
    inputs, plan = store.cycles.load_inputs(found.cycle_id), store.cycles.load_plan(found.cycle_id)
    signal = found.signal
    contract = next((c for c in inputs.contracts if c.ticker == signal.ticker), None)
    market = next((s for s in inputs.snapshots if s.ticker == signal.ticker), None)
    weather = next((w for w in inputs.weather if w.city_code == signal.city_code), None)
    made = f"{found.decided_at:%Y-%m-%d %H:%M:%S UTC}, mode {inputs.mode}"
    return [
        f"signal {found.signal_id} of cycle {found.cycle_id} at {made}",
        *_market(signal, contract, market),
        *_weather(weather, signal),
        *_prediction(plan, signal),
        *_decision(signal),
        *_risk(plan, signal),
        *_orders(store, found),
        _replayed(inputs, plan),
    ]


def _find(store: OpsStore, name: str) -> FoundSignal:
    number = int(name) if name.isdigit() else None
    if number is None and (recent := store.signals.recent(name, 1)):
        number = recent[0][0]
    found = None if number is None else store.signals.find(number)
    if found is None:
        raise ConfigurationError(
            f"explain: expected the number of a stored signal or a market's ticker, found {name!r}"
        )
    return found


def _market(signal: Signal, contract: Contract | None, market: MarketSnapshot | None) -> list[str]:
    name = f"market   {signal.ticker}: {signal.city_code} {signal.market_type} of {signal.climate_date}"
    lines = [name]
    if contract is not None:
        lines = [f"{name}, {contract.label}; wins from {_end(contract.lo)} to {_end(contract.hi)}"]
        source = f"{contract.settlement_source}, station {contract.station}, {contract.rules_url}"
        lines.append(f"rules    {source}")
    if market is None:
        return [*lines, "book     none was read"]
    depth = len(market.book.yes_bids) + len(market.book.no_bids) if market.book else 0
    quote = f"bid {_usd(market.yes_bid)}, ask {_usd(market.yes_ask)}, {depth} levels"
    return [*lines, f"book     {quote}, status {market.status}, seen {market.captured_at:%H:%M:%S UTC}"]


def _weather(weather: WeatherSnapshot | None, signal: Signal) -> list[str]:
    if weather is None:
        return ["weather  none was read"]
    latest = weather.latest
    seen = f"{latest.temp_f:g} F at {latest.observed_at:%H:%M UTC}" if latest else "no report"
    bounds = f"{_f(weather.low_so_far_f)} to {_f(weather.high_so_far_f)}"
    problems = f"; {', '.join(weather.problems)}" if weather.problems else ""
    lines = [f"weather  {seen}; {weather.climate_date} so far {bounds}{problems}"]
    lines += [
        f"forecast {f.source} {f.value_f:g} F, issued {f.issued_at:%Y-%m-%d %H:%M UTC}"
        for f in weather.forecasts
        if (f.variable, f.climate_date) == (signal.market_type, signal.climate_date)
    ]
    return lines


def _prediction(plan: CyclePlan, signal: Signal) -> list[str]:
    return [f"thought  {_thought(p)}" for p in plan.predictions if p.event_ticker == signal.event_ticker]


def _thought(p: Prediction) -> str:
    made = p.distribution
    spread = f"{made.mean_f:.1f}, sd {made.sd_f:.1f}"
    span = f"80 % between {made.quantile(0.1)} and {made.quantile(0.9)}"
    return f"{p.strategy_name} {p.strategy_version}: {spread}, lead {p.lead_h:.0f} h, {span}"


def _decision(signal: Signal) -> list[str]:
    lines = []
    if signal.p_yes is not None:
        priced = f"p(yes) {signal.p_yes}"
        if signal.side is not None:
            paid = f"{signal.side} at {_usd(signal.price)} with a fee of {_usd(signal.fee)}"
            priced += f"; {paid} leaves an edge of {_usd(signal.edge)} a contract"
        lines.append(f"price    {priced}")
    wanted = "nothing" if signal.decision is Decision.HOLD else f"{signal.qty:f} contracts"
    lines.append(f"decision {signal.decision} by {signal.strategy_name}: {wanted}")
    return lines + [f"  because {reason}: {MEANINGS[reason]}" for reason in signal.reasons]


def _risk(plan: CyclePlan, signal: Signal) -> list[str]:
    lines = []
    for d in (d for d in plan.risk_decisions if d.ticker == signal.ticker):
        asked = f"{d.side}: asked {d.asked_qty:f}, allowed {d.allowed_qty:f}"
        lines.append(f"risk     {asked}: {', '.join(d.reasons)}")
        lines += [
            f"  {c.reason}: ${c.before_usd:,.2f} -> ${c.after_usd:,.2f}, limit ${c.limit_usd:,.2f}"
            for c in d.caps
        ]
    return lines


def _orders(store: OpsStore, found: FoundSignal) -> list[str]:
    lines = []
    for order in store.orders.of_signal(found.signal_id):
        wish = f"{order.action} {order.qty:f} {order.side} at most {_usd(order.limit_price)}"
        lines.append(f"order    {order.order_id}: {wish}, {order.status}, filled {order.filled_qty:f}")
        lines += [
            f"  {at:%H:%M:%S UTC} {before or '-'} -> {after}: {evidence}"
            for before, after, evidence, at in store.orders.events(order.order_id or 0)
        ]
    return lines or ["order    none"]


def _replayed(inputs: CycleInputs, plan: CyclePlan) -> str:
    is_same = content_hash(plan_cycle(inputs)) == content_hash(plan)
    verdict = "the same plan, byte for byte" if is_same else "ANOTHER plan: tell the maintainer"
    return f"replay   the stored inputs {plan.inputs_hash[:12]} give {verdict}"


def _end(bound: int | None) -> str:
    return "any" if bound is None else str(bound)


def _usd(value: Decimal | None) -> str:
    return "none" if value is None else f"${value.normalize():f}"


def _f(value: float | None) -> str:
    return "none" if value is None else f"{value:g} F"
