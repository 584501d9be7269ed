"""Generated files are current."""

import pytest

from tests.architecture.generated import GENERATED
from tests.architecture.source import ROOT


@pytest.mark.parametrize("name", GENERATED)
@pytest.mark.story("1.3")
def test_generated_file_is_current(name: str) -> None:
    assert (ROOT / name).read_text(encoding="utf-8") == GENERATED[name](), (
        f"{name} is out of date: run `make docs`"
    )
