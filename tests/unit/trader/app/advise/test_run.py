"""The advisor's run: rules first, the model words, the budget holds, and hostile answers change nothing."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.hostile import TEXTS, answers
from tests.unit.trader.core.test_advice import FACTS, market
from trader.app.advise.run import MAX_CALLS, RULES, Desk, Done
from trader.app.logs import logger
from trader.core.advice import explain
from trader.domain.advice import AnomalyClass, AnomalyKind, Finding, MarketFacts, SignalFacts
from trader.domain.errors import TransientError
from trader.ports.advisor import Answer

NOW = FakeClock().now()
GOOD = json.dumps({"explanation": "Our forecast gives NO 69 % and the price is 55.5 cents."})


@dataclass
class Rows:
    """``AdviceStore`` in memory."""

    signals: list[SignalFacts] = field(default_factory=list)
    seen: list[MarketFacts] = field(default_factory=list)
    texts: dict[int, tuple[str, str]] = field(default_factory=dict)
    anomalies: list[tuple[Finding, str, AnomalyClass | None, str]] = field(default_factory=list)
    calls: list[dict[str, Any]] = field(default_factory=list)

    def unexplained(self, *, since: datetime, now: datetime, limit: int) -> tuple[SignalFacts, ...]:
        return tuple(s for s in self.signals if s.signal_id not in self.texts)[:limit]

    def markets(self, *, since: datetime, now: datetime) -> tuple[MarketFacts, ...]:
        return tuple(self.seen)

    def newest_class(self, event_ticker: str, kind: AnomalyKind) -> AnomalyClass | None:
        same = [f for f, *_ in self.anomalies if (f.event_ticker, f.kind) == (event_ticker, kind)]
        return same[-1].anomaly_class if same else None

    def save_explanation(self, facts: SignalFacts, text: str, *, author: str, at: datetime) -> None:
        self.texts[facts.signal_id] = (text, author)

    def save_anomaly(
        self, finding: Finding, reason: str, *, model_class: AnomalyClass | None, author: str, at: datetime
    ) -> None:
        self.anomalies.append((finding, reason, model_class, author))

    def save_call(self, call: Mapping[str, Any], *, at: datetime) -> None:
        self.calls.append(dict(call))

    def spent_usd(self, since: datetime) -> Decimal:
        return sum((c["cost_usd"] for c in self.calls), Decimal(0))


class Scripted:
    """``Advisor`` that answers what the script says; None is silence."""

    model = "openrouter/test/model"

    def __init__(self, script: Callable[[int], str | None], cost: Decimal | None = Decimal("0.001")) -> None:
        self.script, self.cost, self.asked = script, cost, 0
        self.prompts: list[str] = []

    def ask(self, *, system: str, user: str, schema: Mapping[str, Any]) -> Answer:
        self.asked += 1
        self.prompts.append(user)
        content = self.script(self.asked)
        if content is None:
            raise TransientError("advisor: expected an answer, found none")
        return Answer(content, "", False, 10, 10, self.cost)


def signals(count: int) -> list[SignalFacts]:
    return [FACTS.model_copy(update={"signal_id": n}) for n in range(count)]


def run(rows: Rows, advisor: Scripted | None, budget: str = "1") -> Done:
    clock = FakeClock()
    return Desk(rows, advisor, clock, NOW, logger(), Decimal(budget), Decimal(15), 400).run()


@pytest.mark.story("7.2")
def test_without_a_model_the_rules_word_every_wanted_contract_once() -> None:
    rows = Rows(signals(3))

    first, second = run(rows, None), run(rows, None)

    assert (first.explanations, second.explanations) == (3, 0)
    assert set(rows.texts.values()) == {(explain(FACTS), RULES)}
    assert rows.calls == []


@pytest.mark.story("7.2")
def test_the_models_words_are_kept_with_its_name_and_the_prompt_has_weather_market_and_decision() -> None:
    rows, model = Rows(signals(1)), Scripted(lambda _: GOOD)

    run(rows, model)

    (stored,) = rows.texts.values()
    assert stored == ("Our forecast gives NO 69 % and the price is 55.5 cents.", "openrouter/test/model")
    numbers = json.loads(model.prompts[0])["numbers"]
    assert {"mean_f", "sd_f", "yes_bid", "yes_ask", "decision", "p_yes", "edge"} <= numbers.keys()


@pytest.mark.story("7.3")
def test_each_change_of_class_is_stored_once_and_the_class_is_the_rules() -> None:
    rows = Rows(seen=[market(yes_ask="0.65")])
    label = json.dumps({"classification": "NORMAL", "reason": "All is well."})

    run(rows, Scripted(lambda _: label))
    run(rows, Scripted(lambda _: label))
    rows.seen = [market()]
    run(rows, None)

    kept = [(f.kind, f.anomaly_class, reason, theirs) for f, reason, theirs, _ in rows.anomalies]
    assert kept == [
        (AnomalyKind.WIDE_SPREAD, AnomalyClass.ALERT, "All is well.", AnomalyClass.NORMAL),
        (
            AnomalyKind.WIDE_SPREAD,
            AnomalyClass.NORMAL,
            "The widest distance between buying and selling price is 2 cents.",
            None,
        ),
    ]


@pytest.mark.parametrize("index", range(len(TEXTS)))
def test_hostile_answer_leaves_the_rules_words_or_plain_text_without_a_new_number(index: int) -> None:
    for content in answers(TEXTS[index]):
        rows = Rows(signals(1), [market(yes_ask="0.65")])

        run(rows, Scripted(lambda _, content=content: content))  # type: ignore[misc]

        (stored,) = rows.texts.values()
        ((finding, reason, _, _),) = rows.anomalies
        assert finding.anomaly_class is AnomalyClass.ALERT
        for text in (stored[0], reason):
            assert "://" not in text
            assert "<" not in text
            assert len(text) <= 900
            assert "1000000" not in text
            assert "5000" not in text


def test_a_made_up_number_is_not_believed() -> None:
    rows = Rows(signals(1))

    run(rows, Scripted(lambda _: json.dumps({"explanation": "Our forecast gives NO 70 %."})))

    assert rows.texts[0] == (explain(FACTS), RULES)


@pytest.mark.story("7.1")
def test_budget_stops_the_model_before_it_is_exceeded_and_rules_go_on() -> None:
    rows, model = Rows(signals(12)), Scripted(lambda _: GOOD, cost=Decimal("0.009"))

    done = run(rows, model, budget="0.05")

    assert done.stopped == "the day's budget of $0.05 would be exceeded"
    assert done.cost_usd <= Decimal("0.05")
    assert 0 < model.asked < 12
    assert len(rows.texts) == 12


def test_unreadable_bill_counts_at_the_worst_case() -> None:
    rows, model = Rows(signals(12)), Scripted(lambda _: GOOD, cost=None)

    done = run(rows, model, budget="0.05")

    # (about 1,000 characters / 2 + 400 tokens) x 15 dollars a million: more than a cent each
    assert model.asked <= 4
    assert done.cost_usd <= Decimal("0.05")


@pytest.mark.story("7.1")
def test_silence_is_tried_twice_then_the_rest_of_the_run_is_worded_by_rules() -> None:
    rows, model = Rows(signals(5)), Scripted(lambda _: None)

    done = run(rows, model)

    assert model.asked == 2
    assert done.stopped == "the provider did not answer"
    assert {author for _, author in rows.texts.values()} == {RULES}
    assert [c["outcome"] for c in rows.calls] == ["no_answer", "no_answer"]


def test_requests_of_one_run_are_bounded() -> None:
    rows, model = Rows(signals(MAX_CALLS + 5)), Scripted(lambda _: GOOD, cost=Decimal(0))

    run(rows, model, budget="100")

    assert model.asked == MAX_CALLS
    assert len(rows.texts) == MAX_CALLS + 5
