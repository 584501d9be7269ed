"""What a backtest came to: figures from its own books and warehouse, and what may be concluded from them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import numpy as np

from trader.core.forecasting.scores import Estimate, bootstrap
from trader.domain.types import TradingMode
from trader.ports.marts import CityResult, FunnelStep, Marts
from trader.ports.ops_store import EquityPoint, OpsStore

MIN_DAYS, MIN_POSITIONS = 30, 100
"""Settled days and positions below which nothing is concluded: the interval would be wider than any edge."""
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Settled:
    """One settled position: its climate day and its profit after fees, dollars."""

    ticker: str
    city: str
    day: date
    pnl_usd: Decimal


@dataclass(frozen=True, slots=True)
class Report:
    """One backtest. Money in dollars after fees; ``funnel`` is empty where no warehouse was built.

    ``per_position`` is the mean profit of a settled position with its 95 % interval from resampling whole
    climate days, None below MIN_DAYS or MIN_POSITIONS. ``problems`` lists what makes the run doubtful.
    """

    label: str
    world: str
    first: datetime
    priced_from: datetime
    last: datetime
    cities: tuple[str, ...]
    cycles: int
    failed_cycles: int
    equity_start: Decimal
    equity_end: Decimal
    max_drawdown_usd: Decimal
    max_drawdown: float
    fees: Decimal
    orders: dict[str, int]
    fills: int
    settled: int
    settled_days: int
    wins: int
    unsettled: int
    halts: tuple[str, ...]
    assumptions: tuple[str, ...]
    funnel: tuple[FunnelStep, ...]
    by_city: tuple[CityResult, ...]
    per_position: Estimate | None
    conclusion: str
    problems: tuple[str, ...] = ()
    seconds: float = 0.0
    lookahead: dict[str, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {
            "funnel": [step._asdict() for step in self.funnel],
            "by_city": [row._asdict() for row in self.by_city],
        }


def settled_positions(store: OpsStore, mode: TradingMode) -> tuple[Settled, ...]:
    """Return every position that was held to a payout or sold, with the climate day of its market."""
    held = [p for p in store.positions.get_all(mode) if p.qty == 0]
    contracts = store.markets.contracts([p.ticker for p in held])
    return tuple(
        Settled(p.ticker, p.city_code, contracts[p.ticker].climate_date, p.realized_pnl_usd) for p in held
    )


def drawdown(points: Sequence[EquityPoint]) -> tuple[Decimal, float]:
    """Return the deepest fall from a peak, in dollars and as a share of that peak."""
    peak, usd, share = ZERO, ZERO, 0.0
    for point in points:
        peak = max(peak, point.equity_usd)
        fall = peak - point.equity_usd
        usd, share = max(usd, fall), max(share, float(fall / peak) if peak > 0 else 0.0)
    return usd, share


def per_position(rows: Sequence[Settled]) -> Estimate | None:
    """Return the mean profit of a settled position; None where there are too few for an interval."""
    total: dict[date, float] = {}
    count: Counter[date] = Counter()
    for row in rows:
        total[row.day] = total.get(row.day, 0.0) + float(row.pnl_usd)
        count[row.day] += 1
    if len(total) < MIN_DAYS or len(rows) < MIN_POSITIONS:
        return None
    days = sorted(total)
    return bootstrap(np.array([total[d] for d in days]), np.array([float(count[d]) for d in days]))


def conclude(rows: Sequence[Settled], estimate: Estimate | None) -> str:
    """Say what the result proves, in one sentence."""
    days, profit = len({row.day for row in rows}), sum((row.pnl_usd for row in rows), ZERO)
    if estimate is None:
        return (
            f"not enough data: {len(rows)} settled positions on {days} days, {MIN_POSITIONS} on {MIN_DAYS} "
            f"are needed; their {signed(profit)} prove neither an edge nor its absence"
        )
    interval = f"${estimate.value:+.3f} a settled position [{estimate.lo:+.3f}, {estimate.hi:+.3f}]"
    proof = (
        "the interval lies above zero, under the fill assumptions above"
        if estimate.lo > 0
        else "the interval lies below zero: it loses money"
        if estimate.hi < 0
        else "the interval includes zero: an edge is not proven"
    )
    return f"{interval} over {len(rows)} positions on {days} days: {proof}"


def report(
    store: OpsStore,
    mode: TradingMode,
    *,
    label: str,
    world: str,
    priced_from: datetime,
    cities: Sequence[str],
    cycles: int,
    failed_cycles: int,
    assumptions: tuple[str, ...],
    marts: Marts | None,
    exchange_cash: Decimal,
) -> Report:
    """Collect the figures. ``exchange_cash`` is what the simulated exchange says is left."""
    points = store.cycles.equity_history(mode)
    settled, fills = settled_positions(store, mode), store.fills.get(mode)
    held = store.positions.held(mode)
    usd, share = drawdown(points)
    estimate = per_position(settled)
    by_city = marts.cities() if marts is not None else _by_city(store, mode, settled)
    fees = sum((fill.fee for fill in fills), ZERO)
    capital = store.capital.total(mode)
    cash = capital + store.positions.realized(mode) - sum((p.cost_usd for p in held), ZERO)
    return Report(
        label=label,
        world=world,
        first=points[0].finished_at,
        priced_from=priced_from,
        last=points[-1].finished_at,
        cities=tuple(cities),
        cycles=cycles,
        failed_cycles=failed_cycles,
        equity_start=points[0].starting_capital_usd,
        equity_end=points[-1].equity_usd,
        max_drawdown_usd=usd,
        max_drawdown=round(share, 6),
        fees=fees,
        orders={str(status): count for status, count in sorted(store.orders.count(mode).items()) if count},
        fills=len(fills),
        settled=len(settled),
        settled_days=len({row.day for row in settled}),
        wins=sum(row.pnl_usd > 0 for row in settled),
        unsettled=len(held),
        halts=_halts(store),
        assumptions=assumptions,
        funnel=marts.funnel() if marts is not None else (),
        by_city=by_city,
        per_position=estimate,
        conclusion=conclude(settled, estimate),
        problems=_problems(cash, exchange_cash, fees, by_city, failed_cycles),
    )


def _by_city(store: OpsStore, mode: TradingMode, settled: Sequence[Settled]) -> tuple[CityResult, ...]:
    """The same figures from our own books, where no warehouse was built."""
    cities = {p.ticker: p.city_code for p in store.positions.get_all(mode)}
    fills = store.fills.get(mode)
    return tuple(
        CityResult(
            code,
            sum(cities.get(fill.ticker) == code for fill in fills),
            sum((fill.fee for fill in fills if cities.get(fill.ticker) == code), ZERO),
            sum((row.pnl_usd for row in settled if row.city == code), ZERO),
            sum(row.city == code and row.pnl_usd > 0 for row in settled),
            sum(row.city == code and row.pnl_usd <= 0 for row in settled),
        )
        for code in sorted(set(cities.values()))
    )


def _halts(store: OpsStore) -> tuple[str, ...]:
    events = [e for e in store.risk.recent_events(100_000) if e.event_type.startswith("TRADING_")]
    return tuple(
        f"{e.occurred_at:%Y-%m-%d %H:%M UTC} {e.event_type}: {e.message}"
        for e in sorted(events, key=lambda e: e.occurred_at)
    )


def _problems(
    cash: Decimal, exchange_cash: Decimal, fees: Decimal, by_city: Sequence[CityResult], failed: int
) -> tuple[str, ...]:
    """What three books disagree about: ours, the exchange's, the warehouse's."""
    told = sum((row.fees for row in by_city), ZERO)
    found = {
        f"cash: expected the exchange's ${exchange_cash:,.4f}, found ${cash:,.4f} in our books": (
            cash != exchange_cash
        ),
        f"fees: expected our books' ${fees:,.4f}, found ${told:,.4f} in the warehouse": told != fees,
        f"cycles: expected none to fail, found {failed}": failed > 0,
    }
    return tuple(words for words, is_so in found.items() if is_so)


def signed(usd: Decimal) -> str:
    return f"{'-' if usd < 0 else '+'}${abs(usd):,.2f}"


def lines(found: Report) -> list[str]:
    """The report for a person, one sentence or figure a line."""
    said = [
        f"backtest           {found.label}: never summed with another run",
        (
            f"period             {found.first:%Y-%m-%d %H:%M} to {found.last:%Y-%m-%d %H:%M UTC}, prices "
            f"from {found.priced_from:%Y-%m-%d %H:%M} on"
        ),
        f"cities             {' '.join(found.cities)}",
        f"cycles             {found.cycles:,} in {found.seconds:,.0f} s",
        (
            f"equity             ${found.equity_start:,.2f} at the start, ${found.equity_end:,.2f} at the "
            f"end ({signed(found.equity_end - found.equity_start)})"
        ),
        f"deepest drawdown   ${found.max_drawdown_usd:,.2f} ({found.max_drawdown:.2%})",
        f"fees               ${found.fees:,.4f}",
        f"orders             {', '.join(f'{n:,} {status}' for status, n in found.orders.items()) or 'none'}",
        f"fills              {found.fills:,}",
        (
            f"settled positions  {found.settled:,} on {found.settled_days} days, {found.wins:,} with a "
            f"profit; {found.unsettled} still open"
        ),
    ]
    said += ["assumed of fills", *(f"  {words}" for words in found.assumptions)]
    if found.funnel:
        said.append("decision funnel (from the warehouse)")
        said += [_step(step) for step in found.funnel]
    said.append("by city")
    said += [
        f"  {row.city}  {row.fills:5,} fills  fees ${row.fees:9,.4f}  settled {signed(row.pnl):>10}  "
        f"{row.wins} with a profit, {row.losses} without"
        for row in found.by_city
    ] or ["  nothing was traded"]
    said += [f"halt               {words}" for words in found.halts]
    if found.lookahead:
        said.append(
            f"look-ahead         {found.lookahead['checked']} decisions repeated without the later data, "
            f"{found.lookahead['leaks']} differ"
        )
    said += [f"DOUBTFUL           {words}" for words in found.problems]
    return [*said, f"conclusion         {found.conclusion}"]


def _step(step: FunnelStep) -> str:
    why = ", ".join(f"{reason} {count:,}" for reason, count in step.top_reasons.items())
    return f"  {step.step:<8}{step.reached:>9,}   lost {step.lost:>9,}" + (
        f"   most for {why}" if why else ""
    )
