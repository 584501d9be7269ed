"""The API on a real database through the read-only role: routes, types, codes, headers."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import socket
from threading import Event, Thread
from typing import TYPE_CHECKING

import httpx
import pytest
import schemathesis
import uvicorn

from dashboard import api_docs
from dashboard.api import Overall, create_app
from dashboard.rows import BoardRow, CityMetric, EquityPoint, Health, PublicTrade, StrategyMetric
from dashboard.settings import Settings
from tests.unit.dashboard import marts, sample

if TYPE_CHECKING:
    from trader.app.postgres import Urls

ROUTES = ("health", "board", "metrics/city", "metrics/strategy", "equity", "trades/public")
ORIGIN = "http://127.0.0.1:8501"


@contextmanager
def serve(database_url: str) -> Iterator[httpx.Client]:
    """The API as it runs: uvicorn on a port of its own, asked over HTTP."""

    class Server(uvicorn.Server):
        def __init__(self) -> None:
            app = create_app(Settings(database_url))
            super().__init__(uvicorn.Config(app, host="127.0.0.1", port=0, ws="none", log_level="warning"))
            self.ready = Event()

        async def startup(self, sockets: list[socket] | None = None) -> None:
            await super().startup(sockets)
            self.ready.set()

    server = Server()
    thread = Thread(target=server.run)
    thread.start()
    try:
        assert server.ready.wait(20), "expected the API to start within 20 s"
        port = server.servers[0].sockets[0].getsockname()[1]
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=20) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join(20)


@pytest.fixture(scope="module")
def marts_urls(new_database: Callable[..., "Urls"]) -> "Urls":
    urls = new_database()
    marts.create(urls.analytics)
    marts.fill(urls.analytics)
    return urls


@pytest.fixture(scope="module")
def client(marts_urls: "Urls") -> Iterator[httpx.Client]:
    with serve(marts_urls.dashboard) as opened:
        yield opened


@pytest.mark.story("5.6")
@pytest.mark.parametrize("route", ROUTES)
def test_each_route_answers_json_that_may_be_kept_until_the_slot_ends(
    client: httpx.Client, route: str
) -> None:
    answer = client.get(f"/v1/{route}", headers={"Origin": ORIGIN})

    assert answer.status_code == 200
    assert answer.json()
    assert re.fullmatch(r"public, max-age=[1-5]", answer.headers["cache-control"])
    assert answer.headers["access-control-allow-origin"] == ORIGIN


@pytest.mark.story("5.6")
def test_another_origin_is_not_let_in(client: httpx.Client) -> None:
    answer = client.get("/v1/health", headers={"Origin": "https://elsewhere.example"})

    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.story("5.6")
def test_trades_are_the_marts_rows_newest_first_and_page(client: httpx.Client) -> None:
    everything = client.get("/v1/trades/public").json()
    second = client.get("/v1/trades/public", params={"limit": 10, "offset": 10}).json()

    assert everything == [t.model_dump(mode="json") for t in sample.trades()]
    assert second == everything[10:20]
    assert max(t["fill_time"] for t in everything) <= "2026-07-21T12:04:48Z"
    chosen = client.get("/v1/trades/public", params={"city": "NYC", "result": "open", "side": "NO"}).json()
    assert [(t["city"], t["outcome"]) for t in chosen] == [("NYC", None)]


def test_money_is_text_so_that_no_digit_is_lost(client: httpx.Client) -> None:
    point = client.get("/v1/equity").json()[-1]

    assert point["total_equity"] == "1000.14"


def test_equity_is_the_last_point_of_each_step_of_a_mode(client: httpx.Client) -> None:
    hourly = client.get("/v1/equity", params={"days": 1}).json()
    daily = client.get("/v1/equity", params={"step": 1440}).json()

    assert len(hourly) == 23  # 14:00 to 12:00 UTC
    midnights = [f"2026-07-{day}T00:00:00Z" for day in range(17, 22)]
    assert [p["timestamp"] for p in daily] == [*midnights, "2026-07-21T12:00:00Z"]
    assert daily[-1] == hourly[-1]
    assert client.get("/v1/equity", params={"mode": "LIVE"}).json() == []
    assert client.get("/v1/equity", params={"days": 0}).status_code == 422
    longest = client.get("/v1/equity", params={"days": 3660, "step": 5}).json()
    assert longest == client.get("/v1/equity", params={"days": 34, "step": 5}).json()


def test_older_trades_are_asked_for_by_the_time_of_the_last(client: httpx.Client) -> None:
    first = client.get("/v1/trades/public", params={"limit": 10}).json()

    older = client.get("/v1/trades/public", params={"before": first[-1]["fill_time"]}).json()

    assert first + older == client.get("/v1/trades/public").json()
    assert client.get("/v1/trades/public", params={"mode": "LIVE"}).json() == []
    assert client.get("/v1/trades/public", params={"before": "1753099200"}).status_code == 422


def test_a_market_settled_at_a_fair_price_is_an_outcome_to_ask_for(client: httpx.Client) -> None:
    found = client.get("/v1/trades/public", params={"result": "fair price"}).json()

    assert [(t["outcome"], t["pnl"]) for t in found] == [("fair price", "0.40")]


@pytest.mark.story("5.6")
def test_health_answers_200_or_503_for_each_component(client: httpx.Client, marts_urls: "Urls") -> None:
    assert client.get("/v1/health/nws_api").status_code == 200
    assert client.get("/v1/health/nonsense").status_code == 422
    down = [
        h.model_copy(update={"status": "down", "is_degraded": True}) if h.component == "trader" else h
        for h in sample.health()
    ]
    marts.write(marts_urls.analytics, "v_health_summary", down)
    try:
        assert client.get("/v1/health").status_code == 503
        assert client.get("/v1/health").json()["status"] == "down"
        assert client.get("/v1/health/trader").status_code == 503
        assert client.get("/v1/health/database").status_code == 200
    finally:
        marts.write(marts_urls.analytics, "v_health_summary", sample.health())


def test_an_absent_database_is_503_without_an_address(marts_urls: "Urls") -> None:
    with serve("postgresql://milkbot_dashboard:secret@127.0.0.1:1/none") as away:
        for route in ("trades/public", "health/trader"):
            answer = away.get(f"/v1/{route}")
            assert answer.status_code == 503
            assert "secret" not in answer.text
            assert "127.0.0.1" not in answer.text


def test_before_the_first_deploy_every_route_is_503(new_database: Callable[..., "Urls"]) -> None:
    with serve(new_database().dashboard) as early:
        assert {early.get(f"/v1/{route}").status_code for route in ROUTES} == {503}


@pytest.mark.story("10.1")
def test_the_schema_is_valid_and_has_an_example_and_the_failures_of_every_route(client: httpx.Client) -> None:
    schema = client.get("/openapi.json").json()

    schemathesis.openapi.from_dict(schema).validate()
    assert set(schema["paths"]) == {f"/v1/{route}" for route in (*ROUTES, "health/{component}")}
    for path in schema["paths"].values():
        answers = path["get"]["responses"]
        assert "503" in answers
        assert answers["200"]["content"]["application/json"]["example"]


@pytest.mark.story("10.1")
def test_the_examples_are_rows_that_the_routes_could_answer_with() -> None:
    for model in (Overall, Health, BoardRow, CityMetric, StrategyMetric, EquityPoint, PublicTrade):
        assert model.model_validate(api_docs.example(model)).model_dump(mode="json") == api_docs.example(
            model
        )


@pytest.mark.story("10.1")
def test_docs_describe_every_route_without_a_script_and_without_another_host(client: httpx.Client) -> None:
    page = client.get("/docs")

    assert page.status_code == 200
    assert "<script" not in page.text
    assert set(re.findall(r"https?://[^/\"<\s]+", page.text)) == {"http://127.0.0.1:8000"}
    for route in (*ROUTES, "health/{component}"):
        assert f"<code>GET /v1/{route}</code>" in page.text
    for words in (
        "Nothing limits the rate",
        "422",
        "503",
        "curl http://127.0.0.1:8000/v1/board",
        "default 60",
    ):
        assert words in page.text


@pytest.mark.story("10.1")
def test_cases_made_from_the_schema_are_answered_as_it_says(client: httpx.Client, tmp_path: Path) -> None:
    """``make fuzz`` makes more of them."""
    report = tmp_path / "report.json"
    program = Path(sys.executable).with_name("schemathesis")
    words = [str(program), "--no-color", "run", f"{client.base_url}/openapi.json", "--checks", "all"]
    words += ["--url", str(client.base_url), "--phases", "examples,coverage,fuzzing", "--warnings", "off"]
    words += ["--max-examples", os.environ.get("API_CASES", "1"), "--seed", "1"]
    words += ["--generation-database", "none"]
    words += ["--report", "json", "--report-json-path", str(report)]

    done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path)

    sys.stdout.write(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(report.read_text(encoding="utf-8"))
    assert found["operations"]["tested"] == len(ROUTES) + 1
    assert found["test_cases"]["generated"] >= 100
    assert (found["failures"], found["errors"]) == ([], [])
