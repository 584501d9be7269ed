"""Rows of Postgres as Parquet files: types kept, numbers exact, instants in UTC, a sha256 of the bytes.

Written to a file beside it and moved into place when whole. What Parquet has no type for (enums, JSON) is
written as the server's own text.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from trader.domain.errors import PersistenceError

BATCH: Final = 50_000  # rows held in memory at a time
_TYPES: Final = {
    "smallint": pa.int16(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp with time zone": pa.timestamp("us", tz="UTC"),
    "double precision": pa.float64(),
    "bytea": pa.binary(),
    "text[]": pa.list_(pa.string()),
}


class Column(NamedTuple):
    """Name and type as ``format_type`` spells it; ``scale`` of a numeric: most decimals that occur."""

    name: str
    kind: str
    scale: int = 0

    @property
    def is_text(self) -> bool:
        """Whether the server's text is written: neither numeric nor a type of Parquet's own."""
        return self.kind not in _TYPES and not self.kind.startswith("numeric")

    def arrow(self) -> Any:
        if self.kind.startswith("numeric"):
            return pa.decimal128(38, self.scale)
        return _TYPES.get(self.kind, pa.string())


def write(
    path: Path, columns: Sequence[Column], batches: Iterable[Sequence[tuple[Any, ...]]]
) -> tuple[int, str]:
    """Write rows in the order in which they come; return how many, and the sha256 of the file.

    Raises PersistenceError when a value does not fit its column; no file is left then.
    """
    schema = pa.schema([(column.name, column.arrow()) for column in columns])
    half = path.with_suffix(".half")
    count = 0
    try:
        with pq.ParquetWriter(half, schema, compression="zstd") as writer:
            for rows in batches:
                table = pa.table(list(_arrays(schema, rows)), schema=schema)
                writer.write_table(table)
                count += len(rows)
        half.rename(path)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise PersistenceError(
            f"{path.name}: expected values of {schema}, found {error}; not written"
        ) from error
    finally:
        half.unlink(missing_ok=True)
    return count, sha256_of(path)


def read(path: Path) -> Iterator[list[tuple[Any, ...]]]:
    """Return the rows in batches, as Python values of the types they were written with."""
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(BATCH):
            yield list(zip(*(column.to_pylist() for column in batch.columns), strict=True))


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _arrays(schema: Any, rows: Sequence[tuple[Any, ...]]) -> Iterator[Any]:
    values: Iterable[Sequence[Any]] = zip(*rows, strict=True) if rows else [()] * len(schema)
    for field, column in zip(schema, values, strict=True):
        yield pa.array(column, type=field.type)
