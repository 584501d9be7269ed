"""The judge of the benchmarks: it can fail, and says by how much."""

import pytest

from tests.performance.bench import judge, measure
from tests.performance.measured import Measured


@pytest.mark.story("9.2")
@pytest.mark.parametrize(("ratio", "is_regression"), [(2.4, False), (2.41, True), (1.0, False)])
def test_a_ratio_more_than_twenty_percent_above_its_baseline_fails(ratio: float, is_regression: bool) -> None:
    problems = judge([Measured("cycle", ratio, 1.0)], {"cycle": 2.0})  # limit 2.0 x 1.2 = 2.4

    assert bool(problems) is is_regression


def test_a_99th_percentile_above_its_limit_fails() -> None:
    slow, fine = (Measured("send", 1.0, 1.0, p99_s=p99, limit_s=0.05) for p99 in (0.051, 0.05))

    assert judge([slow], {"send": 1.0}) == ["send: expected p99 of at most 0.050 s, found 0.051 s"]
    assert judge([fine], {"send": 1.0}) == []


def test_a_ratio_above_what_is_required_fails_whatever_the_baseline_says() -> None:
    slow, fine = (Measured("cycle", ratio, 1.0, max_ratio=4.0) for ratio in (4.01, 4.0))

    assert judge([slow], {"cycle": 4.0}) == ["cycle: expected at most 4.0 x its primitives, found 4.01"]
    assert judge([fine], {"cycle": 4.0}) == []


def test_a_job_without_a_baseline_fails() -> None:
    assert "found none" in judge([Measured("new", 1.0, 1.0)], {})[0]


def test_a_slower_job_has_a_higher_ratio() -> None:
    work = measure("sum", lambda: sum(range(20_000)), lambda: sum(range(200)), repeats=3)

    assert work.ratio > 5
