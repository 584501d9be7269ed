"""Five minutes fresh, fetched once at a time, kept when fetching fails."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.fakes.clock import FakeClock
from trader.adapters.nws.cache import CityCache
from trader.domain.errors import TransientError


@pytest.mark.story("3.6")
def test_value_is_a_hit_for_five_minutes_and_then_a_miss() -> None:
    clock = FakeClock()
    cache: CityCache[int] = CityCache(clock, 300)

    assert cache.get("NYC", lambda _: 1) == (1, True)
    clock.advance(299.9)
    assert cache.get("NYC", lambda _: 2) == (1, False)
    clock.advance(0.1)
    assert cache.get("NYC", lambda before: (before or 0) + 10) == (11, True)


@pytest.mark.story("3.6")
def test_each_city_has_its_own_value() -> None:
    cache: CityCache[str] = CityCache(FakeClock(), 300)
    cache.get("NYC", lambda _: "new york")

    assert cache.get("CHI", lambda _: "chicago") == ("chicago", True)
    assert cache.get("NYC", lambda _: "other") == ("new york", False)


def test_failed_fetch_is_raised_and_tried_again() -> None:
    clock = FakeClock()
    cache: CityCache[int] = CityCache(clock, 300)
    cache.get("NYC", lambda _: 1)
    clock.advance(301)

    def fails(_: int | None) -> int:
        raise TransientError("no answer")

    with pytest.raises(TransientError):
        cache.get("NYC", fails)
    assert cache.get("NYC", lambda before: before or 0) == (1, True)


@pytest.mark.story("3.6")
def test_many_threads_fetch_a_city_once() -> None:
    cache: CityCache[int] = CityCache(FakeClock(), 300)
    fetched: list[int] = []
    start = threading.Barrier(8)

    def fetch(_: int | None) -> int:
        fetched.append(1)
        return 7

    def ask(_: int) -> tuple[int, bool]:
        start.wait(5)
        return cache.get("NYC", fetch)

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(ask, range(8)))

    assert len(fetched) == 1
    assert sorted(found) == [(7, False)] * 7 + [(7, True)]
