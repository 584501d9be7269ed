"""The language model as the advisor's shell needs it: one question, one answer, what it cost."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple, Protocol

from trader.domain.advice import AnomalyClass, AnomalyKind, Finding, MarketFacts, SignalFacts


class Answer(NamedTuple):
    """What came back. ``content`` is the model's text, None when there was none; ``problem`` says why.

    ``cost_usd`` is what was billed, None where the answer does not say.
    """

    content: str | None
    problem: str
    was_refused: bool
    prompt_tokens: int | None
    completion_tokens: int | None
    cost_usd: Decimal | None


class Advisor(Protocol):
    """One attempt a call; whoever calls decides about another, because each may be billed."""

    model: str

    def ask(self, *, system: str, user: str, schema: Mapping[str, Any]) -> Answer:
        """Ask for JSON of ``schema``. Raises TransientError when no complete answer arrived in time."""
        ...


class AdviceStore(Protocol):
    """The advisor's rows: reads snapshots and signals, adds advisory rows, changes nothing."""

    def unexplained(self, *, since: datetime, now: datetime, limit: int) -> tuple[SignalFacts, ...]:
        """Wanted contracts without words, newest first."""
        ...

    def markets(self, *, since: datetime, now: datetime) -> tuple[MarketFacts, ...]:
        """The open markets of the newest cycle; empty when none ran since ``since``."""
        ...

    def newest_class(self, event_ticker: str, kind: AnomalyKind) -> AnomalyClass | None: ...
    def save_explanation(self, facts: SignalFacts, text: str, *, author: str, at: datetime) -> None: ...
    def save_anomaly(
        self, finding: Finding, reason: str, *, model_class: AnomalyClass | None, author: str, at: datetime
    ) -> None: ...
    def save_call(self, call: Mapping[str, Any], *, at: datetime) -> None:
        """``call``: purpose, model, outcome, prompt_tokens, completion_tokens, cost_usd."""
        ...

    def spent_usd(self, since: datetime) -> Decimal: ...
