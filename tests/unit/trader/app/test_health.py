"""The trader's health on loopback tells the truth: 503 when no cycle completed within two intervals."""

import json
import socket
import urllib.error
import urllib.request
from typing import Any

import pytest

from tests.fakes.desk import Desk
from tests.fakes.loopback import Reply, serving
from trader.app.health import HealthServer, Pulse
from trader.app.jobs import Schedule
from trader.app.notify import Notifier
from trader.app.probes import probe_page
from trader.domain.errors import ConfigurationError, TransientError
from trader.domain.types import Component, ComponentStatus


def ask(port: int, path: str = "/health") -> tuple[int, Any]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


@pytest.mark.story("8.6")
def test_health_is_200_while_cycles_complete_and_503_two_intervals_after_the_last() -> None:
    now = 1000.0
    pulse = Pulse(limit_s=600, started_s=now)
    with HealthServer(0, pulse, lambda: now) as server:
        assert ask(server.port) == (
            200,
            {
                "component": "trader",
                "status": "starting",
                "seconds_since_cycle": None,
                "limit_s": 600,
                "cycles": 0,
                "missed": 0,
                "last_error": None,
            },
        )
        now += 601
        assert ask(server.port)[0] == 503  # it never completed one
        pulse.beat(now, None)
        assert ask(server.port)[1]["status"] == "ok"
        now += 600
        assert ask(server.port)[0] == 200
        now += 0.1
        status, body = ask(server.port)
        assert (status, body["status"], body["seconds_since_cycle"]) == (503, "down", 600.1)
        pulse.beat(now, None)
        pulse.is_stopping = True
        assert ask(server.port)[1]["status"] == "stopping"
        assert ask(server.port, "/")[0] == 404


@pytest.mark.story("8.6")
def test_cycle_that_ended_with_an_error_completed_nothing(desk: Desk) -> None:
    schedule = Schedule(desk.trader, Notifier(None))
    schedule.run_now("cycle")
    completed = schedule.pulse.completed_s
    desk.markets.error = TransientError("no answer")
    desk.clock.advance(300)

    schedule.run_now("cycle")

    assert (schedule.pulse.cycles, schedule.pulse.last_error) == (1, "no answer")
    assert schedule.pulse.completed_s == completed


def test_taken_port_is_a_misconfiguration() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            ConfigurationError, match=rf"MILKBOT_HEALTH_PORT: expected a free port, found {port}"
        ):
            HealthServer(port, Pulse(1, 0), lambda: 0.0)


@pytest.mark.parametrize(
    ("page", "api", "status", "message"),
    [
        (200, 200, ComponentStatus.OK, "answers"),
        (200, 503, ComponentStatus.OK, "answers"),  # the API answers that something else is down
        (200, 500, ComponentStatus.DEGRADED, "no answer from API"),
        (404, 200, ComponentStatus.DEGRADED, "no answer from page"),
        (500, 500, ComponentStatus.DOWN, "no answer from page and API"),
    ],
)
def test_page_and_api_are_probed_together(
    desk: Desk, page: int, api: int, status: ComponentStatus, message: str
) -> None:
    with serving(lambda asked: Reply(page if "stcore" in asked.path else api)) as server:
        port = int(server.origin.rpartition(":")[2])
        changes = {"page_port": port, "api_port": port}
        desk.trader.settings = desk.trader.settings.model_copy(update=changes)
        assert probe_page(desk.trader) is status

    (row,) = [h for h in desk.store.risk.latest_health() if h.component is Component.DASHBOARD]
    assert (row.status, row.message) == (status, message)
    assert (row.last_ok is None) is (status is not ComponentStatus.OK)


def test_page_that_is_not_there_is_down(desk: Desk) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    desk.trader.settings = desk.trader.settings.model_copy(update={"page_port": port, "api_port": port})

    assert probe_page(desk.trader) is ComponentStatus.DOWN
