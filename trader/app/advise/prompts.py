"""What the model is asked and what is kept of its answer. Only our numbers go out, no text from outside."""

import json
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from trader.core.advice import explain, invented_numbers, plain_text
from trader.domain.advice import MAX_EXPLANATION, MAX_REASON, AnomalyClass, Finding, SignalFacts

_RULES: Final = (
    "You word notes for the public page of an automatic trader of weather markets. You decide nothing: what "
    "you write is shown and never acted upon. Use only the numbers given, exactly as written, and no others. "
    "Plain English sentences, no markup, no links, no advice to the reader. Answer with the JSON asked for."
)
EXPLAIN_SYSTEM: Final = (
    f"{_RULES} Explain in at most four sentences why the trader wanted this contract at this price."
)
LABEL_SYSTEM: Final = (
    f"{_RULES} Classify the market condition as NORMAL, SUSPICIOUS or ALERT, with the reason in one sentence."
)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Wording(_Strict):
    """The typed answer to a question for words."""

    explanation: str = Field(min_length=1, max_length=4 * MAX_EXPLANATION)


class Label(_Strict):
    """The typed answer to a question for a class."""

    classification: AnomalyClass = Field(strict=False)
    reason: str = Field(min_length=1, max_length=4 * MAX_REASON)


A = TypeVar("A", Wording, Label)


def schema_of(model: type[_Strict]) -> dict[str, Any]:
    """The answer's JSON schema without length limits, which strict modes of some providers refuse."""
    schema = model.model_json_schema()
    for field in schema["properties"].values():
        field.pop("minLength", None)
        field.pop("maxLength", None)
    return schema


def explanation_prompt(facts: SignalFacts) -> str:
    """The note of the rules and the numbers behind it, as JSON."""
    numbers = facts.model_dump(mode="json", exclude_none=True, exclude={"signal_id"})
    return json.dumps({"note": explain(facts), "numbers": numbers}, sort_keys=True)


def label_prompt(finding: Finding) -> str:
    kept = {"kind": finding.kind, "note": finding.reason, "numbers": finding.figures}
    return json.dumps(kept, sort_keys=True)


def read_answer(model: type[A], content: str | None) -> A | None:
    """The typed answer, None for anything else; a code fence around it is forgiven."""
    text = (content or "").strip()
    if text.startswith("```"):
        text = text.strip("`").removeprefix("json")
    try:
        return model.model_validate_json(text)
    except (ValidationError, RecursionError):
        return None


def usable(text: str, prompt: str, limit: int) -> str | None:
    """The text as it may be stored; None when nothing is left or it names a number that was not given."""
    kept = plain_text(text, limit)
    return kept if kept and not invented_numbers(kept, prompt) else None
