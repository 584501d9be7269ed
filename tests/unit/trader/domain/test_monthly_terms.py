"""Monthly rain and snow: what recorded rules prove, and what they do not."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.domain.cities import load_cities
from trader.domain.monthly_terms import month_end
from trader.domain.rules_words import NWS, TWC, UNKNOWN_SOURCE
from trader.domain.terms import (
    bracket_bounds,
    prove_rules,
    rules_bounds,
    rules_gaps,
    settlement_source,
)
from trader.domain.types import MarketType, ReasonCode

RAIN, SNOW = MarketType.RAIN, MarketType.SNOW
CITIES = load_cities()
# The deciding sentences as quoted; of the secondary text the quoted beginning and end of its first sentence.
CHICAGO = (
    "If the total precipitation at CLIORD in Chicago in Oct 2026 is strictly greater than 3 inches, then the "
    "market resolves to Yes."
)
NEW_YORK = (
    "If the total precipitation at Central Park, New York City in Jul 2026 is strictly greater than 4 "
    "inches, then the market resolves to Yes."
)
CHICAGO_SNOW = (
    "If the total snowfall in Chicago (O'Hare) in December 2026 is strictly greater than 8 inches, then the "
    "market resolves to Yes."
)
BY_NWS = (
    " Not all weather data is the same. While checking a source like AccuWeather or Google Weather may help "
    "guide your decision, the official and final value used to determine this market is the total "
    "precipitation as reported by the corresponding NWS Climatological Report (Daily) linked in the rules "
    "above. Preliminary NWS reporting and measurement methods may be subject to underlying rounding."
)
BY_TWC = (
    " The official and final value used to determine this market as reported by the Weather Company. Data "
    "for CLIORD can be found by clicking the following URL: https://weather.com/kalshi. “Trace” amounts (T) "
    "and missing daily precipitation values are counted as 0 inches."
)
OCTOBER, JULY, DECEMBER = date(2026, 10, 31), date(2026, 7, 31), date(2026, 12, 31)


@pytest.mark.story("4.3")
@pytest.mark.parametrize(
    ("text", "city", "kind", "last_day", "source", "lowest"),
    [
        (CHICAGO + BY_TWC, "CHI", RAIN, OCTOBER, TWC, 301),
        (CHICAGO + BY_NWS, "CHI", RAIN, OCTOBER, NWS, 301),
        (NEW_YORK + BY_NWS, "NYC", RAIN, JULY, NWS, 401),
        (CHICAGO_SNOW + BY_TWC, "CHI", SNOW, DECEMBER, TWC, 81),
        (CHICAGO.replace("CLIORD in Chicago", "CLIMIA in Miami") + BY_TWC, "MIA", RAIN, OCTOBER, TWC, 301),
        (
            CHICAGO.replace("CLIORD in Chicago", "CLILAX in Los Angeles") + BY_TWC,
            "LAX",
            RAIN,
            OCTOBER,
            TWC,
            301,
        ),
        (CHICAGO_SNOW.replace("Chicago (O'Hare)", "Boston") + BY_TWC, "BOS", SNOW, DECEMBER, TWC, 81),
        (CHICAGO_SNOW.replace("8 inches", "0.5 inches") + BY_TWC, "CHI", SNOW, DECEMBER, TWC, 6),
        (CHICAGO.replace("3 inches", "1 inch") + BY_TWC, "CHI", RAIN, OCTOBER, TWC, 101),
    ],
)
def test_recorded_rules_prove_their_month(
    text: str, city: str, kind: MarketType, last_day: date, source: str, lowest: int
) -> None:
    assert prove_rules(text, city=CITIES[city], market_type=kind, climate_date=last_day) == ()
    assert settlement_source(text) == source
    assert rules_bounds(text) == (lowest, None)


@pytest.mark.parametrize(
    ("old", "new", "gap"),
    [
        ("precipitation at CLIORD", "snowfall at CLIORD", "variable"),
        ("precipitation at CLIORD", "hail at CLIORD", "wording"),
        ("CLIORD in Chicago in Oct", "CLIMDW in Chicago in Oct", "station"),
        ("CLIORD in Chicago in Oct", "Chicago in Oct", "station"),
        ("CLIORD in Chicago in Oct", "Chicago Midway in Oct", "station"),
        ("Oct 2026", "Nov 2026", "date"),
        ("Oct 2026", "Oct 2027", "date"),
        ("Oct 2026", "Octo 2026", "date"),
        ("Oct 2026", "Oct 5, 2026", "wording"),
        ("strictly greater than", "at least", "wording"),
        ("3 inches", "3 centimeters", "wording"),
        ("resolves to Yes", "resolves to No", "wording"),
        ("Weather Company", "AccuWeather", "source"),
        ("official and final value", "value", "source"),
    ],
)
def test_a_changed_word_breaks_the_proof(old: str, new: str, gap: str) -> None:
    text = (CHICAGO + BY_TWC).replace(old, new, 1)

    assert rules_gaps(text, city=CITIES["CHI"], market_type=RAIN, climate_date=OCTOBER) == (gap,)


def test_two_deciding_sources_or_none_prove_no_source() -> None:
    assert settlement_source(CHICAGO) == UNKNOWN_SOURCE
    assert settlement_source(CHICAGO + BY_NWS + BY_TWC) == UNKNOWN_SOURCE


def test_new_york_city_alone_does_not_say_which_of_its_stations() -> None:
    text = CHICAGO_SNOW.replace("Chicago (O'Hare)", "New York City") + BY_TWC

    assert rules_gaps(text, city=CITIES["NYC"], market_type=SNOW, climate_date=DECEMBER) == ("station",)


@pytest.mark.parametrize(
    ("secondary", "gaps"),
    [
        (BY_TWC, ()),
        (BY_TWC.replace("0 inches", "zero inches"), ()),
        (BY_NWS, ("trace",)),
        (BY_NWS + " If the value is T for Trace, then the market resolves to Yes.", ("trace",)),
    ],
)
def test_where_a_trace_alone_would_decide_the_rules_must_say_that_it_is_nothing(
    secondary: str, gaps: tuple[str, ...]
) -> None:
    text = CHICAGO.replace("3 inches", "0 inches") + secondary

    assert rules_gaps(text, city=CITIES["CHI"], market_type=RAIN, climate_date=OCTOBER) == gaps
    assert rules_bounds(text) == (1, None)


def test_a_day_is_not_proven_by_a_month_nor_a_month_by_a_day() -> None:
    assert prove_rules(
        CHICAGO + BY_TWC, city=CITIES["CHI"], market_type=MarketType.HIGH, climate_date=OCTOBER
    )
    daily = "If the highest temperature recorded in Boston for Oct 31, 2026 according to The Weather Company"
    assert prove_rules(daily, city=CITIES["BOS"], market_type=RAIN, climate_date=OCTOBER) == (
        ReasonCode.RULES_NOT_PROVEN,
    )


def test_a_threshold_between_two_units_has_no_bounds() -> None:
    assert rules_bounds(CHICAGO.replace("3 inches", "3.005 inches")) is None
    with pytest.raises(ValueError, match=r"whole units of 0\.01"):
        bracket_bounds("greater", Decimal("3.005"), None, Decimal("0.01"))


@given(st.integers(0, 4000), st.sampled_from([RAIN, SNOW]))
def test_strike_field_and_sentence_give_the_same_lowest_total(units: int, kind: MarketType) -> None:
    unit = Decimal("0.01") if kind is RAIN else Decimal("0.1")
    word = "precipitation" if kind is RAIN else "snowfall"
    inches = units * unit
    text = CHICAGO.replace("precipitation", word).replace("3 inches", f"{inches} inches")

    assert rules_bounds(text) == bracket_bounds("greater", inches, None, unit) == (units + 1, None)


def test_last_day_of_a_month_knows_leap_years() -> None:
    assert [month_end(2028, 2).day, month_end(2026, 2).day, month_end(2026, 12).day] == [29, 28, 31]
