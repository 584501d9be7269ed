"""Every SQL text of the public plane; the page and the API read through these functions and no others."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeVar

from dashboard.db import Reader
from dashboard.rows import (
    BoardRow,
    CityMetric,
    EquityPoint,
    FunnelStep,
    Health,
    Mode,
    PageState,
    PublicTrade,
    Row,
    StrategyMetric,
)

PAGE_SIZE: Final = 100
SHOWN_DAYS: Final = 30
DELAY: Final = timedelta(minutes=60)  # of the marts; the page only says it, the database enforces it
EASTERN_STANDARD: Final = timedelta(hours=-5)  # climate days end in standard time, first in the East
_R = TypeVar("_R", bound=Row)


def _select(model: type[Row], relation: str) -> str:
    """The columns of a row type, by name: a renamed column is an error here and not an empty cell on the
    page."""
    columns = ", ".join('"' + name + '"' for name in model.model_fields)
    return f"select {columns} from analytics.{relation}"  # noqa: S608 - names of our own types


PAGE_STATE: Final = _select(PageState, "v_page_state")
BOARD: Final = _select(BoardRow, "v_city_board") + " order by market_type, climate_date, city_position"
HEALTH: Final = _select(Health, "v_health_summary") + " order by component"
_TRADE_FILTER: Final = """
where (%(city)s::text is null or city = %(city)s)
    and (%(market_type)s::text is null or market_type = %(market_type)s)
    and (%(side)s::text is null or side = %(side)s)
    and (%(mode)s::text is null or mode = %(mode)s)
    and (%(result)s::text is null or coalesce(outcome, 'open') = %(result)s)
"""
# equal minutes are put in an order of their own, or pages would share and lose rows
TRADES: Final = (
    _select(PublicTrade, "v_public_trades")
    + _TRADE_FILTER
    + "order by fill_time desc, city, climate_date, bracket_label, side, price, qty, fee"
    " limit %(limit)s offset %(offset)s"
)
TRADES_COUNT: Final = "select count(*) as n from analytics.v_public_trades" + _TRADE_FILTER  # noqa: S608
EQUITY: Final = (
    _select(EquityPoint, "equity_curve")
    + ' where mode = %(mode)s and "timestamp" > %(since)s order by "timestamp"'
)
CITY_METRICS: Final = (
    _select(CityMetric, "city_metrics")
    + " where (%(mode)s::text is null or mode = %(mode)s) order by date desc, city_code, mode"
)
STRATEGY_METRICS: Final = (
    _select(StrategyMetric, "strategy_metrics")
    + " where (%(mode)s::text is null or mode = %(mode)s) order by date desc, strategy_name, mode"
)
FUNNEL: Final = (  # of the newest day that has begun
    _select(FunnelStep, "decision_funnel")  # noqa: S608 - constant text and names of our own types
    + " where mode = %(mode)s"
    " and date = (select max(date) from analytics.decision_funnel where mode = %(mode)s and date <= %(day)s)"
    " order by step_no"
)


@dataclass(frozen=True)
class TradeFilter:
    """None leaves a column open; ``result`` is won, lost or open."""

    city: str | None = None
    market_type: str | None = None
    side: str | None = None
    mode: str | None = None
    result: str | None = None


@dataclass(frozen=True)
class Live:
    """What changes every few seconds."""

    page: PageState | None = None
    board: tuple[BoardRow, ...] = ()
    health: tuple[Health, ...] = ()


@dataclass(frozen=True)
class Figures:
    """What comes 60 minutes late: it changes once a cycle."""

    trades: tuple[PublicTrade, ...] = ()
    equity: tuple[EquityPoint, ...] = ()
    cities: tuple[CityMetric, ...] = ()
    funnel: tuple[FunnelStep, ...] = ()


def live(read: Reader) -> Live:
    pages = _rows(read, PAGE_STATE, PageState)
    return Live(pages[0] if pages else None, _rows(read, BOARD, BoardRow), health(read))


def figures(read: Reader, page: PageState | None) -> Figures:
    """Figures of the mode the trader runs in now; none before it ran."""
    if page is None or page.mode is None:
        return Figures()
    return Figures(
        trades=trades(read, TradeFilter(mode=page.mode), limit=14),
        equity=equity(read, page.mode, page.as_of),
        cities=city_metrics(read, page.mode),
        funnel=_rows(
            read, FUNNEL, FunnelStep, {"mode": page.mode, "day": (page.as_of + EASTERN_STANDARD).date()}
        ),
    )


def page_state(read: Reader) -> PageState | None:
    return next(iter(_rows(read, PAGE_STATE, PageState)), None)


def board(read: Reader) -> tuple[BoardRow, ...]:
    return _rows(read, BOARD, BoardRow)


def health(read: Reader) -> tuple[Health, ...]:
    return _rows(read, HEALTH, Health)


def trades(
    read: Reader, chosen: TradeFilter, *, limit: int = PAGE_SIZE, offset: int = 0
) -> tuple[PublicTrade, ...]:
    """Disclosed trades, newest first."""
    return _rows(read, TRADES, PublicTrade, {**vars(chosen), "limit": limit, "offset": offset})


def count_trades(read: Reader, chosen: TradeFilter) -> int:
    return int(read(TRADES_COUNT, vars(chosen))[0]["n"])


def equity(
    read: Reader, mode: Mode, as_of: datetime, days: int | None = SHOWN_DAYS
) -> tuple[EquityPoint, ...]:
    """Equity of a mode over the last ``days`` before ``as_of`` (None: all), oldest first."""
    since = as_of - timedelta(days=days) if days else datetime.min.replace(tzinfo=as_of.tzinfo)
    return _rows(read, EQUITY, EquityPoint, {"mode": mode, "since": since})


def city_metrics(read: Reader, mode: Mode | None) -> tuple[CityMetric, ...]:
    return _rows(read, CITY_METRICS, CityMetric, {"mode": mode})


def strategy_metrics(read: Reader, mode: Mode | None) -> tuple[StrategyMetric, ...]:
    return _rows(read, STRATEGY_METRICS, StrategyMetric, {"mode": mode})


def _rows(
    read: Reader, sql: str, model: type[_R], params: Mapping[str, object] | None = None
) -> tuple[_R, ...]:
    return tuple(model.model_validate(row) for row in read(sql, params))
