"""The exchange's four error shapes (kalshi-api.md 8), one constructor each."""

from typing import Any


class Refused(Exception):
    """A request the exchange answers with an error; ``body`` is its JSON."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(f"{status} {body}")
        self.status, self.body = status, body


def exchange_error(status: int, code: str, details: str | None = None) -> Refused:
    """Nested shape of authentication and exchange errors; the message is the code in words."""
    words = code if code == "authentication_error" else code.replace("_", " ").lower()
    return Refused(
        status, {"error": {"code": code, "message": words} | ({"details": details} if details else {})}
    )


def undecodable(details: str) -> Refused:
    """Flat shape of a body that is not JSON of the right types."""
    return Refused(400, {"code": "bad_request", "message": "bad request", "details": details})


def bad_query(operation: str, field: str, tag: str) -> Refused:
    """Shape of a query parameter that fails validation."""
    text = f"Key: '{operation}Params.{field}' Error:Field validation for '{field}' failed on the '{tag}' tag"
    return Refused(400, {"msg": f"Parameter validation failed for {operation}: {text}"})


def too_many_requests() -> Refused:
    """Shape of an empty token bucket."""
    return Refused(429, {"error": "too many requests"})


def not_found() -> Refused:
    return exchange_error(404, "not_found")
