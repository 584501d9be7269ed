"""Whatever a cycle saw and decided comes back from Postgres to the same canonical bytes."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.contract import ops_samples as a
from tests.contract.ops_samples import AT, DAY, MODE
from trader.adapters.ops.pool import Database
from trader.adapters.ops.store import PostgresOpsStore
from trader.domain.canonical import canonical_json, content_hash
from trader.domain.cities import load_cities
from trader.domain.markets import Level
from trader.domain.plan import CycleInputs, CyclePlan
from trader.domain.signals import MILLION, Distribution
from trader.domain.types import Decision, MarketStatus, MarketType, ReasonCode, Side, TradingState
from trader.domain.weather import Observation

if TYPE_CHECKING:
    from trader.app.postgres import Urls

slots = count()
text = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)
tickers = st.sampled_from([f"KX-{n}" for n in range(6)])
codes = st.sampled_from(list(load_cities()))
prices = st.decimals(0, 1, places=6, allow_nan=False) | st.sampled_from([Decimal("0.10"), Decimal("1E-2")])
sizes = st.decimals(0, 10**9, places=2, allow_nan=False)
money = st.decimals(-(10**9), 10**9, allow_nan=False, places=10)
floats = st.floats(allow_nan=False, allow_infinity=False)
degrees = st.floats(-80, 140)
instants = st.integers(-(10**9), 10**9).map(lambda us: AT + timedelta(microseconds=us))
reasons = st.lists(st.sampled_from(ReasonCode), min_size=1, max_size=3).map(tuple)


def tuples(elements: st.SearchStrategy[Any], *, most: int = 3) -> st.SearchStrategy[Any]:
    return st.lists(elements, max_size=most).map(tuple)


def distinct(elements: st.SearchStrategy[Any], key: Callable[[Any], Any]) -> st.SearchStrategy[Any]:
    return st.lists(elements, max_size=4, unique_by=key).map(tuple)


levels = tuples(st.builds(Level, price=prices, size=sizes))
books = st.builds(a.book, captured_at=instants, yes_bids=levels, no_bids=levels)
contracts = distinct(
    st.builds(
        a.contract,
        ticker=tickers,
        terms_hash=st.sampled_from(["1" * 64, "2" * 64]),
        market_type=st.sampled_from(MarketType),
        label=text,
        rules_text=text,
        lo=st.none() | st.integers(-40, 60),
        hi=st.none() | st.integers(60, 130),
        fee_multiplier=st.decimals(0, 100, allow_nan=False),
        tick=prices,
        proof=tuples(st.sampled_from(ReasonCode)),
        close_time=instants,
    ),
    key=lambda c: c.ticker,
)
snapshot_changes = st.fixed_dictionaries(
    {
        "captured_at": instants,
        "status": st.sampled_from(MarketStatus),
        "yes_bid": st.none() | prices,
        "yes_ask": st.none() | prices,
        "volume": sizes,
        "book": st.none() | books,
        "payload_hash": st.none() | st.just("9" * 64),
    }
)
forecasts = st.builds(a.forecast, source=text, issued_at=instants, value_f=degrees, members_f=tuples(degrees))
weathers = distinct(
    st.builds(
        a.weather,
        city_code=codes,
        captured_at=instants,
        fetched_at=st.none() | instants,
        latest=st.none() | st.builds(Observation, station=text, observed_at=instants, temp_f=degrees),
        high_so_far_f=st.none() | degrees,
        forecasts=tuples(forecasts),
        is_fetch_stale=st.booleans(),
        problems=tuples(st.sampled_from(ReasonCode)),
    ),
    key=lambda w: w.city_code,
)
states = st.builds(
    a.state,
    state=st.sampled_from(TradingState),
    reason=st.sampled_from(ReasonCode),
    note=text,
    until=st.none() | instants,
)


@st.composite
def inputs(draw: st.DrawFn) -> CycleInputs:
    terms = draw(contracts)
    seen = [a.snapshot(ticker=c.ticker, terms_hash=c.terms_hash, **draw(snapshot_changes)) for c in terms]
    lately = st.builds(a.residuals, city_code=codes, source=text, lead_days=st.integers(0, 9), bias_f=floats)
    return a.inputs(
        slot=f"random {next(slots)}",
        now=draw(instants),
        cash_usd=draw(money),
        states=draw(tuples(states)),
        cities=draw(tuples(st.sampled_from(list(load_cities().values())))),
        contracts=terms,
        snapshots=tuple(draw(st.permutations(seen))),
        weather=draw(weathers),
        knowledge=a.knowledge(residuals=draw(tuples(lately))),
    )


distributions = st.builds(
    lambda start, cut, mean, sd: Distribution(start=start, ppm=(cut, MILLION - cut), mean_f=mean, sd_f=sd),
    st.integers(-40, 120),
    st.integers(0, MILLION),
    floats,
    floats,
)
predictions = st.builds(
    a.prediction,
    city_code=codes,
    strategy_name=text,
    distribution=distributions,
    lead_h=floats,
    observed_extreme_f=st.none() | floats,
    features=st.dictionaries(text, st.none() | floats | text, max_size=3),
)
signals = st.builds(
    a.signal,
    ticker=tickers,
    p_yes=st.integers(0, MILLION).map(lambda ppm: Decimal(ppm) / MILLION),
    uncertainty=st.none() | floats,
    decision=st.sampled_from([Decision.BUY, Decision.SELL]),
    side=st.sampled_from(Side),
    price=prices,
    limit_price=st.none() | prices,
    fee=st.none() | money,
    edge=st.none() | money,
    qty=sizes,
    reasons=reasons,
) | st.builds(a.hold, ticker=tickers, reasons=reasons)
intents = st.builds(
    a.intent,
    ticker=tickers,
    qty=sizes.filter(bool),
    limit_price=prices,
    expires_at=st.none() | instants,
    worst_usd=money,
)


@st.composite
def plans(draw: st.DrawFn, of: CycleInputs) -> CyclePlan:
    return a.plan(
        of,
        predictions=draw(tuples(predictions)),
        signals=draw(tuples(signals, most=5)),
        risk_decisions=draw(tuples(st.builds(a.risk_decision, ticker=tickers, reasons=reasons))),
        intents=draw(tuples(intents)),
        new_states=draw(tuples(states)),
    )


@pytest.fixture(scope="module")
def store(new_database: "Callable[..., Urls]") -> Iterator[PostgresOpsStore]:
    urls = new_database()
    with Database(urls.trader) as database:
        opened = PostgresOpsStore(database, lock_url=urls.trader)
        opened.save_cities(list(load_cities().values()), at=AT)
        opened.ensure_partitions(DAY, 1)
        opened.open_epoch(mode=MODE, account="a", command="test", version="1", at=AT)
        yield opened
        opened.close()


@given(data=st.data(), seen=inputs())
# not shrunk: hundreds of round trips to a database make a failure take minutes to be told
@settings(max_examples=60, phases=(Phase.explicit, Phase.generate))
def test_any_inputs_and_plan_come_back_to_the_same_bytes(
    store: PostgresOpsStore, data: st.DataObject, seen: CycleInputs
) -> None:
    plan = data.draw(plans(seen))
    cycle_id = store.cycles.begin(epoch=1, mode=MODE, slot=seen.slot, at=AT)

    stored_hash = store.cycles.save_inputs(cycle_id, seen, at=AT)
    store.cycles.save_plan(cycle_id, plan, at=AT)

    assert stored_hash == content_hash(seen)
    assert canonical_json(store.cycles.load_inputs(cycle_id)) == canonical_json(seen)
    assert canonical_json(store.cycles.load_plan(cycle_id)) == canonical_json(plan)
    assert store.signals.get_for_cycle(cycle_id) == plan.signals
