"""The page's and the API's log: whatever a library does, a line is one object, and no secret is in any."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
PASSWORD, COOKIES = "pass wörd/4712", "cookies-4712"
ENV = {
    "PATH": os.environ["PATH"],
    "DASHBOARD_DATABASE_URL": "postgresql://role:pass%20w%C3%B6rd%2F4712@host/base",
    "STREAMLIT_SERVER_COOKIE_SECRET": COOKIES,
}


def said_by(code: str, folder: Path) -> tuple[list[dict[str, Any]], int, str]:
    """Run a module of this text under ``dashboard.logged``: its lines, exit code and stdout."""
    (folder / "odd.py").write_text(code)
    env = ENV | {"PYTHONPATH": f"{folder}:{ROOT}"}
    command = [sys.executable, "-m", "dashboard.logged", "odd", "--word"]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
    return [json.loads(line) for line in done.stderr.splitlines()], done.returncode, done.stdout


def test_prints_warnings_and_errors_of_threads_are_events_and_the_module_has_its_words(
    tmp_path: Path,
) -> None:
    code = """
import sys, threading, warnings
print(sys.argv[1:], __name__, end="")
print(" of one line\\nand", "another")
print("to stderr", file=sys.stderr)
warnings.warn("a warning")
def fail(): raise ValueError("in a thread")
thread = threading.Thread(target=fail); thread.start(); thread.join()
print("without an end", end="")
raise RuntimeError("the end")
"""

    lines, status, stdout = said_by(code, tmp_path)

    assert [(line["logger"], line["level"], line["event"].split("\n")[0]) for line in lines] == [
        ("stdout", "info", "['--word'] __main__ of one line"),
        ("stdout", "info", "and another"),
        ("stderr", "warning", "to stderr"),
        ("py.warnings", "warning", f"{tmp_path}/odd.py:6: UserWarning: a warning"),
        ("milkbot.dashboard", "error", "uncaught_error"),
        ("milkbot.dashboard", "error", "uncaught_error"),
        ("stdout", "info", "without an end"),
    ]
    assert lines[4]["exception"].endswith("ValueError: in a thread")
    assert lines[5]["exception"].endswith("RuntimeError: the end")
    assert (status, stdout) == (1, "")


def test_library_with_a_handler_of_its_own_is_heard_once_and_in_json(tmp_path: Path) -> None:
    code = """
import logging
log = logging.getLogger("library")
log.propagate = False
log.addHandler(logging.StreamHandler())
log.error("said %s", "once")
"""

    lines, _, _ = said_by(code, tmp_path)

    assert [(line["logger"], line["event"]) for line in lines] == [("library", "said once")]


def test_line_that_cannot_be_made_stops_nothing_and_is_told(tmp_path: Path) -> None:
    code = """
import logging
logging.getLogger("library").error("one word: %s %s", "only")
logging.getLogger("library").error("after it")
"""

    lines, status, _ = said_by(code, tmp_path)

    assert [line["event"] for line in lines] == ["log_line_lost", "after it"]
    assert status == 0


@pytest.mark.story("8.7")
def test_no_secret_of_the_process_nor_another_url_s_password_is_in_a_line(tmp_path: Path) -> None:
    code = f"""
import logging
log = logging.getLogger("library")
log.error("%s %s", {PASSWORD!r}, {ENV["DASHBOARD_DATABASE_URL"]!r})
log.error({COOKIES!r})
try: raise ValueError("https://user:other-4712@host/" + {PASSWORD!r})
except ValueError: log.exception("failed")
"""

    lines, _, _ = said_by(code, tmp_path)

    assert [line["event"] for line in lines] == ["*** postgresql://role:***@host/base", "***", "failed"]
    assert "ValueError: https://user:***@host/***" in lines[2]["exception"].splitlines()[-1]
    shown = lines[2] | {"exception": lines[2]["exception"].splitlines()[-1]}
    assert "4712" not in json.dumps([*lines[:2], shown])


def test_without_a_module_nothing_starts() -> None:
    command = [sys.executable, "-m", "dashboard.logged"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)

    assert done.returncode == 1
    assert "expected a module and its words, found none; nothing was started" in done.stderr
