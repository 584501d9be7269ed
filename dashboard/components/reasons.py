"""The trader's reason codes in words; the sentences are made from the trader's own list by ``make docs``."""

import json
from functools import cache
from pathlib import Path
from typing import Any, Final

from dashboard import format as fmt

FILE: Final = Path(__file__).parents[1] / "reasons.json"
# what is not a reason of the trader's but of the rollup: how far a signal came
_OWN: Final = {
    "NOT_CHOSEN": "Another contract or strategy of the same event was preferred.",
    "NOT_SENT": "The order was planned and not sent, because a fence closed in between.",
    "NOT_FILLED": "The order was sent and nobody took the other side.",
    "NOT_SETTLED": "The trade is waiting for its result.",
    "SETTLED": "The trade has its result.",
}


@cache
def _file() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return found


def words(code: str) -> str:
    """``SPREAD_TOO_WIDE`` as ``spread too wide``; a code we do not know is plain text all the same."""
    return fmt.esc(code.replace("_", " ").lower())


def meaning(code: str) -> str:
    """A sentence, or nothing for a code this page does not know yet."""
    return fmt.esc(_OWN.get(code) or _file()["meanings"].get(code, ""))


def limits() -> str:
    """The limits as shipped: what each one bounds, and its value with its unit."""
    rows = "".join(
        f"<div><dt>{fmt.esc(row['meaning'])}</dt><dd>{fmt.esc(row['value'])}</dd></div>"
        for row in _file()["limits"]
    )
    return f'<dl class="lim">{rows}</dl>'
