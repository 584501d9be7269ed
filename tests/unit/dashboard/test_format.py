"""How numbers, times and brackets are written."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard import format as fmt

MONEY = st.decimals(min_value=-10_000_000, max_value=10_000_000, places=4)
CHANCE = st.decimals(min_value=0, max_value=1, places=6)


@given(MONEY)
def test_signed_money_has_a_sign_exactly_when_it_is_not_nought(dollars: Decimal) -> None:
    text = fmt.money_signed(dollars)

    assert text.startswith(("+$", "−$")) or text == "$0.00"
    assert "-" not in text
    assert (text[0] == "+") == (Decimal(text.translate(str.maketrans("−", "-", "$,+"))) > 0)


@given(MONEY)
def test_money_reads_back_to_the_cent(dollars: Decimal) -> None:
    read = Decimal(fmt.money(dollars).translate(str.maketrans("−", "-", "$,")))

    assert abs(read - dollars) <= Decimal("0.005")


@given(CHANCE)
def test_an_open_chance_is_never_nought_or_a_hundred(p: Decimal) -> None:
    text = fmt.chance(p)

    assert text in {"<1", ">99"} or 1 <= int(text) <= 99


@given(st.decimals(min_value=0, max_value=900_000_000, places=2))
def test_short_counts_stay_short_and_close(count: Decimal) -> None:
    text = fmt.short(count)
    unit = {"k": 1_000, "M": 1_000_000}.get(text[-1], 1)
    value = Decimal(text.rstrip("kM").replace(",", "")) * unit

    assert len(text) <= 5
    assert abs(value - count) <= max(Decimal("0.5"), count * Decimal("0.0551"))


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (fmt.money(Decimal("995.14")), "$995.14"),
        (fmt.money_signed(Decimal("14.54")), "+$14.54"),
        (fmt.money_signed(Decimal("-4.86")), "−$4.86"),
        (fmt.money_signed(Decimal("12345.67")), "+$12,345.67"),
        (fmt.money_signed(Decimal("-0.001")), "$0.00"),
        (fmt.percent_signed(Decimal("-0.00486")), "−0.49%"),
        (fmt.cents(Decimal("0.45")), "45¢"),
        (fmt.cents(Decimal("0.455")), "45.5¢"),
        (fmt.cents(None), "N/A"),
        (fmt.cents_signed(Decimal("0.057")), "+5.7¢"),
        (fmt.chance(Decimal(1), is_final=True), "100"),
        (fmt.chance(Decimal("0.004")), "<1"),
        (fmt.chance(None), "N/A"),
        (fmt.quantity(Decimal("40")), "40"),
        (fmt.quantity(Decimal("40.5")), "40.50"),
        (fmt.short(Decimal(9_400)), "9.4k"),
        (fmt.short(Decimal(74_120)), "74k"),
        (fmt.short(Decimal(999_600)), "1.0M"),
        (fmt.short(Decimal(1_200_000)), "1.2M"),
        (fmt.degrees(Decimal("79.94"), 1), "79.9°"),
        (fmt.bracket(None, 78), "≤78"),
        (fmt.bracket(79, 80), "79–80"),
        (fmt.bracket(87, None), "≥87"),
        (fmt.bracket(101, 102, is_narrow=True), "101–02"),
        (fmt.bracket(99, 100, is_narrow=True), "99–100"),
        (fmt.bracket_label("79° to 80°"), "79–80°"),
        (fmt.bracket_label("78° or below"), "≤78°"),
        (fmt.bracket_label("103° or above"), "≥103°"),
        (fmt.bracket_label("<b>rain</b>"), "<b>rain</b>"),
        (fmt.age(48), "48 s"),
        (fmt.age(1008), "16 min"),
        (fmt.age(13 * 3600), "13 h"),
        (fmt.plural(1, "trade"), "1 trade"),
    ],
)
def test_forms(written: str, expected: str) -> None:
    assert written == expected


def test_times_name_the_day_only_when_it_is_another() -> None:
    now = datetime(2026, 7, 21, 13, 4, tzinfo=UTC)

    assert fmt.when(now, now) == "09:04"
    assert fmt.when(datetime(2026, 7, 21, 1, 1, tzinfo=UTC), now) == "Jul 20 21:01"
    assert fmt.when(datetime(2025, 12, 31, 12, 0, tzinfo=UTC), now) == "Dec 31, 2025 07:00"
    assert fmt.clock_zone(now, "America/Denver") == "07:04 MDT"
