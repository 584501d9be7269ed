"""The model's provider on a real socket: what is sent, what is believed, and where the key does not go."""

import json
from decimal import Decimal
from typing import Any

import pytest
from pydantic import SecretStr

from tests.fakes.clock import FakeClock
from tests.fakes.loopback import Reply, Script, reply, serving
from trader.adapters.http import HttpClient
from trader.adapters.openrouter.client import OpenRouterAdvisor
from trader.domain.errors import TransientError
from trader.ports.advisor import Answer

KEY = "sk-or-canary-4711"
GOOD: dict[str, Any] = {
    "id": "gen-1",
    "model": "anthropic/claude-sonnet-4.5",
    "choices": [
        {"message": {"role": "assistant", "content": '{"explanation": "x"}'}, "finish_reason": "stop"}
    ],
    "usage": {"prompt_tokens": 200, "completion_tokens": 50, "total_tokens": 250, "cost": 0.00135},
}
SCHEMA = {"type": "object", "properties": {"explanation": {"type": "string"}}}


def ask(script: Script, timeout_s: float = 5) -> tuple[Answer, dict[str, Any], dict[str, str]]:
    with serving(script) as server, HttpClient(clock=FakeClock(), timeout_s=timeout_s) as http:
        advisor = OpenRouterAdvisor(
            http,
            f"{server.origin}/api/v1",
            key=SecretStr(KEY),
            model="openrouter/anthropic/claude-sonnet-4.5",
        )
        answer = advisor.ask(system="rules", user="numbers", schema=SCHEMA)
        (asked,) = server.asked
    return answer, json.loads(asked.body), asked.headers | {":path": asked.path}


@pytest.mark.story("7.1")
def test_request_has_openais_form_openrouters_headers_and_the_key_in_one_place() -> None:
    answer, body, headers = ask(lambda _: reply(GOOD))

    assert headers[":path"] == "/api/v1/chat/completions"
    assert headers["authorization"] == f"Bearer {KEY}"
    assert headers["http-referer"] == "https://milkbot.ai"
    assert headers["x-title"] == "Milkbot"
    assert body["model"] == "anthropic/claude-sonnet-4.5"
    assert [m["role"] for m in body["messages"]] == ["system", "user"]
    assert body["response_format"]["json_schema"]["schema"] == SCHEMA
    assert body["temperature"] == 0
    assert KEY not in json.dumps(body)
    assert answer == Answer('{"explanation": "x"}', "", False, 200, 50, Decimal("0.00135"))


@pytest.mark.story("7.1")
@pytest.mark.parametrize("status", [400, 401, 402, 429, 500, 503])
def test_refusal_is_told_by_its_status_alone(status: int) -> None:
    answer, *_ = ask(lambda _: reply({"error": {"code": status, "message": f"key {KEY} is bad"}}, status))

    assert (answer.content, answer.was_refused, answer.problem) == (None, True, f"status {status}")
    assert KEY not in repr(answer)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"choices": []}',
        b'{"choices": [{"message": null}]}',
        b'{"choices": [{"message": {"content": 7}}]}',
        b"[" * 100_000,
    ],
)
def test_answer_of_another_form_has_no_content(body: bytes) -> None:
    answer, *_ = ask(lambda _: Reply(200, body))

    assert answer.content is None
    assert answer.problem
    assert answer.cost_usd is None


@pytest.mark.parametrize("cost", [-1, "NaN", "1e99", True, None, [], {"usd": 1}, 1e30])
def test_bill_that_is_no_small_number_is_no_bill(cost: object) -> None:
    answer, *_ = ask(lambda _: reply(GOOD | {"usage": {"cost": cost, "prompt_tokens": -3}}))

    assert (answer.cost_usd, answer.prompt_tokens) == (None, None)


@pytest.mark.story("7.1")
def test_silence_ends_at_the_deadline_without_the_key_in_the_message() -> None:
    with pytest.raises(TransientError, match="advisor: expected an answer") as caught:
        ask(lambda _: Reply(200, b"{}" * 50, pause_s=0.2), timeout_s=0.3)

    assert KEY not in str(caught.value)
