"""Run dbt: the one way in which the warehouse is built and refreshed.

dbt runs in a process of its own (it holds the interpreter for seconds, which the trader must not feel) with
an environment of its own, so that no secret of the trader can reach it. Its files live in the data folder.
"""

import json
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import parse_qs, unquote, urlsplit

from trader.app.clock import SystemClock
from trader.app.postgres.locks import database_lock
from trader.domain.errors import ConfigurationError, TransientError

ROOT: Final = Path(__file__).resolve().parents[2]
PROJECT: Final = ROOT / "dbt_project"

_PASSED = ("pass", "success", "no-op")
_WORDS = {"model": "models", "test": "data tests", "unit_test": "unit tests"}
_LOCK = 7_241_004  # advisory lock number of a run; migrations, roles and the writer have the ones before
_LOCK_WAIT_S = 120
_TIME_LIMIT_S = 900.0
# Of a refresh: it names one schema of six, so the relations of the others need not be listed.
REFRESH: Final = ("--selector", "refresh", "--no-populate-cache")
_THREADS = 2  # with one more of its own and our lock: 4 of the role's 10 connections


@dataclass(frozen=True)
class RollupResult:
    """What one run of dbt did. ``counts``: nodes by kind and status, e.g. ``{"model success": 12}``.

    ``failures`` has one sentence for each node that did not pass, or the end of dbt's own words when it ended
    before running any. A run that selected nothing has failed.
    """

    success: bool
    seconds: float
    counts: Mapping[str, int]
    failures: tuple[str, ...] = ()

    def summary(self) -> str:
        """One sentence with the counts by kind, and what failed."""
        kinds: Counter[str] = Counter()
        for name, count in self.counts.items():
            kinds[name.rsplit(" ", 1)[0]] += count
        parts = [f"{kinds[kind]} {word}" for kind, word in _WORDS.items() if kinds[kind]]
        verdict = "all passed" if self.success else f"failed: {'; '.join(self.failures)}"
        return f"{', '.join(parts) or 'nothing ran'}: {verdict}"


class Dbt:
    """dbt on one database, the project read once; ``run`` as often as needed. A context manager.

    ``analytics_url`` is milkbot_dbt's. Raises ConfigurationError for a URL that is not one of a Postgres
    database. A first run reads the project (seconds of CPU), later ones do not.
    """

    def __init__(self, analytics_url: str, *, data_dir: Path) -> None:
        self._url = analytics_url
        self._home = data_dir.absolute() / "dbt"
        self._environment = _environment(analytics_url, self._home)
        self._process: subprocess.Popen[str] | None = None
        self._clock = SystemClock()  # real seconds also where a recorded world's clock is injected

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process; the next run starts another."""
        if self._process:
            self._process.kill()  # between runs it holds nothing; a run's transactions are rolled back
            self._process.communicate()
            self._process = None

    def run(
        self, selector: str = "refresh", *, as_of: datetime | None = None, is_full: bool = False
    ) -> RollupResult:
        """Build what ``selector`` names (``refresh``: the tables; ``deploy``: everything and every test).

        ``as_of`` (aware) pins the clock of the models, for tests and backfills. ``is_full`` builds the tables
        anew. Failures of dbt are in the result, never raised. One run at a time on a
        database; a second waits two minutes. Raises ConfigurationError for an unknown selector, and when the
        other run does not end.
        """
        if selector not in ("refresh", "deploy"):
            raise ConfigurationError(f"Rollup: expected refresh or deploy, found {selector}; nothing ran")
        if is_full and selector != "deploy":  # a table built anew takes the views that stand on it along
            raise ConfigurationError("Rollup: expected deploy with full, found refresh; nothing ran")
        chosen = REFRESH if selector == "refresh" else ("--selector", selector)
        options = [*chosen, "--threads", str(_THREADS)]
        if as_of is not None:
            options += ["--vars", json.dumps({"as_of": as_of.astimezone(UTC).isoformat()})]
        if is_full:
            options.append("--full-refresh")
        began = self._clock.monotonic()
        try:
            with database_lock(self._url, _LOCK, job="Rollup", wait_s=_LOCK_WAIT_S):
                told = self._ask(options)
        except TransientError as error:
            told = {"nodes": [], "said": str(error)}
        return _judge(told, self._clock.monotonic() - began)

    def _ask(self, options: list[str]) -> dict[str, Any]:
        process = self._process = self._process or self._start()
        assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018 - pipes, see _start
        is_late = threading.Timer(_TIME_LIMIT_S, process.kill)
        is_late.start()
        try:
            process.stdin.write(json.dumps({"options": options}) + "\n")
            process.stdin.flush()
            answer = process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        finally:
            is_late.cancel()
        if answer:
            told: dict[str, Any] = json.loads(answer)
            return told
        self.close()
        said = (self._home / "dbt.err").read_text(errors="replace")[-600:]
        return {"nodes": [], "said": f"dbt's process ended or took over {_TIME_LIMIT_S:.0f} s: {said}"}

    def _start(self) -> subprocess.Popen[str]:
        self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
        (self._home / "profiles.yml").write_text((ROOT / "profiles.yml.example").read_text())
        with (self._home / "dbt.err").open("w") as errors:
            return subprocess.Popen(
                [
                    *(sys.executable, "-m", "trader.app.rollup_worker"),
                    *("--project-dir", str(PROJECT), "--profiles-dir", str(self._home)),
                    *("--target-path", str(self._home / "target"), "--log-path", str(self._home / "logs")),
                ],
                env=self._environment,
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )


def rollup(
    analytics_url: str,
    *,
    selector: str = "refresh",
    data_dir: Path,
    as_of: datetime | None = None,
    is_full: bool = False,
) -> RollupResult:
    """Run dbt once; see ``Dbt`` and its ``run``."""
    with Dbt(analytics_url, data_dir=data_dir) as dbt:
        return dbt.run(selector, as_of=as_of, is_full=is_full)


def _judge(told: dict[str, Any], seconds: float) -> RollupResult:
    nodes: list[dict[str, Any]] = told["nodes"]
    counts = Counter(f"{node['unique_id'].split('.')[0]} {node['status']}" for node in nodes)
    failures = tuple(
        f"{node['unique_id'].split('.')[2]} {node['status']}: {_one_line(node['message'])}"
        for node in nodes
        if node["status"] not in (*_PASSED, "skipped", "warn")
    )
    is_good = bool(nodes) and not failures
    if not is_good and not failures:
        failures = (f"expected nodes to run, found: {_one_line(told['said'])}",)
    return RollupResult(is_good, seconds, dict(sorted(counts.items())), failures)


def _environment(analytics_url: str, home: Path) -> dict[str, str]:
    """Return dbt's whole environment; dbt keeps names of the password's prefix out of its logs."""
    parts = urlsplit(analytics_url)
    dbname = unquote(parts.path.removeprefix("/"))
    if (
        parts.scheme not in ("postgresql", "postgres")
        or not parts.hostname
        or not parts.username
        or not dbname
    ):
        raise ConfigurationError(
            "ANALYTICS_DATABASE_URL: expected postgresql://role:password@host:port/database, found another "
            "form; nothing ran"
        )
    sslmode = parse_qs(parts.query).get("sslmode", [])
    return {
        "PATH": os.defpath,
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "PYTHONUTF8": "1",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DBT_TARGET": "prod" if sslmode else "dev",
        "DBT_HOST": parts.hostname,
        "DBT_PORT": str(parts.port or 5432),
        "DBT_USER": unquote(parts.username),
        "DBT_ENV_SECRET_PASSWORD": unquote(parts.password or ""),
        "DBT_DBNAME": dbname,
        **({"DBT_SSLMODE": sslmode[0]} if sslmode else {}),
    }


def _one_line(text: str | None) -> str:
    return " ".join((text or "no message").split())[:400]
