import numpy as np
import pytest

from tests.unit.trader.core.forecasting.synthetic import FIRST, archive
from trader.core import probability as pr
from trader.core.forecasting import pool
from trader.core.forecasting.archive import DAY_S, EPOCH, Bracket, Event

MIDNIGHT = (FIRST - EPOCH) * DAY_S
MODEL = pr.quantise(*pr.student(62.0, 3.0, 8.0), mean_f=62.0, sd_f=3.0)


TODAY = FIRST + 1


def cell(market: list[float], model: list[float], winner: int | None, stale: float = 0.0) -> pool.Cells:
    blank, prices = np.full(len(market) - 1, np.nan), np.array(market)
    staleness = np.full(len(market), stale)
    return pool.Cells(FIRST, (), prices, prices, np.array(model), blank, staleness, winner)


def test_cells_cover_everything_and_sum_to_one() -> None:
    full = archive(1)
    found = pool.cells(full.events["NYC"][FIRST], full.prices, MODEL, MIDNIGHT)

    assert found is not None
    assert len(found.market) == 7  # six brackets and what none covers
    assert found.market.sum() == pytest.approx(1.0)
    assert found.model.sum() == pytest.approx(1.0)
    assert found.market.min() > 0


def test_an_event_nobody_traded_has_no_cells() -> None:
    full = archive(1)

    assert pool.cells(full.events["NYC"][FIRST], full.prices, MODEL, MIDNIGHT - DAY_S) is None


def test_a_bracket_without_price_gets_its_share_of_what_the_others_leave() -> None:
    full = archive(1)
    event = full.events["NYC"][FIRST]
    silent = event.brackets[0].ticker
    prices = {k: v for k, v in full.prices.items() if k != silent}

    found = pool.cells(event, prices, MODEL, MIDNIGHT)

    assert found is not None
    assert np.isnan(found.last[0])
    assert 0 < found.market[0] < 1


@pytest.mark.parametrize(
    ("won", "winner"), [([True, False], 0), ([False, False], 2), ([None, False], None), ([None, None], None)]
)
def test_the_winner_is_a_bracket_or_what_none_covers_or_not_known(
    won: list[bool | None], winner: int | None
) -> None:
    full = archive(1)
    tickers = [b.ticker for b in full.events["NYC"][FIRST].brackets[:2]]
    ends = ((60, 61), (62, 63))
    brackets = tuple(Bracket(t, *e, w) for t, e, w in zip(tickers, ends, won, strict=True))

    found = pool.cells(Event("NYC", FIRST, brackets, 0), full.prices, MODEL, MIDNIGHT)

    assert found is not None
    assert found.winner == winner


def test_combining_market_with_exponents_one_and_zero_is_the_market() -> None:
    one = cell([0.5, 0.3, 0.2], [0.1, 0.1, 0.8], 0)

    assert pool.combine(one, (1.0, 0.0, 0.0)).tolist() == pytest.approx([0.5, 0.3, 0.2])
    assert pool.combine(one, (0.5, 0.5, 0.1)).sum() == pytest.approx(1.0)


def test_few_events_leave_the_prior_and_many_teach_who_knows() -> None:
    sharp, flat = [0.8, 0.1, 0.1], [1 / 3] * 3
    few = [cell(flat, sharp, 0)] * (pool.MIN_EVENTS - 1)
    model_knows = [cell(flat, sharp, 0)] * 60
    model_errs = [cell(sharp, [0.1, 0.8, 0.1], 0)] * 60

    assert pool.learn(few, TODAY) == pool.PRIOR
    assert pool.learn(model_knows, TODAY)[1] > pool.PRIOR[1]
    assert pool.learn(model_errs, TODAY)[1] < pool.PRIOR[1]


def test_exponents_are_learnt_only_from_results_known_at_the_refit() -> None:
    asked: list[int] = []

    def cells_of(day: int) -> pool.Cells:
        asked.append(day)
        return cell([0.5, 0.3, 0.2], [0.4, 0.4, 0.2], 0)

    pooler = pool.Pooler(cells_of, {1: 100, 2: 200, 3: 300, 9: 50})

    pooler.exponents(refit_day=3, second=150)

    assert asked == [1]  # 2 was not yet known, 3 and 9 are not in the past


def test_the_older_the_prices_the_more_the_model_counts() -> None:
    cells = [cell([0.6, 0.2, 0.2], [0.2, 0.6, 0.2], 0, stale) for stale in (0.0, 1.0, 2.3)]
    shares = [pool.combine(c, pool.PRIOR)[1] for c in cells]

    assert shares == sorted(shares)
    assert shares[0] < 0.25 < shares[-1]


def test_staleness_is_learnt_when_old_prices_miss_what_the_model_knew() -> None:
    knows, misses = [0.7, 0.2, 0.1], [0.2, 0.7, 0.1]
    fresh = [cell(knows, misses, 0)] * 60
    stale = [cell(misses, knows, 0, 2.0)] * 60

    assert pool.learn(fresh + stale, TODAY)[2] > pool.PRIOR[2]


def test_an_old_event_teaches_less_than_a_new_one() -> None:
    sharp, flat = [0.8, 0.1, 0.1], [1 / 3] * 3
    events = [cell(flat, sharp, 0)] * 60

    assert pool.learn(events, TODAY)[1] > pool.learn(events, TODAY + 720)[1] > pool.PRIOR[1]
