"""The page's rows as JSON, over the same role and the same queries, on loopback only.

**Age.** What comes from trades is at least 60 minutes old: the marts hold nothing younger. Market and weather
are live.

**Form.** Every route is `GET` and answers JSON. Money, prices and quantities are decimal text, so that no
digit is lost; times are UTC; dates are climate dates (local standard time).

**Keeping.** An answer may be kept until the next five-second slot begins; `Cache-Control` says how long that
is.

**Rate.** Nothing limits the rate: the service answers on 127.0.0.1 only. Poll no faster than every five
seconds; nothing changes faster.

**Errors.** 404 no such route; 405 not `GET`; 422 a parameter is out of range, with the reason; 503 the
database is away, or a health route says so. An error is `{"detail": ...}` and names no server.
"""

import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from enum import IntEnum
from typing import Annotated, Any, Final, Literal

from fastapi import Depends, FastAPI, HTTPException, Query, Request, Response
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import HTMLResponse
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict

from dashboard import api_docs, queries
from dashboard.bundles import TradeFilter
from dashboard.components.health_badges import worst
from dashboard.db import Database, DatabaseAwayError, Reader
from dashboard.queries import PAGE_SIZE
from dashboard.rows import (
    BoardRow,
    CityMetric,
    Component,
    EquityPoint,
    Health,
    MarketType,
    Mode,
    Outcome,
    PublicTrade,
    Status,
    StrategyMetric,
)
from dashboard.settings import Settings, load_settings
from dashboard.statements import NEWEST

SLOT_S: Final = 5
_MOST_POINTS: Final = 10_000


class Step(IntEnum):
    """Minutes between two points of an equity line."""

    FIVE_MINUTES = 5
    QUARTER = 15
    HOUR = 60
    FOUR_HOURS = 240
    DAY = 1440


class Overall(BaseModel):
    """The worst component decides; ``is_degraded`` is true for degraded and down."""

    model_config = ConfigDict(frozen=True)

    status: Status
    is_degraded: bool
    components: tuple[Health, ...]


class Trouble(BaseModel):
    """What an answer other than 200 holds."""

    detail: str


def create_app(settings: Settings) -> FastAPI:
    """The API on the database of ``settings``; it opens its pool at start and closes it at the end."""
    database = Database(settings.database_url)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        with database:
            yield

    api = FastAPI(
        title="Milkbot",
        version="1",
        description=__doc__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        servers=[{"url": "http://127.0.0.1:8000", "description": "loopback only"}],
    )
    api.state.database = database
    api.add_middleware(CORSMiddleware, allow_origins=[settings.page_origin], allow_methods=["GET"])
    _add_health(api)
    _add_live(api)
    _add_late(api)

    @api.get("/docs", response_class=HTMLResponse, include_in_schema=False)
    def docs() -> str:
        """These pages, without a script."""
        return api_docs.page(api.openapi())

    return api


def reader(request: Request, response: Response) -> Iterator[Reader]:
    """One read-only snapshot a request; 503 when the database is away, its message without an address."""
    response.headers["Cache-Control"] = f"public, max-age={_left_of_slot(time.time())}"
    database: Database = request.app.state.database
    try:
        with database.reading() as read:
            yield read
    except DatabaseAwayError as error:
        raise HTTPException(503, str(error), headers={"Retry-After": str(SLOT_S)}) from error


def _left_of_slot(now_s: float) -> int:
    """Whole seconds until the slot ends, at least one: all copies of an answer grow old together."""
    return SLOT_S - int(now_s) % SLOT_S


def _dated(value: str | None) -> str | None:
    """A time written as RFC 3339 has it; the type alone would take a bare number for seconds since 1970."""
    if value is not None and not re.match(r"\d{4}-\d{2}-\d{2}T", value):
        raise ValueError("expected a time such as 2026-07-21T12:00:00Z")
    return value


Read = Annotated[Reader, Depends(reader)]
ModeQuery = Annotated[Mode | None, Query(description="Without it: the mode the trader runs in now")]
Before = Annotated[
    AwareDatetime | None, BeforeValidator(_dated), Query(description="Only trades older than this")
]
Limit = Annotated[int, Query(ge=1, le=NEWEST, description="Most rows")]


def _answers(
    model: type[BaseModel], *, is_list: bool = True, away: type[BaseModel] = Trouble
) -> dict[int | str, Any]:
    """Responses of a route, with an example for 200."""
    example = api_docs.example(model)
    return {
        200: {"content": {"application/json": {"example": [example] if is_list else example}}},
        503: {
            "model": away | Trouble if away is not Trouble else Trouble,
            "description": "The database is away",
        },
    }


def _add_health(api: FastAPI) -> None:
    @api.get("/v1/health", responses=_answers(Overall, is_list=False, away=Overall), tags=["health"])
    def health(read: Read, response: Response) -> Overall:
        """All components; 503 as soon as one of them is down."""
        rows = queries.health(read)
        row = worst(rows)
        status: Status = row.status if row else "unknown"
        response.status_code = 503 if status == "down" else 200
        return Overall(status=status, is_degraded=status in {"degraded", "down"}, components=rows)

    @api.get(
        "/v1/health/{component}", responses=_answers(Health, is_list=False, away=Health), tags=["health"]
    )
    def component_health(component: Component, read: Read, response: Response) -> Health:
        """One component: 200 while ok or degraded, 503 when down or unknown."""
        rows = {row.component: row for row in queries.health(read)}
        found = rows.get(component, Health(component=component, status="unknown", message="never seen"))
        response.status_code = 200 if found.status in {"ok", "degraded"} else 503
        return found


def _add_live(api: FastAPI) -> None:
    @api.get("/v1/board", responses=_answers(BoardRow), tags=["live"])
    def board(read: Read) -> tuple[BoardRow, ...]:
        """Today's and tomorrow's events of the ten cities: weather and market live, our side 60 minutes
        old."""
        return queries.board(read)


def _add_late(api: FastAPI) -> None:
    late: list[Any] = ["60 minutes late"]

    @api.get("/v1/metrics/city", responses=_answers(CityMetric), tags=late)
    def city(read: Read, mode: Mode | None = None, limit: Limit = NEWEST) -> tuple[CityMetric, ...]:
        """One row per city, climate date and mode, newest date first; without `mode` all three, never
        summed."""
        return queries.city_metrics(read, mode, limit)

    @api.get("/v1/metrics/strategy", responses=_answers(StrategyMetric), tags=late)
    def strategy(read: Read, mode: Mode | None = None, limit: Limit = NEWEST) -> tuple[StrategyMetric, ...]:
        """One row per strategy version, climate date and mode, newest date first."""
        return queries.strategy_metrics(read, mode, limit)

    @api.get("/v1/equity", responses=_answers(EquityPoint), tags=late)
    def equity(
        read: Read,
        mode: ModeQuery = None,
        days: Annotated[int, Query(ge=1, le=3_660, description="How far back")] = 30,
        step: Annotated[Step, Query(description="Minutes between two points")] = Step.HOUR,
    ) -> tuple[EquityPoint, ...]:
        """The last point of each step, oldest first; a cycle makes one point in five minutes. The newest
        days that 10,000 steps hold: 34 at five minutes.
        """
        page = queries.page_state(read)
        chosen = mode or (page.mode if page else None)
        if page is None or chosen is None:
            return ()
        return queries.equity(read, chosen, page.as_of, min(days, _MOST_POINTS * step // Step.DAY), step)

    @api.get("/v1/trades/public", responses=_answers(PublicTrade), tags=late)
    def trades(
        read: Read,
        city: Annotated[str | None, Query(pattern="^[A-Z]{3}$", description="City code, such as NYC")] = None,
        market_type: MarketType | None = None,
        side: Literal["YES", "NO"] | None = None,
        mode: ModeQuery = None,
        result: Outcome | Literal["open"] | None = None,
        before: Before = None,
        limit: Annotated[int, Query(ge=1, le=PAGE_SIZE)] = PAGE_SIZE,
        offset: Annotated[int, Query(ge=0, le=NEWEST)] = 0,
    ) -> tuple[PublicTrade, ...]:
        """Fills at least 60 minutes old, newest first, to the minute. The filters look at the newest 10,000
        (before `before`); ask for older ones with the last `fill_time` as `before`.
        """
        chosen = mode or queries.mode_now(read)
        if chosen is None:
            return ()
        asked = TradeFilter(city, market_type, side, chosen, result, before)
        return queries.trades(read, asked, limit=limit, offset=offset)


def __getattr__(name: str) -> FastAPI:
    """``dashboard.api:app`` for the server, made when asked for, so that importing needs no environment."""
    if name == "app":
        return create_app(load_settings())
    raise AttributeError(name)
