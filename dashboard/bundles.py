"""What one page asks for at once, and what it may choose by."""

from dataclasses import dataclass
from datetime import datetime

from dashboard.rows import (
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
    PageState,
    PnlBucket,
    PublicTrade,
    StrategyMetric,
)


@dataclass(frozen=True)
class TradeFilter:
    """None leaves a column open, but for ``mode``: None is the mode the trader runs in. ``result`` is an
    outcome or open; ``before`` a time that the trades are older than.
    """

    city: str | None = None
    market_type: str | None = None
    side: str | None = None
    mode: str | None = None
    result: str | None = None
    before: datetime | None = None


@dataclass(frozen=True)
class Live:
    """What changes every few seconds."""

    page: PageState | None = None
    board: tuple[BoardRow, ...] = ()
    health: tuple[Health, ...] = ()


@dataclass(frozen=True)
class Figures:
    """What the overview shows 60 minutes late."""

    trades: tuple[PublicTrade, ...] = ()
    equity: tuple[EquityPoint, ...] = ()
    cities: tuple[CityMetric, ...] = ()
    funnel: tuple[FunnelStep, ...] = ()
    scores: tuple[ForecastScore, ...] = ()


@dataclass(frozen=True)
class TradePage:
    """One page of the trades that match, the words about them, and how many match (``NEWEST`` at most)."""

    rows: tuple[PublicTrade, ...] = ()
    total: int = 0
    explanations: tuple[Explanation, ...] = ()


@dataclass(frozen=True)
class Performance:
    equity: tuple[EquityPoint, ...] = ()
    cities: tuple[CityMetric, ...] = ()
    strategies: tuple[StrategyMetric, ...] = ()
    buckets: tuple[PnlBucket, ...] = ()
    closing: tuple[ClosingLine, ...] = ()
    exposure: tuple[ClusterExposure, ...] = ()


@dataclass(frozen=True)
class Skill:
    scores: tuple[ForecastScore, ...] = ()
    bins: tuple[CalibrationBin, ...] = ()


@dataclass(frozen=True)
class Decisions:
    """The funnel of the newest day and why it lost what it lost."""

    funnel: tuple[FunnelStep, ...] = ()
    reasons: tuple[DecisionReason, ...] = ()
