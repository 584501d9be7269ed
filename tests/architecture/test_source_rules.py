"""Rules that the import linter cannot see: printing, clocks, chance, environment, third parties."""

import ast
import sys

import pytest

from tests.architecture.source import imported_modules, module_files, parsed, used_names

MODULES = module_files()

# What reads the outside, and the only modules that may; all others get time, chance and settings handed in.
ALLOWED: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {
    "the time of day": (
        (
            *("datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today"),
            *("datetime.date.today", "time.time", "time.time_ns", "time.localtime", "time.gmtime"),
        ),
        {
            "trader.app.clock": "the one injected clock",
            "dashboard.api": "when a slot ends, for the age of an answer",
        },
    ),
    "waiting and durations": (
        ("time.monotonic", "time.perf_counter", "time.sleep", "time.monotonic_ns", "time.perf_counter_ns"),
        {
            "trader.app.clock": "the one injected clock",
            "trader.app.world": "waits for the simulator's port",
            "trader.app.demo": "says how long it took",
            "trader.app.children": "waits for processes to stop",
            "trader.app.postgres.process": "waits for the server to stop",
            "trader.app.postgres.server": "waits for the server to answer",
            "trader.simulator.server": "runs the world's clock",
            "dashboard.views.frame": "tells a rush of visitors by when they came",
        },
    ),
    "chance": (
        ("random", "secrets", "uuid.uuid1", "uuid.uuid4", "os.urandom", "numpy.random"),
        {
            "trader.app.postgres.server": "password of the superuser",
            "trader.app.postgres.roles": "passwords of the roles",
            "trader.app.serve": "cookie secret of the page",
            "trader.simulator.faults": "faults by chance, from the seed they are given",
            "trader.simulator.spoiled": "the type of that generator",
        },
    ),
    "the environment": (
        ("os.environ", "os.getenv", "os.environb"),
        {
            "trader.app.cli": "hands the environment to load_settings",
            "trader.app.serve": "passes search paths on to the page's process",
            "dashboard.settings": "the page's own settings: it shares nothing with the trader",
        },
    ),
    "standard output": (
        ("sys.stdout", "print", "pprint.pprint"),
        {
            "trader.app.cli": "data goes to stdout here and nowhere else",
            "trader.app.rollup_worker": "a pipe to its parent, never a person's terminal",
            "dashboard.logged": "puts the log in its place",
        },
    ),
}


@pytest.mark.parametrize("name", sorted(MODULES))
@pytest.mark.story("1.2")
def test_module_does_not_print(name: str) -> None:
    lines = [
        node.lineno
        for node in ast.walk(parsed(MODULES[name]))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]

    assert lines == []


@pytest.mark.parametrize("subject", ALLOWED)
def test_only_named_modules_reach(subject: str) -> None:
    forbidden, allowed = ALLOWED[subject]

    found = [
        f"{name}:{line} uses {used}"
        for name, path in MODULES.items()
        if name not in allowed
        for used, line in used_names(parsed(path))
        if any(used == f or used.startswith(f"{f}.") for f in forbidden)
    ]

    assert found == []


@pytest.mark.parametrize(
    "name", [n for n in sorted(MODULES) if n.startswith(("trader.domain", "trader.core"))]
)
def test_decisions_use_only_the_standard_library_and_named_mathematics(name: str) -> None:
    tops = {module.partition(".")[0] for module in imported_modules(parsed(MODULES[name]))}

    assert tops <= {*sys.stdlib_module_names, "trader", "pydantic", "numpy", "scipy"}


def test_drawing_knows_no_database() -> None:
    drawing = ("dashboard.components", "dashboard.format", "dashboard.theme")

    found = {
        name: known
        for name, path in MODULES.items()
        if name.startswith(drawing)
        and (known := imported_modules(parsed(path)) & {"dashboard.queries", "dashboard.db"})
    }

    assert found == {}


@pytest.mark.parametrize(
    ("code", "used"),
    [
        ("from datetime import datetime as d\nd.now()", "datetime.datetime.now"),
        ("import time as t\nt.sleep(1)", "time.sleep"),
        ("def f():\n    from random import choice\n    choice([1])", "random.choice"),
        ("import os\nos.environ['A']", "os.environ"),
        ("import numpy as np\nnp.random.default_rng()", "numpy.random.default_rng"),
    ],
)
def test_the_reader_sees_through_aliases(code: str, used: str) -> None:
    assert used in {name for name, _ in used_names(ast.parse(code))}
