"""What may be asked of ``milkbot backtest``: kept apart, so that other commands load nothing of it."""

from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable
from decimal import Decimal, InvalidOperation

from trader.app.asked import day

MOST = Decimal(10_000_000)
EVERY_S, WARM_UP_DAYS, DEPTH = 300, 60, Decimal(20)


def _dollars(text: str) -> Decimal:
    """An argument in dollars or contracts, in hundredths."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or not 0 < value <= MOST or value % Decimal("0.01"):
        raise ArgumentTypeError(f"expected 0.01 to {MOST} in hundredths, found {text!r}")
    return value


def _count(least: int, most: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        value = int(text) if text.isascii() and text.isdecimal() else -1
        if not least <= value <= most:
            raise ArgumentTypeError(f"expected {least} to {most}, found {text}")
        return value

    return number


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what may be asked of a backtest."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--world", metavar="NAME", help="a recorded world that ships, such as july2026")
    what.add_argument("--history", metavar="DIR", help="a folder of recorded history")
    parser.add_argument(
        "--city", action="append", metavar="CODE", help="only this city of the folder (repeatable)"
    )
    for flag, name, text in (("--from", "first", "first"), ("--to", "last", "last")):
        parser.add_argument(
            flag, dest=name, type=day, metavar="DATE", help=f"{text} climate day of the folder"
        )
    parser.add_argument(
        "--every",
        type=_count(60, 3600),
        default=EVERY_S,
        metavar="SECONDS",
        help="between cycles (default 300)",
    )
    parser.add_argument(
        "--warm-up",
        type=_count(0, 400),
        default=WARM_UP_DAYS,
        metavar="DAYS",
        help="days before --from in which forecasts and reports are learnt from, without prices (default 60)",
    )
    parser.add_argument(
        "--depth",
        type=_dollars,
        default=DEPTH,
        metavar="CONTRACTS",
        help="assumed at each quoted price; the gate asks for 20 (default 20)",
    )
    parser.add_argument(
        "--cash", type=_dollars, default=Decimal(5000), metavar="DOLLARS", help="default 5000"
    )
    parser.add_argument("--name", help="what to call the run; a run of the same name is replaced")
    parser.add_argument(
        "--lookahead",
        type=_count(0, 100),
        default=2,
        metavar="N",
        help="decisions to repeat without the later data (default 2)",
    )
    parser.add_argument(
        "--memory", action="store_true", help="no database and no warehouse: faster, no funnel"
    )
    parser.add_argument("--json", action="store_true", help="the report as one object")
