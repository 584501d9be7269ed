"""The parts of docs/order-safety.md that are made from the code."""

from itertools import groupby

from tests.architecture.source import ROOT
from trader.core.breakers import REFUSAL_CONDITIONS, SELF_LIFTING, SELLABLE
from trader.core.order_state import SHORT_NAMES, mermaid
from trader.domain.constants import LOSS_PAUSE_HOURS
from trader.domain.types import MEANINGS, ReasonCode

PATH = "docs/order-safety.md"
ENDS = {
    ReasonCode.DAILY_LOSS_REACHED: f"after {LOSS_PAUSE_HOURS} hours, or when a person resumes",
    ReasonCode.RECONCILIATION_BREAK: "when both sides are equal again, or when a person resumes",
    ReasonCode.HALT_FILE_PRESENT: "when the file is gone and a person resumes",
}
BY_PERSON = (
    ReasonCode.DAILY_LOSS_REACHED,
    ReasonCode.DRAWDOWN_REACHED,
    ReasonCode.ORDER_REJECTS_BURST,
    ReasonCode.RECONCILIATION_BREAK,
    ReasonCode.SETTLEMENT_MISMATCH,
    ReasonCode.TERMS_CHANGED,
    ReasonCode.OPERATOR_HALT,
    ReasonCode.HALT_FILE_PRESENT,
    ReasonCode.OPERATOR_FLATTEN,
)
"""Reasons of halts that do not simply end with their cause."""


def order_safety() -> str:
    """Return the page with its generated parts as the code has them now."""
    text = (ROOT / PATH).read_text(encoding="utf-8")
    parts = {
        "machine": f"```mermaid\n{mermaid()}\n```",
        "words": _words(),
        "refusals": _refusals(),
        "halts": _halts(),
    }
    for name, part in parts.items():
        begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
        if text.count(begin) != 1 or text.count(end) != 1:
            raise ValueError(f"{PATH}: expected {begin} and {end} once each, found another number")
        head, _, rest = text.partition(begin)
        text = f"{head}{begin}\n{part}\n{end}{rest.partition(end)[2]}"
    return text


def _words() -> str:
    rows = ["| word | states |", "|---|---|"]
    for word, statuses in groupby(SHORT_NAMES, key=lambda status: SHORT_NAMES[status]):
        rows.append(f"| {word} | {', '.join(statuses)} |")
    return "\n".join(rows)


def _refusals() -> str:
    rows = ["| the refusal's code | halt |", "|---|---|"]
    for reason, codes in groupby(REFUSAL_CONDITIONS, key=lambda code: REFUSAL_CONDITIONS[code]):
        rows.append(f"| {', '.join(f'`{code}`' for code in codes)} | `{reason}` |")
    return "\n".join(rows)


def _halts() -> str:
    rows = ["| reason | it means | it ends | flatten passes |", "|---|---|---|---|"]
    for reason in ReasonCode:
        if reason in SELF_LIFTING or reason in BY_PERSON:
            ends = "with its cause" if reason in SELF_LIFTING else ENDS.get(reason, "when a person resumes")
            sells = "yes" if reason in SELLABLE else "no"
            rows.append(f"| `{reason}` | {MEANINGS[reason]} | {ends} | {sells} |")
    return "\n".join(rows)
