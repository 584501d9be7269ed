"""The retention of backups over a year in minutes: ``make retention`` stores one a day in a real repository.

After each backup the retention is applied with the very words of deploy/postgres/backup.sh, as every night;
at the end the repository must hold the union of 7 days, 4 weeks and 12 months, and nothing else.
"""

import argparse
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[3] / "deploy" / "postgres" / "backup.sh"
FIRST = datetime(2026, 1, 1, 7, 45, tzinfo=UTC)


def kept_by_rule(times: Iterable[datetime]) -> set[datetime]:
    """The newest backup of each of the newest 7 days, 4 ISO weeks and 12 months that have one."""
    kept: set[datetime] = set()
    ordered = sorted(times, reverse=True)
    for count, period in ((7, "%Y-%m-%d"), (4, "%G-%V"), (12, "%Y-%m")):
        newest: dict[str, datetime] = {}
        for at in ordered:
            newest.setdefault(at.strftime(period), at)
        kept |= set(list(newest.values())[:count])
    return kept


def words_of_the_script() -> list[str]:
    """What backup.sh tells restic to forget of ``ops``. Raises ValueError unless it says so exactly once."""
    wanted = r'^ *quiet "\$repository" (forget --tag ops .*?) \|\| return 1$'
    found = re.findall(wanted, SCRIPT.read_text(), re.MULTILINE)
    if len(found) != 1:
        raise ValueError(f"backup.sh: expected one forget of ops, found {len(found)}")
    return shlex.split(found[0])


def live(folder: Path, days: Iterable[float]) -> tuple[set[datetime], set[datetime]]:
    """Back up on each of ``days`` after FIRST, forgetting each time; return all times and those kept."""
    (folder / "ops").mkdir()
    (folder / "password").write_text("retention")
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "TZ": "UTC"}
    env["RESTIC_PASSWORD_FILE"] = str(folder / "password")

    def restic(*words: str) -> str:
        command = ["restic", "--no-cache", "--quiet", "--repo", str(folder / "repository"), *words]
        return subprocess.run(command, env=env, cwd=folder, check=True, capture_output=True, text=True).stdout

    restic("init")
    made, forget = set(), words_of_the_script()
    for day in days:
        at = FIRST + timedelta(days=day)
        (folder / "ops" / "rows").write_text(f"{at}")
        restic("backup", "--host", "milkbot", "--tag", "ops", "--time", f"{at:%Y-%m-%d %H:%M:%S}", "ops")
        restic(*forget)
        made.add(at)
    listed = json.loads(restic("snapshots", "--json", "--tag", "ops"))
    return made, {datetime.fromisoformat(row["time"][:19] + "+00:00") for row in listed}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=400)
    days = parser.parse_args().days
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="milkbot-retention-") as name:
        made, kept = live(Path(name), range(days))
    rule = kept_by_rule(made)
    lines = [f"too much: {at:%Y-%m-%d}" for at in sorted(kept - rule)]
    lines += [f"missing: {at:%Y-%m-%d}" for at in sorted(rule - kept)]
    lines.append(
        f"retention: {len(made)} daily backups, {len(kept)} kept, the rule keeps {len(rule)}, "
        f"{len(kept ^ rule)} differences; {time.monotonic() - began:.0f} s; kept "
        f"{', '.join(f'{at:%Y-%m-%d}' for at in sorted(kept))}"
    )
    sys.stdout.write("\n".join(lines) + "\n")
    return 1 if kept != rule else 0


if __name__ == "__main__":
    raise SystemExit(main())
