"""A desk for each test of the shell."""

from pathlib import Path

import pytest

from tests.fakes.desk import Desk, new_desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A trader on fakes with New York to trade."""
    made = new_desk(tmp_path)
    made.show("NYC")
    return made
