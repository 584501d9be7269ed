import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import pytest

from trader.domain.cities import load_cities
from trader.simulator.ensemble import Ensemble
from trader.simulator.faults import Faults
from trader.simulator.http import Answer, Request, Router
from trader.simulator.weather import Weather, celsius
from trader.simulator.world import World

Get = Callable[..., Answer]
UTC_NOON = datetime(2026, 7, 20, 12, tzinfo=UTC)


@pytest.fixture
def get(world: World) -> Get:
    """Return a reader of one path at one instant."""

    def read(path: str, at: datetime = UTC_NOON, agent: str = "test", **query: str) -> Answer:
        router = Router(
            (*Weather(world, lambda: at, Faults()).routes(), *Ensemble(world, lambda: at).routes())
        )
        found = router.find("GET", path)
        assert found is not None
        return found[0].handler(Request("GET", path, query, {"user-agent": agent}, b"", found[1]))

    return read


def body(answer: Answer) -> Any:
    return json.loads(answer.body)


def test_every_recorded_temperature_comes_back_to_a_tenth(world: World) -> None:
    for rows in world.temperatures.values():
        for row in rows:
            back = Decimal(str(float(celsius(row.temp_f)))) * 9 / 5 + 32
            assert back.quantize(Decimal("0.1"), ROUND_HALF_EVEN) == row.temp_f


def test_observations_are_newest_first_within_bounds_and_never_from_the_future(
    get: Get, world: World
) -> None:
    start, end = "2026-07-19T12:00:00Z", "2026-07-20T10:00:00+00:00"

    rows = body(get("/stations/KNYC/observations", start=start, end=end))["features"]

    stamps = [row["properties"]["timestamp"] for row in rows]
    expected = [
        row.polled_at.isoformat()
        for row in world.temperatures["KNYC"]
        if "2026-07-19T12" <= row.polled_at.isoformat() <= "2026-07-20T10"
    ]
    assert stamps == expected[::-1]
    everything = body(get("/stations/KNYC/observations"))["features"]
    assert max(row["properties"]["timestamp"] for row in everything) <= UTC_NOON.isoformat()


def test_latest_is_missing_before_the_first_recording_of_a_station(get: Get) -> None:
    before = get("/stations/KBOS/observations/latest", at=datetime(2026, 7, 18, tzinfo=UTC))

    assert (before.status, before.content_type) == (404, "application/problem+json")
    assert get("/stations/KBOS/observations/latest").status == 200


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        ("/stations/KNYC/observations", {"limit": "0"}, 400),
        ("/stations/KNYC/observations", {"start": "yesterday"}, 400),
        ("/stations/KNYC/observations", {"bust": "1"}, 400),
        ("/stations/KJFK/observations", {}, 404),
        ("/points/40.0,-70.0", {}, 404),
        ("/points/here,there", {}, 404),
        ("/points/40.78333,-73.96667", {}, 301),
        ("/gridpoints/OKX/34,38", {}, 503),
        ("/gridpoints/OKX/34,38/forecast/hourly", {}, 503),
        ("/products/types/CLI/locations/XXX", {}, 500),
        ("/products/none", {}, 404),
    ],
)
def test_the_service_refuses_as_the_real_one_does(
    get: Get, path: str, query: dict[str, str], status: int
) -> None:
    assert get(path, **query).status == status


def test_a_request_without_user_agent_is_forbidden(get: Get) -> None:
    assert get("/stations/KNYC/observations", agent=" ").status == 403


def test_every_city_resolves_to_its_own_grid_cell(get: Get) -> None:
    for city in load_cities().values():
        shown = body(get(f"/points/{round(city.lat, 4)},{round(city.lon, 4)}"))["properties"]

        assert (shown["gridId"], shown["gridX"], shown["gridY"], shown["timeZone"]) == (
            city.nws_office,
            city.nws_grid_x,
            city.nws_grid_y,
            city.timezone,
        )


def test_a_climate_report_appears_at_its_issue_time_and_holds_the_recorded_values(
    get: Get, world: World
) -> None:
    for city in load_cities().values():
        for row in world.climate[city.code]:
            path = f"/products/types/CLI/locations/{city.cli_location}"
            early = body(get(path, at=row.issued_at - timedelta(microseconds=1)))["@graph"]
            graph = body(get(path, at=row.issued_at))["@graph"]
            product = body(get(f"/products/{graph[0]['id']}", at=row.issued_at))
            text = product["productText"]

            assert len(graph) == len(early) + 1
            assert product["issuanceTime"] == row.issued_at.isoformat()
            assert f"\nCLI{city.cli_location}\n" in text
            day = f"{row.climate_date:%B} {row.climate_date.day} {row.climate_date.year}".upper()
            assert f"...THE {city.cli_headline} CLIMATE SUMMARY FOR {day}...".upper() in text
            lines = {line[:16].strip(): line[16:22].strip() for line in text.splitlines()}
            assert (int(lines["MAXIMUM"]), int(lines["MINIMUM"])) == (row.high_f, row.low_f)


def ensemble(get: Get, at: datetime, **query: str) -> Answer:
    asked = {"latitude": "40.7833", "longitude": "-73.9667", "daily": "temperature_2m_max"}
    return get("/v1/ensemble", at=at, **(asked | {"temperature_unit": "fahrenheit"} | query))


def test_the_ensemble_shows_the_newest_fetch_of_each_target_and_nothing_later(get: Get, world: World) -> None:
    row = next(row for row in world.ensemble["NYC"] if row.target_date.isoformat() == "2026-07-17")

    before = body(ensemble(get, row.fetched_at - timedelta(seconds=1)))
    answer = ensemble(get, row.fetched_at)
    shown = body(answer)["daily"]

    assert "2026-07-17" not in before["daily"]["time"]
    at = shown["time"].index("2026-07-17")
    names = [name for name in shown if name.startswith("temperature_2m_max")]
    assert [shown[name][at] for name in names] == [float(value) for value in row.members_f]
    assert len(names) == 31
    assert shown["fetched_utc"][at] == body(answer)["fetched_utc"] == "2026-07-16T23:56:32Z"
    assert ("x-milkbot-fetched", "2026-07-16T23:56:32Z") in answer.headers


@pytest.mark.parametrize(
    "query", [{"latitude": "0"}, {"daily": "temperature_2m_min"}, {"temperature_unit": "celsius"}]
)
def test_the_ensemble_refuses_what_was_not_recorded(get: Get, query: dict[str, str]) -> None:
    answer = ensemble(get, UTC_NOON, **query)

    assert answer.status == 400
    assert body(answer)["error"] is True
