"""plan_cycle: one signal for every market, caps counted while planning, and the same bytes everywhere."""

import os
import subprocess
import sys
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.trader.core.builders import (
    CITIES,
    DAY,
    NOW,
    book,
    contract,
    event_contracts,
    forecast,
    holding,
    inputs,
    quiet_event,
    snapshot,
    weather,
)
from trader.core.cycle import plan_cycle
from trader.core.exposure import Exposure
from trader.core.intents import derive_client_order_id
from trader.core.settlement import winner_sets
from trader.core.strategies.extreme import shipped_parameters
from trader.domain.canonical import canonical_json, content_hash
from trader.domain.learned import Correlation, Knowledge
from trader.domain.plan import CycleInputs, CyclePlan, RefusedMarket
from trader.domain.risk import Cap, GateLimits, LossState, RiskLimits, StateChange
from trader.domain.signals import Signal
from trader.domain.types import (
    Action,
    Decision,
    MarketStatus,
    MarketType,
    ReasonCode,
    Side,
    TimeInForce,
    TradingState,
)

D = Decimal
R = ReasonCode
ROOT = Path(__file__).resolve().parents[4]


def newyork(**changes: Any) -> CycleInputs:
    contracts, snapshots = quiet_event()
    return inputs(contracts, snapshots, [weather("NYC", forecast(85.0))], **changes)


def of(plan: CyclePlan, ticker: str) -> Signal:
    return next(s for s in plan.signals if s.ticker == ticker)


def halt(scope: str = "book", kind: TradingState = TradingState.HALTED) -> StateChange:
    return StateChange(scope=scope, state=kind, reason=R.OPERATOR_HALT, note="", set_by="ann", set_at=NOW)


@pytest.mark.story("4.8")
def test_a_plan_has_one_prediction_a_signal_for_each_bracket_and_one_order_for_the_event() -> None:
    given_inputs = newyork()

    plan = plan_cycle(given_inputs)

    assert plan.inputs_hash == content_hash(given_inputs)
    assert [p.event_ticker for p in plan.predictions] == ["KXHIGHNY-26JUL16"] * 2
    assert [p.strategy_name for p in plan.predictions] == ["daily_high", "climatology"]
    assert len(plan.signals) == 6
    assert all(s.reasons for s in plan.signals)
    (intent,) = plan.intents
    best = max((s for s in plan.signals if s.edge is not None), key=lambda s: s.edge or D(0))
    assert (intent.ticker, intent.side, intent.action) == (best.ticker, Side.YES, Action.OPEN)
    assert (intent.limit_price, intent.qty) == (D("0.11"), best.qty)
    assert (intent.time_in_force, intent.expires_at) == (TimeInForce.IOC, None)
    assert intent.client_order_id == derive_client_order_id(intent.intent_key)
    assert intent.worst_usd >= intent.qty * intent.limit_price
    first, *others = plan.risk_decisions
    assert (first.reasons, first.allowed_qty) == ((R.WITHIN_LIMITS,), intent.qty)
    assert {d.reasons for d in others} == {(R.INTENT_EXISTS,)}


def test_probabilities_of_an_event_sum_to_one() -> None:
    assert sum(s.p_yes or D(0) for s in plan_cycle(newyork()).signals) == 1


def test_intents_come_by_falling_edge() -> None:
    parts = [quiet_event(city=code) for code in CITIES]
    contracts = [c for part in parts for c in part[0]]
    snapshots = [s for part in parts for s in part[1]]
    reports = [weather(code, forecast(80.0 + i)) for i, code in enumerate(CITIES)]
    given_inputs = inputs(contracts, snapshots, reports)

    plan = plan_cycle(given_inputs)

    edges = [of(plan, i.ticker).edge or D(0) for i in plan.intents]
    assert len(plan.intents) > 3
    assert edges == sorted(edges, reverse=True)
    assert len({i.event_ticker for i in plan.intents}) == len(plan.intents)


@pytest.mark.story("4.9")
def test_a_cluster_cap_is_shared_by_its_cities_within_one_plan() -> None:
    parts = [quiet_event(city=code) for code in ("NYC", "PHL", "BOS")]
    contracts = [c for part in parts for c in part[0]]
    snapshots = [s for part in parts for s in part[1]]
    reports = [weather(code, forecast(85.0)) for code in ("NYC", "PHL", "BOS")]
    limits = RiskLimits(cluster=Cap(usd=D(5), fraction=D(1)))

    plan = plan_cycle(inputs(contracts, snapshots, reports, limits=limits))

    assert sum(i.worst_usd for i in plan.intents) <= 5
    bound = [d for d in plan.risk_decisions if R.CLUSTER_EXPOSURE_EXCEEDED in d.reasons]
    assert bound
    cap = next(c for c in bound[0].caps if c.reason is R.CLUSTER_EXPOSURE_EXCEEDED)
    assert cap.limit_usd == 5
    assert cap.before_usd > 0


@pytest.mark.parametrize(("rho", "is_bound"), [(0.9, True), (0.0, False)])
def test_a_plan_counts_what_errs_together_against_the_cap_of_another_cluster(
    rho: float, is_bound: bool
) -> None:
    learnt = Correlation(city_a="CHI", city_b="NYC", rho=rho, days=150)
    elsewhere = holding(contract(84, 85, city="CHI"), Side.YES, "5", "1")
    limits = RiskLimits(cluster=Cap(usd=D(5), fraction=D(1)))
    given_inputs = newyork(limits=limits, holdings=(elsewhere,))
    knowledge = given_inputs.knowledge.model_copy(update={"correlations": (learnt,)})

    plan = plan_cycle(given_inputs.model_copy(update={"knowledge": knowledge}))

    (cap,) = (c for c in plan.risk_decisions[0].caps if c.reason is R.CLUSTER_EXPOSURE_EXCEEDED)
    assert cap.before_usd == 5 * D(str(rho))
    assert (sum(i.worst_usd for i in plan.intents) <= D("0.5")) is is_bound


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"states": (halt(),)}, R.OPERATOR_HALT),
        ({"states": (halt(kind=TradingState.REDUCE_ONLY),)}, R.OPERATOR_HALT),
        ({"states": (halt("city:NYC"),)}, R.OPERATOR_HALT),
        ({"cash_usd": D(0)}, R.CASH_TOO_LOW),
        ({"limits": RiskLimits(trade=Cap(usd=D("0.05"), fraction=D(1)))}, R.SIZE_BELOW_MINIMUM),
    ],
)
def test_what_forbids_new_risk_stops_every_order_and_says_why(
    changes: dict[str, Any], reason: ReasonCode
) -> None:
    plan = plan_cycle(newyork(**changes))

    assert plan.intents == ()
    assert plan.risk_decisions
    assert all(reason in d.reasons and d.allowed_qty == 0 for d in plan.risk_decisions)
    assert any(s.decision is Decision.BUY for s in plan.signals)


def test_a_halt_elsewhere_changes_nothing() -> None:
    assert (
        plan_cycle(newyork(states=(halt("city:CHI"), halt("market:OTHER")))).intents
        == plan_cycle(newyork()).intents
    )


def test_little_cash_buys_what_it_can() -> None:
    plan = plan_cycle(newyork(cash_usd=D("1.20")))

    (intent,) = plan.intents
    assert intent.qty == 10  # 1.20 / (0.11 + fee)
    assert plan.risk_decisions[0].reasons == (R.CASH_TOO_LOW,)


def test_an_account_too_small_for_one_contract_holds() -> None:
    poor = LossState(
        equity_usd=D("0.5"),
        booked_equity_usd=D("0.5"),
        peak_equity_usd=D("0.5"),
        day_start_equity_usd=D("0.5"),
        rejects_in_window=0,
    )

    plan = plan_cycle(newyork(losses=poor))

    assert any(s.reasons == (R.SIZE_BELOW_MINIMUM,) for s in plan.signals)
    assert plan.intents == ()


@pytest.mark.story("4.5")
def test_a_loss_that_trips_in_this_very_cycle_stops_it() -> None:
    lost = LossState(
        equity_usd=D(4700),
        booked_equity_usd=D(4700),
        peak_equity_usd=D(5000),
        day_start_equity_usd=D(5000),
        rejects_in_window=0,
    )

    plan = plan_cycle(newyork(losses=lost))

    assert [c.reason for c in plan.new_states] == [R.DAILY_LOSS_REACHED]
    assert plan.intents == ()
    assert {d.reasons for d in plan.risk_decisions} == {(R.DAILY_LOSS_REACHED,)}


@pytest.mark.story("4.6")
def test_a_replan_of_the_same_slot_finds_its_intent_taken() -> None:
    first = plan_cycle(newyork())
    again = plan_cycle(newyork(taken_intents=tuple(i.intent_key for i in first.intents)))

    assert first.intents[0].intent_key not in {i.intent_key for i in again.intents}
    assert again.risk_decisions[0].reasons == (R.INTENT_EXISTS,)


@pytest.mark.parametrize(
    ("side", "qty", "reason"),
    [(Side.NO, "1", R.OPPOSITE_POSITION_HELD), (Side.YES, "100", R.POSITION_AT_TARGET)],
)
def test_a_held_position_is_not_traded_against_or_beyond_its_target(
    side: Side, qty: str, reason: ReasonCode
) -> None:
    terms = contract(84, 85)

    gates = GateLimits(min_exit_edge_usd=D("0.5"))

    plan = plan_cycle(newyork(holdings=(holding(terms, side, qty, "0.11"),), gates=gates))

    signal = of(plan, terms.ticker)
    assert (signal.decision, signal.reasons) == (Decision.HOLD, (reason,))
    assert terms.ticker not in {i.ticker for i in plan.intents}


def test_a_pending_order_counts_towards_the_target() -> None:
    terms = contract(84, 85)

    plan = plan_cycle(newyork(holdings=(holding(terms, Side.YES, "30", "0.11", is_pending=True),)))

    assert of(plan, terms.ticker).qty == 10


def one_market(quotes: Any = None, **changes: Any) -> Signal:
    """The signal of the 84-85 bracket when one thing about it differs."""
    terms_changes = changes.pop("terms", {})
    brackets = tuple(c.model_copy(update=terms_changes) if c.lo == 84 else c for c in event_contracts())
    snapshots = tuple(
        snapshot(c, quotes if c.lo == 84 else book("0.10", "0.11"), **(changes if c.lo == 84 else {}))
        for c in brackets
    )
    plan = plan_cycle(inputs(brackets, snapshots, [weather("NYC", forecast(85.0))]))
    return next(s for s in plan.signals if s.ticker == contract(84, 85).ticker)


@pytest.mark.parametrize(
    ("quotes", "changes", "reasons"),
    [
        (None, {}, (R.BOOK_MISSING,)),
        (book("0.10", None), {}, (R.BOOK_MISSING,)),
        (book("0.10", "0.11", at=NOW - timedelta(seconds=31)), {}, (R.BOOK_STALE,)),
        (book("0.10", "0.11", at=NOW + timedelta(seconds=1)), {}, (R.BOOK_FROM_FUTURE,)),
        (book("0.11", "0.11"), {}, (R.BOOK_CROSSED,)),
        (book("0.07", "0.11"), {}, (R.SPREAD_TOO_WIDE,)),
        (book("0.10", "0.11", "19"), {}, (R.LIQUIDITY_TOO_LOW,)),
        (book("0.10", "0.11"), {"status": MarketStatus.INACTIVE}, (R.MARKET_NOT_OPEN,)),
        (book("0.10", "0.11"), {"terms_hash": "b" * 64}, (R.RULES_NOT_PROVEN,)),
        (book("0.10", "0.11"), {"terms": {"fee_type": "flat"}}, (R.FEE_TYPE_UNKNOWN,)),
        (book("0.10", "0.11"), {"terms": {"proof": (R.RULES_NOT_PROVEN,)}}, (R.RULES_NOT_PROVEN,)),
    ],
)
def test_each_fault_of_a_market_holds_it_with_its_own_reason(
    quotes: Any, changes: dict[str, Any], reasons: tuple[ReasonCode, ...]
) -> None:
    signal = one_market(quotes, **changes)

    assert (signal.decision, signal.reasons, signal.qty) == (Decision.HOLD, reasons, D(0))


def test_brackets_with_a_gap_hold_the_whole_event() -> None:
    contracts, snapshots = quiet_event()

    plan = plan_cycle(inputs(contracts[1:], snapshots[1:], [weather("NYC", forecast(85.0))]))

    assert plan.intents == ()
    assert all(R.BRACKETS_NOT_PARTITION in s.reasons for s in plan.signals)


def test_nothing_is_opened_close_to_the_end_by_either_clock() -> None:
    contracts, snapshots = quiet_event()
    wall_midnight = NOW.replace(
        day=17, hour=3, minute=50
    )  # 23:50 in New York on the 16th; the exchange closes 05:00Z
    quotes = tuple(snapshot(c, book("0.10", "0.11", at=wall_midnight)) for c in contracts)

    plan = plan_cycle(inputs(contracts, quotes, [weather("NYC", forecast(85.0))], now=wall_midnight))

    assert all(R.MARKET_CLOSING in s.reasons for s in plan.signals)
    assert len(snapshots) == 6


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (MarketType.LOW, R.NO_FORECAST),
        (MarketType.RAIN, R.STRATEGY_MISSING),
        (MarketType.SNOW, R.STRATEGY_MISSING),
    ],
)
def test_types_without_a_strategy_say_so_and_hold(kind: MarketType, reason: ReasonCode) -> None:
    contracts, snapshots = quiet_event(kind=kind)

    knowledge = Knowledge(current=shipped_parameters().model_copy(update={"totals": ()}))

    plan = plan_cycle(inputs(contracts, snapshots, [weather("NYC", forecast(85.0))], knowledge=knowledge))

    assert len(plan.signals) == 6
    assert all(s.decision is Decision.HOLD and s.reasons[0] is reason for s in plan.signals)
    assert plan.predictions == ()


def test_a_candidate_set_predicts_beside_the_current_one_and_trades_nothing() -> None:
    given_inputs = newyork()
    current = given_inputs.knowledge.current
    candidate = current.model_copy(update={"name": "bolder", "spreads": {
        kind: spread.model_copy(update={"a": 1.0}) for kind, spread in current.spreads.items()}})  # fmt: skip
    beside = Knowledge(current=current, candidates=(candidate,))

    alone = plan_cycle(given_inputs)
    both = plan_cycle(given_inputs.model_copy(update={"knowledge": beside}))

    assert [p.strategy_name for p in both.predictions] == ["daily_high", "daily_high", "climatology"]
    assert both.predictions[1].distribution.sd_f < both.predictions[0].distribution.sd_f
    assert (both.signals, both.intents) == (alone.signals, alone.intents)


def test_a_low_with_a_forecast_has_a_strategy_of_its_own() -> None:
    contracts, snapshots = quiet_event(kind=MarketType.LOW)
    seen = weather("NYC", forecast(70.0, variable=MarketType.LOW))

    plan = plan_cycle(inputs(contracts, snapshots, [seen]))

    assert {s.strategy_name for s in plan.signals} == {"daily_low"}
    assert [p.distribution.quantile(0.5) for p in plan.predictions] == [70, 70]


def test_a_city_we_do_not_know_is_held() -> None:
    contracts, snapshots = quiet_event()

    plan = plan_cycle(inputs(contracts, snapshots, [weather("NYC", forecast(85.0))], cities=()))

    assert all(s.reasons[0] is R.WEATHER_STALE for s in plan.signals)


def refusal(ticker: str, event_ticker: str, city: str = "NYC") -> RefusedMarket:
    return RefusedMarket(
        ticker=ticker, event_ticker=event_ticker, city_code=city, reason=R.PAYLOAD_MALFORMED, detail="yes_bid"
    )


def test_refused_markets_get_a_signal_and_their_event_is_no_partition() -> None:
    contracts, snapshots = quiet_event()
    lost = contracts[2]
    refused = (
        refusal(lost.ticker, lost.event_ticker),
        refusal("KXLOWTNYC-26JUL17-B65.5", "KXLOWTNYC-26JUL17"),
        refusal("KXHIGHNY-26JUX17-T1", "KXHIGHNY-26JUX17"),
        refusal("ODD", "ODD", "XXX"),
    )
    rest = [(c, s) for c, s in zip(contracts, snapshots, strict=True) if c is not lost]

    plan = plan_cycle(
        inputs([c for c, _ in rest], [s for _, s in rest], [weather("NYC", forecast(85.0))], refused=refused)
    )

    assert len(plan.signals) == 9
    for market in refused:
        signal = of(plan, market.ticker)
        assert (signal.decision, signal.reasons) == (Decision.HOLD, (R.PAYLOAD_MALFORMED,))
    low = of(plan, "KXLOWTNYC-26JUL17-B65.5")
    assert (low.market_type, low.climate_date) == (MarketType.LOW, DAY + timedelta(days=1))
    assert of(plan, "ODD").climate_date == NOW.date()
    assert of(plan, "KXHIGHNY-26JUX17-T1").climate_date == DAY - timedelta(days=1)
    assert plan.intents == ()


def test_a_market_both_listed_and_refused_is_held_as_malformed() -> None:
    contracts, snapshots = quiet_event()
    both = refusal(contracts[2].ticker, contracts[2].event_ticker)

    plan = plan_cycle(inputs(contracts, snapshots, [weather("NYC", forecast(85.0))], refused=(both,)))

    assert len(plan.signals) == 6
    assert of(plan, both.ticker).reasons == (R.PAYLOAD_MALFORMED,)


quotes = st.tuples(st.integers(1, 97), st.integers(1, 3), st.integers(0, 400))


@given(
    st.lists(quotes, min_size=12, max_size=12),
    st.floats(70, 100),
    st.integers(1, 400).map(lambda usd: Cap(usd=D(usd), fraction=D("0.03"))),
    st.lists(
        st.tuples(st.integers(0, 11), st.sampled_from(Side), st.integers(1, 80), st.booleans()), max_size=4
    ),
)
def test_no_plan_ever_exceeds_a_cap_or_its_cash(
    books: list[tuple[int, int, int]], mean: float, cap: Cap, held: list[tuple[int, Side, int, bool]]
) -> None:
    contracts = [*event_contracts(), *event_contracts(city="PHL")]
    snapshots = [
        snapshot(c, book(str(D(bid) / 100), str(D(bid + spread) / 100), str(size)))
        for c, (bid, spread, size) in zip(contracts, books, strict=True)
    ]
    holdings = tuple(
        holding(contracts[i], side, str(qty), "0.40", is_pending=pending) for i, side, qty, pending in held
    )
    limits = RiskLimits(city=cap, cluster=cap)
    reports = [weather(code, forecast(mean)) for code in ("NYC", "PHL")]

    plan = plan_cycle(inputs(contracts, snapshots, reports, limits=limits, holdings=holdings))

    terms = {c.ticker: c for c in contracts}
    outcomes = {"KXHIGHNY-26JUL16": winner_sets(contracts[:6])}
    outcomes |= {"KXHIGHPHIL-26JUL16": winner_sets(contracts[6:])}
    opened = [i for i in plan.intents if i.action is Action.OPEN]
    bought = [
        holding(terms[i.ticker], i.side, str(i.qty), str(i.worst_usd / i.qty), is_pending=True)
        for i in opened
    ]
    before = Exposure(holdings, outcomes, CITIES.values(), limits, D(5000))
    after = Exposure((*holdings, *bought), outcomes, CITIES.values(), limits, D(5000))
    limit = cap.limit(D(5000))
    for code in ("NYC", "PHL"):
        assert after.city_risk(code) <= max(limit, before.city_risk(code))
    assert after.cluster_risk("NE") <= max(limit, before.cluster_risk("NE"))
    assert len(plan.signals) == 12
    assert len({i.event_ticker for i in opened}) == len(opened)
    sold = {i.event_ticker for i in plan.intents if i.action is Action.REDUCE}
    assert not sold & {i.event_ticker for i in opened}
    assert all(i.worst_usd <= 100 for i in plan.intents)


SCRIPT = """
import sys
sys.path.insert(0, sys.argv[1])
from tests.unit.trader.core.test_cycle import newyork
from trader.core.cycle import plan_cycle
from trader.domain.canonical import canonical_json
from trader.domain.learned import Knowledge
sys.stdout.write(canonical_json(plan_cycle(newyork())))
"""


def test_the_same_inputs_give_the_same_bytes_in_other_processes_hash_seeds_and_zones() -> None:
    texts = {canonical_json(plan_cycle(newyork()))}
    for seed, zone in (("1", "Asia/Tokyo"), ("4242", "America/Los_Angeles")):
        env = {**os.environ, "PYTHONHASHSEED": seed, "TZ": zone}
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, str(ROOT)], env=env, capture_output=True, text=True, check=True
        )
        texts.add(done.stdout)

    assert len(texts) == 1


def test_a_hash_computed_before_is_taken_as_given() -> None:
    assert plan_cycle(newyork(), inputs_hash="f" * 64).inputs_hash == "f" * 64
