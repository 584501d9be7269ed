"""Planted bugs: put each defect of mutants.toml into the source, one at a time, and see a check fail.

``make mutants``. A defect is text that replaces text while a module is imported; no file is touched. Each
gets a process of its own, forked after everything else was imported, that plays seeds of the simulation or
runs named tests until something fails. Exit 1 when one survives, or when a replacement no longer applies.
"""

import argparse
import contextlib
import importlib.abc
import importlib.machinery
import io
import os
import sys
import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from types import CodeType, ModuleType

import pytest

import tests.simulation.run as simulation
from tests.simulation.plan import Plan, plan

ROOT = Path(__file__).resolve().parents[2]
TABLE = Path(__file__).with_suffix(".toml")
MOST_SEEDS, SEARCHED = 40, 3000
"""Seeds played per defect at most, chosen among so many."""


@dataclass(frozen=True)
class Edit:
    """In ``file``, ``old`` stands exactly once and becomes ``new``."""

    file: str
    old: str
    new: str

    @property
    def module(self) -> str:
        return self.file.removesuffix(".py").replace("/", ".")


@dataclass(frozen=True)
class Mutant:
    """One defect. ``seeds`` come first, then seeds whose plan has all of ``needs``; or ``tests`` run."""

    name: str
    edits: tuple[Edit, ...]
    needs: tuple[str, ...] = ()
    seeds: tuple[int, ...] = ()
    tests: tuple[str, ...] = ()

    def texts(self) -> dict[str, str]:
        """Return the changed source by module. Raises ValueError when a replacement does not apply."""
        found: dict[str, str] = {}
        for edit in self.edits:
            text = found.get(edit.module) or (ROOT / edit.file).read_text(encoding="utf-8")
            if (count := text.count(edit.old)) != 1:
                raise ValueError(
                    f"{self.name}: {edit.file}: expected its old text once, found it {count} times"
                )
            found[edit.module] = text.replace(edit.old, edit.new)
        return found


@dataclass(frozen=True)
class Verdict:
    """``caught`` says which check failed and where; None when the defect survived all ``tried`` trials."""

    name: str
    caught: str | None
    tried: int
    seconds: float
    seed: int | None = None


def table() -> tuple[Mutant, ...]:
    """Read all defects. Raises ValueError for a name that stands twice."""
    rows = tomllib.loads(TABLE.read_text(encoding="utf-8"))["mutant"]
    found = tuple(
        Mutant(
            name=row["name"],
            edits=tuple(Edit(**edit) for edit in row["edits"]),
            **{key: tuple(row.get(key, ())) for key in ("needs", "seeds", "tests")},
        )
        for row in rows
    )
    if len({mutant.name for mutant in found}) < len(found):
        raise ValueError(f"{TABLE.name}: expected each name once, found one twice")
    return found


def has(what: Plan) -> set[str]:
    """The words that ``needs`` may use, for one episode."""
    faults = {fault.kind.value for fault in what.faults}
    is_silent = any(
        f.operation.startswith("weather_") and f.kind.value.startswith("timeout") for f in what.faults
    )
    flags = {
        "kills": bool(what.kills),
        "pauses": bool(what.pauses),
        "rests": what.rests,
        "rest policy": what.env["ORDER_POLICY"] == "rest",
        "settlement": what.to_settlement,
        "low caps": "MAX_CITY_EXPOSURE_USD" in what.env,
        "weather silent": is_silent or "unreachable" in faults,
        "small pages": what.page_rows is not None,
        str(what.mode): True,
    }
    words = {word for event in what.events.values() for word in event}
    outages = {name for outage in what.outages for name in outage.rates}
    return faults | words | outages | {name for name, is_set in flags.items() if is_set}


def seeds_for(mutant: Mutant) -> Iterator[int]:
    """Yield the seeds to play, at most MOST_SEEDS."""
    fitting = (seed for seed in range(SEARCHED) if set(mutant.needs) <= has(plan(seed)))
    chosen = dict.fromkeys(mutant.seeds)
    yield from chosen
    for seed in fitting:
        if len(chosen) >= MOST_SEEDS:
            return
        if seed not in chosen:
            chosen[seed] = None
            yield seed


class _Changed(importlib.machinery.SourceFileLoader):
    """Loads a module from changed text; compiled code on disk is neither read nor written."""

    def __init__(self, name: str, path: str, text: str) -> None:
        super().__init__(name, path)
        self._text = text

    def get_code(self, fullname: str) -> CodeType:
        return compile(self._text, self.get_filename(fullname), "exec", dont_inherit=True)


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, texts: dict[str, str]) -> None:
        self._texts = texts

    def find_spec(
        self, name: str, path: object = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name not in self._texts:
            return None
        file = ROOT / (name.replace(".", "/") + ".py")
        loader = _Changed(name, str(file), self._texts[name])
        return importlib.machinery.ModuleSpec(name, loader, origin=str(file))


def plant(texts: dict[str, str]) -> None:
    """Forget every module of ours, so that the next import takes the changed text."""
    for name in [n for n in sys.modules if n.partition(".")[0] in ("trader", "tests") and n != __name__]:
        del sys.modules[name]
    sys.meta_path.insert(0, _Finder(texts))


def judge(mutant: Mutant) -> Verdict:
    """Plant the defect in this process, which is good for nothing else afterwards, and look for it."""
    began = time.monotonic()
    seeds = tuple(seeds_for(mutant))
    plant(mutant.texts())
    try:
        if mutant.tests:
            caught, tried, seed = _by_tests(mutant.tests), len(mutant.tests), None
        else:
            caught, tried, seed = _by_seeds(seeds)
    except Exception as error:  # noqa: BLE001  a defect that ends the harness was not found by a check
        caught, tried, seed = None, 0, None
        sys.stderr.write(f"{mutant.name}: expected a check to judge it, found {error!r}\n")
    return Verdict(mutant.name, caught, tried, time.monotonic() - began, seed)


def _by_seeds(seeds: tuple[int, ...]) -> tuple[str | None, int, int | None]:
    from tests.simulation.episode import run
    from tests.simulation.run import quiet

    quiet()
    for number, seed in enumerate(seeds, 1):
        if problem := run(seed).problem:
            return problem.strip().splitlines()[-1], number, seed
    return None, len(seeds), None


def _by_tests(tests: tuple[str, ...]) -> str | None:
    class Failed:
        name: str | None = None

        def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
            if report.failed and self.name is None:
                self.name = report.nodeid

    failed = Failed()
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        options = [
            "-q",
            "-x",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:xdist",
            "-o",
            "addopts=--import-mode=importlib",
        ]
        code = pytest.main([*options, *(str(ROOT / name) for name in tests)], plugins=[failed])
    if code == pytest.ExitCode.OK:
        return None
    if failed.name is None:
        raise ValueError(
            f"expected a test that fails, found pytest ended with {code}: {said.getvalue()[-400:]}"
        )
    return failed.name


def judged(mutants: tuple[Mutant, ...], jobs: int) -> Iterator[Verdict]:
    """Yield verdicts as they come, each from a process forked for it alone."""
    with get_context("fork").Pool(jobs, maxtasksperchild=1) as pool:
        yield from pool.imap_unordered(judge, mutants, chunksize=1)


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only", metavar="WORDS", action="append", help="only defects whose name has these words"
    )
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, help="processes (default: all cores)"
    )
    options = parser.parse_args(argv)
    mutants = tuple(m for m in table() if any(words in m.name for words in options.only or [""]))
    say = simulation.say
    for mutant in mutants:
        mutant.texts()
    simulation.quiet()
    began = time.monotonic()
    survived, seeds = [], set[int]()
    for verdict in judged(mutants, options.jobs):
        by = verdict.caught or f"SURVIVED {verdict.tried} trials"
        where = f"seed {verdict.seed}" if verdict.seed is not None else "tests"
        say(f"{verdict.seconds:6.1f} s  {verdict.name:<62} {where:<10} {by[:110]}")
        if verdict.caught is None:
            survived.append(verdict.name)
        elif verdict.seed is not None:
            seeds.add(verdict.seed)
    say(
        f"\n{len(mutants) - len(survived)} of {len(mutants)} planted bugs caught "
        f"in {time.monotonic() - began:.0f} s"
    )
    for name in survived:
        say(f"survived: {name}")
    broken = [o.seed for o in simulation.played(sorted(seeds), options.jobs) if o.problem]
    say(
        f"without a bug, the {len(seeds)} seeds that caught one: {len(broken)} broken {broken or ''}".rstrip()
    )
    return 1 if survived or broken else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
