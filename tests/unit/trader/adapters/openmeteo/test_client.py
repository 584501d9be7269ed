"""The ensemble's daily form: members by prefix, issue time when named, refused when not as expected."""

from copy import deepcopy
from datetime import UTC, date, datetime
from typing import Any

import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.loopback import Reply, reply, serving
from tests.fakes.samples import NOW
from trader.adapters.fields import Fields
from trader.adapters.http import HttpClient
from trader.adapters.openmeteo.client import EnsembleClient, parse_ensemble
from trader.domain.cities import load_cities
from trader.domain.errors import MalformedPayload, TransientError
from trader.domain.types import MarketType

BODY: dict[str, Any] = {
    "latitude": 40.78,
    "daily_units": {
        "time": "iso8601",
        "temperature_2m_max": "°F",
        "temperature_2m_max_member01": "°F",
        "temperature_2m_max_member02": "°F",
    },
    "daily": {
        "time": ["2026-07-16", "2026-07-17"],
        "temperature_2m_max": [84, None],
        "temperature_2m_max_member01": [86, None],
        "temperature_2m_max_member02": [85, None],
    },
}
Z = datetime(2026, 7, 15, 23, 56, 32, tzinfo=UTC)


def body(**daily: Any) -> dict[str, Any]:
    changed = deepcopy(BODY)
    changed["daily"] |= daily
    return changed


def test_members_are_matched_by_prefix_and_a_day_without_any_is_left_out() -> None:
    (found,) = parse_ensemble(Fields(BODY, "ensemble"), NOW)

    assert (found.source, found.variable, found.climate_date) == (
        "openmeteo_gfs_ensemble",
        MarketType.HIGH,
        date(2026, 7, 16),
    )
    assert (found.value_f, found.members_f, found.issued_at) == (85.0, (84.0, 86.0, 85.0), NOW)


def test_lows_come_beside_highs_where_the_provider_gives_them() -> None:
    both = body(temperature_2m_min=[70, 71], temperature_2m_min_member01=[72, None])
    both["daily_units"] |= {"temperature_2m_min": "°F", "temperature_2m_min_member01": "°F"}

    found = parse_ensemble(Fields(both, "ensemble"), NOW)

    assert [(f.variable, f.climate_date.day, f.members_f) for f in found] == [
        (MarketType.HIGH, 16, (84.0, 86.0, 85.0)),
        (MarketType.LOW, 16, (70.0, 72.0)),
        (MarketType.LOW, 17, (71.0,)),
    ]


def test_issue_time_is_the_recorded_fetch_where_the_answer_names_it() -> None:
    text = Z.isoformat().replace("+00:00", "Z")

    (per_day,) = parse_ensemble(Fields(body(fetched_utc=[text, text]), "ensemble"), NOW)
    (whole,) = parse_ensemble(Fields(deepcopy(BODY) | {"fetched_utc": text}, "ensemble"), NOW)

    assert per_day.issued_at == whole.issued_at == Z


@pytest.mark.parametrize(
    "damaged",
    [
        body(time=["2026-07-16"]),
        body(time=["16.7.2026", "2026-07-17"]),
        body(temperature_2m_max=["84", None]),
        body(temperature_2m_max=[184, None]),
        body(temperature_2m_max=[True, None]),
        body(temperature_2m_max=None),
        body(fetched_utc=["2026-07-15T23:56:32", "2026-07-15T23:56:32"]),
        body(fetched_utc=["2026-07-15T23:56:32Z"]),
        body(fetched_utc=[1, 2]),
        deepcopy(BODY) | {"daily_units": BODY["daily_units"] | {"temperature_2m_max": "°C"}},
        deepcopy(BODY) | {"daily": {"time": []}},
        {"hourly": {}},
    ],
)
def test_answer_of_another_form_is_refused(damaged: dict[str, Any]) -> None:
    with pytest.raises(MalformedPayload):
        parse_ensemble(Fields(damaged, "ensemble"), NOW)


def test_request_asks_for_the_fixed_standard_offset_at_the_station() -> None:
    clock = FakeClock()
    with serving(lambda _: reply(BODY)) as server, HttpClient(clock=clock) as http:
        found, response = EnsembleClient(http, server.origin, clock=clock).forecasts(load_cities()["LAX"])

        query = server.asked[0].query
    assert query["timezone"] == "Etc/GMT+8"
    assert (query["latitude"], query["longitude"]) == ("33.93806", "-118.38889")
    assert (query["daily"], query["temperature_unit"]) == (
        "temperature_2m_max,temperature_2m_min",
        "fahrenheit",
    )
    assert len(found) == 1
    assert response.received_at == clock.now()


def test_refusal_of_the_provider_is_no_answer() -> None:
    clock = FakeClock()
    with (
        serving(lambda _: Reply(400)) as server,
        HttpClient(clock=clock) as http,
        pytest.raises(TransientError),
    ):
        EnsembleClient(http, server.origin, clock=clock).forecasts(load_cities()["NYC"])
