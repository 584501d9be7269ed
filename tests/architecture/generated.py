"""Files made from the code: ``make docs`` writes them, a test says when they are out of date."""

from collections.abc import Callable
from pathlib import Path

from tests.architecture.source import ROOT
from trader.app.settings_table import env_example, settings_table

GENERATED: dict[str, Callable[[], str]] = {"docs/settings.md": settings_table, ".env.example": env_example}


def write(root: Path = ROOT) -> None:
    """Write every generated file below ``root``."""
    for name, make in GENERATED.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(make(), encoding="utf-8")


if __name__ == "__main__":
    write()
