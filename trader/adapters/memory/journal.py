"""Undo log of the memory store, so that a transaction that fails leaves nothing behind."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from trader.domain.errors import InvariantViolation

K = TypeVar("K")
V = TypeVar("V")


class Journal:
    """Writes go through here. Within ``transaction`` each is remembered and undone when the block raises,
    whatever it raises: a simulated kill is an exception too.
    """

    def __init__(self) -> None:
        self._undo: list[Callable[[], object]] | None = None
        self._lock = threading.RLock()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """One at a time; raises InvariantViolation inside another one."""
        with self._lock:
            if self._undo is not None:
                raise InvariantViolation("transaction: expected none open, found one; nothing was done")
            undo: list[Callable[[], object]] = []
            self._undo = undo
            try:
                yield
            except BaseException:
                for action in reversed(undo):
                    action()
                raise
            finally:
                self._undo = None

    def put(self, kept: dict[K, V], key: K, value: V) -> None:
        if self._undo is not None:
            if key in kept:
                before = kept[key]
                self._undo.append(lambda: kept.__setitem__(key, before))
            else:
                self._undo.append(lambda: kept.pop(key))
        kept[key] = value

    def drop(self, kept: dict[K, V], key: K) -> None:
        if key in kept:
            before = kept.pop(key)
            if self._undo is not None:
                self._undo.append(lambda: kept.__setitem__(key, before))

    def append(self, kept: list[V], value: V) -> None:
        kept.append(value)
        if self._undo is not None:
            self._undo.append(kept.pop)
