from hypothesis import given
from hypothesis import strategies as st

from trader.simulator.matching import Ask, match

levels = st.tuples(st.integers(1, 99), st.integers(1, 5_000)).map(lambda pair: Ask(*pair))
depth = st.lists(levels, max_size=20, unique_by=lambda level: level.cents)


@given(depth, st.booleans(), st.integers(1, 99), st.integers(1, 20_000))
def test_a_fill_never_exceeds_what_stands_nor_the_limit(
    standing: list[Ask], is_bid: bool, limit: int, size: int
) -> None:
    result = match(is_bid=is_bid, limit=limit, size=size, standing=standing, maker_yields=False)

    at = {level.cents: level.hundredths for level in standing}
    assert all(0 < take.hundredths <= at[take.cents] for take in result.takes)
    assert all((take.cents <= limit) if is_bid else (take.cents >= limit) for take in result.takes)
    assert sum(take.hundredths for take in result.takes) + result.left == size


@given(depth, st.booleans(), st.integers(1, 99), st.integers(1, 20_000))
def test_the_best_price_goes_first_and_nothing_reachable_is_left_behind(
    standing: list[Ask], is_bid: bool, limit: int, size: int
) -> None:
    result = match(is_bid=is_bid, limit=limit, size=size, standing=standing, maker_yields=False)

    prices = [take.cents for take in result.takes]
    reachable = sum(a.hundredths for a in standing if (a.cents <= limit if is_bid else a.cents >= limit))
    assert prices == sorted(prices, reverse=not is_bid)
    assert result.left == max(0, size - reachable)


def test_taker_stops_at_its_own_resting_order_and_keeps_earlier_fills() -> None:
    standing = [Ask(40, 100), Ask(41, 500, "own"), Ask(42, 900)]

    result = match(is_bid=True, limit=50, size=1_000, standing=standing, maker_yields=False)

    assert [(take.cents, take.hundredths) for take in result.takes] == [(40, 100)]
    assert (result.left, result.met_self, result.withdrawn) == (900, True, ())


def test_maker_mode_withdraws_the_own_resting_order_and_goes_on() -> None:
    standing = [Ask(40, 100), Ask(41, 500, "own"), Ask(42, 900)]

    result = match(is_bid=True, limit=50, size=1_000, standing=standing, maker_yields=True)

    assert [(take.cents, take.hundredths) for take in result.takes] == [(40, 100), (42, 900)]
    assert (result.left, result.met_self, result.withdrawn) == (0, False, ("own",))
