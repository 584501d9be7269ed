"""What a strategy is: one predictive distribution per event, and a word on each of its contracts."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from trader.core.edge import Execution, better_side
from trader.core.gates import check_book, judge_edge
from trader.domain.cities import CityConfig
from trader.domain.learned import Residuals
from trader.domain.markets import Contract, MarketSnapshot
from trader.domain.risk import GateLimits
from trader.domain.signals import Prediction, Signal
from trader.domain.types import Decision, MarketType, ReasonCode, Side
from trader.domain.weather import WeatherSnapshot

ZERO = Decimal(0)
Lately = Mapping[tuple[str, str, MarketType, int], Residuals]
"""How forecasts erred beyond what a parameter set says, by city, source, variable and lead in days."""


@dataclass(frozen=True, slots=True)
class EventInputs:
    """What a strategy may look at for one event. ``now`` is the decision instant, ``lately`` how forecasts
    erred.
    """

    event_ticker: str
    city: CityConfig
    market_type: MarketType
    climate_date: date
    now: datetime
    weather: WeatherSnapshot | None
    lately: Lately
    min_forecast_pairs: int
    gates: GateLimits


@dataclass(frozen=True, slots=True)
class Outlook:
    """A strategy's answer for an event: a prediction or none, and why nothing may be opened on it (empty: may
    be). ``evidence`` is what its record counts for, in pairs of forecast and outcome; sizes shrink with it.
    """

    prediction: Prediction | None
    reasons: tuple[ReasonCode, ...]
    evidence: Decimal = ZERO


class Strategy(ABC):
    """A named, versioned rule that turns weather into probabilities of one market type. Pure and
    deterministic.
    """

    name: str
    version: str
    market_type: MarketType

    @abstractmethod
    def predict(self, event: EventInputs) -> Outlook:
        """Return the event's distribution, or the reasons why there is none."""

    def evaluate(self, event: EventInputs, contract: Contract, market: MarketSnapshot | None) -> Signal:
        """Return the signal for one contract: predict the event, read the contract from it, compare with the
        book.
        """
        return self.read(self.predict(event), event, contract, market)

    def read(
        self, outlook: Outlook, event: EventInputs, contract: Contract, market: MarketSnapshot | None
    ) -> Signal:
        """Return the signal that a prediction already made gives for one contract.

        The edge is dollars per contract after fees on the better side, at the price for ``min_depth``
        contracts (or what is offered). Gates other than the strategy's own and the edge are asked by the
        plan.
        """
        p_yes, uncertainty, offer = None, None, None
        reasons = list(outlook.reasons)
        if outlook.prediction is not None:
            distribution = outlook.prediction.distribution
            p_yes, uncertainty = distribution.between(contract.lo, contract.hi), distribution.sd_f
            book_ok = check_book(market, event.now, event.gates)
            reasons += book_ok.reasons
            if book_ok and market is not None and market.book is not None:
                offer = better_side(market.book, p_yes, event.gates.min_depth, contract.fee_multiplier)
        edge = offer.edge(p_yes) if offer is not None and p_yes is not None else None
        if edge is not None:
            reasons += judge_edge(edge, event.gates).reasons
        decision = Decision.HOLD if reasons or offer is None else _DECISIONS[offer.side]
        return signal_for(
            contract,
            strategy=(self.name, self.version),
            p_yes=p_yes,
            uncertainty=uncertainty,
            offer=offer,
            edge=edge,
            decision=decision,
            reasons=tuple(reasons) or (ReasonCode.EDGE_FOUND,),
        )


_DECISIONS = {Side.YES: Decision.BUY, Side.NO: Decision.SELL}


def signal_for(
    contract: Contract,
    *,
    strategy: tuple[str, str],
    reasons: tuple[ReasonCode, ...],
    p_yes: Decimal | None = None,
    uncertainty: float | None = None,
    offer: Execution | None = None,
    edge: Decimal | None = None,
    decision: Decision = Decision.HOLD,
) -> Signal:
    """Return a signal with the contract's identity. A HOLD asks for nothing; the plan sets the quantity."""
    return Signal(
        ticker=contract.ticker,
        event_ticker=contract.event_ticker,
        city_code=contract.city_code,
        market_type=contract.market_type,
        climate_date=contract.climate_date,
        strategy_name=strategy[0],
        strategy_version=strategy[1],
        p_yes=p_yes,
        uncertainty=uncertainty,
        decision=decision,
        side=offer.side if offer is not None else None,
        price=offer.price if offer is not None else None,
        limit_price=offer.limit if offer is not None else None,
        fee=offer.fee if offer is not None else None,
        edge=edge,
        qty=ZERO,
        reasons=reasons,
    )
