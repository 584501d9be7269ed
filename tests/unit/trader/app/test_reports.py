"""Climate reports: fetched when due, stored once, every station of the city."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.fakes.desk import Desk
from tests.unit.trader.app.test_results import report
from tests.unit.trader.core import builders as b
from trader.app.reports import collect_reports
from trader.domain.amounts import Amount
from trader.domain.errors import TransientError
from trader.domain.types import MarketType

MORNING = datetime(2026, 7, 17, 7, 0, tzinfo=UTC)
"""02:00 standard time in New York: the sixteenth is over and its final not out."""


@pytest.fixture
def newyork(desk: Desk) -> Desk:
    """A desk that knows one city, on the morning after."""
    desk.clock.advance((MORNING - desk.clock.now()).total_seconds())
    desk.trader.cities = {"NYC": b.CITIES["NYC"]}
    return desk


def run(desk: Desk, minutes: int) -> tuple[int, list[float]]:
    """Ask every minute; return how many reports were new, and minutes since the morning at which the service
    was asked.
    """
    new, looks = 0, []
    for _ in range(minutes):
        before = len(desk.weather.asked)
        new += collect_reports(desk.trader)
        if len(desk.weather.asked) > before:
            looks.append((desk.clock.now() - MORNING) / timedelta(minutes=1))
        desk.clock.advance(60)
    return new, looks


def test_a_final_that_is_awaited_is_asked_for_every_five_minutes_and_then_every_thirty(
    newyork: Desk,
) -> None:
    assert run(newyork, 11) == (0, [0, 5, 10])
    newyork.weather.reports = (report(85),)
    assert run(newyork, 60) == (1, [15, 45])


def test_a_final_that_does_not_come_within_half_a_day_is_no_longer_asked_for_so_often(
    newyork: Desk,
) -> None:
    _, looks = run(newyork, 11 * 60)

    assert looks[:3] == [0, 5, 10]
    assert [right - left for left, right in zip(looks[-3:], looks[-2:], strict=False)] == [30, 30]


def test_a_service_that_does_not_answer_is_asked_again_at_once(newyork: Desk) -> None:
    newyork.weather.error = TransientError("no answer")

    assert run(newyork, 3) == (0, [0, 1, 2])


def test_every_version_is_stored_once_with_rain_and_snow(newyork: Desk) -> None:
    first = report(85, rain_month=Amount(units=305), snow_month=Amount(units=0, is_trace=True))
    again = report(86, status="final_revised", issued_at=first.issued_at + timedelta(hours=3))
    newyork.weather.reports = (first, again)

    assert run(newyork, 60) == (2, [0, 30])
    weather = newyork.store.weather
    assert weather.first_final("CLINYC", b.DAY, MarketType.HIGH) == 85
    assert weather.first_final("CLINYC", b.DAY, MarketType.RAIN) == 305
    assert [m.amount.units for m in weather.months(b.DAY)] == [305, 0]


def test_a_station_that_does_not_answer_costs_no_other_one(newyork: Desk) -> None:
    newyork.trader.cities = {"CHI": b.CITIES["CHI"]}  # temperatures at Midway, rain and snow at O'Hare
    newyork.weather.reports = (report(85, pil="CLIORD", city_code="CHI"),)
    newyork.weather.away = frozenset({"MDW"})

    assert run(newyork, 2) == (1, [0, 1])
    assert newyork.weather.asked == ["MDW", "ORD", "MDW"]
