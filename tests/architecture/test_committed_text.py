"""No committed file names a package registry, a path of somebody's machine or a secret."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.architecture import secrets
from tests.architecture.source import ROOT

# built from pieces, so that this file does not contain what it looks for
REGISTRIES = re.compile(
    "|".join(
        [
            "py" + r"pi\.(org|python)",
            "python" + "hosted",
            "registry" + r"\.(npm|yarn)",
            r"^\s*--?(extra-)?index-" + "url",
            r"^\s*--find-" + "links",
            '"resolved"' + r': *"http',
            r"https?://[^\s\"']+/" + r"simple\b",
        ]
    ),
    re.MULTILINE,
)
MACHINE_PATHS = re.compile(
    r"(^|[^A-Za-z0-9_.])/(" + "|".join(["work", "fa" + "rm", "ro" + "ot"]) + r")/", re.MULTILINE
)
PRIVATE_KEY = re.compile("-----BEGIN [A-Z ]*" + r"PRIVATE KEY-----\s+[A-Za-z0-9+/]{40}")


def committed_files() -> list[Path]:
    """Files git knows or would add; in an unpacked archive every file outside the ignored folders."""
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        text=True,
    )
    if listed.returncode == 0:
        paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    else:
        ignored = {
            ".venv",
            ".milkbot",
            ".git",
            "__pycache__",
            "target",
            ".mypy_cache",
            ".ruff_cache",
            ".pytest_cache",
        }
        paths = [path for path in ROOT.rglob("*") if not ignored & set(path.relative_to(ROOT).parts)]
    return [path for path in paths if path.is_file()]


def matches(pattern: re.Pattern[str]) -> list[str]:
    found = []
    for path in committed_files():
        data = path.read_bytes()
        if b"\0" in data[:4096]:
            continue  # not text
        text = data.decode("utf-8", errors="replace")
        found += [
            f"{path.relative_to(ROOT)}:{text.count(chr(10), 0, m.start()) + 1}"
            for m in pattern.finditer(text)
        ]
    return found


@pytest.mark.parametrize("pattern", [REGISTRIES, MACHINE_PATHS, PRIVATE_KEY], ids=["registry", "path", "key"])
def test_no_committed_text_names_a(pattern: re.Pattern[str]) -> None:
    assert matches(pattern) == []


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (REGISTRIES, "https://" + "py" + "pi.org/x"),
        (REGISTRIES, "a\n--index-" + "url https://mirror.example\n"),
        (MACHINE_PATHS, 'open("/' + 'root/x")'),
        (PRIVATE_KEY, "-----BEGIN " + "PRIVATE KEY-----\n" + "A" * 64),
    ],
)
def test_the_patterns_find_what_they_are_for(pattern: re.Pattern[str], text: str) -> None:
    assert pattern.search(text)


@pytest.mark.story("8.7")
@pytest.mark.parametrize(
    "line",
    [
        "key = AKIA" + "Q3EGRIW5XN2MJ7TB",
        "url: postgresql://milkbot:" + "Zx9-longer@127.0.0.1/milkbot",
        "-----BEGIN " + "RSA PRIVATE KEY-----",
    ],
)
def test_a_secret_in_an_added_line_is_found_and_not_repeated(line: str) -> None:
    count, found = secrets.scan([("c0ffee", "a.py", "x = 1"), ("c0ffee", "a.py", line)])

    assert count == 2
    assert [(one.commit, one.path) for one in found] == [("c0ffee", "a.py")]
    assert line.rsplit(maxsplit=1)[-1] not in str(found)


def test_a_placeholder_is_no_secret() -> None:
    assert secrets.scan([("c0ffee", "a.md", "postgresql://user:password@127.0.0.1/x")]) == (1, [])
