"""Reading the tables of a history folder: CSV (also compressed) and Parquet, as columns of numbers and
text."""

import csv
import gzip
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

from trader.domain.errors import ConfigurationError

Column = np.ndarray[Any, Any]
Table = dict[str, Column]


def find(history: Path, folder: str, *patterns: str) -> list[Path]:
    """Return the folder's files that match, in a fixed order; none is not an error here."""
    return sorted(path for pattern in patterns for path in (history / folder).glob(pattern))


def read(path: Path, columns: Sequence[str]) -> Table:
    """Return the named columns: numbers as float64 (missing NaN), everything else as text (missing empty).

    Times of Parquet files become whole UTC seconds. Raises ConfigurationError naming the file and what it
    lacks.
    """
    try:
        table = _read_parquet(path, columns) if path.suffix == ".parquet" else _read_csv(path, columns)
    except (OSError, ValueError, EOFError) as error:
        raise ConfigurationError(
            f"{path.name}: expected a readable table, found {error}; nothing was evaluated"
        ) from error
    lacking = [name for name in columns if name not in table]
    if lacking:
        raise ConfigurationError(
            f"{path.name}: expected columns {', '.join(lacking)}, found none so named; nothing was evaluated"
        )
    return table


def has_column(path: Path, name: str) -> bool:
    """Whether a table names the column."""
    if path.suffix == ".parquet":
        return name in pq.read_schema(path).names
    raw = path.read_bytes()
    text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode()
    return name in next(csv.reader(text.splitlines()), [])


def _read_csv(path: Path, columns: Sequence[str]) -> Table:
    raw = path.read_bytes()
    text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode()
    reader = csv.reader(text.splitlines())
    header = next(reader, [])
    wanted = {name: header.index(name) for name in columns if name in header}
    rows = list(reader)
    return {name: _typed([row[i] for row in rows]) for name, i in wanted.items()}


def _typed(values: list[str]) -> Column:
    try:
        return np.array([float(v) if v else np.nan for v in values], dtype=np.float64)
    except ValueError:
        return np.array(values, dtype=object)


def _read_parquet(path: Path, columns: Sequence[str]) -> Table:
    file = pq.ParquetFile(path)
    table = file.read(columns=[name for name in columns if name in file.schema_arrow.names])
    out: Table = {}
    for name in table.column_names:
        column = table.column(name)
        kind = str(column.type)
        if kind.startswith("timestamp"):
            out[name] = pc.cast(pc.cast(column, "timestamp[s]", safe=False), "int64").to_numpy()
        elif kind in ("string", "large_string"):
            out[name] = np.array(["" if v is None else v for v in column.to_pylist()], dtype=object)
        else:
            out[name] = column.to_numpy().astype(np.float64)
    return out


def ordinals(texts: Column) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return proleptic ordinals of ISO dates (also the date part of longer texts), each distinct text read
    once."""
    known = {text: date.fromisoformat(text[:10]).toordinal() for text in set(texts.tolist())}
    return np.array([known[text] for text in texts.tolist()], dtype=np.int64)


def groups(keys: Column) -> Iterator[tuple[str, np.ndarray[Any, np.dtype[np.int64]]]]:
    """Yield each distinct key with the rows that carry it."""
    names, inverse = np.unique(keys.astype(str), return_inverse=True)
    order = np.argsort(inverse, kind="stable")
    bounds = np.searchsorted(inverse[order], np.arange(len(names) + 1))
    for i, name in enumerate(names.tolist()):
        yield name, order[bounds[i] : bounds[i + 1]]
