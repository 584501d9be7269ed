"""Requests, answers and routes of the simulator, apart from any server."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

RENDERED = ("x-milkbot-rendered", "envelope")
"""Header of every answer whose JSON or text shape was rendered around recorded values."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request; ``params`` are the parts of the path, header names are lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    params: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """One response; ``headers`` beyond content type and length."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


def as_json(value: Any) -> bytes:
    return _encode(value).encode()


def answer(status: int, value: Any, *headers: tuple[str, str]) -> Answer:
    """Return a JSON answer."""
    return Answer(status, as_json(value), headers=headers)


Handler = Callable[[Request], Answer]


@dataclass(frozen=True, slots=True)
class Route:
    """One operation of the server. ``operation`` is the name by which faults and counters know it.

    ``is_signed`` demands a valid signature; other routes verify one only when it is sent.
    """

    method: str
    template: str
    operation: str
    handler: Handler
    is_signed: bool = False
    is_order_path: bool = False


class Router:
    """Finds the route of a request: literal paths first, then templates in their order."""

    def __init__(self, routes: tuple[Route, ...]) -> None:
        self.routes = routes
        self._literal = {
            (route.method, route.template): route for route in routes if "{" not in route.template
        }
        self._patterns = [
            (route, re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", route.template)))
            for route in routes
            if "{" in route.template
        ]

    def find(self, method: str, path: str) -> tuple[Route, Mapping[str, str]] | None:
        route = self._literal.get((method, path))
        if route is not None:
            return route, {}
        for route, pattern in self._patterns:
            if route.method == method and (found := pattern.fullmatch(path)):
                return route, found.groupdict()
        return None
