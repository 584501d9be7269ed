"""The table of stories is complete: no unknown story, no story of a finished phase without a test."""

from pathlib import Path

from tests.architecture.stories import DONE_PHASES, marked_tests, table
from tests.architecture.story_titles import TITLES


def test_every_mark_names_a_story_of_the_specification() -> None:
    assert sorted({(story, test) for story, test in marked_tests() if story not in TITLES}) == []


def test_every_story_of_a_finished_phase_has_a_test() -> None:
    proven = {story for story, _ in marked_tests()}

    assert [s for s in TITLES if s.partition(".")[0] in DONE_PHASES and s not in proven] == []


def test_table_has_a_row_for_each_story() -> None:
    rows = table().splitlines()

    assert len(TITLES) == 63
    assert [row.split()[0] for row in rows[1:-1]] == list(TITLES)


def test_marks_are_found_on_functions_classes_and_modules(tmp_path: Path) -> None:
    (tmp_path / "test_a.py").write_text(
        "import pytest\n"
        "pytestmark = [pytest.mark.story('1.1')]\n"
        "@pytest.mark.story('1.2', '1.3')\n"
        "def test_x(): ...\n"
        "@pytest.mark.story('2.1')\n"
        "class TestY:\n"
        "    def test_z(self): ...\n"
        "def helper(): ...\n"
    )

    assert set(marked_tests(tmp_path)) == {
        ("1.1", "test_a.py::test_x"),
        ("1.2", "test_a.py::test_x"),
        ("1.3", "test_a.py::test_x"),
        ("1.1", "test_a.py::TestY::test_z"),
        ("2.1", "test_a.py::TestY::test_z"),
    }
