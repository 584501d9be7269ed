"""dbt's own pages about the warehouse that ANALYTICS_DATABASE_URL names: ``make dbt-docs``."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from trader.app.rollup import PROJECT, ROOT, _environment


def main() -> int:
    """Write one self-contained page; return dbt's exit code."""
    home = Path(os.environ.get("MILKBOT_DATA_DIR") or ROOT / ".milkbot").absolute() / "dbt"
    shutil.copy(ROOT / "profiles.yml.example", home / "profiles.yml")
    command = [sys.executable, "-m", "dbt.cli.main", "--no-version-check", "docs", "generate", "--static"]
    command += ["--project-dir", str(PROJECT), "--profiles-dir", str(home), "--log-path", str(home / "logs")]
    command += ["--target-path", str(home / "docs")]
    done = subprocess.run(command, cwd=ROOT, env=_environment(os.environ["ANALYTICS_DATABASE_URL"], home))
    sys.stdout.write(f"{home / 'docs' / 'static_index.html'}\n")
    return done.returncode


if __name__ == "__main__":
    raise SystemExit(main())
