"""The search of ``make canary`` finds what is planted, in every form, and spares a secret's own place."""

import base64
import os
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.canary.marks import Hit, Mark, search, search_files
from tests.canary.processes import Looked, look

SECRET = Mark("slot", 'canary/4711 "word"', frozenset({"trader"}))


@pytest.mark.story("8.7")
@pytest.mark.parametrize(
    "written",
    [
        SECRET.value.encode(),
        quote(SECRET.value, safe="").encode(),
        b'{"x": "canary/4711 \\"word\\""}',
        base64.b64encode(SECRET.value.encode()),
        base64.b64encode(b"user:" + SECRET.value.encode()),
        base64.b64encode(b"us:" + SECRET.value.encode() + b"!"),
        SECRET.value.encode().hex().encode(),
    ],
)
def test_a_secret_is_found_in_every_form_it_may_be_written_in(written: bytes) -> None:
    assert search([SECRET], "log", b"before " + written + b" after") == [Hit("slot", "log")]


def test_what_is_no_secret_is_not_found() -> None:
    assert search([SECRET], "log", b"canary/4712 and words, canary/47") == []


def test_a_short_secret_is_refused_because_it_would_be_found_by_chance() -> None:
    with pytest.raises(ValueError, match="expected a secret of 8 characters or more"):
        Mark("slot", "abc")


def test_every_file_is_read_but_the_secrets_own(tmp_path: Path) -> None:
    for name in ("own", "deep/log", "clean"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("nothing" if name == "clean" else SECRET.value)

    count, hits = search_files([SECRET], tmp_path, [tmp_path / "own"])

    assert (count, hits) == (2, [Hit("slot", "file deep/log")])


def _process(proc: Path, pid: int, parent: int, line: str, env: str) -> None:
    folder = proc / str(pid)
    folder.mkdir()
    (folder / "stat").write_text(f"{pid} (a name) S {parent} 0")
    (folder / "cmdline").write_text(line)
    (folder / "environ").write_text(env)


@pytest.mark.story("8.7")
def test_an_environment_may_hold_only_its_own_services_secret_and_a_command_line_none(tmp_path: Path) -> None:
    own = f"KEY={SECRET.value}"
    _process(tmp_path, 10, 1, "trader", own)
    _process(tmp_path, 11, 10, "child of the trader", own)
    _process(tmp_path, 20, 1, "page", own)
    _process(tmp_path, 21, 20, f"tool --key {SECRET.value}", "")
    looked = Looked()

    look([SECRET], {10: "trader", 20: "page"}, looked, proc=tmp_path)

    assert {hit.place for hit in looked.hits} == {"environment of page", "command line of page"}
    assert looked.seen == {10, 11, 20, 21}


def test_the_system_itself_can_be_looked_at() -> None:
    looked = Looked()

    look([SECRET], {}, looked)

    assert os.getpid() in looked.seen
    assert looked.hits == set()
