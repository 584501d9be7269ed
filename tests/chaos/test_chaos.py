"""The table of ``make chaos`` is what was seen; what must hold is judged by rules that can say no."""

from dataclasses import replace

import pytest

from tests.architecture.source import ROOT
from tests.chaos import nights, table
from tests.chaos.nights import NIGHTS, judge
from tests.chaos.table import Row

ROW = Row(
    name="dbt killed",
    how="SIGKILL",
    lasted_s=150,
    section="The page says stale",
    visitor=((3.0, "page 200: Database | away"),),
    health=((4.0, "no answer"),),
    told=((70.0, "act now: DATABASE_DOWN"),),
    status="",
    before=9,
    before_s=70,
    during=1,
    last_create_s=1.2,
    ends=(),
    recovery=(("page as before", 12.3), ("API health ok", 0.0)),
    at="2026-11-27 06:00 UTC",
)


def test_a_row_holds_what_was_seen_in_the_order_of_the_head() -> None:
    line = next(text for text in table.page([ROW], "Made now.").splitlines() if text.startswith("| **"))
    cells = line.strip("| ").split(" | ")

    assert len(cells) == len(table.COLUMNS)
    link = "[what to do](OPERATIONS_RUNBOOK.md#the-page-says-stale)"
    assert cells[0] == f"**dbt killed**: SIGKILL, for 150 s, 2026-11-27 06:00 UTC ({link})"
    assert cells[1] == "3 s page 200: Database / away<br>4 s API: no answer"
    assert cells[2] == "70 s act now: DATABASE_DOWN"
    assert cells[3] == "9 orders in the 70 s before, 1 during the fault, the last at 1 s<br>no process ended"
    assert cells[4] == "page as before: 12 s<br>API health ok: all the time"


def test_a_visit_in_which_nothing_was_drawn_does_not_count_as_a_change() -> None:
    seen = (
        (1.0, f"page 200: {table.NOTHING}"),
        (4.0, "away"),
        (8.0, f"page 200: {table.NOTHING}"),
        (9.0, "away"),
    )

    text = table.page([replace(ROW, visitor=seen)], "")

    assert text.count("away") == 1
    assert table.NOTHING not in text


def test_what_did_not_hold_is_written_below_the_table() -> None:
    text = table.page([ROW, replace(ROW, name="other", problems=("orders: found 4",))], "")

    assert "1 of 2 went as they must." in text
    assert "- other: orders: found 4" in text


AWAY: dict[str, object] = {"told": "DATABASE_DOWN TRADER_DOWN"}
PROXY: dict[str, object] = {"told": "PROXY_DOWN", "late_s": (9.0,)}
CASES: list[tuple[str, dict[str, object], list[str]]] = [
    ("Postgres stopped", AWAY, []),
    ("Postgres stopped", AWAY | {"late_s": (40.0,)}, ["orders: expected none"]),
    ("Postgres stopped", {"told": "DATABASE_DOWN"}, ["alerts: expected TRADER_DOWN"]),
    ("nginx killed", PROXY, []),
    ("nginx killed", PROXY | {"late_s": ()}, ["orders: expected trading to go on"]),
    ("nginx killed", PROXY | {"ended": (("api", 1),)}, ["processes: expected api"]),
    ("nginx killed", PROXY | {"well": nights.RECOVERY[1:]}, ["recovery: expected"]),
    ("nginx killed", PROXY | {"traces": ("Traceback",)}, ["visitor: expected words"]),
]


@pytest.mark.parametrize(("name", "change", "expected"), CASES)
def test_a_night_that_goes_wrong_is_said_to(
    name: str, change: dict[str, object], expected: list[str]
) -> None:
    night = next(n for n in NIGHTS if n.name == name)
    given = {"late_s": (), "told": "", "ended": (), "well": nights.RECOVERY, "traces": ()} | change

    found = judge(night, **given)  # type: ignore[arg-type]  # the table above names them

    assert len(found) == len(expected), found
    assert all(problem.startswith(start) for problem, start in zip(found, expected, strict=True))


def test_every_night_names_a_section_of_the_operations_runbook() -> None:
    headings = set((ROOT / "docs" / "OPERATIONS_RUNBOOK.md").read_text().splitlines())

    assert {night.section for night in NIGHTS if f"### {night.section}" not in headings} == set()


@pytest.mark.story("9.4")
def test_the_last_run_is_in_the_docs_with_every_night_and_nothing_that_did_not_hold() -> None:
    text = (ROOT / "docs" / "chaos.md").read_text()

    assert {night.name for night in NIGHTS if f"| **{night.name}**: {night.how}" not in text} == set()
    assert f"{len(NIGHTS)} of {len(NIGHTS)} went as they must." in text
