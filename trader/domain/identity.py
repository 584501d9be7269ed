"""A key that means this very object: caches of what is costly to make from one that never changes."""

from typing import Any


class Same:
    """Equal to another only when both hold the same object, which it keeps alive. For frozen objects only."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __hash__(self) -> int:
        return id(self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and other.value is self.value
