"""Recorded answers of api.weather.gov become readings and forecasts; nonsense is refused and told."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.samples import RESOURCES, sample
from trader.adapters.fields import Fields, read_json
from trader.adapters.nws import mapping
from trader.domain.errors import MalformedPayload
from trader.domain.types import ReasonCode

LATE = datetime(2026, 9, 4, 3, tzinfo=UTC)
AT = datetime(2026, 9, 4, 2, tzinfo=UTC)


def recorded(name: str) -> Fields:
    return read_json((RESOURCES / "nws_samples" / "api" / f"{name}.json").read_bytes(), name)


def observation(value: Any = 25.6, **changes: Any) -> dict[str, Any]:
    number = Decimal(str(value)) if isinstance(value, float) else value
    return {
        "station": "https://api.weather.gov/stations/KMDW",
        "timestamp": AT.isoformat(),
        "rawMessage": "",
        "temperature": {"unitCode": "wmoUnit:degC", "value": number, "qualityControl": "V"},
    } | changes


def parse(*records: Any) -> mapping.Readings:
    return mapping.parse_observations(
        Fields({"features": [{"properties": record} for record in records]}, "list"), "KMDW", LATE
    )


@pytest.mark.story("3.5")
def test_recorded_midway_list_mixes_exact_and_rounded_reports() -> None:
    found = mapping.parse_observations(recorded("breezy_KMDW_observations_excerpt_2026-09-04"), "KMDW", LATE)

    by_minute = {f"{at:%H%M}": reading for at, reading in found.accepted.items()}
    assert (by_minute["0220"].low_f, by_minute["0220"].high_f) == (86, 86)
    assert (by_minute["0205"].low_f, by_minute["0205"].high_f) == (84, 85)
    assert by_minute["0153"].temp_f == 85
    assert (by_minute["2353"].temp_f, by_minute["2353"].max_f, by_minute["2353"].min_f) == (84, 92, 83)
    assert found.problems == ()


@pytest.mark.parametrize(
    ("name", "station", "expected"),
    [
        ("weathergov_KNYC_observations_limit1_2026-03-04", "KNYC", [47.0]),
        ("pynws_stations_observations_metar", "KFLL", [78.0]),  # value is null, the text has the group
        ("pynws_stations_observations_empty", "KFLL", []),
    ],
)
def test_recorded_lists_of_every_kind_are_read(name: str, station: str, expected: list[float]) -> None:
    found = mapping.parse_observations(recorded(name), station, LATE)

    assert [reading.temp_f for reading in found.accepted.values()] == expected
    assert found.problems == ()


def test_recorded_latest_report_is_read_to_a_tenth_of_a_degree() -> None:
    latest = recorded("pynws_stations_observations_latest").raw("properties")
    listed = Fields({"features": [{"properties": latest}]}, "latest")

    (found,) = mapping.parse_observations(listed, "KFLL", LATE).accepted.values()

    assert (found.observed_at, found.temp_f) == (datetime(2022, 3, 2, 23, 53, tzinfo=UTC), 73.0)


def test_record_without_a_time_is_told() -> None:
    found = mapping.parse_observations(recorded("pynws_stations_observations_missing_value"), "KFLL", LATE)

    assert (found.accepted, found.problems) == ({}, (ReasonCode.PAYLOAD_MALFORMED,))


def test_units_band_time_zone_and_station_are_checked() -> None:
    wrong = [
        (
            observation(25.6, temperature={"unitCode": "wmoUnit:degF", "value": 78, "qualityControl": "V"}),
            "unit",
        ),
        (observation(78.1), "band"),
        (observation(9999), "band"),
        (observation("25.6"), "type"),
        (observation(True), "type"),
        (observation(25.6, temperature={"unitCode": "wmoUnit:degC", "value": 25}), "no quality flag"),
    ]
    for record, why in wrong:
        found = parse(record)
        assert found.accepted == {}, why
        assert found.problems == (ReasonCode.WEATHER_IMPLAUSIBLE,), why
    malformed: tuple[Any, ...] = (
        observation(timestamp="2026-09-04T02:00:00"),
        observation(timestamp=1),
        observation(station="https://api.weather.gov/stations/KORD"),
        {"station": "https://api.weather.gov/stations/KMDW"},
        "text",
    )
    for item in malformed:
        assert parse(item).problems == (ReasonCode.PAYLOAD_MALFORMED,)


def test_future_reports_are_refused_and_told() -> None:
    found = parse(observation(timestamp=(LATE + timedelta(minutes=3)).isoformat()))

    assert (found.accepted, found.problems) == ({}, (ReasonCode.WEATHER_FROM_FUTURE,))
    assert parse(observation(timestamp=(LATE + timedelta(minutes=1)).isoformat())).accepted


@pytest.mark.parametrize(
    ("flag", "is_used"), [*((flag, True) for flag in "VSCG"), *((flag, False) for flag in "XBQZT")]
)
def test_values_the_source_doubts_are_not_used(flag: str, is_used: bool) -> None:
    record = observation(temperature={"unitCode": "wmoUnit:degC", "value": 25, "qualityControl": flag})

    found = parse(record)

    assert bool(found.accepted) is is_used
    assert (AT in found.refused_at) is not is_used


def test_record_doubted_later_removes_the_earlier_value_of_its_time() -> None:
    found = parse(
        observation(),
        observation(temperature={"unitCode": "wmoUnit:degC", "value": 9, "qualityControl": "X"}),
    )

    assert found.accepted == {}


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.sampled_from(["station", "timestamp", "rawMessage", "temperature"]), json_values)
def test_any_value_of_any_field_is_read_or_refused_alone(field: str, value: Any) -> None:
    good = observation(20.6, timestamp=(AT - timedelta(hours=1)).isoformat())

    found = parse(observation(**{field: value}), good)

    assert AT - timedelta(hours=1) in found.accepted


def test_product_list_is_sorted_by_issue_time() -> None:
    body = sample("nws_samples/api/weathergov_products_types_AFD_locations_OKX_2024-08.json")

    found = mapping.parse_product_list(Fields(body, "list"), "AFD")

    assert len(found) == len(body["@graph"])
    assert [head.issued_at for head in found] == sorted(head.issued_at for head in found)
    with pytest.raises(MalformedPayload):
        mapping.parse_product_list(Fields(body, "list"), "CLI")


def test_stuck_sensor_is_told_from_calm_weather_by_its_span() -> None:
    def reading(hours: float, value: float) -> mapping.Reading:
        return mapping.Reading(AT + timedelta(hours=hours), value, value, value)

    assert mapping.is_frozen([reading(h, 60) for h in range(9)], timedelta(hours=8))
    assert not mapping.is_frozen([reading(h, 60) for h in range(8)], timedelta(hours=8))
    assert not mapping.is_frozen([*(reading(h, 60) for h in range(12)), reading(5.5, 61)], timedelta(hours=8))
    assert not mapping.is_frozen([], timedelta(hours=8))
