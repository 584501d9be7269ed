"""Groups of a METAR are exact whole Fahrenheit; a whole Celsius is one or two values."""

from datetime import UTC, datetime

import pytest

from trader.adapters.nws import metar

MIDWAY = "KMDW 032353Z 12006KT 10SM FEW090 29/21 A2990 RMK AO2 SLP114 CB DSNT S T02890211 10333 20283 58002 $"


def test_recorded_report_gives_exact_temperature_and_six_hour_extremes() -> None:
    assert metar.exact_f(MIDWAY) == 84
    assert metar.six_hour_extremes(MIDWAY) == (92, 83)


def test_every_whole_fahrenheit_comes_back_from_its_tenths() -> None:
    for fahrenheit in range(-40, 131):
        tenths = round((fahrenheit - 32) * 50 / 9)
        group = f"T{int(tenths < 0)}{abs(tenths):03d}0000"

        assert metar.exact_f(f"KXXX 010000Z RMK AO2 {group}") == fahrenheit


@pytest.mark.parametrize(
    "text",
    [
        "",
        "KMDW 032353Z 29/21 A2990",
        "KMDW 032353Z T02890211 A2990 RMK AO2",  # before the remarks it means something else
        "KMDW RMK PK WND 21045/1955 SLP114 58002 T0289",
    ],
)
def test_other_groups_are_not_temperatures(text: str) -> None:
    assert metar.exact_f(text) is None
    assert metar.six_hour_extremes(text) == (None, None)


def test_whole_celsius_means_the_fahrenheit_values_that_round_to_it() -> None:
    known = {
        20: (68, 68),
        21: (69, 70),
        25: (77, 77),
        29: (84, 85),
        30: (86, 86),
        38: (100, 101),
        -3: (26, 27),
    }

    assert {celsius: metar.possible_f(celsius) for celsius in known} == known


def test_six_hour_window_ends_at_the_hour_after_the_report() -> None:
    assert metar.six_hour_window(datetime(2026, 9, 3, 23, 53, tzinfo=UTC)) == (
        datetime(2026, 9, 3, 18, tzinfo=UTC),
        datetime(2026, 9, 4, 0, tzinfo=UTC),
    )
