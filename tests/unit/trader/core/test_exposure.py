"""Worst case over mutually exclusive outcomes equals brute force, and caps allow the largest size within
them.
"""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from itertools import combinations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.trader.core.builders import CITIES, DAY, contract, event_contracts, holding
from trader.core.exposure import Caps, Exposure, Trade, event_risk, is_over, together_of
from trader.core.settlement import winner_sets
from trader.core.sizing import evidence, kelly_contracts, shrunk, to_trade
from trader.domain.learned import Correlation
from trader.domain.positions import Holding
from trader.domain.risk import Cap, LossState, RiskLimits
from trader.domain.types import ReasonCode, Side

D = Decimal
R = ReasonCode
BRACKETS = event_contracts()
OUTCOMES = {BRACKETS[0].event_ticker: winner_sets(BRACKETS)}


def trade(
    qty: str = "10", cost: str = "0.50", *, city: str = "NYC", bracket: int = 2, side: Side = Side.YES
) -> Trade:
    terms = event_contracts(city=city)[bracket]
    return Trade(terms.ticker, terms.event_ticker, city, side, D(qty), D(cost), D(cost))


def exposure(
    held: Sequence[Holding] = (), limits: RiskLimits | None = None, equity: str = "5000"
) -> Exposure:
    return Exposure(held, OUTCOMES, CITIES.values(), limits or RiskLimits(), D(equity))


def brute_force(
    held: Sequence[Holding], outcomes: Sequence[frozenset[str]] = OUTCOMES[BRACKETS[0].event_ticker]
) -> Decimal:
    """Every outcome times every subset of pending orders that fill. What one closes is gone; its gain is set
    against nothing.
    """
    pending = [h for h in held if h.is_pending]
    worst = D(0)
    for winners, fills in product(outcomes, product((False, True), repeat=len(pending))):
        filled = iter(fills)
        left = {(h.ticker, h.side): (h.qty, h.cost_usd) for h in held if not h.is_pending}
        loss = D(0)
        for h in (h for h in pending if next(filled)):
            qty, cost = left.get((h.ticker, h.side.other), (D(0), D(0)))
            gone = min(h.qty, qty)
            left[h.ticker, h.side.other] = qty - gone, cost
            loss += max(D(0), gone * (cost + h.cost_usd - 1))
            pays = (h.ticker in winners) is (h.side is Side.YES)
            loss += (h.qty - gone) * (h.cost_usd - pays)
        for (ticker, side), (qty, cost) in left.items():
            loss += qty * (cost - ((ticker in winners) is (side is Side.YES)))
        worst = max(worst, loss)
    return worst


def one_a_market(held: list[Holding]) -> list[Holding]:
    """A market has one position, as at the exchange; what else is there is an order under way."""
    first = {h.ticker: h for h in reversed(held) if not h.is_pending}
    return [h if h is first.get(h.ticker) else h.model_copy(update={"is_pending": True}) for h in held]


holdings = st.lists(
    st.builds(
        lambda i, side, qty, cents, pending: holding(
            BRACKETS[i], side, str(qty), str(D(cents) / 100), is_pending=pending
        ),
        st.integers(0, 5), st.sampled_from(Side), st.integers(1, 100), st.integers(1, 99), st.booleans(),
    ),
    max_size=5,
).map(one_a_market)  # fmt: skip


@pytest.mark.story("4.4")
@given(holdings)
def test_worst_case_equals_every_outcome_and_every_fill_tried(held: list[Holding]) -> None:
    assert event_risk(held, OUTCOMES[BRACKETS[0].event_ticker]) == brute_force(held)
    assert exposure(held).calculate_open_risk() == brute_force(held)


@given(holdings)
def test_without_a_known_set_of_outcomes_nothing_offsets(held: list[Holding]) -> None:
    total = sum((h.qty * h.cost_usd for h in held), D(0))

    assert event_risk(held, ()) == total
    if held:
        assert event_risk(held, (frozenset({"SOME-OTHER-MARKET"}),)) == total
    assert event_risk(held, OUTCOMES[BRACKETS[0].event_ticker]) <= total


@given(holdings)
def test_exclusive_holdings_of_a_closed_event_are_never_counted_below_their_true_worst_case(
    held: list[Holding],
) -> None:
    exclusive = [h.model_copy(update={"is_exclusive": True}) for h in held]
    total = sum((h.qty * h.cost_usd for h in held), D(0))

    assert brute_force(held) <= event_risk(exclusive, ()) <= total
    if exclusive and not all(h.is_pending for h in held):
        assert event_risk([*exclusive[1:], held[0]], ()) == total


LADDER = [contract(floor + 1, None) for floor in (100, 200, 300, 400)]
on_the_ladder = st.lists(
    st.builds(
        lambda i, side, qty, cents, pending: holding(
            LADDER[i], side, str(qty), str(D(cents) / 100), is_pending=pending
        ),
        st.integers(0, 3), st.sampled_from(Side), st.integers(1, 100), st.integers(1, 99), st.booleans(),
    ),
    max_size=5,
).map(one_a_market)  # fmt: skip


@given(on_the_ladder)
def test_worst_case_of_a_ladder_equals_every_total_and_every_fill_tried(held: list[Holding]) -> None:
    totals = [frozenset(c.ticker for c in LADDER if c.wins(total)) for total in (0, 150, 250, 350, 900)]

    assert event_risk(held, winner_sets(LADDER)) == brute_force(held, totals)


def test_rungs_of_a_ladder_win_together_and_hedge_only_as_far_as_totals_allow() -> None:
    low_yes, high_no = holding(LADDER[0], Side.YES, "10", "0.60"), holding(LADDER[2], Side.NO, "10", "0.70")
    low_no, high_yes = holding(LADDER[0], Side.NO, "10", "0.40"), holding(LADDER[2], Side.YES, "10", "0.30")

    # one of the two always wins: below 1 inch NO pays, above 3 inches YES pays
    assert event_risk([low_yes, high_no], winner_sets(LADDER)) == D("3.00")  # 13.00 paid, 10.00 back at least
    # between the two both lose
    assert event_risk([low_no, high_yes], winner_sets(LADDER)) == D("7.00")


def test_two_brackets_of_one_event_cannot_both_lose_as_no() -> None:
    held = [holding(BRACKETS[1], Side.NO, "10", "0.80"), holding(BRACKETS[2], Side.NO, "10", "0.70")]

    # at worst one of them loses: 8 or 7 dollars, less what the other wins
    assert event_risk(held, OUTCOMES[BRACKETS[0].event_ticker]) == D("5.00")  # 10 x 0.80 - 10 x 0.30


@pytest.mark.story("4.4")
def test_oversized_trades_are_blocked_by_each_limit() -> None:
    limits = RiskLimits(
        trade=Cap(usd=D(100), fraction=D(1)), city=Cap(usd=D(150), fraction=D(1)),
        cluster=Cap(usd=D(250), fraction=D(1)), open_risk=Cap(usd=D(500), fraction=D(1)),
    )  # fmt: skip
    empty = exposure(limits=limits)
    assert empty.check_trade_size(trade("200", "0.50"))
    assert empty.check_trade_size(trade("201", "0.50")).reasons == (R.TRADE_RISK_EXCEEDED,)

    other_event = contract(82, 83, day=BRACKETS[0].climate_date.replace(day=17))
    city = exposure([holding(other_event, Side.YES, "200", "0.60")], limits)
    assert city.check_city_exposure(trade("60", "0.50"))
    assert city.check_city_exposure(trade("61", "0.50")).reasons == (R.CITY_EXPOSURE_EXCEEDED,)

    philadelphia = holding(contract(82, 83, city="PHL"), Side.YES, "300", "0.75")
    cluster = exposure([philadelphia], limits)
    assert cluster.check_cluster_exposure(trade("50", "0.50"))
    assert cluster.check_cluster_exposure(trade("51", "0.50")).reasons == (R.CLUSTER_EXPOSURE_EXCEEDED,)
    assert cluster.check_cluster_exposure(trade("60", "0.50", city="MIA"))


def test_a_cap_is_the_smaller_of_dollars_and_percent_of_current_equity() -> None:
    poor = exposure(equity="1000")  # 2 % of 1,000 is 20 dollars

    assert poor.check_trade_size(trade("40", "0.50"))
    assert not poor.check_trade_size(trade("41", "0.50"))
    assert not exposure(equity="-5").check_trade_size(trade("1", "0.50"))


@given(
    holdings,
    st.integers(1, 100),
    st.integers(1, 99),
    st.integers(0, 5),
    st.sampled_from(Side),
    st.integers(1, 60),
)
def test_the_largest_size_is_within_every_cap_and_one_more_is_not(
    held: list[Holding], qty: int, cents: int, bracket: int, side: Side, cap: int
) -> None:
    limits = RiskLimits(city=Cap(usd=D(cap), fraction=D(1)))
    book = exposure(held, limits)
    wish = trade(str(qty), str(D(cents) / 100), bracket=bracket, side=side)

    allowed, binding = book.largest_allowed(wish)

    assert not any(is_over(c) for c in book.checks(wish, allowed))
    if allowed < qty:
        assert binding
        assert any(is_over(c) for c in book.checks(wish, allowed + 1))
    else:
        assert binding == ()


@pytest.mark.story("4.4")
@pytest.mark.parametrize(
    ("start", "booked", "allowed"),
    [
        ("5000", "5000", "160"),  # 170 of 250 are at risk already: 80 left
        ("5000", "4900", "140"),  # 80 at risk and 100 lost today: 70 left
        ("5000", "4830", "0"),
        ("5000", "5100", "200"),  # 100 won today
    ],
)
def test_the_days_loss_and_the_worst_case_of_all_that_is_open_stay_within_the_daily_limit(
    start: str, booked: str, allowed: str
) -> None:
    limits = RiskLimits(city=Cap(usd=D(1000), fraction=D(1)), cluster=Cap(usd=D(1000), fraction=D(1)))
    losses = LossState(
        equity_usd=D(5000), booked_equity_usd=D(booked), peak_equity_usd=D(5000),
        day_start_equity_usd=D(start), rejects_in_window=0,
    )  # fmt: skip
    caps = Caps(limits, losses, OUTCOMES, tuple(CITIES.values()))
    held = [holding(contract(82, 83, city="MIA"), Side.YES, "160", "0.50")]
    if allowed == "160":
        held.append(holding(contract(82, 83, city="CHI"), Side.YES, "180", "0.50"))  # 90 more

    found, binding = caps.over(held).largest_allowed(trade("200", "0.50"))

    assert found == D(allowed)
    assert (R.DAY_RISK_EXCEEDED in binding) is (allowed != "200")


def test_what_a_plan_adds_counts_for_the_next_trade() -> None:
    book = exposure()
    first = trade("100", "0.50")

    book.add(first, D(60))

    assert book.city_risk("NYC") == D(30)
    assert book.cluster_risk("NE") == D(30)
    assert book.calculate_open_risk() == D(30)
    assert exposure(
        [holding(contract(82, 83), Side.YES, "1", "0.5").model_copy(update={"city_code": "XXX"})]
    ).cluster_risk("XXX") == D("0.5")


risks = st.lists(st.tuples(st.sampled_from(sorted(CITIES)), st.integers(1, 300)), max_size=8)
rhos = st.lists(st.floats(-1, 1), min_size=45, max_size=45)


@given(risks, rhos, st.sampled_from(sorted(CITIES)))
def test_the_cluster_cap_counts_every_city_by_the_learnt_correlation_and_its_own_cluster_whole(
    risks: list[tuple[str, int]], rhos: list[float], code: str
) -> None:
    pairs = list(combinations(sorted(CITIES), 2))
    learnt = [
        Correlation(city_a=a, city_b=b, rho=round(rho, 6), days=90)
        for (a, b), rho in zip(pairs, rhos, strict=True)
    ]
    held = [
        holding(contract(82, 83, city=city, day=DAY + timedelta(days=n)), Side.YES, str(usd), "1")
        for n, (city, usd) in enumerate(risks)
    ]

    book = Exposure(held, {}, CITIES.values(), RiskLimits(), D(5000), together=together_of(learnt))

    by_pair = {pair: abs(c.rho) for pair, c in zip(pairs, learnt, strict=True)}
    expected = 0.0
    for city, usd in risks:
        same = CITIES[city].cluster == CITIES[code].cluster
        expected += usd * (1.0 if same else by_pair[min(city, code), max(city, code)])
    assert float(book.correlated_risk(code)) == pytest.approx(expected, abs=2e-6)
    assert book.correlated_risk(code) >= book.cluster_risk(CITIES[code].cluster)


def test_what_errs_together_shares_a_cap_across_labels() -> None:
    limits = RiskLimits(cluster=Cap(usd=D(100), fraction=D(1)))
    learnt = [Correlation(city_a="CHI", city_b="NYC", rho=-0.8, days=120)]
    held = [holding(contract(82, 83, city="CHI"), Side.YES, "100", "1")]
    alone = Exposure(held, OUTCOMES, CITIES.values(), limits, D(5000))
    alike = Exposure(held, OUTCOMES, CITIES.values(), limits, D(5000), together=together_of(learnt))

    assert alone.check_cluster_exposure(trade("200", "0.50"))
    assert alike.check_cluster_exposure(trade("40", "0.50"))
    assert alike.check_cluster_exposure(trade("41", "0.50")).reasons == (R.CLUSTER_EXPOSURE_EXCEEDED,)
    assert alike.check_cluster_exposure(trade("200", "0.50", city="MIA"))


@pytest.mark.parametrize(
    ("p_win", "cost", "equity", "contracts"),
    [
        ("0.60", "0.50", "101", "4"),  # 0.1 x (0.10 / 0.50) x 101 = 2.02 dollars = 4 contracts
        ("0.60", "0.50", "5000", "100"),  # 100 dollars = 200 contracts, capped at 100
        ("0.50", "0.50", "5000", "0"),
        ("0.40", "0.50", "5000", "0"),
        ("1", "0.999", "1", "0"),
        ("1", "1", "5000", "0"),
        ("0.5", "0", "5000", "0"),
        ("0.9", "0.5", "0", "0"),
    ],
)
def test_size_is_a_fraction_of_kelly_in_whole_contracts(
    p_win: str, cost: str, equity: str, contracts: str
) -> None:
    limits = RiskLimits(kelly_fraction=D("0.1"), max_contracts=100)

    assert kelly_contracts(D(p_win), D(cost), D(equity), limits, D(10**9)) == D(contracts)


CHANCES = st.integers(1, 999_999).map(lambda n: D(n) / 1_000_000)
PAIRS, SPREADS = st.floats(0, 5000), st.floats(0.1, 12.0)


@given(CHANCES, CHANCES, PAIRS, PAIRS, SPREADS, SPREADS)
def test_a_size_shrinks_with_less_evidence_and_more_uncertainty_and_never_grows_by_it(
    p_win: Decimal, cost: Decimal, pairs: float, more: float, sd: float, wider: float
) -> None:
    limits = RiskLimits(kelly_fraction=D("0.05"), max_contracts=10**6)

    def size(pairs: float, sd: float) -> Decimal:
        return kelly_contracts(p_win, cost, D(5000), limits, evidence(pairs, sd, 6.0))

    whole = kelly_contracts(p_win, cost, D(5000), limits, D(10**12))
    few, many = sorted((pairs, more))
    narrow, wide = sorted((sd, wider))
    assert 0 <= size(few, narrow) <= size(many, narrow) <= whole
    assert size(many, wide) <= size(many, narrow)
    assert size(0, narrow) == 0
    assert wide < 6 or size(many, wide) == 0
    assert size(1e15, 0.1) <= whole <= size(1e15, 0.1) + 1 + whole / 1000


def test_the_share_that_is_left_is_that_of_the_source() -> None:
    # an edge of 0.10 at 0.50 that rests on 24 pairs: 0.01 / (0.01 + 0.24 / 24) = one half
    assert shrunk(D("0.60"), D("0.50"), D(24)) == D("0.5")
    assert evidence(40, 3.0, 6.0) == 30
    assert evidence(40, 6.0, 6.0) == evidence(40, 9.0, 6.0) == evidence(0, 1.0, 6.0) == 0


@pytest.mark.parametrize(
    ("target", "held", "depth", "qty"),
    [("10", "0", "100", "10"), ("10", "4", "100", "6"), ("10", "12", "100", "0"), ("10", "0", "3.9", "3"),
     ("10", "0.5", "9", "9")],
)  # fmt: skip
def test_only_what_is_missing_and_offered_is_traded(target: str, held: str, depth: str, qty: str) -> None:
    assert to_trade(D(target), D(held), D(depth)) == D(qty)
