"""A few kills in every run, with real processes; ``make crash`` kills at every point."""

from collections.abc import Iterator

import pytest

from tests.simulation import crash
from tests.simulation.crash import Trial, attempt, enumerated
from tests.simulation.ground import Ground, Told, grounds
from trader.app.postgres import Server

pytestmark = pytest.mark.story("9.1")


@pytest.fixture(scope="module")
def ground(pg_server: Server, pg_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    with grounds(pg_server, pg_template, tmp_path_factory.mktemp("crash")) as found:
        yield found


@pytest.fixture(scope="module")
def points(ground: Ground) -> tuple[Told, Told]:
    return enumerated(ground)


def test_the_cycle_that_is_struck_sends_cancels_and_commits(points: tuple[Told, Told]) -> None:
    names = points[0].names

    for part in (
        "POST /trade-api/v2/portfolio/events/orders",
        "DELETE /trade-api/v2/portfolio/events/orders/",
    ):
        for when in ("before", "sent", "answered"):
            assert any(name.startswith(f"{when} {part}") for name in names), (when, part)
    for table in ("orders", "cycles", "fills", "epochs", "payloads"):
        assert any("commit" in name or "at once" in name for name in names if f"ops.{table}" in name), table


@pytest.mark.parametrize("where", ["sent POST", "before commit of ops.orders"])
def test_a_kill_costs_nothing(ground: Ground, points: tuple[Told, Told], where: str) -> None:
    names = points[0].names
    point = next(number for number, name in enumerate(names, 1) if name.startswith(where))

    result = attempt(ground, Trial((point,)))

    assert result.where == (names[point - 1],)
    assert not result.problem


def test_the_judge_sees_a_fill_that_our_books_lack(
    ground: Ground, points: tuple[Told, Told], monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(*_: object) -> str:
        return "fills lost"

    monkeypatch.setattr(crash, "unequal", lost)

    assert attempt(ground, Trial((len(points[0].names),))).problem == "fills lost"
