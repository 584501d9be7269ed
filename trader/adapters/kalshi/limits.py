"""The exchange's request budget, kept on our side so that it never has to answer 429.

Source: the exchange's rate-limit page of October 2026; the account's own numbers replace the documented ones.
"""

import re

from trader.adapters.fields import Fields
from trader.adapters.token_bucket import TokenBucket
from trader.ports.clock import Clock

DEFAULT_COST = 10.0
READS, WRITES = (200.0, 600.0), (100.0, 100.0)
"""Basic tier as (tokens a second, tokens at once): 20 reads a second after a burst of 60, 10 creates."""

SPENT_AT_ONCE = 0.8
"""Share of a burst of writes that is used. We count when a request leaves, the exchange when it arrives:
where the first of a burst travels longer than the last, an order sent to the last token is refused, and a
refused order is gone. A fifth of a second's worth is kept back; reads are asked again and need none.
"""

_DOCUMENTED_COSTS = (
    ("DELETE", "/portfolio/events/orders/:order_id", 2.0),
    ("GET", "/portfolio/orders/:order_id", 2.0),
    ("DELETE", "/portfolio/events/orders", 2.0),  # cancel-all costs as one cancel
)


class Limits:
    """Both buckets of an account and what each call costs."""

    def __init__(self, clock: Clock) -> None:
        self.reads = TokenBucket(clock, rate=READS[0], capacity=READS[1])
        self.writes = TokenBucket(clock, rate=WRITES[0], capacity=WRITES[1] * SPENT_AT_ONCE)
        self.tier = "documented basic"
        self._default = DEFAULT_COST
        self._costs = [(method, _pattern(path), cost) for method, path, cost in _DOCUMENTED_COSTS]

    def take(self, method: str, path: str) -> None:
        """Pay for one call, waiting where the budget is used up; ``path`` is without ``/trade-api/v2``."""
        bucket = self.reads if method == "GET" else self.writes
        bucket.take(next((c for m, p, c in self._costs if m == method and p.fullmatch(path)), self._default))

    def adopt_account(self, account: Fields) -> None:
        """Use the account's own rates. Raises MalformedPayload, and changes nothing, when they cannot be
        read.
        """
        found = [
            [account.child(name).number(key) for key in ("refill_rate", "bucket_capacity")]
            for name in ("read", "write")
        ]
        for name, (rate, capacity) in zip(("read", "write"), found, strict=True):
            if not (rate > 0 and capacity > 0):
                raise account.error(name, "a rate and a capacity above 0")
        tier = account.text("usage_tier")
        buckets = ((self.reads, 1.0), (self.writes, SPENT_AT_ONCE))
        for (bucket, share), (rate, capacity) in zip(buckets, found, strict=True):
            bucket.set_limits(rate=float(rate), capacity=max(self._default, float(capacity) * share))
        self.tier = tier

    def adopt_costs(self, listed: Fields, root: str) -> None:
        """Use the exchange's own list of costs; ``root`` is what its paths begin with. Raises
        MalformedPayload, and changes nothing, when it cannot be read.
        """
        default = listed.number("default_cost")
        rows = [
            (row.text("method"), row.text("path"), row.number("cost"))
            for row in listed.children("endpoint_costs")
        ]
        if default <= 0 or any(cost < 0 for _, _, cost in rows):
            raise listed.error("default_cost", "costs above 0")
        known = [(method, _pattern(path.removeprefix(root)), float(cost)) for method, path, cost in rows]
        self._costs, self._default = [*known, *self._costs], float(default)


def _pattern(path: str) -> re.Pattern[str]:
    """``:name`` stands for one segment, ``*name`` for the rest."""
    parts = re.split(r"([:*])\w+", path)
    return re.compile("".join({":": r"[^/]+", "*": r".+"}.get(part, re.escape(part)) for part in parts))
