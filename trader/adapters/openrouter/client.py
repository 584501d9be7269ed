"""OpenRouter's chat completions, the form that OpenAI's clients speak.

Source of the form: the provider's API overview (requests, responses, usage accounting), read November 2026.
"""

import json
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from pydantic import SecretStr

from trader.adapters.http import HttpClient
from trader.ports.advisor import Answer

MAX_TOKENS = 400
"""Longest answer asked for. An explanation of 900 characters needs about 250."""
_PREFIX = "openrouter/"


class OpenRouterAdvisor:
    """``trader.ports.advisor.Advisor`` over HTTP. The key is in the header and nowhere else."""

    def __init__(self, http: HttpClient, base_url: str, *, key: SecretStr, model: str) -> None:
        """``model`` may carry the prefix ``openrouter/``, which names the route and is not sent."""
        self._http, self._url, self._key, self.model = http, f"{base_url}/chat/completions", key, model

    def ask(self, *, system: str, user: str, schema: Mapping[str, Any]) -> Answer:
        body = {
            "model": self.model.removeprefix(_PREFIX),
            "messages": [{"role": "system", "content": system}, {"role": "user", "content": user}],
            "max_tokens": MAX_TOKENS,
            "temperature": 0,
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "answer", "strict": True, "schema": schema},
            },
            "usage": {"include": True},
        }
        response = self._http.send_once(
            "POST", self._url, what="advisor", headers=self._headers, content=json.dumps(body).encode()
        )
        try:
            found = json.loads(response.body)
        except (UnicodeDecodeError, ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            return Answer(
                None, f"status {response.status} without JSON", response.status >= 400, None, None, None
            )
        usage = found.get("usage")
        usage = usage if isinstance(usage, dict) else {}
        counts = _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))
        if response.status != 200 or "error" in found:
            # the provider's own text may repeat what was asked: only its status is told
            return Answer(None, f"status {response.status}", True, *counts, _dollars(usage.get("cost")))
        content = _content(found)
        problem = "" if content is not None else "an answer without content"
        return Answer(content, problem, False, *counts, _dollars(usage.get("cost")))

    def _headers(self) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {self._key.get_secret_value()}",
            "Content-Type": "application/json",
            "HTTP-Referer": "https://milkbot.ai",
            "X-Title": "Milkbot",
        }


def _content(found: dict[str, Any]) -> str | None:
    try:
        content = found["choices"][0]["message"]["content"]
    except (KeyError, IndexError, TypeError):
        return None
    return content if isinstance(content, str) else None


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**8 else None


def _dollars(value: object) -> Decimal | None:
    """The bill in dollars; anything that is not a small non-negative number is no bill."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        dollars = Decimal(str(value))
    except InvalidOperation:
        return None
    return dollars if dollars.is_finite() and 0 <= dollars < 1000 else None
