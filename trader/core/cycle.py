"""The one entrance to the core: inputs in, plan out. No clock, file, socket, database or random source is
read.
"""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal

from trader.core import breakers
from trader.core.edge import worst_unit_cost
from trader.core.exits import Exit, flatten, without
from trader.core.exposure import Caps, Exposure, Trade, WinnerSets, together_of
from trader.core.intents import derive_client_order_id, derive_intent_key, generate_intent_key
from trader.core.judging import Candidate, Judge, winners_of
from trader.domain.canonical import content_hash
from trader.domain.plan import CycleInputs, CyclePlan
from trader.domain.risk import StateChange
from trader.domain.signals import OrderIntent, RiskDecision
from trader.domain.types import Action, OrderPolicy, ReasonCode, TimeInForce

ZERO, ONE = Decimal(0), Decimal(1)
R = ReasonCode


def plan_cycle(inputs: CycleInputs, *, inputs_hash: str | None = None) -> CyclePlan:
    """Return predictions, one signal per market, risk decisions, intents in sending order, and new halts.

    Same inputs, same bytes, in any process, hash seed and time zone. ``inputs_hash`` may be given by a caller
    that has just computed ``content_hash(inputs)``; it is not checked here, a replay compares it.
    """
    judge = Judge(inputs)
    judge.judge_events()
    judge.name_refused()
    new_states = breakers.trip(inputs.losses, inputs.limits, inputs.states, inputs.now)
    states = breakers.in_force((*inputs.states, *new_states), inputs.now)
    decisions, intents = decide(inputs, judge, states)
    return CyclePlan(
        inputs_hash=inputs_hash or content_hash(inputs),
        predictions=tuple(judge.predictions),
        signals=tuple(sorted(judge.signals.values(), key=lambda s: (s.event_ticker, s.ticker))),
        risk_decisions=decisions,
        intents=intents,
        new_states=new_states,
    )


def decide(
    inputs: CycleInputs, judge: Judge, states: tuple[StateChange, ...]
) -> tuple[tuple[RiskDecision, ...], tuple[OrderIntent, ...]]:
    """Sell what is to be sold, then ask the caps for each candidate, best edge first (then by ticker),
    counting what this plan already adds. An event in which something is sold gets no new order.
    """
    caps = caps_of(inputs, judge.outcomes)
    exposure = caps.over(inputs.holdings)
    free_cash = inputs.cash_usd - sum((h.qty * h.cost_usd for h in inputs.holdings if h.is_pending), ZERO)
    taken, used_events = set(inputs.taken_intents), set[str]()
    decisions: list[RiskDecision] = []
    intents: list[OrderIntent] = []
    going: list[Exit] = []
    ordered = flatten(inputs, states)
    sold = {wish.ticker for wish in ordered}
    for wish in (*ordered, *(w for w in sorted(judge.exits, key=lambda w: w.ticker) if w.ticker not in sold)):
        key = _exit_key(inputs, wish)
        reasons = breakers.forbidding(states, Action.REDUCE, ticker=wish.ticker, city_code=wish.city_code)
        if not reasons and key in taken:
            reasons = (R.INTENT_EXISTS,)
        if not reasons and wish.reason is R.EDGE_REVERSED:
            leaving = [w for w in judge.exits if w.event_ticker == wish.event_ticker and w not in going]
            after = caps.over(without(inputs.holdings, (*going, *leaving)))
            reasons = after.grown_over(exposure, wish.city_code)
        decisions.append(
            RiskDecision(
                ticker=wish.ticker,
                side=wish.side,
                asked_qty=wish.qty,
                allowed_qty=ZERO if reasons else wish.qty,
                reasons=reasons or (wish.reason,),
                caps=(),
            )
        )
        if not reasons:
            intents.append(_sale(inputs, wish, key))
            sold_of = (h for h in inputs.holdings if h.ticker == wish.ticker and not h.is_pending)
            exposure.count(wish.under_way(next(sold_of)))
            going.append(wish)
            used_events.add(wish.event_ticker)
            taken.add(key)
    for candidate in sorted(judge.candidates, key=lambda c: (-(c.signal.edge or ZERO), c.signal.ticker)):
        trade, key = candidate.trade, _key(inputs, candidate)
        # one new order per event and cycle: the next look at the books knows what the first one did
        is_taken = key in taken or trade.event_ticker in used_events
        allowed, reasons = _allow(trade, exposure, free_cash, _blocked(states, trade, is_taken))
        decisions.append(
            RiskDecision(
                ticker=trade.ticker,
                side=trade.side,
                asked_qty=trade.qty,
                allowed_qty=allowed,
                reasons=reasons or (R.WITHIN_LIMITS,),
                caps=exposure.checks(trade, allowed or trade.qty),
            )
        )
        if allowed:
            intents.append(_intent(inputs, candidate, key, allowed))
            exposure.add(trade, allowed)
            free_cash -= allowed * trade.cost_usd
            used_events.add(trade.event_ticker)
            taken.add(key)
    return tuple(decisions), tuple(intents)


def caps_of(inputs: CycleInputs, outcomes: Mapping[str, WinnerSets] | None = None) -> Caps:
    """Return what this decision measures holdings against. ``outcomes`` may be given where they are known."""
    if outcomes is None:
        outcomes = winners_of(inputs.contracts)
    return Caps(
        limits=inputs.limits,
        losses=inputs.losses,
        outcomes=outcomes,
        cities=inputs.cities,
        together=together_of(inputs.knowledge.correlations),
    )


def _allow(
    trade: Trade, exposure: Exposure, free_cash: Decimal, blocked: tuple[ReasonCode, ...]
) -> tuple[Decimal, tuple[ReasonCode, ...]]:
    """Return the whole contracts allowed, and what made it fewer than asked."""
    if blocked:
        return ZERO, blocked
    allowed, reasons = exposure.largest_allowed(trade)
    affordable = max(ZERO, free_cash // trade.cost_usd)
    if affordable < allowed:
        allowed, reasons = affordable, (*reasons, R.CASH_TOO_LOW)
    return (allowed, reasons) if allowed >= ONE else (ZERO, (*reasons, R.SIZE_BELOW_MINIMUM))


def _blocked(states: tuple[StateChange, ...], trade: Trade, is_taken: bool) -> tuple[ReasonCode, ...]:
    """Return why no order at all may be made, whatever the caps say."""
    if reasons := breakers.forbidding(states, Action.OPEN, ticker=trade.ticker, city_code=trade.city_code):
        return reasons
    return (R.INTENT_EXISTS,) if is_taken else ()


def _key(inputs: CycleInputs, candidate: Candidate) -> str:
    return generate_intent_key(
        candidate.signal,
        account=inputs.account,
        mode=inputs.mode,
        slot=inputs.slot,
        side=candidate.trade.side,
    )


def _exit_key(inputs: CycleInputs, wish: Exit) -> str:
    return derive_intent_key(
        inputs.account,
        inputs.mode,
        wish.ticker,
        wish.side,
        Action.REDUCE,
        inputs.slot,
        wish.strategy[1],
        attempt=1,
    )


def _sale(inputs: CycleInputs, wish: Exit, key: str) -> OrderIntent:
    """Immediate-or-cancel, and the exchange caps it at the position. At worst it costs its fee."""
    bought = 1 - wish.limit
    return OrderIntent(
        intent_key=key,
        client_order_id=derive_client_order_id(key),
        mode=inputs.mode,
        ticker=wish.ticker,
        event_ticker=wish.event_ticker,
        city_code=wish.city_code,
        side=wish.side,
        action=Action.REDUCE,
        qty=wish.qty,
        limit_price=wish.limit,
        time_in_force=TimeInForce.IOC,
        expires_at=None,
        worst_usd=wish.qty * (worst_unit_cost(bought, wish.multiplier) - bought),
        strategy_name=wish.strategy[0],
        strategy_version=wish.strategy[1],
        slot=inputs.slot,
        attempt=1,
    )


def _intent(inputs: CycleInputs, candidate: Candidate, key: str, qty: Decimal) -> OrderIntent:
    """What takes is immediate-or-cancel: nothing rests, so there is no expiry. What rests never takes, and
    the exchange itself ends it before the next cycle.
    """
    signal, trade = candidate.signal, candidate.trade
    rests = candidate.policy is OrderPolicy.REST
    expires_at = inputs.now.replace(microsecond=0) + timedelta(seconds=inputs.order_expiry_s)
    return OrderIntent(
        intent_key=key,
        client_order_id=derive_client_order_id(key),
        mode=inputs.mode,
        ticker=signal.ticker,
        event_ticker=signal.event_ticker,
        city_code=signal.city_code,
        side=trade.side,
        action=Action.OPEN,
        qty=qty,
        limit_price=trade.limit,
        time_in_force=TimeInForce.GTC if rests else TimeInForce.IOC,
        is_post_only=rests,
        expires_at=expires_at if rests else None,
        worst_usd=qty * trade.cost_usd,
        strategy_name=signal.strategy_name,
        strategy_version=signal.strategy_version,
        slot=inputs.slot,
        attempt=1,
    )
