"""Resolutions of the cities' grid cells."""

from datetime import datetime

from trader.adapters.book_rules import aware
from trader.adapters.ops.pool import Database
from trader.adapters.ops.rows import fetch_models
from trader.domain.weather import CellCheck

_INSERT = """
insert into ops.grid_cells (
    city_code, office, grid_x, grid_y, holds_station, distance_km, resolved_at, recorded_at
) values (
    %(city_code)s, %(office)s, %(grid_x)s, %(grid_y)s, %(holds_station)s, %(distance_km)s, %(resolved_at)s,
    %(at)s
)
"""
_NEWEST = """
select distinct on (city_code) city_code, office, grid_x, grid_y, distance_km, resolved_at
from ops.grid_cells order by city_code asc, resolved_at desc, grid_cell_id desc
"""


class PostgresCellRepository:
    """``ports.ops_store.CellRepository`` on Postgres."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(self, check: CellCheck, *, at: datetime) -> None:
        row = check.model_dump() | {"holds_station": check.holds_station, "at": aware(at)}
        with self._database.connection() as connection:
            connection.execute(_INSERT, row)

    def newest(self) -> tuple[CellCheck, ...]:
        with self._database.connection() as connection:
            return fetch_models(connection, CellCheck, _NEWEST, {})
