"""Run dbt: the one way in which the warehouse is built and refreshed.

dbt runs in a process of its own (it holds the interpreter for seconds, which the trader must not feel) with
an environment of its own, so that no secret of the trader can reach it. Its files live in the data folder.
"""

import fcntl
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import parse_qs, unquote, urlsplit

from trader.app.clock import SystemClock
from trader.domain.errors import ConfigurationError

ROOT: Final = Path(__file__).resolve().parents[2]
PROJECT: Final = ROOT / "dbt_project"
Selector = Literal["refresh", "deploy"]

_PASSED = ("pass", "success", "no-op")
_WORDS = {"model": "models", "test": "data tests", "unit_test": "unit tests"}
_LOCK_WAIT_S = 120.0
_TIME_LIMIT_S = 900.0


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


def rollup(
    analytics_url: str, *, selector: str = "refresh", data_dir: Path, as_of: datetime | None = None
) -> RollupResult:
    """Build what ``selector`` names (``refresh``: incremental models; ``deploy``: everything and every test).

    ``analytics_url`` is milkbot_dbt's. ``as_of`` (aware) pins the clock of the models, for tests and
    backfills. Failures of dbt are in the result, never raised. One run at a time per data folder; a second
    waits. Raises ConfigurationError for an unknown selector or a URL that is not one of a Postgres database.
    """
    if selector not in ("refresh", "deploy"):
        raise ConfigurationError(f"Rollup: expected refresh or deploy, found {selector}; nothing ran")
    home = data_dir.absolute() / "dbt"
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    environment = _environment(analytics_url, home)
    command = [
        *(sys.executable, "-m", "dbt.cli.main", "--no-use-colors", "--no-version-check", "build"),
        *("--selector", selector, "--threads", "4"),
        *("--project-dir", str(PROJECT), "--profiles-dir", str(home)),
        *("--target-path", str(home / "target"), "--log-path", str(home / "logs")),
    ]
    if as_of is not None:
        command += ["--vars", json.dumps({"as_of": as_of.astimezone(UTC).isoformat()})]
    clock = SystemClock()  # real seconds also where a recorded world's clock is injected
    with _alone(home, clock):
        (home / "profiles.yml").write_text((ROOT / "profiles.yml.example").read_text())
        results = home / "target" / "run_results.json"
        results.unlink(missing_ok=True)  # else a run that dies early would report the one before
        began = clock.monotonic()
        try:
            ended = subprocess.run(
                command,
                env=environment,
                cwd=home,
                capture_output=True,
                text=True,
                timeout=_TIME_LIMIT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return RollupResult(False, clock.monotonic() - began, {}, (f"no end within {_TIME_LIMIT_S} s",))
        seconds = clock.monotonic() - began
        nodes = json.loads(results.read_text())["results"] if results.exists() else []
    return _judge(nodes, ended.returncode, ended.stdout + ended.stderr, seconds)


def _judge(nodes: list[dict[str, Any]], code: int, said: str, seconds: float) -> RollupResult:
    counts = Counter(f"{node['unique_id'].split('.')[0]} {node['status']}" for node in nodes)
    failures = tuple(
        f"{node['unique_id'].split('.')[2]} {node['status']}: {_one_line(node['message'])}"
        for node in nodes
        if node["status"] not in (*_PASSED, "skipped", "warn")
    )
    is_good = code == 0 and bool(nodes) and not failures
    if not is_good and not failures:
        failures = (f"expected nodes to run, found exit code {code}: {_one_line(said[-600:])}",)
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


@contextmanager
def _alone(home: Path, clock: SystemClock) -> Iterator[None]:
    """Hold the folder's lock, which the system releases however the process ends.

    Raises ConfigurationError when another run keeps it longer than two minutes.
    """
    with (home / "rollup.lock").open("w") as lock:
        give_up = clock.monotonic() + _LOCK_WAIT_S
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if clock.monotonic() > give_up:
                    raise ConfigurationError(
                        f"Rollup: expected the lock in {home} within {_LOCK_WAIT_S} s, found another run "
                        "holding it; nothing ran"
                    ) from None
                clock.sleep(0.2)
        yield


def _one_line(text: str | None) -> str:
    return " ".join((text or "no message").split())[:400]
