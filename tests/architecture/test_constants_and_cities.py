"""The numbers and the ten cities that the specification fixes."""

from decimal import Decimal
from importlib.metadata import requires
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from trader.domain import constants
from trader.domain.cities import CityConfig, load_cities
from trader.domain.risk import GateLimits, RiskLimits

CITIES = load_cities()
CODES = ["NYC", "CHI", "LAX", "MIA", "AUS", "DEN", "PHL", "BOS", "SEA", "SFO"]


@pytest.mark.story("1.1")
def test_delay_refresh_and_cache_have_the_specified_values() -> None:
    assert constants.PUBLIC_TRADE_DELAY_MIN == 60
    assert constants.DASH_REFRESH_SEC == 5
    assert constants.WEATHER_CACHE_MIN == 5


@pytest.mark.story("1.1")
@pytest.mark.parametrize(
    ("cap", "usd", "fraction"),
    [
        ("open_risk", "500", "0.10"),
        ("daily_loss", "250", "0.05"),
        ("trade", "100", "0.02"),
        ("city", "150", "0.03"),
        ("cluster", "250", "0.05"),
    ],
)
def test_risk_defaults_are_the_specified_dollars_and_shares(cap: str, usd: str, fraction: str) -> None:
    limit = getattr(RiskLimits(), cap)

    assert (limit.usd, limit.fraction) == (Decimal(usd), Decimal(fraction))
    # at the design-time bankroll both halves of a cap are the same money
    assert constants.STARTING_CAPITAL_USD * limit.fraction == limit.usd


@pytest.mark.story("1.1")
def test_spread_gate_is_three_cents_and_a_loss_pauses_for_a_day() -> None:
    assert GateLimits().max_spread_usd == Decimal("0.03")
    assert constants.LOSS_PAUSE_HOURS == 24


@pytest.mark.story("1.4")
def test_ten_cities_are_loaded_by_code_in_display_order() -> None:
    assert list(CITIES) == CODES
    assert {code: city.code for code, city in CITIES.items()} == {code: code for code in CODES}
    assert {type(city) for city in CITIES.values()} == {CityConfig}


@pytest.mark.story("1.4")
@pytest.mark.parametrize("code", CODES)
def test_city_has_zone_cluster_and_integer_grid(code: str) -> None:
    city = CITIES[code]

    # the standard offset of the zone, not today's: the climate day never follows daylight time
    assert (
        city.std_utc_offset_hours
        == {
            "America/New_York": -5,
            "America/Chicago": -6,
            "America/Denver": -7,
            "America/Los_Angeles": -8,
        }[ZoneInfo(city.timezone).key]
    )
    assert city.cluster in {"NE", "SE", "Midwest", "Mountain", "West"}
    assert city.region in {"NORTHEAST", "SOUTH", "MIDWEST", "WEST"}
    assert type(city.nws_grid_x) is int
    assert type(city.nws_grid_y) is int
    assert city.settlement_station[0] == "K"
    assert 24 < city.lat < 50
    assert -125 < city.lon < -66


@pytest.mark.story("1.4")
def test_no_two_cities_share_a_station_report_or_series() -> None:
    for field in (
        "settlement_station",
        "cli_location",
        "cli_headline",
        "high_series",
        "low_series",
        "rain_series",
    ):
        values = [value for city in CITIES.values() if (value := getattr(city, field))]
        assert len(set(values)) == len(values)


@pytest.mark.story("1.4")
def test_chicago_settles_temperature_at_midway_and_precipitation_at_ohare() -> None:
    assert (CITIES["CHI"].settlement_station, CITIES["CHI"].cli_location) == ("KMDW", "MDW")
    assert (CITIES["CHI"].rain_cli_location, CITIES["CHI"].snow_cli_location) == ("ORD", "ORD")


@pytest.mark.story("1.4")
@pytest.mark.parametrize(
    "change",
    [
        {"timezone": "America/Gotham"},
        {"cluster": "North"},
        {"nws_grid_x": 34.5},
        {"nws_grid_x": "34"},
        {"settlement_station": None},
    ],
)
def test_a_damaged_city_is_refused(change: dict[str, object]) -> None:
    with pytest.raises((ValidationError, KeyError)):
        CityConfig.model_validate({**CITIES["NYC"].model_dump(), **change})


def test_every_dependency_is_a_published_package() -> None:
    assert not [need for need in requires("milkbot") or [] if "@" in need or "git+" in need]
