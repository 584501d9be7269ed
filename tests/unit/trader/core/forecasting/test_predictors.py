import numpy as np
import pytest

from trader.core.forecasting.archive import (
    DAY_S,
    EPOCH,
    Archive,
    Instant,
    Issues,
    Midday,
    Settled,
)
from trader.core.forecasting.predictors import LOCATION, Predictors, build

DAY = EPOCH + 20_000
MIDNIGHT = 20_000 * DAY_S
NOON = Instant("12Z", 12)


def issues(*rows: tuple[float, float], day: int = DAY) -> Issues:
    """Rows of (hour from the target's 00Z, value)."""
    known = np.array([MIDNIGHT + (day - DAY) * DAY_S + int(hour * 3600) for hour, _ in rows], dtype=np.int64)
    return Issues(np.full(len(rows), day, dtype=np.int64), known, np.array([value for _, value in rows]))


def of_one(
    said: Issues, instant: Instant = NOON, midday: Midday | None = None, settled: Settled | None = None
) -> Predictors:
    """The rows of a city's only source; empty when it never spoke."""
    archive = Archive(
        issues={("NYC", "a"): said},
        midday={} if midday is None else {"NYC": midday},
        settled={} if settled is None else {"NYC": settled},
    )
    none = np.zeros(0, np.int64)
    blank = Predictors(none, np.zeros(0), none, np.zeros(0), np.zeros((0, 12)), np.zeros((0, 5)))
    return build(archive, "NYC", instant).get("a", blank)


def at(table: Predictors, name: str, row: int = 0) -> float:
    return float(table.x[row, LOCATION.index(name)])


def test_the_anchor_is_the_newest_issue_known_at_the_instant() -> None:
    table = of_one(issues((-20, 70.0), (11.9, 75.0), (12.1, 99.0)))

    assert table.day.tolist() == [DAY]
    assert table.anchor.tolist() == [75.0]
    assert not table.is_observed.any()


def test_older_issues_enter_as_their_difference_from_the_anchor() -> None:
    table = of_one(issues((-25, 60.0), (-20, 64.0), (11.0, 70.0)))  # ages 36, 31 and 0 hours

    assert at(table, "older") == pytest.approx((60.0 + 64.0) / 2 - 70.0)


def test_a_stale_source_says_nothing() -> None:
    assert not len(of_one(issues((-13, 70.0))).day)  # 25 hours old
    assert len(of_one(issues((-11, 70.0))).day) == 1
    assert not len(of_one(issues()).day)


def test_a_report_counts_only_once_it_could_be_known() -> None:
    midday = Midday(np.array([DAY]), np.array([MIDNIGHT + 18 * 3600]), np.array([71.0]), np.array([73.0]))

    before = of_one(issues((11, 70.0)), Instant("17Z", 17), midday)
    after = of_one(issues((11, 70.0)), Instant("18Z", 18), midday)

    assert not before.is_observed.any()
    assert after.floor.tolist() == [73.0]
    assert (at(after, "extreme"), at(after, "current")) == (3.0, 1.0)  # less the anchor


def test_other_sources_enter_as_their_mean_less_the_anchor() -> None:
    tables = build(
        Archive(
            issues={
                ("NYC", name): issues((8, value)) for name, value in (("a", 70.0), ("b", 73.0), ("c", 74.0))
            }
            | {("CHI", "d"): issues((8, 10.0))}
        ),
        "NYC",
        NOON,
    )

    assert list(tables) == ["a", "b", "c"]
    assert at(tables["a"], "others") == pytest.approx(3.5)
    assert at(tables["c"], "others") == pytest.approx(-2.5)
    assert tables["a"].z[0, -1] == pytest.approx(3.5 / 3)
    assert at(of_one(issues((8, 70.0))), "others") == 0.0


def test_yesterdays_report_tells_how_the_source_errs_right_now() -> None:
    both = Issues(*(np.concatenate(part) for part in zip(
        *((i.day, i.known, i.value) for i in (issues((20, 66.0), day=DAY - 1), issues((8, 70.0)))),
        strict=True)))  # fmt: skip
    seen = Midday(np.array([DAY - 1]), np.array([MIDNIGHT - 6 * 3600]), np.array([61.0]), np.array([63.5]))

    table = of_one(both, NOON, seen)

    assert (at(table, "yesterday", -1), at(table, "has_yesterday", -1)) == (-2.5, 1.0)
    assert (at(of_one(both), "yesterday", -1), at(of_one(both), "has_yesterday", -1)) == (0.0, 0.0)


def test_the_departure_from_normal_counts_earlier_years_only() -> None:
    years = np.array([DAY - round(365.2425 * y) + d for y in range(3, 0, -1) for d in range(-9, 10)])
    settled = Settled(years, (years - EPOCH + 1) * DAY_S, np.full(len(years), 60.0))
    this_season = Settled(years[-1:] + 365, years[-1:] * 0, np.array([99.0]))

    table = of_one(issues((8, 75.0)), settled=settled)

    assert at(table, "anomaly") == pytest.approx(1.5)  # in tens of degrees
    assert at(table, "anomaly_cosine") == pytest.approx(1.5 * at(table, "cosine"))
    assert at(of_one(issues((8, 75.0)), settled=this_season), "anomaly") == 0.0  # too few values: no word
