"""From rows to models: the few ways in which the repositories read."""

from collections.abc import Mapping
from typing import Any, TypeVar

import psycopg
from psycopg.rows import dict_row
from pydantic import BaseModel

Connection = psycopg.Connection[tuple[Any, ...]]
Params = Mapping[str, Any]
M = TypeVar("M", bound=BaseModel)


def fetch_rows(connection: Connection, sql: str, params: Params) -> list[dict[str, Any]]:
    """Return every row by column name."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(sql.encode(), params).fetchall()


def fetch_models(connection: Connection, model: type[M], sql: str, params: Params) -> tuple[M, ...]:
    """Return every row as a model whose fields are the columns; enums, tuples and instants are converted."""
    return tuple(model.model_validate(row, strict=False) for row in fetch_rows(connection, sql, params))


def fetch_model(connection: Connection, model: type[M], sql: str, params: Params) -> M | None:
    """Return the first row as a model, None when there is none."""
    found = fetch_models(connection, model, sql, params)
    return found[0] if found else None


def fetch_value(connection: Connection, sql: str, params: Params) -> Any:
    """Return the first column of the first row, None when there is none."""
    row = connection.execute(sql.encode(), params).fetchone()
    return row[0] if row else None
