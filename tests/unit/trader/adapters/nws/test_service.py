"""Weather of a city as one cycle gets it: ages, extremes of the climate day, and failing sources."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.loopback import Asked, Loopback, Reply, reply, serving
from tests.fakes.samples import RESOURCES, sample
from trader.adapters.http import HttpClient
from trader.adapters.nws import mapping
from trader.adapters.nws.client import NwsClient
from trader.adapters.nws.service import WeatherService, drop_jumps, newest_forecasts
from trader.adapters.openmeteo.client import EnsembleClient
from trader.domain.cities import load_cities
from trader.domain.errors import TransientError
from trader.domain.risk import GateLimits
from trader.domain.types import MarketType, ReasonCode
from trader.domain.weather import Forecast, WeatherSnapshot

CITIES = load_cities()
NYC = CITIES["NYC"]
START = datetime(2026, 7, 16, 15, tzinfo=UTC)  # 10:00 standard time
DAY_START = datetime(2026, 7, 16, 5, tzinfo=UTC)
FORECAST = sample("nws_samples/api/weathergov_forecast_OKX_32_36_2026-03-04.json")
EXPIRED = reply({"type": "https://api.weather.gov/problems/ForecastGridExpired", "status": 503}, 503)


def report(at: datetime, celsius: float, raw: str = "", flag: str = "V") -> dict[str, Any]:
    quantity = {"unitCode": "wmoUnit:degC", "value": celsius, "qualityControl": flag}
    station = "https://api.weather.gov/stations/KNYC"
    return {
        "properties": {
            "station": station,
            "timestamp": at.isoformat(),
            "rawMessage": raw,
            "temperature": quantity,
        }
    }


def metar(at: datetime, fahrenheit: int, extra: str = "") -> dict[str, Any]:
    tenths = round((fahrenheit - 32) * 50 / 9)
    return report(at, tenths / 10, f"KNYC {at:%d%H%M}Z AUTO RMK AO2 T0{tenths:03d}0100{extra} $")


class Service:
    """Serves one city; tests change the parts."""

    def __init__(self) -> None:
        self.reports: list[Any] = [metar(START - timedelta(minutes=9), 80)]
        self.grid: Reply = EXPIRED
        self.points: Reply = Reply(404)
        self.observations: Reply | None = None
        self.ensemble: Reply = Reply(404)
        self.products: dict[str, dict[str, Any]] = {}

    def __call__(self, asked: Asked) -> Reply:
        if asked.path.endswith("/observations"):
            return self.observations or reply({"features": self.reports})
        if asked.path.startswith("/gridpoints/"):
            return self.grid
        if asked.path.startswith("/points/"):
            return self.points
        if asked.path == "/v1/ensemble":
            return self.ensemble
        if asked.path.startswith("/products/types/CLI/locations/"):
            heads = [{k: v for k, v in p.items() if k != "productText"} for p in self.products.values()]
            return reply({"@graph": heads})
        return reply(self.products[asked.path.rpartition("/")[2]])


@contextmanager
def weather(
    script: Service, *, with_ensemble: bool = False, has_depths: bool = False
) -> Iterator[tuple[WeatherService, Loopback, FakeClock]]:
    clock = FakeClock(START)
    with serving(script) as server, HttpClient(clock=clock, timeout_s=10) as http:
        ensemble = EnsembleClient(http, server.origin, clock=clock) if with_ensemble else None
        nws = NwsClient(http, server.origin, clock=clock)
        service = WeatherService(nws, ensemble, clock=clock, gates=GateLimits(), has_depths=has_depths)
        yield service, server, clock


def look(service: WeatherService) -> WeatherSnapshot:
    return service.get_weather((NYC,))[0].snapshot


def grid_body(updated: datetime, celsius: float = 30.0) -> Reply:
    corners = [(-74.0, 40.77), (-74.0, 40.80), (-73.93, 40.80), (-73.93, 40.77), (-74.0, 40.77)]
    window = f"{datetime(2026, 7, 17, 12, tzinfo=UTC).isoformat()}/PT13H"
    return reply(
        {
            "geometry": {"type": "Polygon", "coordinates": [corners]},
            "properties": {
                "updateTime": updated.isoformat(),
                "maxTemperature": {
                    "uom": "wmoUnit:degC",
                    "values": [{"validTime": window, "value": celsius}],
                },
                "minTemperature": {"values": []},
                "temperature": {"values": []},
            },
        }
    )


@pytest.mark.story("3.5")
def test_snapshot_has_latest_report_and_extremes_of_the_climate_day_only() -> None:
    script = Service()
    script.reports = [
        metar(START - timedelta(minutes=9), 80),
        metar(DAY_START + timedelta(minutes=51), 71),
        metar(DAY_START - timedelta(minutes=9), 95),  # yesterday by standard time, today by the wall clock
        metar(DAY_START - timedelta(minutes=69), 60),
    ]

    with weather(script) as (service, server, _):
        found = look(service)

        start = server.asked[0].query["start"]
    assert found.climate_date == date(2026, 7, 16)
    assert found.latest is not None
    assert (found.latest.station, found.latest.temp_f) == ("KNYC", 80)
    assert (found.high_so_far_f, found.high_so_far_at) == (80, START - timedelta(minutes=9))
    assert (found.low_so_far_f, found.low_so_far_at) == (71, DAY_START + timedelta(minutes=51))
    assert start == "2026-07-15T21:00:00Z"
    assert not found.is_fetch_stale
    assert not found.is_observation_stale


def test_six_hour_extremes_count_only_when_their_window_lies_in_the_day() -> None:
    script = Service()
    inside = datetime(2026, 7, 16, 11, 51, tzinfo=UTC)  # covers 06Z to 12Z
    across = datetime(2026, 7, 16, 5, 51, tzinfo=UTC)  # covers 00Z to 06Z, five hours of yesterday
    script.reports = [metar(inside, 75, " 10290 20211"), metar(across, 74, " 10350 20100")]

    with weather(script) as (service, _, _):
        found = look(service)

    assert (found.high_so_far_f, found.low_so_far_f) == (84, 70)
    assert (found.seen_max_f, found.seen_min_f) == (84, 70)


def test_rounded_celsius_bounds_the_extremes_by_its_weaker_meaning() -> None:
    script = Service()
    script.reports = [report(START, 29), report(START - timedelta(minutes=5), 27)]

    with weather(script) as (service, _, _):
        found = look(service)

    assert (found.high_so_far_f, found.low_so_far_f) == (84, 81)  # 29 C is 84 or 85, 27 C is 80 or 81
    assert (found.seen_max_f, found.seen_min_f) == (84.2, 80.6)


@pytest.mark.story("3.6")
def test_weather_is_fetched_once_in_five_minutes_and_bodies_are_given_once() -> None:
    with weather(Service()) as (service, server, clock):
        first = service.get_weather((NYC,))[0]
        clock.advance(299)
        second = service.get_weather((NYC,))[0]
        assert sum(path.endswith("observations") for path in server.paths()) == 1
        clock.advance(2)
        service.get_weather((NYC,))
        assert sum(path.endswith("observations") for path in server.paths()) == 2

    assert [payload.sha256 for payload in first.payloads] == list(second.snapshot.payload_hashes)
    assert second.payloads == ()


@pytest.mark.story("3.6")
@pytest.mark.parametrize(
    ("minutes", "fetch", "observation"),
    [(15, False, False), (16, True, False), (66, True, False), (67, True, True)],
)
def test_ages_are_judged_apart_when_the_source_falls_silent(
    minutes: int, fetch: bool, observation: bool
) -> None:
    script = Service()
    with weather(script) as (service, _, clock):
        look(service)
        script.observations = Reply(404)
        clock.advance(minutes * 60)
        found = look(service)

    assert (found.is_fetch_stale, found.is_observation_stale) == (fetch, observation)
    assert found.latest is not None
    assert found.fetched_at == START


def test_city_without_any_answer_shows_flags_and_never_raises() -> None:
    script = Service()
    script.observations = Reply(404)

    with weather(script) as (service, _, _):
        found = look(service)

    assert (found.fetched_at, found.latest, found.high_so_far_f, found.forecasts) == (None, None, None, ())
    assert found.is_fetch_stale
    assert found.is_observation_stale
    assert found.is_forecast_stale


def test_expired_grid_is_asked_once_and_costs_no_waiting() -> None:
    with weather(Service()) as (service, server, clock):
        look(service)

        assert sum(path.startswith("/gridpoints/") for path in server.paths()) == 1
        assert clock.slept == []


@pytest.mark.parametrize(("age_h", "is_stale"), [(12, False), (13, True), (88, True)])
def test_forecast_age_is_counted_from_its_issue_not_from_the_fetch(age_h: int, is_stale: bool) -> None:
    script = Service()
    script.grid = grid_body(START - timedelta(hours=age_h))

    with weather(script) as (service, _, _):
        found = look(service)

    assert [f.value_f for f in found.forecasts] == [86]
    assert found.is_forecast_stale is is_stale
    assert not found.is_fetch_stale


def test_older_edge_copy_does_not_replace_a_newer_issue() -> None:
    script = Service()
    script.grid = grid_body(START - timedelta(hours=1), 30)

    with weather(script) as (service, _, clock):
        look(service)
        script.grid = grid_body(START - timedelta(hours=5), 10)
        script.reports = []
        clock.advance(301)
        found = look(service)

    assert [f.value_f for f in found.forecasts] == [86]
    assert found.latest is not None


def test_cell_comes_from_the_service_once_a_day_and_else_from_the_configuration() -> None:
    script = Service()
    script.points = reply({"properties": {"gridId": "OKX", "gridX": 99, "gridY": 98, "type": "land"}})

    with weather(script) as (service, server, clock):
        look(service)
        clock.advance(301)
        look(service)
        assert server.paths().count("/gridpoints/OKX/99,98") == 2
        assert sum(path.startswith("/points/") for path in server.paths()) == 1
        assert server.paths()[1] == "/points/40.7833,-73.9667"
        assert service.cells() == ()  # no grid was seen, so nothing is known of its place
    with weather(Service()) as (service, server, _):
        look(service)
        assert "/gridpoints/OKX/34,38" in server.paths()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"reports": [metar(START + timedelta(minutes=9), 80)]}, ReasonCode.WEATHER_FROM_FUTURE),
        ({"reports": [report(START, 99.9)]}, ReasonCode.WEATHER_IMPLAUSIBLE),
        ({"observations": Reply(200, b"<html>")}, ReasonCode.PAYLOAD_MALFORMED),
        ({"observations": reply({"features": None})}, ReasonCode.PAYLOAD_MALFORMED),
        ({"grid": grid_body(START + timedelta(hours=1))}, ReasonCode.WEATHER_FROM_FUTURE),
        ({"grid": reply({"properties": {}})}, ReasonCode.PAYLOAD_MALFORMED),
    ],
)
def test_refused_values_are_told_as_problems(change: dict[str, Any], problem: ReasonCode) -> None:
    script = Service()
    vars(script).update(change)

    with weather(script) as (service, _, _):
        assert look(service).problems == (problem,)


def test_stuck_sensor_is_not_fresh() -> None:
    script = Service()
    script.reports = [metar(START - timedelta(hours=hours, minutes=9), 71) for hours in range(10)]

    with weather(script) as (service, _, _):
        found = look(service)

    assert found.is_observation_stale
    assert found.problems == (ReasonCode.OBSERVATION_STALE,)


def test_jump_within_the_hour_is_refused_and_a_slow_change_is_not() -> None:
    def reading(minutes: int, value: float) -> tuple[datetime, mapping.Reading]:
        at = START + timedelta(minutes=minutes)
        return at, mapping.Reading(at, value, value, value)

    sudden = dict([reading(0, 60), reading(20, 120), reading(40, 61)])
    slow = dict([reading(0, 60), reading(90, 120)])

    assert drop_jumps(sudden) == [ReasonCode.WEATHER_IMPLAUSIBLE]
    assert [r.temp_f for r in sudden.values()] == [60, 61]
    assert drop_jumps(slow) == []


def test_report_rejected_later_is_taken_back() -> None:
    script = Service()
    with weather(script) as (service, _, clock):
        assert look(service).high_so_far_f == 80
        script.reports = [report(START - timedelta(minutes=9), 26.7, flag="X")]
        clock.advance(301)

        assert look(service).high_so_far_f is None


def test_cities_keep_their_order_and_one_failing_city_does_not_touch_others() -> None:
    def script(asked: Asked) -> Reply:
        if "/stations/KMDW/" in asked.path:
            return Reply(404)
        return reply({"features": []}) if asked.path.endswith("observations") else EXPIRED

    clock = FakeClock(START)
    with serving(script) as server, HttpClient(clock=clock, timeout_s=10) as http:
        service = WeatherService(
            NwsClient(http, server.origin, clock=clock), None, clock=clock, gates=GateLimits()
        )
        found = [view.snapshot for view in service.get_weather(tuple(CITIES.values()))]

    assert [snapshot.city_code for snapshot in found] == list(CITIES)
    assert [snapshot.city_code for snapshot in found if snapshot.is_fetch_stale] == ["CHI"]


def test_newest_issue_wins_per_source_variable_and_day() -> None:
    def forecast(hours: int, source: str = "a") -> Forecast:
        issued = START - timedelta(hours=hours)
        return Forecast(
            source=source,
            variable=MarketType.HIGH,
            climate_date=date(2026, 7, 16),
            issued_at=issued,
            value_f=80 + hours,
        )

    found = newest_forecasts((forecast(1), forecast(3), forecast(2), forecast(5, "b")))

    assert [(f.source, f.value_f) for f in found] == [("a", 81), ("b", 85)]


def product(name: str, issued_at: datetime) -> dict[str, Any]:
    text = (RESOURCES / "nws_samples" / "cli" / f"{name}.txt").read_text(encoding="utf-8")
    return {"id": name, "productCode": "CLI", "issuanceTime": issued_at.isoformat(), "productText": text}


def test_every_version_of_a_climate_report_is_returned_with_its_standing() -> None:
    script = Service()
    final = product("livecapture_clinyc_202607100625", datetime(2026, 7, 10, 6, 25, tzinfo=UTC))
    again = final | {"id": "again", "issuanceTime": datetime(2026, 7, 10, 9, tzinfo=UTC).isoformat()}
    other = product("livecapture_chi_final", datetime(2026, 7, 10, 8, tzinfo=UTC))
    early = product("livecapture_nyc_intermediate", datetime(2026, 7, 9, 20, 35, tzinfo=UTC))
    script.products = {entry["id"]: entry for entry in (again, other, final, early)}

    with weather(script) as (service, server, _):
        found = service.climate_reports(NYC, "NYC", since=datetime(2026, 7, 9, tzinfo=UTC))
        service.climate_reports(NYC, "NYC", since=datetime(2026, 7, 9, tzinfo=UTC))
        recent = service.climate_reports(NYC, "NYC", since=datetime(2026, 7, 10, 7, tzinfo=UTC))

        assert len(server.asked) == 4 + 3  # each text once, the list each time
    assert [(r.status, r.high_f, r.low_f) for r in found] == [
        ("preliminary", 82, 71),
        ("final_first", 82, 71),
        ("refused", None, None),
        ("final_revised", 82, 71),
    ]
    assert found[1].climate_date == date(2026, 7, 9)
    assert found[2].refusal is not None
    assert found[2].refusal.startswith("WRONG_PRODUCT: ")
    assert found[1].payload.body == final["productText"]
    assert [r.status for r in recent] == ["refused", "final_revised"]
    assert {r.pil for r in found} == {"CLINYC"}


def test_a_climate_report_the_list_no_longer_names_is_not_kept() -> None:
    script = Service()
    issued_at = datetime(2026, 7, 10, 6, 25, tzinfo=UTC)
    final = product("livecapture_clinyc_202607100625", issued_at)

    with weather(script) as (service, server, _):
        for listed in ({final["id"]: final}, {}, {final["id"]: final}):
            script.products = listed
            service.climate_reports(NYC, "NYC", since=issued_at)

        assert len(server.asked) == 3 + 2  # the list each time, the text again after it was dropped


@pytest.mark.parametrize("answer", [Reply(500), reply({"@graph": [{"id": "x"}]}), reply({"@graph": None})])
def test_climate_reports_are_whole_or_not_there(answer: Reply) -> None:
    clock = FakeClock(START)
    with serving(lambda _: answer) as server, HttpClient(clock=clock, timeout_s=10) as http:
        service = WeatherService(
            NwsClient(http, server.origin, clock=clock), None, clock=clock, gates=GateLimits()
        )
        with pytest.raises(TransientError):
            service.climate_reports(NYC, "NYC")


@pytest.mark.story("3.5")
def test_latest_observation_and_forecast_can_be_asked_alone() -> None:
    def script(asked: Asked) -> Reply:
        return reply(metar(START, 80)) if asked.path.endswith("latest") else reply(FORECAST)

    clock = FakeClock(START)
    with serving(script) as server, HttpClient(clock=clock, timeout_s=10) as http:
        nws = NwsClient(http, server.origin, clock=clock)
        assert nws.get_observation("KNYC").temp_f == 80
        issued_at, periods = nws.get_forecast("OKX", 34, 38)
        assert issued_at == datetime(2026, 3, 4, 18, 59, 12, tzinfo=UTC)
        assert [(p.name, p.temp_f, p.is_daytime) for p in periods[:3]] == [
            ("This Afternoon", 49, True),
            ("Tonight", 36, False),
            ("Thursday", 43, True),
        ]
        assert server.paths()[1] == "/gridpoints/OKX/34,38/forecast"
        assert server.asked[0].headers["accept"] == "application/geo+json"
        assert "milkbot" in server.asked[0].headers["user-agent"]


# grid cells, blocks, conditional requests


def cell(office: str, x: int, y: int) -> Reply:
    return reply({"properties": {"gridId": office, "gridX": x, "gridY": y, "type": "land"}})


def grid_at(lat: float, modified: str = "") -> Reply:
    ring = [(-74.0, lat - 0.01), (-74.0, lat + 0.02), (-73.93, lat + 0.02), (-73.93, lat - 0.01)]
    body = json.loads(grid_body(START).body)
    body["geometry"]["coordinates"] = [[*ring, ring[0]]]
    return replace(reply(body), headers={"Last-Modified": modified} if modified else {})


@pytest.mark.story("3.5")
def test_cell_that_does_not_exist_any_more_is_asked_for_anew_at_once() -> None:
    script = Service()
    script.points = cell("OKX", 33, 35)
    marine = {"type": "https://api.weather.gov/problems/MarineForecastNotSupported", "status": 404}

    def answer(asked: Asked) -> Reply:
        if asked.path == "/gridpoints/OKX/33,35":
            script.points = cell("OKX", 34, 38)
            return reply(marine, 404, Content_Type="application/problem+json")
        return script(asked)

    script.grid = grid_body(START)
    clock = FakeClock(START)
    with serving(answer) as server, HttpClient(clock=clock, timeout_s=10) as http:
        service = WeatherService(
            NwsClient(http, server.origin, clock=clock), None, clock=clock, gates=GateLimits()
        )
        found = look(service)

        assert "/gridpoints/OKX/34,38" in server.paths()
    assert [f.value_f for f in found.forecasts] == [86]
    (check,) = service.cells()
    assert (check.office, check.grid_x, check.grid_y, check.holds_station) == ("OKX", 34, 38, True)


@pytest.mark.story("3.5")
@pytest.mark.parametrize(("lat", "is_usable"), [(40.80, True), (40.83, False), (41.03, False)])
def test_cell_that_is_not_at_the_station_gives_no_forecast_and_says_so(lat: float, is_usable: bool) -> None:
    script = Service()
    script.points, script.grid = cell("OKX", 34, 38), grid_at(lat)

    with weather(script) as (service, _, _):
        found = look(service)
        (check,) = service.cells()

    assert not check.holds_station
    assert check.is_usable is is_usable
    assert bool(found.forecasts) is is_usable
    assert (ReasonCode.GRID_CELL_MISPLACED in found.problems) is not is_usable


@pytest.mark.story("3.5")
def test_cells_are_verified_on_demand_whatever_the_cache_holds() -> None:
    script = Service()
    script.points, script.grid = cell("OKX", 34, 38), grid_body(START)

    with weather(script) as (service, server, clock):
        look(service)
        script.points, script.grid = cell("OKX", 34, 41), grid_at(41.03)
        clock.advance(60)
        check = service.resolve_cell(NYC)

        assert (check.grid_y, check.is_usable, check.resolved_at) == (41, False, clock.now())
        assert check.distance_km == pytest.approx(26.3, abs=0.2)
        script.grid = Reply(503)
        with pytest.raises(TransientError):
            service.resolve_cell(NYC)
        assert sum(path.startswith("/points/") for path in server.paths()) == 3


@pytest.mark.story("3.6")
def test_unchanged_grid_is_not_sent_again_and_stays_fresh() -> None:
    script = Service()
    script.grid = grid_at(40.78, "Thu, 16 Jul 2026 14:10:00 GMT")

    with weather(script) as (service, server, clock):
        first = look(service)
        script.grid = Reply(304, b"")
        clock.advance(301)
        second = look(service)

        asked = [a.headers.get("if-modified-since") for a in server.asked if "gridpoints" in a.path]
    assert asked == [None, "Thu, 16 Jul 2026 14:10:00 GMT"]
    assert first.forecasts == second.forecasts != ()
    assert ReasonCode.PAYLOAD_MALFORMED not in second.problems


@pytest.mark.story("3.5")
@pytest.mark.parametrize(
    "blocked",
    [
        Reply(403, b"<H1>Access Denied</H1>", {"Content-Type": "text/html"}),
        reply({"error": "too many requests"}, 429),
    ],
)
def test_block_is_met_with_silence_that_grows_and_ends(blocked: Reply) -> None:
    script = Service()
    script.observations = blocked

    with weather(script) as (service, server, clock):
        for wait_s in (5, 10, 20, 40, 80, 120, 120):
            before = len(server.asked)
            with pytest.raises(TransientError, match="found 4"):
                service._nws.observations("KNYC", START)
            with pytest.raises(TransientError, match="ask again in"):
                service._nws.observations("KNYC", START)
            assert len(server.asked) == before + 1
            clock.advance(wait_s)
        script.observations = None
        assert service._nws.observations("KNYC", START)[0].accepted


@pytest.mark.story("3.5")
def test_refusal_with_a_problem_document_is_named_and_is_no_block() -> None:
    problem = {"type": "https://api.weather.gov/problems/Forbidden", "status": 403}
    script = Service()
    script.observations = reply(problem, 403, Content_Type="application/problem+json")

    with weather(script) as (service, _, _):
        for _ in range(2):
            with pytest.raises(TransientError, match="found 403 Forbidden; not read"):
                service._nws.observations("KNYC", START)


def test_older_hours_do_not_replace_newer_ones() -> None:
    def hours(updated: datetime, celsius: float) -> Reply:
        body = json.loads(grid_body(updated).body)
        values = [{"validTime": f"{START.isoformat()}/PT3H", "value": celsius}]
        body["properties"]["temperature"] = {"uom": "wmoUnit:degC", "values": values}
        return reply(body)

    script = Service()
    script.grid = hours(START - timedelta(hours=1), 30)
    with weather(script) as (service, _, clock):
        assert look(service).hourly is not None
        script.grid = hours(START - timedelta(hours=2), 10)
        clock.advance(301)
        found = look(service).hourly

    assert found is not None
    assert found.temps_f == (86, 86, 86)


def test_an_answer_that_did_not_change_says_the_same_and_one_that_did_is_read() -> None:
    script = Service()
    with weather(script) as (service, server, clock):
        first = look(service)
        clock.advance(600)
        same = look(service)
        script.reports.append(metar(START + timedelta(minutes=9), 84))
        clock.advance(600)
        later = look(service)

    assert len([asked for asked in server.asked if asked.path.endswith("/observations")]) == 3
    assert first.latest == same.latest
    assert same.fetched_at is not None
    assert first.fetched_at is not None
    assert same.fetched_at > first.fetched_at
    assert later.high_so_far_f == 84


def test_a_report_of_the_future_is_read_again_when_its_time_has_come() -> None:
    script = Service()
    script.reports.append(metar(START + timedelta(minutes=30), 84))
    with weather(script) as (service, _, clock):
        early = look(service)
        clock.advance(1860)
        later = look(service)

    assert ReasonCode.WEATHER_FROM_FUTURE in early.problems
    assert early.high_so_far_f == 80
    assert ReasonCode.WEATHER_FROM_FUTURE not in later.problems
    assert later.high_so_far_f == 84


def test_amounts_are_read_where_asked_for_and_older_ones_replace_nothing() -> None:
    def amounts(updated: datetime, mm: float, uom: str = "wmoUnit:mm") -> Reply:
        body = json.loads(grid_body(updated).body)
        values = [{"validTime": "2026-07-17T05:00:00+00:00/P2D", "value": mm}]
        body["properties"]["quantitativePrecipitation"] = {"uom": uom, "values": values}
        return reply(body)

    script = Service()
    script.grid = amounts(START - timedelta(hours=1), 50.8)
    with weather(script) as (service, _, _):
        assert look(service).depths == ()
    with weather(script, has_depths=True) as (service, _, clock):
        (first,) = look(service).depths
        assert (first.variable, first.first, first.units) == (MarketType.RAIN, date(2026, 7, 17), (100, 100))
        script.grid = amounts(START - timedelta(hours=2), 0)
        clock.advance(301)
        assert look(service).depths == (first,)
        script.grid = amounts(START, 0, uom="wmoUnit:in")
        clock.advance(301)
        found = look(service)

    assert found.depths == (first,)
    assert found.problems == (ReasonCode.PAYLOAD_MALFORMED,)
    assert [f.value_f for f in found.forecasts] == [86]  # the temperatures of the same grid stand
    assert found.forecasts[0].issued_at == START
