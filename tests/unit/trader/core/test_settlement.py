"""Climate days, whole degrees and results, against what the exchange published."""

import csv
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.trader.core.builders import BRACKETS, CITIES, contract, event_contracts
from trader.core.settlement import (
    bracket_bounds,
    climate_date,
    climate_day_bounds,
    partition_ok,
    result_of,
    settled_value,
    winner_sets,
)
from trader.domain.markets import Contract
from trader.domain.types import MarketType

RECORDED = Path(__file__).resolve().parents[3] / "resources" / "settled_2026_07.csv"


def _recorded() -> list[tuple[Contract, Decimal, str]]:
    rows = []
    with RECORDED.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            strikes = [Decimal(row[name]) if row[name] else None for name in ("floor_strike", "cap_strike")]
            lo, hi = bracket_bounds(row["strike_type"], strikes[0], strikes[1])
            kind = MarketType.HIGH if "HIGH" in row["ticker"] else MarketType.LOW
            day = date.fromisoformat(row["date"])
            terms = contract(lo, hi, city=row["city"], day=day, kind=kind)
            assert (terms.ticker, terms.event_ticker) == (row["ticker"], row["event_ticker"])
            rows.append((terms, Decimal(row["expiration_value"]), row["result"]))
    return rows


@pytest.mark.story("4.2")
def test_every_published_result_of_july_2026_follows_from_the_settled_value() -> None:
    rows = _recorded()

    agree = [result_of(terms, settled_value(value)) == result for terms, value, result in rows]

    assert (sum(agree), len(rows)) == (456, 456)


def test_every_recorded_event_partitions_the_degrees_and_none_does_without_one_bracket() -> None:
    events: dict[str, list[Contract]] = {}
    for terms, _, _ in _recorded():
        events.setdefault(terms.event_ticker, []).append(terms)

    assert len(events) == 76
    for brackets in events.values():
        assert partition_ok(brackets)
        assert not any(partition_ok(brackets[:i] + brackets[i + 1 :]) for i in range(6))


@pytest.mark.parametrize(
    "brackets",
    [
        [],
        [(None, None)],
        [(None, 81), (82, 83), (84, 85)],  # no upper tail
        [(None, 81), (83, 84), (85, None)],  # 82 is missing
        [(None, 81), (81, 84), (85, None)],  # 81 twice
        [(None, 81), (82, 84), (82, 84), (85, None)],  # the same bracket twice
        [(None, 81), (None, 81), (82, None)],
        [(None, None), (82, None)],
    ],
)
def test_brackets_with_gap_overlap_or_missing_tail_are_no_partition(
    brackets: list[tuple[int | None, int | None]],
) -> None:
    assert not partition_ok(contract(lo, hi) for lo, hi in brackets)


@given(st.integers(-60, 130))
def test_exactly_one_bracket_of_a_partition_wins(value: int) -> None:
    assert sum(result_of(c, value) == "yes" for c in event_contracts()) == 1
    assert len(BRACKETS) == 6


@pytest.mark.parametrize(
    ("extreme", "whole"),
    [(79.5, 80), (79.49, 79), (80.0, 80), (-0.5, 0), (-0.51, -1), (Decimal("80.00"), 80)],
)
def test_halves_of_a_degree_go_up(extreme: float | Decimal, whole: int) -> None:
    assert settled_value(extreme) == whole


instants = st.datetimes(datetime(2020, 1, 1), datetime(2030, 12, 31)).map(lambda d: d.replace(tzinfo=UTC))  # noqa: DTZ001


@given(instants, st.sampled_from(sorted(CITIES)))
def test_each_instant_belongs_to_exactly_one_climate_day(instant: datetime, code: str) -> None:
    city = CITIES[code]
    day = climate_date(instant, city)

    owners = [
        near
        for near in (day + timedelta(days=k) for k in (-2, -1, 0, 1, 2))
        if climate_day_bounds(near, city)[0] <= instant < climate_day_bounds(near, city)[1]
    ]

    assert owners == [day]


@pytest.mark.parametrize("day", [date(2026, 3, 8), date(2026, 11, 1), date(2028, 2, 29), date(2026, 12, 31)])
@pytest.mark.parametrize("code", sorted(CITIES))
def test_climate_days_have_24_hours_also_when_clocks_change(day: date, code: str) -> None:
    start, end = climate_day_bounds(day, CITIES[code])

    assert end - start == timedelta(hours=24)
    assert climate_day_bounds(day + timedelta(days=1), CITIES[code])[0] == end
    assert climate_date(end - timedelta(microseconds=1), CITIES[code]) == day


def test_in_summer_the_climate_day_starts_at_one_on_the_wall_clock() -> None:
    start, _ = climate_day_bounds(date(2026, 7, 16), CITIES["NYC"])

    assert start.astimezone(CITIES["NYC"].zone).hour == 1


bounds = st.tuples(st.none() | st.integers(-3, 9), st.none() | st.integers(-3, 9)).filter(
    lambda pair: pair[0] is None or pair[1] is None or pair[0] <= pair[1]
)


@given(st.lists(bounds, max_size=5, unique=True))
def test_sets_of_winners_are_those_of_every_value_tried(pairs: list[tuple[int | None, int | None]]) -> None:
    contracts = [contract(lo, hi) for lo, hi in pairs]

    tried = {frozenset(c.ticker for c in contracts if c.wins(value)) for value in range(-9, 15)}

    assert set(winner_sets(contracts)) == tried


def test_a_partition_has_one_winner_and_a_ladder_nested_ones() -> None:
    rungs = [contract(floor + 1, None) for floor in (100, 200)]

    assert winner_sets(event_contracts()) == tuple(frozenset({c.ticker}) for c in event_contracts())
    assert winner_sets(rungs) == (
        frozenset(),
        frozenset({rungs[0].ticker}),
        frozenset({rungs[0].ticker, rungs[1].ticker}),
    )
