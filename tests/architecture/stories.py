"""Which tests prove which story: the ``story`` marks of the source as a table (``make stories``)."""

import ast
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.source import ROOT
from tests.architecture.story_titles import TITLES

# Phases said to be done: each of their stories must have a test. The rest is listed, not failed.
DONE_PHASES = ("1", "2", "3", "4")


def marked_tests(folder: Path = ROOT / "tests") -> Iterator[tuple[str, str]]:
    """Yield (story id, test) for every mark on a test, its class or its module."""
    for path in sorted(folder.rglob("test_*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
        ours = [
            story
            for node in tree.body
            if isinstance(node, ast.Assign)
            and any(isinstance(t, ast.Name) and t.id == "pytestmark" for t in node.targets)
            for story in _stories([node.value])
        ]
        yield from _of_body(tree.body, ours, path.relative_to(folder).as_posix())


def table() -> str:
    """The table: story, number of tests, title; then the stories without one."""
    counts = Counter(story for story, _ in set(marked_tests()))
    rows = [f"{story:>5}  {counts[story]:>4}  {title}" for story, title in TITLES.items()]
    missing = [story for story in TITLES if not counts[story]]
    share = f"{len(TITLES) - len(missing)} of {len(TITLES)} stories have a test"
    summary = f"{share}; without: {', '.join(missing) or 'none'}"
    return "\n".join(["story tests  title", *rows, summary])


def _of_body(body: list[ast.stmt], inherited: list[str], where: str) -> Iterator[tuple[str, str]]:
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield from _of_body(node.body, inherited + _stories(node.decorator_list), f"{where}::{node.name}")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test"):
            for story in inherited + _stories(node.decorator_list):
                yield story, f"{where}::{node.name}"


def _stories(nodes: list[ast.expr]) -> list[str]:
    return [
        str(argument.value)
        for top in nodes
        for node in ast.walk(top)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "story"
        for argument in node.args
        if isinstance(argument, ast.Constant)
    ]


if __name__ == "__main__":
    sys.stdout.write(table() + "\n")
