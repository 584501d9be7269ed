"""Dollars at worst case: per event over the outcomes it can have, summed by city, cluster and book.

A position may win or lose with the outcome; a pending order may fill or not, whichever is worse for that
outcome. One that would close a position may end a hedge: what the sale gains is set against nothing that
stays open, because once it is booked the book stands without it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from trader.domain.cities import CityConfig
from trader.domain.learned import Correlation
from trader.domain.positions import Holding
from trader.domain.risk import Cap, LossState, RiskLimits
from trader.domain.signals import CapCheck
from trader.domain.types import ReasonCode, Side, Verdict

ZERO = Decimal(0)
_MICRO = Decimal("0.000001")
R = ReasonCode
Together = Mapping[frozenset[str], Decimal]
"""How alike the forecasts of two cities err, 0 to 1, by the pair of their codes."""
WinnerSets = tuple[frozenset[str], ...]
"""Every set of an event's markets that may pay YES together: one each for a partition, nested for a ladder of
thresholds."""


def _loss_in(held: Sequence[Holding], winners: frozenset[str]) -> Decimal:
    """Dollars that one outcome costs at worst, a gain negative."""
    positions = {(h.ticker, h.side): h for h in held if not h.is_pending}
    closed: dict[tuple[str, Side], Decimal] = {}
    loss = ZERO
    for h in held:
        unit = h.cost_usd - ((h.ticker in winners) is (h.side is Side.YES))
        if not h.is_pending:
            loss += h.qty * unit
        elif unit > 0:
            of = h.ticker, h.side.other
            position, gone = positions.get(of), closed.get(of, ZERO)
            closing = min(h.qty, position.qty - gone) if position else ZERO
            if position and closing:
                closed[of] = gone + closing
                pays = (h.ticker in winners) is (position.side is Side.YES)
                loss += max(ZERO, closing * (position.cost_usd + h.cost_usd - 1))
                loss -= closing * (position.cost_usd - pays)
            loss += (h.qty - closing) * unit
    return loss


def event_risk(holdings: Iterable[Holding], outcomes: WinnerSets) -> Decimal:
    """Return the most one event can lose, dollars, never negative.

    ``outcomes`` are all sets of the event's markets that may win together. Where they are unknown or no set
    has a ticker held, holdings known to be exclusive offset as if any one of them or none could win; with any
    other holding nothing offsets: the sum of all costs.
    """
    held = tuple(holdings)
    known = frozenset[str]().union(*outcomes)
    if any(h.ticker not in known for h in held):
        if not all(h.is_exclusive for h in held):
            return sum((h.qty * h.cost_usd for h in held), ZERO)
        outcomes = (frozenset(), *(frozenset({ticker}) for ticker in sorted({h.ticker for h in held})))
    return max(ZERO, max((_loss_in(held, winners) for winners in outcomes), default=ZERO))


@dataclass(frozen=True)
class Trade:
    """A wish to buy at ``limit`` or cheaper; ``cost_usd`` is the worst cost per contract, dollars, fee
    included.
    """

    ticker: str
    event_ticker: str
    city_code: str
    side: Side
    qty: Decimal
    limit: Decimal
    cost_usd: Decimal
    is_exclusive: bool = False

    def as_holding(self, qty: Decimal) -> Holding:
        return Holding(
            ticker=self.ticker,
            event_ticker=self.event_ticker,
            city_code=self.city_code,
            side=self.side,
            qty=qty,
            cost_usd=self.cost_usd,
            is_pending=True,
            is_exclusive=self.is_exclusive,
        )


class Exposure:
    """Running worst case of the book while a plan adds orders.

    ``outcomes`` maps an event to its sets of winners; a city without configuration is its own cluster.
    ``day_loss_usd`` is what the day has cost if every open position now paid back exactly its cost (negative
    for a gain): with the worst case of what is open it is the worst the day can become. ``together`` are the
    correlations of forecast errors; a pair that is not in it has none.
    """

    def __init__(
        self,
        holdings: Iterable[Holding],
        outcomes: Mapping[str, WinnerSets],
        cities: Iterable[CityConfig],
        limits: RiskLimits,
        equity_usd: Decimal,
        day_loss_usd: Decimal = ZERO,
        together: Together | None = None,
    ) -> None:
        self._outcomes, self._limits, self._equity = outcomes, limits, equity_usd
        self._day_loss, self._together = day_loss_usd, together or {}
        self._clusters: dict[str, str] = {c.code: c.cluster for c in cities}
        self._events: dict[str, list[Holding]] = {}
        self._city_of: dict[str, str] = {}
        self._risk: dict[str, Decimal] = {}
        for holding in holdings:
            self._events.setdefault(holding.event_ticker, []).append(holding)
            self._city_of[holding.event_ticker] = holding.city_code
        for event, held in self._events.items():
            self._risk[event] = event_risk(held, outcomes.get(event, ()))

    def add(self, trade: Trade, qty: Decimal) -> None:
        """Count ``qty`` contracts of a trade from now on, as an order that may fill."""
        self.count(trade.as_holding(qty))

    def count(self, holding: Holding) -> None:
        """Count a holding from now on."""
        event = holding.event_ticker
        held = self._events.setdefault(event, [])
        held.append(holding)
        self._city_of[event] = holding.city_code
        self._risk[event] = event_risk(held, self._outcomes.get(event, ()))

    def calculate_open_risk(self) -> Decimal:
        """Return total dollars at risk of the whole book."""
        return sum(self._risk.values(), ZERO)

    def city_risk(self, city_code: str) -> Decimal:
        return sum((r for event, r in self._risk.items() if self._city_of[event] == city_code), ZERO)

    def cluster_risk(self, cluster: str) -> Decimal:
        return sum((r for e, r in self._risk.items() if self._cluster(self._city_of[e]) == cluster), ZERO)

    def correlated_risk(self, city_code: str) -> Decimal:
        """Return the dollars that count against the cap of this city's cluster, rounded up to a millionth.

        The whole worst case of its cluster, as if its cities erred as one, and of every city outside the
        share by which its forecast errs with this city's: a label can only be too narrow, so what was learnt
        makes the cap tighter and never wider. Source of the form: the city's row of the correlation matrix
        times the risks, with ones inside the cluster.
        """
        cluster = self._cluster(city_code)
        outside = ZERO
        for event, risk in self._risk.items():
            city = self._city_of[event]
            if self._cluster(city) != cluster:
                outside += risk * self._together.get(frozenset((city_code, city)), ZERO)
        return self.cluster_risk(cluster) + outside.quantize(_MICRO, ROUND_CEILING)

    def _cluster(self, city_code: str) -> str:
        return self._clusters.get(city_code, city_code)

    def _added(self, trade: Trade, qty: Decimal) -> Decimal:
        """Dollars by which the event's worst case grows with ``qty`` contracts of the trade."""
        held = [*self._events.get(trade.event_ticker, ()), trade.as_holding(qty)]
        before = self._risk.get(trade.event_ticker, ZERO)
        return event_risk(held, self._outcomes.get(trade.event_ticker, ())) - before

    def _check(self, reason: ReasonCode, before: Decimal, added: Decimal, cap: Cap) -> CapCheck:
        limit = cap.limit(self._equity)
        return CapCheck(reason=reason, before_usd=before, after_usd=before + added, limit_usd=limit)

    def checks(self, trade: Trade, qty: Decimal) -> tuple[CapCheck, ...]:
        """Return every cap with its dollars before and with ``qty`` contracts of the trade."""
        added = self._added(trade, qty)
        correlated = self.correlated_risk(trade.city_code)
        limits, open_risk = self._limits, self.calculate_open_risk()
        return (
            self._check(R.TRADE_RISK_EXCEEDED, ZERO, qty * trade.cost_usd, limits.trade),
            self._check(R.CITY_EXPOSURE_EXCEEDED, self.city_risk(trade.city_code), added, limits.city),
            self._check(R.CLUSTER_EXPOSURE_EXCEEDED, correlated, added, limits.cluster),
            self._check(R.OPEN_RISK_EXCEEDED, open_risk, added, limits.open_risk),
            self._check(R.DAY_RISK_EXCEEDED, self._day_loss + open_risk, added, limits.daily_loss),
        )

    def grown_over(self, before: "Exposure", city_code: str) -> tuple[ReasonCode, ...]:
        """Return the caps above which this book stands and by more than the one ``before``: a part of a hedge
        that is sold leaves the other part to its whole risk.
        """
        limits = self._limits
        found = (
            (R.CITY_EXPOSURE_EXCEEDED, before.city_risk(city_code), self.city_risk(city_code), limits.city),
            (
                R.CLUSTER_EXPOSURE_EXCEEDED,
                before.correlated_risk(city_code),
                self.correlated_risk(city_code),
                limits.cluster,
            ),
            (
                R.OPEN_RISK_EXCEEDED,
                before.calculate_open_risk(),
                self.calculate_open_risk(),
                limits.open_risk,
            ),
        )
        checks = (self._check(reason, was, now - was, cap) for reason, was, now, cap in found)
        return tuple(check.reason for check in checks if is_over(check))

    def _one(self, trade: Trade, reason: ReasonCode) -> Verdict:
        found = [c for c in self.checks(trade, trade.qty) if c.reason is reason and is_over(c)]
        return Verdict(allowed=not found, reasons=tuple(c.reason for c in found))

    def check_trade_size(self, trade: Trade) -> Verdict:
        """Worst case of the trade alone within the per-trade cap."""
        return self._one(trade, R.TRADE_RISK_EXCEEDED)

    def check_city_exposure(self, trade: Trade) -> Verdict:
        """Worst case of the city with the trade within its cap."""
        return self._one(trade, R.CITY_EXPOSURE_EXCEEDED)

    def check_cluster_exposure(self, trade: Trade) -> Verdict:
        """Worst case of the city's cluster with the trade within its cap."""
        return self._one(trade, R.CLUSTER_EXPOSURE_EXCEEDED)

    def largest_allowed(self, trade: Trade) -> tuple[Decimal, tuple[ReasonCode, ...]]:
        """Return the most whole contracts up to ``trade.qty`` within every cap, and the caps that bind below
        it.

        The worst case never falls when an order grows (it may fill or not), so halving finds the largest.
        """
        low, high = 0, int(trade.qty.to_integral_value(ROUND_FLOOR))
        binding = tuple(c.reason for c in self.checks(trade, Decimal(high)) if is_over(c))
        if not binding:
            return Decimal(high), ()
        while high - low > 1:
            middle = (low + high) // 2
            if any(is_over(c) for c in self.checks(trade, Decimal(middle))):
                high = middle
            else:
                low = middle
        return Decimal(low), binding


@dataclass(frozen=True)
class Caps:
    """What one decision measures holdings against: its limits, its money, the outcomes of its events, and
    how alike the forecasts of its cities err.
    """

    limits: RiskLimits
    losses: LossState
    outcomes: Mapping[str, WinnerSets]
    cities: tuple[CityConfig, ...]
    together: Together = field(default_factory=dict)

    def over(self, holdings: Iterable[Holding]) -> Exposure:
        """Return the exposure of these holdings under the caps."""
        return Exposure(
            holdings,
            self.outcomes,
            self.cities,
            self.limits,
            self.losses.equity_usd,
            self.losses.day_start_equity_usd - self.losses.booked_equity_usd,
            self.together,
        )


def together_of(correlations: Iterable[Correlation]) -> Together:
    """Return the size of each correlation by its pair: which way a position leans is not looked at, so errors
    against each other can cost as much as errors alike."""
    return {frozenset((c.city_a, c.city_b)): abs(Decimal(str(c.rho))) for c in correlations}


def is_over(check: CapCheck) -> bool:
    """Whether the trade would lift the cap's worst case above its limit; what does not add is never over."""
    return check.after_usd > check.limit_usd and check.after_usd > check.before_usd
