"""The advisor's work: words for what was wanted, a class for what is unusual; rules first, then a model.

A process of its own with a database role of its own: it is slow, may be wrong and may be hostile, and none of
that reaches a cycle. Every outcome but a database that is away ends in the rules' own words.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from structlog.stdlib import BoundLogger

from trader.app.advise.prompts import (
    EXPLAIN_SYSTEM,
    LABEL_SYSTEM,
    A,
    Label,
    Wording,
    explanation_prompt,
    label_prompt,
    read_answer,
    schema_of,
    usable,
)
from trader.core.advice import explain, find
from trader.domain.advice import MAX_EXPLANATION, MAX_REASON, AnomalyClass
from trader.domain.errors import TransientError
from trader.ports.advisor import AdviceStore, Advisor, Answer
from trader.ports.clock import Clock

RULES = "rules"
LOOK_BACK = timedelta(hours=24)
MAX_ROWS, MAX_CALLS = 500, 20
"""Most signals worded and most requests made in one run; what is left waits for the next."""
ATTEMPTS = 2
_MILLION = Decimal(1_000_000)


@dataclass
class Done:
    """What one run did. ``stopped`` says why the model was not asked any more, empty when it was."""

    explanations: int = 0
    anomalies: int = 0
    worded_by_model: int = 0
    calls: int = 0
    cost_usd: Decimal = Decimal(0)
    stopped: str = ""


@dataclass
class Desk:
    """One run's means. ``price_usd_per_mtok`` is an upper bound of what a million tokens cost, in or out."""

    rows: AdviceStore
    advisor: Advisor | None
    clock: Clock
    now: datetime
    log: BoundLogger
    budget_usd: Decimal
    price_usd_per_mtok: Decimal
    max_answer_tokens: int
    done: Done = field(default_factory=Done)

    def run(self) -> Done:
        """Work off what waits. Raises PersistenceError when the database is away."""
        self._label()
        self._explain()
        self.log.info("advice_written", **vars(self.done))
        return self.done

    def _explain(self) -> None:
        for facts in self.rows.unexplained(since=self.now - LOOK_BACK, now=self.now, limit=MAX_ROWS):
            text, author = explain(facts), RULES
            prompt = explanation_prompt(facts)
            answer = self._ask("explanation", EXPLAIN_SYSTEM, prompt, Wording)
            if answer and (worded := usable(answer.explanation, prompt, MAX_EXPLANATION)):
                text, author = worded, self._author()
            self.rows.save_explanation(facts, text, author=author, at=self.now)
            self.done.explanations += 1

    def _label(self) -> None:
        """Store each change of class; the class is the rule's, the model may word it and say its own."""
        for finding in find(self.rows.markets(since=self.now - LOOK_BACK, now=self.now)):
            before = self.rows.newest_class(finding.event_ticker, finding.kind) or AnomalyClass.NORMAL
            if finding.anomaly_class is before:
                continue
            reason, author, model_class = finding.reason, RULES, None
            if finding.anomaly_class is not AnomalyClass.NORMAL:
                prompt = label_prompt(finding)
                answer = self._ask("anomaly", LABEL_SYSTEM, prompt, Label)
                if answer and (worded := usable(answer.reason, prompt, MAX_REASON)):
                    reason, author, model_class = worded, self._author(), answer.classification
            self.rows.save_anomaly(finding, reason, model_class=model_class, author=author, at=self.now)
            self.done.anomalies += 1

    def _author(self) -> str:
        assert self.advisor is not None  # noqa: S101  its answer was just used
        self.done.worded_by_model += 1
        return self.advisor.model

    def _ask(self, purpose: str, system: str, prompt: str, kind: type[A]) -> A | None:
        """The typed answer, or None: without a model, beyond the budget, or when nothing usable came."""
        if self.advisor is None or self.done.stopped:
            return None
        # half a token a character is more than any tokeniser makes of English or JSON
        tokens = (len(system) + len(prompt)) // 2 + self.max_answer_tokens
        worst = Decimal(tokens) * self.price_usd_per_mtok / _MILLION
        midnight = self.now.replace(hour=0, minute=0, second=0, microsecond=0)
        for attempt in range(ATTEMPTS):
            if self.done.calls >= MAX_CALLS:
                self.done.stopped = f"{MAX_CALLS} requests made in this run"
                return None
            if self.rows.spent_usd(midnight) + worst > self.budget_usd:
                self.done.stopped = f"the day's budget of ${self.budget_usd} would be exceeded"
                return None
            if attempt:
                self.clock.sleep(2.0)
            outcome, answer = self._call(system, prompt, kind)
            # counted before it is used, at the worst case where no bill was readable
            cost = worst if answer is None or answer.cost_usd is None else answer.cost_usd
            self.done.calls += 1
            self.done.cost_usd += cost
            self.rows.save_call(
                {
                    "purpose": purpose,
                    "model": self.advisor.model,
                    "outcome": outcome,
                    "prompt_tokens": answer.prompt_tokens if answer else None,
                    "completion_tokens": answer.completion_tokens if answer else None,
                    "cost_usd": cost,
                },
                at=self.now,
            )
            if outcome == "ok" and answer is not None:
                return read_answer(kind, answer.content)
            if outcome == "unusable":
                return None  # asking the same again costs again and gives the same
        self.done.stopped = "the provider did not answer"
        return None

    def _call(self, system: str, prompt: str, kind: type[A]) -> tuple[str, Answer | None]:
        assert self.advisor is not None  # noqa: S101
        try:
            answer = self.advisor.ask(system=system, user=prompt, schema=schema_of(kind))
        except TransientError as error:
            self.log.warning("advisor_silent", error=str(error))
            return "no_answer", None
        if answer.was_refused:
            self.log.warning("advisor_refused", problem=answer.problem)
            return "refused", answer
        return ("ok" if read_answer(kind, answer.content) else "unusable"), answer
