"""Recorded grids become forecasts per climate day; cells that are not at the station are told apart."""

import json
import math
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.samples import RESOURCES, sample
from trader.adapters.fields import Fields, read_json
from trader.adapters.nws import grid
from trader.domain.cities import load_cities
from trader.domain.errors import MalformedPayload
from trader.domain.types import MarketType

CITIES = load_cities()


def body_of(name: str = "weathergov_gridpoint_OKX_32_36_2026-03-04") -> Fields:
    return read_json((RESOURCES / "nws_samples" / "api" / f"{name}.json").read_bytes(), name)


@pytest.mark.story("3.5")
def test_recorded_grid_gives_highs_and_lows_per_climate_day() -> None:
    now = datetime(2026, 3, 4, 20, 32, tzinfo=UTC)

    found, _ = grid.parse_grid(body_of(), CITIES["NYC"], now)

    highs = {f.climate_date: f.value_f for f in found if f.variable is MarketType.HIGH}
    lows = {f.climate_date: f.value_f for f in found if f.variable is MarketType.LOW}
    assert highs[date(2026, 3, 5)] == 43  # 6.11 C; no hour of that climate day is warmer
    assert highs[date(2026, 3, 7)] == 57
    assert lows[date(2026, 3, 5)] == 36
    assert min(highs) == min(lows) == date(2026, 3, 4)
    assert {f.issued_at for f in found} == {datetime(2026, 3, 4, 18, 59, 12, tzinfo=UTC)}
    assert all(f.value_f == int(f.value_f) and f.source == "nws_grid" for f in found)


def test_hours_outside_the_grids_own_window_widen_the_day() -> None:
    """Warmest at half past midnight standard time, after a front: the grid's maximum window misses it."""
    body = {
        "properties": {
            "updateTime": "2026-03-04T18:00:00+00:00",
            "maxTemperature": {
                "uom": "wmoUnit:degC",
                "values": [{"validTime": "2026-03-05T12:00:00+00:00/PT13H", "value": 5}],
            },
            "minTemperature": {"values": []},
            "temperature": {
                "uom": "wmoUnit:degC",
                "values": [{"validTime": "2026-03-05T04:00:00+00:00/PT2H", "value": 15}],
            },
        }
    }

    found, _ = grid.parse_grid(Fields(body, "grid"), CITIES["NYC"], datetime(2026, 3, 4, 19, tzinfo=UTC))

    highs = {f.climate_date: f.value_f for f in found if f.variable is MarketType.HIGH}
    assert highs == {date(2026, 3, 4): 59, date(2026, 3, 5): 59}  # 04Z belongs to the 4th, 05Z to the 5th


def test_remainder_of_a_window_is_not_tomorrows_forecast() -> None:
    body = {
        "properties": {
            "updateTime": "2026-03-04T18:00:00+00:00",
            "maxTemperature": {
                "uom": "wmoUnit:degC",
                "values": [{"validTime": "2026-03-05T20:00:00+00:00/PT5H", "value": 5}],
            },
            "minTemperature": {"values": []},
            "temperature": {"values": []},
        }
    }

    assert grid.parse_grid(Fields(body, "grid"), CITIES["NYC"], datetime(2026, 3, 4, 19, tzinfo=UTC)) == (
        (),
        None,
    )


def test_two_hundred_degrees_refuse_the_whole_grid() -> None:
    now = datetime(2026, 3, 4, 23, tzinfo=UTC)

    with pytest.raises(MalformedPayload, match="between -60 and 60 degrees Celsius"):
        grid.parse_grid(
            body_of("weathergov_gridpoint_SEW_125_68_2026-03-04_injected_200C"), CITIES["SEA"], now
        )


def test_grid_issued_in_the_future_is_refused() -> None:
    with pytest.raises(grid.FromFuture):
        grid.parse_grid(body_of(), CITIES["NYC"], datetime(2026, 3, 4, 18, tzinfo=UTC))


@pytest.mark.parametrize(
    "change",
    [
        {"updateTime": None},
        {"updateTime": "2026-03-04T18:59:12"},
        {
            "maxTemperature": {
                "uom": "wmoUnit:degF",
                "values": [{"validTime": "2026-03-05T12:00:00Z/PT13H", "value": 5}],
            }
        },
        {
            "maxTemperature": {
                "uom": "wmoUnit:degC",
                "values": [{"validTime": "2026-03-05T12:00:00Z", "value": 5}],
            }
        },
        {
            "maxTemperature": {
                "uom": "wmoUnit:degC",
                "values": [{"validTime": "2026-03-05T12:00:00Z/P", "value": 5}],
            }
        },
        {"maxTemperature": {"uom": "wmoUnit:degC", "values": [{"validTime": "x/PT1H", "value": 5}]}},
        {
            "maxTemperature": {
                "uom": "wmoUnit:degC",
                "values": [{"validTime": "2026-03-05T12:00:00Z/PT1H", "value": "5"}],
            }
        },
        {"maxTemperature": {"uom": "wmoUnit:degC", "values": {}}},
        {"maxTemperature": None},
        {"temperature": []},
    ],
)
def test_grid_of_another_form_is_refused(change: dict[str, Any]) -> None:
    body = sample("nws_samples/api/weathergov_gridpoint_OKX_32_36_2026-03-04.json")
    body["properties"] |= change

    with pytest.raises(MalformedPayload):
        grid.parse_grid(Fields(body, "grid"), CITIES["NYC"], datetime(2026, 3, 4, 20, tzinfo=UTC))


def polygon(east_km: float = 0.0, north_km: float = 0.0, size_km: float = 2.5) -> Fields:
    """A square cell whose centre lies so far from Central Park."""
    nyc, half = CITIES["NYC"], size_km / 2
    per_lon = 111.2 * math.cos(math.radians(nyc.lat))
    corners = [(-1, -1), (-1, 1), (1, 1), (1, -1), (-1, -1)]
    ring = [
        [nyc.lon + (east_km + x * half) / per_lon, nyc.lat + (north_km + y * half) / 111.2]
        for x, y in corners
    ]
    return Fields({"geometry": {"type": "Polygon", "coordinates": [ring]}}, "grid")


@pytest.mark.story("3.5")
@given(st.floats(-6, 6), st.floats(-6, 6))
def test_distance_of_a_cell_is_that_of_its_nearest_edge_and_zero_inside(east: float, north: float) -> None:
    expected = math.hypot(max(0.0, abs(east) - 1.25), max(0.0, abs(north) - 1.25))

    assert grid.distance_km(polygon(east, north), CITIES["NYC"]) == pytest.approx(expected, abs=1e-6)


@pytest.mark.story("3.5")
def test_recorded_cell_of_jersey_city_does_not_hold_central_park() -> None:
    assert grid.distance_km(body_of(), CITIES["NYC"]) == pytest.approx(5.9, abs=0.5)


@pytest.mark.parametrize(
    "geometry",
    [
        {"type": "Point", "coordinates": [1, 2]},
        {"type": "Polygon", "coordinates": []},
        {"type": "Polygon", "coordinates": [[[1, 2], [3, 4], [1, 2]]]},
        {"type": "Polygon", "coordinates": [[[1, 2], [3, 4], [5, 6], [7, 8]]]},
        {"type": "Polygon", "coordinates": [[[1, 2], ["x", 4], [5, 6], [1, 2]]]},
        {"type": "Polygon", "coordinates": None},
        None,
    ],
)
def test_cell_without_a_closed_ring_is_refused(geometry: Any) -> None:
    with pytest.raises(MalformedPayload):
        grid.distance_km(Fields({"geometry": geometry}, "grid"), CITIES["NYC"])


@pytest.mark.story("3.5")
def test_hours_from_now_on_are_a_row_to_the_end_of_the_day_after_tomorrow() -> None:
    _, hourly = grid.parse_grid(body_of(), CITIES["NYC"], datetime(2026, 3, 4, 20, 32, tzinfo=UTC))

    assert hourly is not None
    assert (hourly.source, hourly.starts_at) == ("nws_grid", datetime(2026, 3, 4, 20, tzinfo=UTC))
    assert hourly.issued_at == datetime(2026, 3, 4, 18, 59, 12, tzinfo=UTC)
    assert hourly.temps_f[:4] == (48, 48, 47, 46)
    assert len(hourly.temps_f) == 9 + 24 + 24


def test_layer_in_fahrenheit_that_claims_celsius_is_betrayed_by_its_values() -> None:
    body = sample("nws_samples/api/weathergov_gridpoint_OKX_32_36_2026-03-04.json")
    for place, row in enumerate(body["properties"]["temperature"]["values"]):
        row["value"] = 25 + place % 20  # degrees of a winter's day in Fahrenheit
    read = read_json(json.dumps(body).encode(), "grid")

    with pytest.raises(MalformedPayload, match="whole Fahrenheit given in Celsius"):
        grid.parse_grid(read, CITIES["NYC"], datetime(2026, 3, 4, 20, tzinfo=UTC))


@pytest.mark.story("3.5")
def test_recorded_point_names_its_cell_and_marine_cells_are_refused() -> None:
    body = sample("nws_samples/api/weathergov_points_41.967_-71.189_BOX_2026-07-15.json")

    assert grid.parse_cell(Fields(body, "point")) == grid.GridCell("BOX", 70, 82)
    body["properties"] |= {"gridX": "70", "gridY": "82"}
    assert grid.parse_cell(Fields(body, "point")) == grid.GridCell("BOX", 70, 82)
    body["properties"]["type"] = "marine"
    with pytest.raises(MalformedPayload):
        grid.parse_cell(Fields(body, "point"))


EVENING = datetime(2026, 3, 4, 20, 32, tzinfo=UTC)


def test_recorded_grid_gives_rain_and_snow_of_the_whole_days_after_today() -> None:
    rain, snow = grid.parse_depths(body_of(), CITIES["NYC"], EVENING)

    # hundredths of an inch: 9 + 34 + 9 and 5 of the 6 hours of 31; 1 of them, 22 and 1; the 7th is not whole
    assert (rain.variable, rain.first, rain.units) == (MarketType.RAIN, date(2026, 3, 5), (77.83, 28.17))
    assert (snow.variable, snow.first, snow.units) == (MarketType.SNOW, date(2026, 3, 5), (0, 0))
    assert {f.issued_at for f in (rain, snow)} == {datetime(2026, 3, 4, 18, 59, 12, tzinfo=UTC)}


def depth_grid(*intervals: tuple[str, float | None], uom: str = "wmoUnit:mm") -> Fields:
    """A grid with snow in these intervals of March 5th and later, and no layer of rain."""
    split = [(text.split("/"), mm) for text, mm in intervals]
    values = [
        {"validTime": f"2026-03-{at}:00:00+00:00/{length}", "value": None if mm is None else Decimal(mm)}
        for (at, length), mm in split
    ]
    layer = {"uom": uom, "values": values}
    return Fields(
        {"properties": {"updateTime": "2026-03-04T18:00:00+00:00", "snowfallAmount": layer}}, "grid"
    )


@pytest.mark.parametrize(
    ("intervals", "units"),
    [
        ([("05T05/P1D", 25.4)], (10,)),  # an inch is ten tenths
        ([("05T05/PT12H", 25.4), ("05T17/PT12H", 50.8)], (30,)),
        ([("04T05/P2D", 50.8)], (10,)),  # half of it is today's
        ([("05T05/PT23H", 25.4)], None),
        ([("05T05/PT12H", 25.4), ("05T17/PT12H", None)], None),  # a gap is not a dry day
        ([("05T05/P1D", 25.4), ("05T06/PT1H", 1)], None),  # an hour told twice
        ([("06T05/P1D", 25.4)], None),  # not tomorrow
        ([("05T05/P1D", 0), ("06T05/PT6H", 9)], (0,)),
        ([], None),
    ],
)
def test_a_day_has_an_amount_when_each_of_its_hours_is_told_once(
    intervals: list[tuple[str, float | None]], units: tuple[float, ...] | None
) -> None:
    found = grid.parse_depths(depth_grid(*intervals), CITIES["NYC"], EVENING)

    assert [f.units for f in found] == ([] if units is None else [units])


def test_amounts_of_seattle_reach_beyond_the_days_that_count() -> None:
    body = body_of("weathergov_gridpoint_SEW_125_68_2026-03-04_injected_200C")

    rain, _ = grid.parse_depths(body, CITIES["SEA"], datetime(2026, 3, 4, 22, 38, tzinfo=UTC))

    assert rain.units == (4.67, 13.33, 5.0, 23.67, 17.33, 13.0)


@given(st.lists(st.integers(0, 400), min_size=28, max_size=28))
def test_nothing_is_lost_or_made_by_spreading_amounts_over_days(tenths: list[int]) -> None:
    starts = [datetime(2026, 3, 4, 12, tzinfo=UTC) + timedelta(hours=6 * n) for n in range(28)]
    intervals = [(f"{at:%dT%H}/PT6H", n / 10) for at, n in zip(starts, tenths, strict=True)]

    (found,) = grid.parse_depths(depth_grid(*intervals), CITIES["NYC"], EVENING)

    # from 05Z of the 5th to 05Z of the 11th: an hour of the third interval to five of the second last
    told = tenths[2] / 6 + sum(tenths[3:26]) + tenths[26] * 5 / 6
    assert len(found.units) == 6
    assert sum(found.units) == pytest.approx(told / 10 / 2.54, abs=0.05)


def test_ohares_amounts_are_not_read_from_midways_cell() -> None:
    whole = depth_grid(("05T00/P4D", 25.4))

    assert grid.parse_depths(whole, CITIES["CHI"], EVENING) == ()
    assert len(grid.parse_depths(whole, CITIES["BOS"], EVENING)) == 1


@pytest.mark.parametrize(
    "body",
    [
        depth_grid(("05T05/P1D", 1), uom="wmoUnit:cm"),
        depth_grid(("05T05/P1D", 1), uom=""),
        depth_grid(("05T05/P1D", -1)),
        depth_grid(("05T05/P1D", 1001)),
        depth_grid(("05T05/24H", 1)),
        depth_grid(("05T05/P999999999D", 1)),
        Fields({"properties": {"updateTime": "2026-03-04T18:00:00+00:00", "snowfallAmount": []}}, "grid"),
    ],
)
def test_amounts_of_another_form_or_beyond_weather_are_refused(body: Fields) -> None:
    with pytest.raises(MalformedPayload):
        grid.parse_depths(body, CITIES["NYC"], EVENING)
