"""Client-side token bucket, so that no service has to answer 429; shared by their clients."""

import threading

from trader.ports.clock import Clock


class TokenBucket:
    """Lets ``rate`` tokens a second pass and ``capacity`` at once after a rest; others wait."""

    def __init__(self, clock: Clock, *, rate: float, capacity: float) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._rate, self._capacity, self._tokens = rate, capacity, capacity
        self._seen = clock.monotonic()

    def set_limits(self, *, rate: float, capacity: float) -> None:
        with self._lock:
            self._rate, self._capacity = rate, capacity
            self._tokens = min(self._tokens, capacity)

    def take(self, tokens: float = 1.0) -> None:
        """Take tokens, waiting for them when the bucket holds fewer; never more than it can hold."""
        with self._lock:
            tokens = min(tokens, self._capacity)
            self._refill()
            if self._tokens < tokens:
                self._clock.sleep((tokens - self._tokens) / self._rate)
                self._refill()
                self._tokens = max(self._tokens, tokens)  # a world's clock may not move as far as it was told
            self._tokens -= tokens

    def _refill(self) -> None:
        now = self._clock.monotonic()
        self._tokens = min(self._capacity, self._tokens + (now - self._seen) * self._rate)
        self._seen = now
