"""Rows of ops in the order in which they can first be read, and how they are written."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import psycopg
from psycopg import sql

Row = dict[str, Any]


@dataclass(order=True)
class Arrival:
    """A row that can be read from ``at`` on; with ``key`` it changes the row that has this key."""

    at: datetime
    number: int
    table: str = field(compare=False)
    row: Row = field(compare=False)
    key: str | None = field(compare=False, default=None)


@dataclass(frozen=True)
class Event:
    """An event's markets; of HIGH and LOW exactly one wins, the rungs of RAIN are nested."""

    ticker: str
    city: str
    market_type: str
    climate_date: date
    ends_at: datetime
    brackets: tuple[tuple[int | None, int | None], ...]

    def market(self, number: int) -> str:
        return f"{self.ticker}-B{number}"


def write(connection: psycopg.Connection, arrivals: list[Arrival]) -> None:
    """Write rows as they arrive; ids are ours, so the connection must be the owner's or a superuser's."""
    with connection.pipeline():
        _write(connection, arrivals)
    connection.commit()


def _write(connection: psycopg.Connection, arrivals: list[Arrival]) -> None:
    for arrival in arrivals:
        names = list(arrival.row)
        table = sql.Identifier("ops", arrival.table)
        if arrival.key is None:
            statement = sql.SQL("insert into {} ({}) overriding system value values ({})").format(
                table,
                sql.SQL(", ").join(map(sql.Identifier, names)),
                sql.SQL(", ").join(map(sql.Placeholder, names)),
            )
        else:
            changes = [n for n in names if n != arrival.key]
            statement = sql.SQL("update {} set {} where {} = {}").format(
                table,
                sql.SQL(", ").join(
                    sql.SQL("{} = {}").format(sql.Identifier(n), sql.Placeholder(n)) for n in changes
                ),
                sql.Identifier(arrival.key),
                sql.Placeholder(arrival.key),
            )
        connection.execute(statement, arrival.row)
