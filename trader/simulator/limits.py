"""Token buckets: what the exchange lets an account ask for in a second. Source: kalshi-api.md 9."""

from collections.abc import Callable

READ, WRITE = (200.0, 200.0), (100.0, 100.0)
"""Basic tier as (tokens a second, tokens at once), as recorded in the demo environment in June 2026."""

DEFAULT_COST = 10
COSTS = {"cancel": 2, "cancel_all": 2, "read_order": 2}
"""Operations that cost less than the default."""


class Buckets:
    """Both buckets of one account, on a clock of seconds; None never runs dry."""

    def __init__(self, elapsed: Callable[[], float] | None) -> None:
        self._elapsed = elapsed
        start = elapsed() if elapsed else 0.0
        self._state = {True: (WRITE[1], start), False: (READ[1], start)}

    def take(self, operation: str, *, is_write: bool) -> bool:
        """Pay for one call; False, and nothing is paid, when the bucket holds too little."""
        if self._elapsed is None:
            return True
        rate, capacity = WRITE if is_write else READ
        (tokens, seen), now = self._state[is_write], self._elapsed()
        tokens = min(capacity, tokens + (now - seen) * rate)
        cost = COSTS.get(operation, DEFAULT_COST)
        self._state[is_write] = (tokens - cost if tokens >= cost else tokens, now)
        return tokens >= cost
