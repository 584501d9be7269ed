"""A small thread-safe cache by city: fresh for a while, then asked anew, kept for when asking fails."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from trader.ports.clock import Clock

Value = TypeVar("Value")


class CityCache(Generic[Value]):
    """Holds one value a city for ``ttl_s`` seconds. Two threads never fetch the same city at once."""

    def __init__(self, clock: Clock, ttl_s: float) -> None:
        self._clock, self._ttl_s = clock, ttl_s
        self._lock = threading.Lock()
        self._by_city: dict[str, threading.Lock] = {}
        self._values: dict[str, tuple[float, Value]] = {}

    def get(self, code: str, fetch: Callable[[Value | None], Value]) -> tuple[Value, bool]:
        """Return (value, whether it was fetched now). ``fetch`` is given what is known and may raise.

        What it raises goes to the caller and is tried again at the next call; the known value stays.
        """
        with self._lock:
            lock = self._by_city.setdefault(code, threading.Lock())
        with lock:
            known = self._values.get(code)
            now = self._clock.monotonic()
            if known is not None and now - known[0] < self._ttl_s:
                return known[1], False
            value = fetch(known[1] if known else None)
            self._values[code] = (now, value)
            return value, True
