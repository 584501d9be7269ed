"""Every way in which one place of an outside body can change its form: dropped, renamed, another type."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

Path = tuple[str | int, ...]


def mutations(body: Any) -> Iterator[tuple[Path, str, Any]]:
    """Yield (place, what was done, mutated copy) for every field and item; values keep their words."""
    for path, value in _places(body):
        for how, changed in (("dropped", None), ("renamed", None), *_retyped(value)):
            if how in ("dropped", "renamed") and isinstance(path[-1], int):
                continue  # a list with one item less is another list, not another form
            copy = deepcopy(body)
            parent = _at(copy, path[:-1])
            if how in ("dropped", "renamed"):
                kept = parent.pop(path[-1])
                if how == "renamed":
                    parent[f"{path[-1]}_v2"] = kept
            else:
                parent[path[-1]] = changed
            yield path, how, copy


def _places(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in items:
        yield (*path, name), inner
        yield from _places(inner, (*path, name))


def _at(value: Any, path: Path) -> Any:
    for name in path:
        value = value[name]
    return value


def _retyped(value: Any) -> Iterator[tuple[str, Any]]:
    if value is not None:
        yield "null", None
    if not isinstance(value, dict):
        yield "an object", {"value": value}
    if not isinstance(value, list):
        yield "a list", [value]
    if isinstance(value, str):
        yield "a number", 7
        yield "true", True
    elif value is not None:
        yield "text", str(value)
    if isinstance(value, bool):
        yield "a number", int(value)
    elif isinstance(value, int | float):
        yield "true", True
        yield "a string of it", f"{value}.0000"
