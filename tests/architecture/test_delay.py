"""Every place that states the public delay states sixty minutes."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STATED = re.compile(r"\b(\d+)[ -]min(?:utes?)?\b|minutes=(\d+)|delay_min: (\d+)|DELAY_MIN = (\d+)")
PLACES = ("dbt_project/**/*.sql", "dbt_project/**/*.yml", "dashboard/**/*.py", "trader/domain/constants.py")
NEAR = range(46, 75)  # other spans of minutes are far from it: 5, 10, 15 and 75


def stated(root: Path = ROOT) -> Iterator[tuple[Path, re.Match[str]]]:
    """Every stated number of minutes that is the delay, or is near it."""
    for place in PLACES:
        for path in sorted(root.glob(place)):
            if not {"target", "logs"} & set(path.relative_to(root).parts):  # what dbt leaves behind
                for match in STATED.finditer(path.read_text()):
                    if int(match[match.lastindex or 0]) in NEAR:
                        yield path, match


def check(root: Path = ROOT) -> None:
    """Raise AssertionError with every place that states another number."""
    found = list(stated(root))

    assert len(found) > 50
    assert [f"{path.relative_to(root)}: {m[0]}" for path, m in found if int(m[m.lastindex or 0]) != 60] == []


@pytest.mark.story("5.4")
def test_the_delay_is_sixty_minutes_wherever_it_is_stated() -> None:
    check()
