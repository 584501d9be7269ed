"""The process that holds dbt: the project is read once, a line on stdin is a run, a line back its result.

Started by ``trader.app.rollup`` with an environment of its own; it ends when its stdin does, and at once when
its parent dies: the parent's lock on the database goes with it, and another run may begin.
"""

import ctypes
import json
import signal
import sys
from typing import Any, Final

from dbt.adapters.contracts.connection import ConnectionState
from dbt.adapters.postgres.connections import PostgresConnectionManager
from dbt.adapters.postgres.impl import PostgresAdapter
from dbt.cli.main import dbtRunner, dbtRunnerResult
from dbt.contracts.graph.manifest import Manifest

_PR_SET_PDEATHSIG = 1
_IDLE: Final = 0  # of the driver's states of a transaction
# dbt's own words go to its log file; stdout belongs to the results
_QUIET = ("--no-use-colors", "--no-version-check", "--log-level", "none", "--log-level-file", "info")


class KeptConnections(PostgresConnectionManager):
    """A thread keeps its connection from model to model of a run.

    dbt closes it after each; a new one knows no table yet, and planning on a table divided by month first
    reads the catalog of every month.
    """

    def add_commit_query(self) -> None:
        """Commit by the driver's own call; what follows in this node (a replaced view's drop) commits itself.

        dbt's COMMIT, sent as text, has that effect because the driver believes the transaction still open;
        the next model on the connection would then run without one.
        """
        handle = self.get_thread_connection().handle
        with self.exception_handler("COMMIT"):
            handle.commit()
            handle.autocommit = True

    def release(self) -> None:
        """Close what is not a model's, and what a failure or an open transaction left."""
        known = self.get_if_exists()
        is_kept = (
            known is not None
            and str(known.name).startswith("model.")
            and known.state == ConnectionState.OPEN
            and known.handle.info.transaction_status == _IDLE
        )
        if known is None or not is_kept:
            super().release()
        else:
            known.handle.autocommit = False


def main(folders: list[str]) -> int:
    """Answer requests until stdin ends. ``folders``: dbt's options that say where everything is."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    PostgresAdapter.ConnectionManager = KeptConnections
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
