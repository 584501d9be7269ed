"""The house: commands, lock file and the words a newcomer sees when Python is missing."""

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.architecture.source import ROOT

TARGETS = ["venv", "demo", "test", "run", "stop", "lint", "bench", "stories", "docs", "help"]


def test_every_promised_target_is_listed_by_help() -> None:
    shown = subprocess.run(
        ["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout

    assert set(TARGETS) <= set(re.findall(r"^  make (\w+)", shown, re.MULTILINE))


def test_ci_runs_every_check_strictly() -> None:
    script = ROOT / ".ci" / "run"

    assert os.access(script, os.X_OK)
    assert "set -euo pipefail" in script.read_text()
    assert re.search(r"^STRICT=1 make test$", script.read_text(), re.MULTILINE)


def test_lock_pins_every_package_with_hashes_and_knows_every_dependency() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    packages = re.split(r"\n(?=[A-Za-z0-9])", lock)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [
        *project["dependencies"],
        *(d for group in project["optional-dependencies"].values() for d in group),
    ]

    assert [p.partition("\n")[0] for p in packages if "==" not in p or "--hash=sha256:" not in p] == []
    pinned = {re.split(r"[=\[]", p)[0] for p in packages}
    assert {re.split(r"[\[<>=~ ]", need)[0].lower() for need in wanted} <= pinned


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A folder with the bootstrap and a python3 of our choice as the only Python on the path."""
    (tmp_path / ".ci").mkdir()
    (tmp_path / ".ci" / "venv").write_bytes((ROOT / ".ci" / "venv").read_bytes())
    (tmp_path / "bin").mkdir()
    for tool in ("bash", "cat", "rm", "touch"):
        found = shutil.which(tool)  # passes over folders of the path that this user cannot enter
        assert found is not None
        (tmp_path / "bin" / tool).symlink_to(found)
    return tmp_path


def bootstrap(folder: Path, python3: str) -> subprocess.CompletedProcess[str]:
    program = folder / "bin" / "python3"
    program.write_text(f"#!{folder / 'bin' / 'bash'}\n{python3}\n")
    program.chmod(0o755)
    return subprocess.run(
        [folder / "bin" / "bash", ".ci/venv"],
        cwd=folder,
        env={"PATH": str(folder / "bin"), "HOME": str(folder)},
        capture_output=True,
        text=True,
    )


def test_an_old_python_is_refused_with_the_command_that_helps(bare: Path) -> None:
    done = bootstrap(bare, 'if [ "$1" = --version ]; then echo "Python 3.9.2"; else exit 1; fi')

    assert done.returncode == 2
    assert "expected 3.11, 3.12 or 3.13, found Python 3.9.2" in done.stderr
    assert "apt-get install" in done.stderr
    assert not (bare / ".venv").exists()


def test_a_python_without_venv_is_refused_with_the_package_to_install(bare: Path) -> None:
    done = bootstrap(bare, 'case "$2" in *ensurepip*) exit 1;; *print*) echo 3.12;; esac')

    assert done.returncode == 2
    assert "python3.12-venv" in done.stderr
    assert not (bare / ".venv").exists()


def test_every_recorded_sample_is_named_by_a_test_that_reads_it() -> None:
    samples = [path for path in (ROOT / "tests/resources").rglob("*") if path.suffix in (".json", ".txt")]
    tests = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests/unit").rglob("*.py"))

    assert len(samples) > 50
    assert [path.name for path in samples if path.stem not in tests] == []
