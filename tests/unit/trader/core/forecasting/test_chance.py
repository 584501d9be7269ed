import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from trader.core.forecasting.chance import uniforms


@given(st.integers(0, 2**31), st.integers(1, 50))
def test_the_same_seed_gives_the_same_numbers_and_a_longer_draw_begins_alike(seed: int, count: int) -> None:
    drawn = uniforms(seed, count)

    assert ((drawn >= 0) & (drawn < 1)).all()
    assert (uniforms(seed, count + 5)[:count] == drawn).all()


def test_numbers_are_spread_evenly_and_seeds_differ() -> None:
    drawn = uniforms(7, 100_000)

    counts = np.histogram(drawn, bins=10, range=(0, 1))[0]
    assert (np.abs(counts - 10_000) < 400).all()  # four standard deviations of about 95
    assert abs(np.corrcoef(drawn, uniforms(8, 100_000))[0, 1]) < 0.015
