"""The process that holds dbt: the project is read once, a line on stdin is a run, a line back its result.

Started by ``trader.app.rollup`` with an environment of its own; it ends when its stdin does, and at once when
its parent dies: the parent's lock on the database goes with it, and another run may begin.
"""

import ctypes
import json
import signal
import sys
from typing import Any

from dbt.cli.main import dbtRunner, dbtRunnerResult
from dbt.contracts.graph.manifest import Manifest

_PR_SET_PDEATHSIG = 1
# dbt's own words go to its log file; stdout belongs to the results
_QUIET = ("--no-use-colors", "--no-version-check", "--log-level", "none", "--log-level-file", "info")


def main(folders: list[str]) -> int:
    """Answer requests until stdin ends. ``folders``: dbt's options that say where everything is."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    runner: dbtRunner | None = None
    answers, sys.stdout = sys.stdout, sys.stderr  # whatever a library prints, it is not an answer
    for line in sys.stdin:
        asked = json.loads(line)
        done = None
        if runner is None:
            parsed = dbtRunner().invoke([*_QUIET, "parse", *folders])
            if isinstance(parsed.result, Manifest):
                runner = dbtRunner(manifest=parsed.result)
            else:
                done = parsed
        if runner is not None:
            done = runner.invoke([*_QUIET, "--no-write-json", "build", *asked["options"], *folders])
        answers.write(json.dumps(_told(done)) + "\n")
        answers.flush()
    return 0


def _told(done: dbtRunnerResult | None) -> dict[str, Any]:
    """What happened: one entry a node, and dbt's own words when it ended before running any."""
    nodes = getattr(done.result, "results", None) or [] if done else []
    return {
        "success": bool(done and done.success),
        "said": str(done.exception) if done and done.exception else "",
        "nodes": [
            {
                "unique_id": n.node.unique_id,
                "status": str(n.status),
                "message": n.message,
                "s": n.execution_time,
            }
            for n in nodes
        ],
    }


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
