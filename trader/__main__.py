"""The ``milkbot`` command: the trader's own, and what needs the simulator in the same process."""

import sys
from argparse import Namespace
from collections.abc import Mapping

from trader.app.cli import Extra, run, say
from trader.rehearsal.arguments import add_arguments


def _backtest(arguments: Namespace, env: Mapping[str, str]) -> int:
    from trader.rehearsal.command import run_backtest

    return run_backtest(arguments, env, say)


BACKTEST = Extra(
    "backtest",
    _backtest,
    "Trade a recorded world or a folder of history as live, in a database of its own; report. Exits 1 when "
    "books disagree, a cycle failed or later data changed a decision.",
    add_arguments,
)


def main() -> None:
    """Run the command line and leave with its exit code."""
    sys.exit(run(sys.argv[1:], extras=(BACKTEST,)))


if __name__ == "__main__":
    main()
