"""From inputs to signals: each event predicted once, each market given one signal, tradable ones sized."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from trader.core import breakers, gates
from trader.core.edge import execute, waiting, worst_unit_cost, worthwhile
from trader.core.exits import Exit, reversal, sellable
from trader.core.exposure import Trade, WinnerSets
from trader.core.fees import check_fee_type
from trader.core.settlement import climate_date, winner_sets
from trader.core.sizing import kelly_contracts, to_trade
from trader.core.strategies.base import EventInputs, Outlook, Strategy, signal_for
from trader.core.strategies.registry import Made, lately_by_set, made_from
from trader.domain.cities import CityConfig
from trader.domain.markets import Contract, MarketSnapshot
from trader.domain.plan import CycleInputs, RefusedMarket
from trader.domain.positions import Holding
from trader.domain.signals import Prediction, Signal
from trader.domain.types import (
    EXCLUSIVE_TYPES,
    Decision,
    MarketType,
    OrderPolicy,
    ReasonCode,
    Side,
    TradingState,
    Verdict,
)

ZERO = Decimal(0)
R = ReasonCode
NO_STRATEGY = ("none", "0")
OPENINGS_ONLY = frozenset({R.DAY_TOO_ADVANCED, R.UNCERTAINTY_TOO_HIGH})
"""Reasons that keep new risk out although the forecast is fresh and proven. Where only reductions are
allowed, less risk is what is asked for, so they do not keep a sale out.
"""
_TICKER_DATE = re.compile(r"-(\d{2})([A-Z]{3})(\d{2})$")
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A signal worth a trade, that trade at worst case, and how its order is to meet the book."""

    signal: Signal
    trade: Trade
    policy: OrderPolicy = OrderPolicy.TAKE


class Judge:
    """Judges every market of one cycle; the results are in the public attributes.

    ``outcomes`` maps an event whose brackets fit together to the sets of markets that may win together.
    """

    def __init__(self, inputs: CycleInputs) -> None:
        self.predictions: list[Prediction] = []
        self.signals: dict[str, Signal] = {}
        self.candidates: list[Candidate] = []
        self.exits: list[Exit] = []
        self.outcomes: dict[str, WinnerSets] = {}
        self._inputs = inputs
        self._cities = {c.code: c for c in inputs.cities}
        self._weather = {w.city_code: w for w in inputs.weather}
        self._made = made_from(inputs.knowledge.current)
        self._beside = [made_from(parameters) for parameters in inputs.knowledge.candidates]
        self._lately = lately_by_set(inputs.knowledge)
        self._snapshots = {s.ticker: s for s in inputs.snapshots}
        self._refused = {r.ticker for r in inputs.refused}
        self._events = _by_event(inputs.contracts)
        self._sellable = sellable(inputs)
        self._states = breakers.in_force(inputs.states, inputs.now)
        self._held: dict[str, list[Holding]] = {}
        for holding in inputs.holdings:
            self._held.setdefault(holding.ticker, []).append(holding)

    def judge_events(self) -> None:
        """Predict each event once and give each of its contracts a signal."""
        for event_ticker, contracts in sorted(self._events.items()):
            partition = gates.check_partition(contracts)
            if partition:
                self.outcomes[event_ticker] = winner_sets(contracts)
            first = contracts[0]
            city, strategy = self._cities.get(first.city_code), self._made.strategies.get(first.market_type)
            event = self._event_inputs(first, city, self._made) if city is not None else None
            outlook = self._outlook(event, strategy)
            if outlook.prediction is not None:
                self.predictions += [outlook.prediction, *self._compared(first, city)]
            last_trade = min(c.close_time for c in contracts)
            if city is not None:
                last_trade = min(last_trade, _minute_before_midnight(first.climate_date, city))
            for contract in contracts:
                reasons = partition.reasons + self._market_reasons(contract, last_trade)
                self._judge(contract, event, strategy, outlook, reasons)

    def _compared(self, contract: Contract, city: CityConfig | None) -> list[Prediction]:
        """What the candidates and the benchmark say of an event that was predicted; nothing trades on it."""
        asked = [(made, made.strategies) for made in self._beside] + [(self._made, self._made.benchmarks)]
        found = []
        for made, by_type in asked:
            strategy = by_type.get(contract.market_type)
            if strategy is not None and city is not None:
                found.append(strategy.predict(self._event_inputs(contract, city, made)).prediction)
        return [prediction for prediction in found if prediction is not None]

    def _event_inputs(self, contract: Contract, city: CityConfig, made: Made) -> EventInputs:
        return EventInputs(
            event_ticker=contract.event_ticker,
            city=city,
            market_type=contract.market_type,
            climate_date=contract.climate_date,
            now=self._inputs.now,
            weather=self._weather.get(city.code),
            lately=self._lately.get(made.sha256, {}),
            min_forecast_pairs=self._inputs.min_forecast_pairs,
            gates=self._inputs.gates,
        )

    def _outlook(self, event: EventInputs | None, strategy: Strategy | None) -> Outlook:
        if event is None:
            return Outlook(None, (R.WEATHER_STALE,))
        return Outlook(None, (R.STRATEGY_MISSING,)) if strategy is None else strategy.predict(event)

    def _market_reasons(self, contract: Contract, last_trade: datetime) -> tuple[ReasonCode, ...]:
        """Everything about the market itself that forbids a trade, in a fixed order."""
        now, limits = self._inputs.now, self._inputs.gates
        market = self._snapshots.get(contract.ticker)
        book = gates.check_book(market, now, limits)
        verdicts = [
            gates.check_terms(contract, market),
            check_fee_type(contract),
            gates.check_open(contract, market, now, limits),
            book,
        ]
        if book and market is not None:
            verdicts.append(gates.check_spread(market, limits))
        reasons = [R.PAYLOAD_MALFORMED] if contract.ticker in self._refused else []
        reasons += [reason for verdict in verdicts for reason in verdict.reasons]
        if last_trade - now < timedelta(seconds=limits.min_time_to_close_s):
            reasons.append(R.MARKET_CLOSING)
        return tuple(dict.fromkeys(reasons))

    def _judge(
        self,
        contract: Contract,
        event: EventInputs | None,
        strategy: Strategy | None,
        outlook: Outlook,
        reasons: tuple[ReasonCode, ...],
    ) -> None:
        """Give one contract its signal; a contract that passes everything becomes a candidate."""
        market = self._snapshots.get(contract.ticker)
        if strategy is None or event is None:
            every = tuple(dict.fromkeys((*outlook.reasons, *reasons)))
            self.signals[contract.ticker] = signal_for(contract, strategy=NO_STRATEGY, reasons=every)
            return
        signal = strategy.read(outlook, event, contract, market)
        if self._wants_out(signal, outlook, contract, market):
            reasons = (R.EDGE_REVERSED, *reasons)
        if signal.decision is not Decision.HOLD and not reasons:
            candidate = self._size(signal, contract, market, outlook.evidence)
            if isinstance(candidate, Candidate):
                self.candidates.append(candidate)
                self.signals[contract.ticker] = candidate.signal
                return
            reasons = candidate.reasons
        said = tuple(r for r in signal.reasons if r is not R.EDGE_FOUND)
        if said or reasons:
            held = {"decision": Decision.HOLD, "reasons": tuple(dict.fromkeys((*said, *reasons)))}
            signal = signal.model_copy(update=held)
        self.signals[contract.ticker] = signal

    def _wants_out(
        self, signal: Signal, outlook: Outlook, contract: Contract, market: MarketSnapshot | None
    ) -> bool:
        """Wish the sale of what is held where its edge has reversed, on the same trust in forecast and terms
        as an opening; a wide spread, a thin book or a near close stop openings only, and in REDUCE_ONLY so do
        OPENINGS_ONLY.
        """
        held = self._sellable.get(contract.ticker)
        if held is None or market is None or signal.p_yes is None:
            return False
        state, _ = breakers.state_for(self._states, ticker=contract.ticker, city_code=contract.city_code)
        doubts = set(outlook.reasons) - (OPENINGS_ONLY if state is TradingState.REDUCE_ONLY else set())
        if doubts:
            return False
        proofs = (gates.check_terms(contract, market), check_fee_type(contract))
        if contract.event_ticker not in self.outcomes or not all(proofs):
            return False
        named = (signal.strategy_name, signal.strategy_version)
        wish = reversal(self._inputs, contract, market, held, signal.p_yes, named)
        if wish is None:
            return False
        self.exits.append(wish)
        return True

    def _size(
        self, signal: Signal, contract: Contract, market: MarketSnapshot | None, evidence: Decimal
    ) -> Candidate | Verdict:
        """Return the candidate with quantity and limit price, or why there is none."""
        if market is None or market.book is None or signal.side is None or signal.p_yes is None:
            return Verdict(allowed=False, reasons=(R.BOOK_MISSING,))
        side, p_yes, inputs = signal.side, signal.p_yes, self._inputs
        multiplier = contract.fee_multiplier
        reach = worthwhile(market.book, side, p_yes, inputs.gates.min_edge_usd, multiplier)
        if reach is None:
            return Verdict(allowed=False, reasons=(R.EDGE_TOO_SMALL,))
        furthest, depth = reach
        liquid = gates.check_liquidity(market, side, inputs.gates.min_depth, furthest)
        if not liquid:
            return liquid
        mine = self._held.get(contract.ticker, ())
        if any(h.side is not side for h in mine):
            return Verdict(allowed=False, reasons=(R.OPPOSITE_POSITION_HELD,))
        p_win = p_yes if side is Side.YES else 1 - p_yes
        offer = execute(market.book, side, depth, multiplier)
        held = sum((h.qty for h in mine), ZERO)
        qty = ZERO
        if offer is not None:
            # the price for all that is worth taking is the dearest one: a smaller size only gets cheaper
            cost = offer.price + offer.fee
            target = kelly_contracts(p_win, cost, inputs.losses.equity_usd, inputs.limits, evidence)
            if 0 < target <= held:
                return Verdict(allowed=False, reasons=(R.POSITION_AT_TARGET,))
            qty = to_trade(target, held, depth)
        # an order that waits is sized as if it took: it is filled when the price comes down to it
        if inputs.order_policy is OrderPolicy.REST:
            offer = waiting(market.book, side, qty, contract)
        else:
            offer = execute(market.book, side, qty, multiplier)
        if offer is None:
            return Verdict(allowed=False, reasons=(R.SIZE_BELOW_MINIMUM,))
        sized = signal.model_copy(
            update={
                "qty": qty,
                "price": offer.price,
                "fee": offer.fee,
                "limit_price": offer.limit,
                "edge": offer.edge(p_yes),
            }
        )
        trade = Trade(
            ticker=contract.ticker,
            event_ticker=contract.event_ticker,
            city_code=contract.city_code,
            side=side,
            qty=qty,
            limit=offer.limit,
            cost_usd=worst_unit_cost(offer.limit, multiplier),
            is_exclusive=contract.market_type in EXCLUSIVE_TYPES,
        )
        return Candidate(sized, trade, inputs.order_policy)

    def name_refused(self) -> None:
        """A market whose payload could not be read exists and is held, with its reason."""
        for market in self._inputs.refused:
            if market.ticker not in self.signals:
                self.signals[market.ticker] = self._refused_signal(market)

    def _refused_signal(self, market: RefusedMarket) -> Signal:
        siblings = self._events.get(market.event_ticker)
        if siblings:
            kind, day = siblings[0].market_type, siblings[0].climate_date
        else:
            kind, day = self._label_of(market)
        return Signal(
            ticker=market.ticker,
            event_ticker=market.event_ticker,
            city_code=market.city_code,
            market_type=kind,
            climate_date=day,
            strategy_name=NO_STRATEGY[0],
            strategy_version=NO_STRATEGY[1],
            p_yes=None,
            uncertainty=None,
            decision=Decision.HOLD,
            side=None,
            price=None,
            limit_price=None,
            fee=None,
            edge=None,
            qty=ZERO,
            reasons=(market.reason,),
        )

    def _label_of(self, market: RefusedMarket) -> tuple[MarketType, date]:
        """Type and day to file a market without terms under; read from its name, used for nothing else."""
        city = self._cities.get(market.city_code)
        series = market.event_ticker.partition("-")[0]
        kinds = [k for k in MarketType if city is not None and city.series(k) == series]
        kind = kinds[0] if kinds else MarketType.HIGH
        named = _TICKER_DATE.search(market.event_ticker)
        try:
            if named is not None:
                return kind, date(2000 + int(named[1]), _MONTHS.index(named[2]) + 1, int(named[3]))
        except ValueError:
            named = None
        return kind, climate_date(self._inputs.now, city) if city is not None else self._inputs.now.date()


def _by_event(contracts: Iterable[Contract]) -> dict[str, tuple[Contract, ...]]:
    """Contracts by event, each event from the lowest bracket up; order of arrival cannot matter."""
    events: dict[str, list[Contract]] = {}
    for contract in contracts:
        events.setdefault(contract.event_ticker, []).append(contract)
    return {
        event: tuple(sorted(found, key=lambda c: (c.lo is not None, c.lo or 0, c.ticker)))
        for event, found in events.items()
    }


def winners_of(contracts: Iterable[Contract]) -> dict[str, WinnerSets]:
    """Return the sets of winners of each event whose brackets belong together."""
    events = sorted(_by_event(contracts).items())
    return {event: winner_sets(found) for event, found in events if gates.check_partition(found)}


def _minute_before_midnight(day: date, city: CityConfig) -> datetime:
    """The rules' own "last trading time", 11:59 PM on the wall clock; the earlier of both ends counts."""
    return datetime(day.year, day.month, day.day, 23, 59, tzinfo=city.zone)
