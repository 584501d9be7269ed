"""A secret that is watched for: its value in every form in which it could be written down."""

import base64
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

LEAST = 8
"""A shorter value would be found by chance."""


@dataclass(frozen=True)
class Mark:
    """``slot`` names the place of the secret; ``home`` are the services whose own environment may hold it."""

    slot: str
    value: str
    home: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if len(self.value) < LEAST:
            raise ValueError(
                f"{self.slot}: expected a secret of {LEAST} characters or more, found a shorter one"
            )

    def forms(self) -> tuple[bytes, ...]:
        """The value as it is, in an address, in JSON, in base64 at each of three offsets, and backwards."""
        raw = self.value.encode()
        coded = {base64.b64encode(b" " * pad + raw)[4 if pad else 0 : -4] for pad in range(3)}
        plain = {raw, quote(self.value, safe="").encode(), json.dumps(self.value)[1:-1].encode(), raw[::-1]}
        return tuple(sorted(plain | {c for c in coded if len(c) >= LEAST} | {raw.hex().encode()}))


@dataclass(frozen=True)
class Hit:
    slot: str
    place: str


def search(marks: Iterable[Mark], place: str, content: bytes) -> list[Hit]:
    """The marks whose value, in any of its forms, is in ``content``."""
    return [Hit(m.slot, place) for m in marks if any(form in content for form in m.forms())]


def search_files(marks: Iterable[Mark], root: Path, own: Iterable[Path] = ()) -> tuple[int, list[Hit]]:
    """Search every file below ``root`` but those in which a secret lives; return files read and hits.

    Raises OSError for a file that cannot be read: what was not searched must not count as clean.
    """
    spared = {path.resolve() for path in own}
    wanted = list(marks)
    count, hits = 0, []
    for path in sorted(root.rglob("*")):
        if path.is_file() and not path.is_symlink() and path.resolve() not in spared:
            count += 1
            hits += search(wanted, f"file {path.relative_to(root)}", path.read_bytes())
    return count, hits
