"""Which grid cell each city's forecast is read from: asked for daily, verified by its polygon."""

import threading
from contextlib import suppress
from datetime import datetime, timedelta

from trader.adapters.fields import Fields
from trader.adapters.http import Response
from trader.adapters.nws.client import NwsClient, WrongCell
from trader.adapters.nws.grid import GridCell, distance_km
from trader.domain.cities import CityConfig
from trader.domain.errors import MalformedPayload, TransientError
from trader.domain.weather import CellCheck
from trader.ports.clock import Clock

CELL_LIFE = timedelta(hours=24)


class CellMisplaced(MalformedPayload):
    """The cell's polygon is not at the station."""


class Cells:
    """Shared by the threads that fetch cities."""

    def __init__(self, nws: NwsClient, clock: Clock) -> None:
        self._nws, self._clock, self._lock = nws, clock, threading.Lock()
        self._named: dict[str, tuple[GridCell, datetime]] = {}
        self._checks: dict[str, CellCheck] = {}

    def checks(self) -> tuple[CellCheck, ...]:
        """Return the newest verdict per city, by code; none for a city whose grid was never seen."""
        with self._lock:
            return tuple(self._checks[code] for code in sorted(self._checks))

    def verify(self, city: CityConfig) -> CellCheck:
        """Ask anew which cell it is and look at its polygon. Raises TransientError or MalformedPayload."""
        with self._lock:
            self._named.pop(city.code, None)
            self._checks.pop(city.code, None)
        with suppress(CellMisplaced):  # the verdict says so
            self.read(city)
        with self._lock:
            return self._checks[city.code]

    def read(self, city: CityConfig) -> tuple[Fields, Response]:
        """Return the raw grid of the city's cell, which is asked for anew when it does not exist any more.

        Raises CellMisplaced when the polygon is not at the station, TransientError without an answer.
        """
        cell, named_at = self._cell(city)
        try:
            body, response = self._nws.grid(city, cell)
        except WrongCell:
            with self._lock:
                self._named.pop(city.code, None)
            again, named_at = self._cell(city)
            if again == cell:
                raise
            cell = again
            body, response = self._nws.grid(city, cell)
        distance = distance_km(body, city)
        check = CellCheck(
            city_code=city.code,
            office=cell.office,
            grid_x=cell.x,
            grid_y=cell.y,
            distance_km=round(distance, 3),
            resolved_at=named_at,
        )
        with self._lock:
            self._checks[city.code] = check
        if not check.is_usable:
            raise CellMisplaced(
                f"grid cell {cell.office}/{cell.x},{cell.y} of {city.code}: expected it at the station, "
                f"found it {distance:.1f} km away; its forecast was not used"
            )
        return body, response

    def _cell(self, city: CityConfig) -> tuple[GridCell, datetime]:
        """The service's own answer, a day old at most; the last known one while it gives none."""
        now = self._clock.now()
        with self._lock:
            known = self._named.get(city.code)
        if known is not None and now - known[1] < CELL_LIFE:
            return known
        try:
            named = self._nws.grid_cell(city), now
        except TransientError:
            return known or (GridCell(city.nws_office, city.nws_grid_x, city.nws_grid_y), now)
        with self._lock:
            self._named[city.code] = named
        return named
