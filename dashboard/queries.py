"""What the page and the API ask the marts, and in which rows they get it; they read through these functions
and no others.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final, TypeVar

from dashboard import statements as sql
from dashboard.bundles import Decisions, Figures, Live, Performance, Skill, TradeFilter, TradePage
from dashboard.db import Reader
from dashboard.format import NEW_YORK, local
from dashboard.rows import (
    Anomaly,
    BoardRow,
    CalibrationBin,
    CityMetric,
    ClosingLine,
    ClusterExposure,
    DecisionReason,
    EquityPoint,
    Explanation,
    ForecastScore,
    FunnelStep,
    Health,
    MarketType,
    Mode,
    PageState,
    PathHour,
    PnlBucket,
    PublicTrade,
    Row,
    StrategyMetric,
)

PAGE_SIZE: Final = 100
DELAY: Final = timedelta(minutes=60)  # of the marts; the page only says it, the database enforces it
SPANS: Final = {"7 days": 7, "30 days": 30, "All": None}
STEPS_MIN: Final = (5, 15, 60, 240, 1440, 2880, 10080)  # between two points of an equity line
_POINTS: Final = 720  # of an equity line, about one for each pixel it has
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_R = TypeVar("_R", bound=Row)


def live(read: Reader) -> Live:
    return Live(page_state(read), board(read), health(read))


def figures(read: Reader) -> Figures:
    """Figures of the mode the trader runs in now; none before it ran."""
    page = page_state(read)
    if page is None or page.mode is None:
        return Figures()
    return Figures(
        trades=trades(read, TradeFilter(mode=page.mode), limit=14),
        equity=equity(read, page.mode, page.as_of, SPANS["30 days"]),
        cities=city_metrics(read, page.mode),
        funnel=funnel(read, page.mode, page.as_of),
        scores=scores(read, page.mode),
    )


def trade_page(read: Reader, chosen: TradeFilter, limit: int, offset: int) -> TradePage:
    mode = chosen.mode or mode_now(read)
    if mode is None:
        return TradePage()
    chosen = TradeFilter(**{**vars(chosen), "mode": mode})
    rows = trades(read, chosen, limit=limit, offset=offset)
    return TradePage(rows, count_trades(read, chosen), explanations(read, chosen.mode, rows))


def performance(read: Reader, span: str) -> Performance:
    """Figures of a span of ``SPANS`` in the mode the trader runs in now."""
    page = page_state(read)
    if page is None or page.mode is None:
        return Performance()
    days = SPANS[span]
    since = date.min if days is None else (page.as_of - timedelta(days=days)).date()
    asked = {"mode": page.mode, "since": since}
    return Performance(
        equity=equity(read, page.mode, page.as_of, days),
        cities=tuple(m for m in city_metrics(read, page.mode) if m.date >= since),
        strategies=tuple(m for m in strategy_metrics(read, page.mode) if m.date >= since),
        buckets=_rows(read, sql.PNL, PnlBucket, asked),
        closing=_rows(read, sql.CLOSING, ClosingLine, asked),
        exposure=_rows(read, sql.EXPOSURE, ClusterExposure, asked),
    )


def skill(read: Reader) -> Skill:
    mode = mode_now(read)
    return (
        Skill(scores(read, mode), _rows(read, sql.BINS, CalibrationBin, {"mode": mode})) if mode else Skill()
    )


def decisions(read: Reader) -> Decisions:
    page = page_state(read)
    if page is None or page.mode is None:
        return Decisions()
    steps = funnel(read, page.mode, page.as_of)
    asked = {"mode": page.mode, "day": steps[0].date if steps else None}
    return Decisions(steps, _rows(read, sql.REASONS, DecisionReason, asked))


def page_state(read: Reader) -> PageState | None:
    return next(iter(_rows(read, sql.PAGE_STATE, PageState)), None)


def mode_now(read: Reader) -> Mode | None:
    page = page_state(read)
    return page.mode if page else None


def board(read: Reader) -> tuple[BoardRow, ...]:
    return _rows(read, sql.BOARD, BoardRow)


def health(read: Reader) -> tuple[Health, ...]:
    return _rows(read, sql.HEALTH, Health)


def anomalies(read: Reader) -> tuple[Anomaly, ...]:
    return _rows(read, sql.ANOMALIES, Anomaly)


def trades(
    read: Reader, chosen: TradeFilter, *, limit: int = PAGE_SIZE, offset: int = 0
) -> tuple[PublicTrade, ...]:
    """Disclosed trades of the filter's mode, newest first."""
    return _rows(read, sql.TRADES, PublicTrade, {**vars(chosen), "limit": limit, "offset": offset})


def count_trades(read: Reader, chosen: TradeFilter) -> int:
    read(sql.SORTING, {"is_on": "off"})
    (row,) = read(sql.TRADES_COUNT, vars(chosen))
    read(sql.SORTING, {"is_on": "on"})
    return int(row["n"])


def explanations(read: Reader, mode: str | None, rows: Sequence[PublicTrade]) -> tuple[Explanation, ...]:
    """Words about the signals behind these trades: those of the hour before the oldest to the newest."""
    if not rows:
        return ()
    times = [row.fill_time for row in rows]
    asked = {"mode": mode, "since": min(times) - timedelta(hours=1), "until": max(times)}
    return _rows(read, sql.EXPLANATIONS, Explanation, asked)


def equity(
    read: Reader, mode: Mode, as_of: datetime, days: int | None, step_min: int | None = None
) -> tuple[EquityPoint, ...]:
    """The last point of each step of the last ``days`` before ``as_of`` (None: since the first), oldest
    first. Steps are ``step_min`` minutes of UTC (None: as many as a line has pixels).
    """
    since = as_of - timedelta(days=days) if days else read(sql.EQUITY_SINCE, {"mode": mode})[0]["since"]
    if since is None:
        return ()
    fewest = (as_of - since) / timedelta(minutes=1) / _POINTS
    step = timedelta(minutes=step_min or next((s for s in STEPS_MIN if s >= fewest), STEPS_MIN[-1]))
    since += step - (since - _EPOCH) % step  # whole steps: the same points whenever it is asked
    return _rows(
        read, sql.EQUITY, EquityPoint, {"mode": mode, "since": since, "until": as_of + step, "step": step}
    )


def city_metrics(read: Reader, mode: Mode | None, limit: int = sql.NEWEST) -> tuple[CityMetric, ...]:
    return _rows(read, sql.CITY_METRICS, CityMetric, {"mode": mode, "limit": limit})


def strategy_metrics(read: Reader, mode: Mode | None, limit: int = sql.NEWEST) -> tuple[StrategyMetric, ...]:
    return _rows(read, sql.STRATEGY_METRICS, StrategyMetric, {"mode": mode, "limit": limit})


def scores(read: Reader, mode: Mode) -> tuple[ForecastScore, ...]:
    return _rows(read, sql.SCORES, ForecastScore, {"mode": mode})


def path(read: Reader, city: str, kind: MarketType, day: date) -> tuple[PathHour, ...]:
    return _rows(read, sql.PATH, PathHour, {"city": city, "kind": kind, "day": day})


def funnel(read: Reader, mode: Mode, as_of: datetime) -> tuple[FunnelStep, ...]:
    """The funnel of the newest climate day that is not ahead of New York's."""
    day = read(sql.FUNNEL_DAY, {"mode": mode, "today": local(as_of, NEW_YORK).date()})[0]["day"]
    return _rows(read, sql.FUNNEL, FunnelStep, {"mode": mode, "day": day}) if day else ()


def _rows(
    read: Reader, statement: str, model: type[_R], params: Mapping[str, object] | None = None
) -> tuple[_R, ...]:
    return tuple(model.model_validate(row) for row in read(statement, params))
