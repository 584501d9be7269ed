"""Evidence for going live: gates written down before the evidence, verdicts, and what LIVE asks for."""

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field

from trader.domain.types import Frozen, Instant, Money

Verdict = Literal["pass", "fail", "not_enough_data", "override", "registered"]
GATES, GO_LIVE, REPLAY = "go_live_gates", "go_live", "replay"
"""Kinds of approvals: gates as registered, the verdict on them or its override, a replay on record."""


class Gate(Frozen):
    """One gate: which end of its interval must be on which side of a limit, with how many counted things."""

    gate: str
    mode: Literal["SHADOW", "DEMO", "any"]
    bound: Literal["figure", "lo", "hi"]
    at_least: Money | None = None
    at_most: Money | None = None
    min_count: Annotated[int, Field(ge=1)]
    unit: str
    words: str


class GateFile(Frozen):
    """The pre-registered gates. ``alpha`` bounds the chance that skill passes without any, over all looks."""

    version: int
    gates: Annotated[tuple[Gate, ...], Field(min_length=1, strict=False)]
    alpha: Annotated[Decimal, Field(gt=0, lt=Decimal("0.5"), strict=False)]
    tuned_for_days: Annotated[int, Field(ge=1)]
    verdict_valid_days: Annotated[int, Field(ge=1)]


class GateRow(Frozen):
    """A gate as the warehouse computed it; ``figure`` is None where there is nothing to compute it from."""

    gate: str
    verdict: Literal["pass", "fail", "not_enough_data"]
    figure: float | None
    lo: float | None
    hi: float | None
    count: int
    min_count: int
    since: Instant | None


class Approval(Frozen):
    """A stored word on going live, with its evidence."""

    kind: str
    verdict: Verdict
    evidence: dict[str, Any]
    given_by: str
    given_at: Instant
