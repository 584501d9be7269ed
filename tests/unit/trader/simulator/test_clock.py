from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.simulator.clock import ClockWentBack, WorldClock

START = datetime(2026, 7, 15, tzinfo=UTC)
END = START + timedelta(days=8)


@given(st.lists(st.integers(-10_000, 10_000), max_size=20))
def test_a_stepped_clock_never_goes_back(steps: list[int]) -> None:
    clock = WorldClock(START, END, 0, lambda: 0.0)

    for seconds in steps:
        before = clock.now()
        wanted = before + timedelta(seconds=seconds)
        if seconds < 0:
            with pytest.raises(ClockWentBack):
                clock.move_to(wanted)
            assert clock.now() == before
        else:
            assert clock.move_to(wanted) == clock.now() == wanted


def test_a_running_clock_follows_its_speed_and_stops_at_the_end_of_the_world() -> None:
    real = [100.0]
    clock = WorldClock(START, END, 60.0, lambda: real[0])

    real[0] += 2.5
    assert clock.now() == START + timedelta(seconds=150)  # 2.5 s x 60
    clock.move_to(START + timedelta(hours=1))
    real[0] += 1
    assert clock.now() == START + timedelta(hours=1, minutes=1)
    real[0] += 1e9
    assert clock.now() == END


def test_a_negative_speed_is_refused() -> None:
    with pytest.raises(ValueError, match=r"expected 0 or more, found -1"):
        WorldClock(START, END, -1, lambda: 0.0)
