"""Keys and passwords in what git has ever held: ``make audit`` reads every added line of the history.

The plugins of detect-secrets that know a form of key are asked. Those that judge by chance of letters or by a
variable's name are not: hashes, tickers and settings would drown what matters.
"""

import subprocess
import sys
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
from detect_secrets.plugins.base import BasePlugin

from tests.architecture.source import ROOT

BY_GUESS: Final = {"Base64HighEntropyString", "HexHighEntropyString", "KeywordDetector", "IPPublicDetector"}

PLACEHOLDERS: Final = {
    *("password", "PASSWORD", "{password}", "pw", "p%40ss", "p%40ss-word", "secret", "secretword"),
    *("s3cr3t-word", "hidden", "hunter2", "guess", "dev", "plain", "b"),
    *("sekret-4712", "other-4712", "pass%20w%C3%B6rd%2F4712"),
}
"""Passwords of URLs in documents and tests that open nothing."""
HEADER_ONLY: Final = {
    ("tests/unit/trader/app/test_logs.py", "BEGIN RSA " + "PRIVATE KEY"),
    ("tests/unit/trader/app/test_config.py", "BEGIN RSA " + "PRIVATE KEY"),
    ("tests/unit/trader/app/test_config.py", "BEGIN " + "PRIVATE KEY"),
}
"""The first line of a key without a key: a test wants it hidden from a log or an error."""


class Found(NamedTuple):
    """A line that looks like a secret; its value is not kept, so that no report repeats it."""

    commit: str
    path: str
    kind: str


def plugins() -> list[BasePlugin]:
    """Return the detectors that know a form of key."""
    classes: Iterable[type[BasePlugin]] = get_mapping_from_secret_type_to_class().values()
    return [made() for made in classes if made.__name__ not in BY_GUESS]


def added_lines() -> Iterator[tuple[str, str, str]]:
    """Commit, path and text of each line any commit of any branch added. Raises CalledProcessError."""
    command = ["git", "-C", str(ROOT), "log", "--all", "-p", "-U0", "--no-color", "--format=commit %H"]
    commit = path = ""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, errors="replace") as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("commit "):
                commit = line.split()[1]
            elif line.startswith("+++ "):
                path = line[4:].strip().removeprefix("b/")
            elif line.startswith("+"):
                yield commit, path, line[1:].rstrip("\n")
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)


def scan(lines: Iterable[tuple[str, str, str]]) -> tuple[int, list[Found]]:
    """How many lines were read, and what looks like a secret in them."""
    asked, count, found = plugins(), 0, set()
    for count, (commit, path, text) in enumerate(lines, 1):
        for plugin in asked:
            for secret in plugin.analyze_line(filename=path, line=text, line_number=count):
                value = secret.secret_value or ""
                if value not in PLACEHOLDERS and (path, value) not in HEADER_ONLY:
                    found.add(Found(commit, path, secret.type))
    return count, sorted(found)


if __name__ == "__main__":
    read, suspects = scan(added_lines())
    for one in suspects:
        sys.stdout.write(
            f"expected no secret, found {one.kind} in {one.path}, added by {one.commit}; withdraw it first\n"
        )
    sys.stdout.write(f"secrets: {read:,} added lines of the history read, {len(suspects)} found\n")
    sys.exit(bool(suspects) or not read)
