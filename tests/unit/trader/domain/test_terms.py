"""Bounds and proof of a market's terms, on rules texts as recorded."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.domain.cities import load_cities
from trader.domain.rules_words import NWS, TWC, UNKNOWN_SOURCE
from trader.domain.terms import (
    bracket_bounds,
    prove_rules,
    rules_bounds,
    rules_gaps,
    settlement_source,
)
from trader.domain.types import MarketType, ReasonCode

JUNE = (
    "If the highest temperature recorded in Central Park, New York for June 15, 2026 as reported by the "
    "National Weather Service's Climatological Report (Daily), is greater than 85°, then "
    "the market resolves to Yes."
)
DECEMBER_2024 = (
    "If the highest temperature recorded in Denver, CO for December 16, 2024 as reported by the National "
    "Weather Service's Daily Climate Report, is between 47-48°, then the market resolves to Yes."
)
SEPTEMBER = (
    "If the minimum temperature recorded at Chicago (CLIMDW) for Sep 25, 2026, is less than 52° fahrenheit "
    "according to The Weather Company, then the market resolves to Yes."
)
JANUARY = (
    "If the highest temperature recorded at Chicago Midway, IL for January 23, 2026, is less than 5° "
    "according to the National Weather Service's Climatological Report (Daily), then the market "
    "resolves to Yes."
)
SECONDARY = (
    " Not all weather data is the same. The official value is the maximum/minimum temperature as reported by "
    "the Weather Company, not the National Weather Service's Climatological Report (Daily)."
)
RECORDED = [
    (JUNE, "NYC", MarketType.HIGH, date(2026, 6, 15), NWS, (86, None)),
    (DECEMBER_2024, "DEN", MarketType.HIGH, date(2024, 12, 16), NWS, (47, 48)),
    (JANUARY, "CHI", MarketType.HIGH, date(2026, 1, 23), NWS, (None, 4)),
    (SEPTEMBER, "CHI", MarketType.LOW, date(2026, 9, 25), TWC, (None, 51)),
    (SEPTEMBER + SECONDARY, "CHI", MarketType.LOW, date(2026, 9, 25), TWC, (None, 51)),
]
CITIES = load_cities()
Bounds = tuple[int | None, int | None]


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


@pytest.mark.story("4.3")
@pytest.mark.parametrize(("text", "city", "kind", "day", "source", "bounds"), RECORDED)
def test_recorded_rules_prove_their_market(
    text: str, city: str, kind: MarketType, day: date, source: str, bounds: Bounds
) -> None:
    assert prove_rules(text, city=CITIES[city], market_type=kind, climate_date=day) == ()
    assert settlement_source(text) == source
    assert rules_bounds(text) == bounds


@pytest.mark.parametrize(
    ("old", "new", "gap"),
    [
        ("highest", "lowest", "variable"),
        ("highest", "average", "wording"),
        ("June 15", "June 16", "date"),
        ("June 15", "June 31", "date"),
        ("June 15", "Juneau 15", "date"),
        ("in Central Park, New York", "in JFK, New York", "station"),
        ("in Central Park, New York", "in New York", "station"),
        ("in Central Park, New York", "at New York City (CLIJFK)", "station"),
        ("National Weather Service's", "AccuWeather's", "source"),
        ("Climatological Report (Daily)", "hourly forecast", "source"),
        ("then the market resolves to Yes", "then perhaps", "wording"),
    ],
)
def test_a_changed_word_breaks_the_proof(old: str, new: str, gap: str) -> None:
    text = JUNE.replace(old, new)

    gaps = rules_gaps(text, city=CITIES["NYC"], market_type=MarketType.HIGH, climate_date=date(2026, 6, 15))

    assert gaps == (gap,)


def test_unproven_rules_answer_with_the_reason_code() -> None:
    found = prove_rules("", city=CITIES["NYC"], market_type=MarketType.HIGH, climate_date=date(2026, 6, 15))

    assert found == (ReasonCode.RULES_NOT_PROVEN,)


def test_rain_is_never_proven_by_a_temperature_sentence() -> None:
    assert prove_rules(JUNE, city=CITIES["NYC"], market_type=MarketType.RAIN, climate_date=date(2026, 6, 15))


@pytest.mark.parametrize("code", CITIES)
def test_each_station_is_proven_by_its_own_names_and_by_no_other_citys(code: str) -> None:
    city = CITIES[code]
    for place in (city.station_name, city.cli_headline, f"{city.name} (CLI{city.cli_location})"):
        text = JUNE.replace("Central Park, New York", place)
        proven = [
            c.code
            for c in CITIES.values()
            if not rules_gaps(text, city=c, market_type=MarketType.HIGH, climate_date=date(2026, 6, 15))
        ]

        assert proven == [code]


def test_two_sources_in_the_deciding_sentence_prove_none() -> None:
    text = JUNE.replace(", is greater", " and according to The Weather Company, is greater")

    assert settlement_source(text) == UNKNOWN_SOURCE
    assert settlement_source("nothing said") == UNKNOWN_SOURCE


def test_bounds_that_cannot_be_read_are_none() -> None:
    assert rules_bounds(JUNE.replace("is greater than 85°", "is warm")) is None
    assert rules_bounds("") is None


@pytest.mark.parametrize(
    ("strike_type", "floor", "cap", "bounds"),
    [
        ("less", None, "65", (None, 64)),
        ("less_or_equal", None, "65", (None, 65)),
        ("between", "65", "66", (65, 66)),
        ("greater", "72", None, (73, None)),
        ("greater_or_equal", "72", None, (72, None)),
        ("less", None, "-4", (None, -5)),
    ],
)
def test_strikes_become_inclusive_bounds(
    strike_type: str, floor: str | None, cap: str | None, bounds: Bounds
) -> None:
    assert bracket_bounds(strike_type, _decimal(floor), _decimal(cap)) == bounds


@pytest.mark.parametrize(
    ("strike_type", "floor", "cap", "says"),
    [
        ("custom", None, None, "strike_type"),
        ("less", "65", None, "expected cap, found floor"),
        ("greater", "65", "66", "expected floor, found both"),
        ("between", "65", None, "expected both, found floor"),
        ("between", None, None, "found none"),
        ("between", "66", "65", "found 66 above 65"),
        ("less", None, "64.5", "whole units of 1, found 64.5"),
    ],
)
def test_strikes_that_make_no_bracket_are_refused(
    strike_type: str, floor: str | None, cap: str | None, says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        bracket_bounds(strike_type, _decimal(floor), _decimal(cap))


@given(st.integers(-60, 130), st.integers(0, 20))
def test_neighbouring_strikes_partition_the_whole_degrees(edge: int, width: int) -> None:
    below = bracket_bounds("less", None, Decimal(edge))
    middle = bracket_bounds("between", Decimal(edge), Decimal(edge + width))
    above = bracket_bounds("greater", Decimal(edge + width), None)

    assert (below[1], middle, above[0]) == (edge - 1, (edge, edge + width), edge + width + 1)
