"""The internal API: the page's rows as JSON, over the same role and the same queries, on loopback only.

Everything that comes from trades is at least 60 minutes old, because the marts hold nothing younger. Nothing
limits
the rate yet: the service answers on 127.0.0.1 only. A caller that polls should do so once in five seconds,
the
``max-age`` of every answer; the marts change no faster than that.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Annotated, Any, Literal

from fastapi import Depends, FastAPI, HTTPException, Query, Request, Response
from fastapi.middleware.cors import CORSMiddleware
from pydantic import BaseModel, ConfigDict

from dashboard import queries
from dashboard.components.health_badges import worst
from dashboard.db import Database, DatabaseAwayError, Reader
from dashboard.queries import PAGE_SIZE, SHOWN_DAYS, TradeFilter
from dashboard.rows import (
    BoardRow,
    CityMetric,
    Component,
    EquityPoint,
    Health,
    MarketType,
    Mode,
    PublicTrade,
    Status,
    StrategyMetric,
)
from dashboard.settings import Settings, load_settings

MAX_AGE_S = 5


class Overall(BaseModel):
    """The worst component decides; ``is_degraded`` is true for degraded and down."""

    model_config = ConfigDict(frozen=True)

    status: Status
    is_degraded: bool
    components: tuple[Health, ...]


class Trouble(BaseModel):
    """What an answer other than 200 holds."""

    detail: str


AWAY: dict[int | str, dict[str, Any]] = {
    503: {"model": Trouble, "description": "The database is away; nothing is answered from memory."}
}


def create_app(settings: Settings) -> FastAPI:
    """The API on the database of ``settings``; it opens its pool at start and closes it at the end."""
    database = Database(settings.database_url)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        with database:
            yield

    api = FastAPI(
        title="Milkbot", version="1", description=__doc__, lifespan=lifespan, openapi_url="/openapi.json"
    )
    api.state.database = database
    api.add_middleware(CORSMiddleware, allow_origins=[settings.page_origin], allow_methods=["GET"])
    _add_health(api)
    _add_marts(api)
    return api


def reader(request: Request, response: Response) -> Iterator[Reader]:
    """One read-only snapshot a request; 503 when the database is away, its message without an address."""
    response.headers["Cache-Control"] = f"public, max-age={MAX_AGE_S}"
    database: Database = request.app.state.database
    try:
        with database.reading() as read:
            yield read
    except DatabaseAwayError as error:
        raise HTTPException(503, str(error), headers={"Retry-After": str(MAX_AGE_S)}) from error


Read = Annotated[Reader, Depends(reader)]


def _add_health(api: FastAPI) -> None:
    down: dict[int | str, dict[str, Any]] = {
        503: {"model": Overall, "description": "A component is down, or the database is away."}
    }
    one_down: dict[int | str, dict[str, Any]] = {
        503: {"model": Health, "description": "The component is down or unknown, or the database is away."}
    }

    @api.get("/v1/health", responses=down, tags=["health"])
    def health(read: Read, response: Response) -> Overall:
        """All components; 503 as soon as one of them is down."""
        rows = queries.health(read)
        row = worst(rows)
        status: Status = row.status if row else "unknown"
        response.status_code = 503 if status == "down" else 200
        return Overall(status=status, is_degraded=status in {"degraded", "down"}, components=rows)

    @api.get("/v1/health/{component}", responses=one_down, tags=["health"])
    def component_health(component: Component, read: Read, response: Response) -> Health:
        """One component: 200 while ok or degraded, 503 when down or unknown."""
        rows = {row.component: row for row in queries.health(read)}
        found = rows.get(component, Health(component=component, status="unknown", message="never seen"))
        response.status_code = 200 if found.status in {"ok", "degraded"} else 503
        return found


def _add_marts(api: FastAPI) -> None:
    @api.get("/v1/board", responses=AWAY, tags=["live"])
    def board(read: Read) -> tuple[BoardRow, ...]:
        """Today's and tomorrow's events of the ten cities: weather and market live, our side 60 minutes
        old."""
        return queries.board(read)

    @api.get("/v1/metrics/city", responses=AWAY, tags=["60 minutes late"])
    def city(read: Read, mode: Mode | None = None) -> tuple[CityMetric, ...]:
        """One row per city, climate date and mode, newest date first."""
        return queries.city_metrics(read, mode)

    @api.get("/v1/metrics/strategy", responses=AWAY, tags=["60 minutes late"])
    def strategy(read: Read, mode: Mode | None = None) -> tuple[StrategyMetric, ...]:
        """One row per strategy version, climate date and mode, newest date first."""
        return queries.strategy_metrics(read, mode)

    @api.get("/v1/equity", responses=AWAY, tags=["60 minutes late"])
    def equity(
        read: Read, mode: Mode | None = None, days: Annotated[int, Query(ge=1, le=366)] = SHOWN_DAYS
    ) -> tuple[EquityPoint, ...]:
        """One point a cycle, oldest first; without ``mode`` that of the trader now."""
        page = queries.page_state(read)
        chosen = mode or (page.mode if page else None)
        return queries.equity(read, chosen, page.as_of, days) if page and chosen else ()

    @api.get("/v1/trades/public", responses=AWAY, tags=["60 minutes late"])
    def trades(
        read: Read,
        city: Annotated[str | None, Query(pattern="^[A-Z]{3}$", description="City code, such as NYC")] = None,
        market_type: MarketType | None = None,
        side: Literal["YES", "NO"] | None = None,
        mode: Mode | None = None,
        result: Literal["won", "lost", "open"] | None = None,
        limit: Annotated[int, Query(ge=1, le=PAGE_SIZE)] = PAGE_SIZE,
        offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    ) -> tuple[PublicTrade, ...]:
        """Fills at least 60 minutes old, newest first, to the minute."""
        return queries.trades(
            read, TradeFilter(city, market_type, side, mode, result), limit=limit, offset=offset
        )


def __getattr__(name: str) -> FastAPI:
    """``dashboard.api:app`` for the server, made when asked for, so that importing needs no environment."""
    if name == "app":
        return create_app(load_settings())
    raise AttributeError(name)
