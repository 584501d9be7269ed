"""``python -m trader.simulator``: see ``milkbot sim --help``, which takes the same options."""

import argparse
import sys
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path

from trader.domain.errors import ConfigurationError
from trader.simulator.server import DEFAULT_CASH, DEFAULT_KEY_DIR, serve


def _key(text: str) -> tuple[str, Path]:
    key_id, mark, path = text.partition("=")
    if not key_id or not mark or not path:
        raise argparse.ArgumentTypeError(f"expected KEYID=PUBLIC_PEM_FILE, found {text!r}")
    return key_id, Path(path)


def _cash(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        raise argparse.ArgumentTypeError(f"expected dollars such as 5000.00, found {text!r}") from error
    if not value.is_finite() or value < 0 or value % Decimal("0.0001"):
        raise argparse.ArgumentTypeError(f"expected dollars from 0 in steps of 0.0001, found {text!r}")
    return value


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the simulator's options on any parser."""
    parser.add_argument("--port", type=int, default=0, help="loopback port, 0 takes a free one (default 0)")
    parser.add_argument("--world", default="july2026", help="recorded world (default july2026)")
    parser.add_argument(
        "--speed", type=float, default=0.0, help="world seconds per second; 0 is stepped (default)"
    )
    parser.add_argument("--faults", type=Path, help="JSON list of faults")
    parser.add_argument("--seed", type=int, default=0, help="seed of order and fill ids (default 0)")
    parser.add_argument(
        "--key", type=_key, action="append", default=[], help="KEYID=PUBLIC_PEM_FILE, repeatable"
    )
    parser.add_argument(
        "--key-dir", type=Path, default=DEFAULT_KEY_DIR, help="where a key is made when none is given"
    )
    parser.add_argument(
        "--cash", type=_cash, default=DEFAULT_CASH, help="starting cash in dollars (default 5000.00)"
    )
    parser.add_argument("--log", type=Path, help="append one JSON line per request")
    parser.add_argument("--ready", type=Path, help="write port, pid, key_id and key_file here once listening")
    parser.add_argument("--parent", type=int, help="exit when this process is gone")


def run(options: argparse.Namespace) -> int:
    """Serve with parsed options until stopped, return the exit code."""
    serve(
        port=options.port,
        world=options.world,
        speed=options.speed,
        faults=options.faults,
        log=options.log,
        keys=dict(options.key),
        ready_file=options.ready,
        seed=options.seed,
        cash=options.cash,
        key_dir=options.key_dir,
        parent=options.parent,
    )
    return 0


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m trader.simulator", description="Serve a recorded world.")
    add_arguments(parser)
    try:
        return run(parser.parse_args(argv))
    except (ConfigurationError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 2


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
