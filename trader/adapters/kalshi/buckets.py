"""Client-side token bucket, so that the exchange never has to answer 429."""

import threading

from trader.ports.clock import Clock


class TokenBucket:
    """Lets ``rate`` requests a second pass and ``capacity`` at once after a rest; others wait."""

    def __init__(self, clock: Clock, *, rate: float, capacity: float) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._rate, self._capacity, self._tokens = rate, capacity, capacity
        self._seen = clock.monotonic()

    def set_limits(self, *, rate: float, capacity: float) -> None:
        with self._lock:
            self._rate, self._capacity = rate, capacity
            self._tokens = min(self._tokens, capacity)

    def take(self) -> None:
        """Take one token, waiting for it when the bucket is empty."""
        with self._lock:
            self._refill()
            if self._tokens < 1:
                self._clock.sleep((1 - self._tokens) / self._rate)
                self._refill()
                self._tokens = max(
                    self._tokens, 1.0
                )  # a world's clock may not move as far as it was asked to
            self._tokens -= 1

    def _refill(self) -> None:
        now = self._clock.monotonic()
        self._tokens = min(self._capacity, self._tokens + (now - self._seen) * self._rate)
        self._seen = now
