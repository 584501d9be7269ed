"""What the public marts hold, one frozen type a row: the page draws these, the API answers with them.

Prices, money and quantities are ``Decimal`` (dollars, contracts), JSON gives them as strings so that no
digit is
lost. Temperatures are degrees Fahrenheit. Every time is aware and UTC.
"""

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

Mode = Literal["SHADOW", "DEMO", "LIVE"]
MarketType = Literal["HIGH", "LOW", "RAIN", "SNOW"]
Outcome = Literal["won", "lost", "fair price"]
EventStatus = Literal["open", "closed", "settled", "none"]
Status = Literal["ok", "degraded", "down", "unknown"]
Component = Literal["trader", "analytics", "dashboard", "kalshi_api", "nws_api", "database"]
ClimateDate = date  # a field named date hides the type
Probability = Annotated[Decimal, Field(ge=0, le=1)]


def _list(value: object) -> object:
    return value or ()


class Row(BaseModel):
    """One row of a mart; a column that is not named here is not read."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    @classmethod
    def columns(cls) -> tuple[str, ...]:
        """The columns of the mart, in order."""
        return tuple(field.alias or name for name, field in cls.model_fields.items())


class PageState(Row):
    """What the page says about itself; ``as_of`` is "now": a recorded world's clock, never later than real
    time."""

    as_of: AwareDatetime
    world: str | None = None
    mode: Mode | None = None
    last_cycle_at: AwareDatetime | None = None
    cities_ok: int | None = None


class Bracket(Row):
    """One contract of an event: whole degrees ``lo`` to ``hi``, both included; None is an open end.

    Prices are live; ``model_p`` is our chance, at least 60 minutes old.
    """

    label: str
    lo: int | None = None
    hi: int | None = None
    yes_bid: Probability | None = None
    yes_ask: Probability | None = None
    mid: Probability | None = None
    bid_size: Decimal | None = None
    ask_size: Decimal | None = None
    model_p: Probability | None = None
    is_leading: bool | None = None
    is_winner: bool | None = None


class BoardRow(Row):
    """One event of one city: what was measured, what the market says, what we said 60 minutes ago."""

    city_position: int
    city_code: str
    city_name: str
    timezone: str
    market_type: MarketType
    climate_date: date
    is_today: bool
    event_status: EventStatus
    close_time: AwareDatetime | None = None
    temp_f: Decimal | None = None
    observed_at: AwareDatetime | None = None
    extreme_so_far_f: Decimal | None = None
    extreme_so_far_at: AwareDatetime | None = None
    official_value: Decimal | None = None
    forecast_f: Decimal | None = None
    forecast_sd_f: Decimal | None = None
    p10_f: Decimal | None = None
    p50_f: Decimal | None = None
    p90_f: Decimal | None = None
    forecast_as_of: AwareDatetime | None = None
    ladder: Annotated[tuple[Bracket, ...], BeforeValidator(_list)] = ()
    leading_label: str | None = None
    leading_bid: Probability | None = None
    leading_ask: Probability | None = None
    spread: Decimal | None = None
    volume: Decimal | None = None
    depth: Decimal | None = None
    quotes_as_of: AwareDatetime | None = None
    weather_as_of: AwareDatetime | None = None
    is_quote_stale: bool | None = None


class PublicTrade(Row):
    """One fill, at least 60 minutes old; ``price`` is dollars a contract of ``side``, time is to the
    minute."""

    city: str
    city_name: str | None = None
    market_type: MarketType | None = None
    climate_date: date | None = None
    bracket_label: str | None = None
    side: Literal["YES", "NO"]
    action: Literal["OPEN", "REDUCE"]
    qty: Decimal
    price: Decimal
    fee: Decimal
    fill_time: AwareDatetime
    mode: Mode
    strategy_name: str | None = None
    p_side: Probability | None = None
    edge: Decimal | None = None
    outcome: Outcome | None = None
    pnl: Decimal | None = None


class EquityPoint(Row):
    """Equity after one cycle, in dollars; ``drawdown`` is the share, 0 to 1, lost since the highest point
    so far."""

    timestamp: AwareDatetime
    mode: Mode
    starting_capital: Decimal
    realized_pnl: Decimal
    unrealized_pnl: Decimal
    total_equity: Decimal
    drawdown: Decimal


class CityMetric(Row):
    """One city, climate date and mode; rates are 0 to 1 and empty while nothing is settled."""

    city_code: str
    date: date
    mode: Mode
    trades: int
    qty: Decimal
    volume_usd: Decimal
    fees: Decimal
    pnl: Decimal | None = None
    wins: int
    losses: int
    win_rate: Probability | None = None
    break_even_win_rate: Probability | None = None


class StrategyMetric(Row):
    """One strategy version, climate date and mode; edge is dollars a contract after fees, mean over its
    trades."""

    strategy_name: str
    strategy_version: str | None = None
    date: date
    mode: Mode
    signals: int
    trades: int
    edge_realized: Decimal | None = None
    avg_fill_price_minus_p_yes: Decimal | None = None
    pnl: Decimal | None = None


class PnlBucket(Row):
    """Profit of one bucket of a dimension (edge at the price paid, lead, market type, side) on one climate
    date."""

    date: date
    mode: Mode
    dimension: Literal["edge", "lead", "market_type", "side"]
    bucket_no: int
    bucket: str
    trades: int
    expected_pnl: Decimal | None = None
    pnl: Decimal | None = None
    settled_trades: int
    won_trades: int


class ClosingLine(Row):
    """How the price of what was bought moved afterwards, dollars a contract, mean over ``close_qty``
    contracts."""

    date: date
    mode: Mode
    strategy_name: str
    close_qty: Decimal | None = None
    closing_line_value: Decimal | None = None


class ClusterExposure(Row):
    """What one cluster of cities held 60 minutes ago, in dollars; worst case over the outcomes."""

    mode: Mode
    cluster: Literal["NE", "SE", "Midwest", "Mountain", "West"]
    markets: int
    cost_usd: Decimal
    worst_case_usd: Decimal
    as_of: AwareDatetime


class ForecastScore(Row):
    """A mean score over settled events; lower is better. ``city_code`` ALL is all cities together.

    ``value_lo`` to ``value_hi`` is the 95 % interval, None below thirty days.
    """

    mode: Mode
    market_type: MarketType
    city_code: str
    lead_no: int
    lead: str
    strategy_name: str
    strategy_version: str
    measure: str
    value: Decimal | None = None
    value_lo: Decimal | None = None
    value_hi: Decimal | None = None
    count: int
    days: int
    is_enough: bool


class CalibrationBin(Row):
    """A tenth of probability: how often it was given, and how often what it was given to came true."""

    mode: Mode
    market_type: MarketType
    lead_no: int
    lead: str
    strategy_name: str
    strategy_version: str
    forecaster: Literal["model", "market"]
    bin_no: int
    bin_from: Probability
    bin_to: Probability
    contracts: int
    won: int
    mean_p: Probability | None = None
    won_share: Probability | None = None
    won_share_lo: Decimal | None = None
    won_share_hi: Decimal | None = None
    is_enough: bool


class PathHour(Row):
    """One event at one hour: our quantiles (60 minutes old), the market's median, the extreme so far."""

    city_code: str
    market_type: MarketType
    climate_date: date
    hour_at: AwareDatetime
    p10_f: int | None = None
    p25_f: int | None = None
    p50_f: int | None = None
    p75_f: int | None = None
    p90_f: int | None = None
    market_median_f: Decimal | None = None
    extreme_so_far_f: Decimal | None = None


class Explanation(Row):
    """Words about one signal, written by rules or a language model: plain text from outside."""

    date: date
    mode: Mode
    city_code: str
    market_type: MarketType
    bracket_label: str | None = None
    strategy_name: str
    decision: Literal["BUY", "SELL", "HOLD"]
    text: str
    author: str
    decided_at: AwareDatetime


class Anomaly(Row):
    """A change of class of an unusual condition: plain text from outside."""

    date: ClimateDate | None = None
    city_code: str | None = None
    market_type: MarketType | None = None
    bracket_label: str | None = None
    class_: Literal["NORMAL", "SUSPICIOUS", "ALERT"] = Field(alias="class")
    kind: str
    reason: str
    author: str
    occurred_at: AwareDatetime


class DecisionReason(Row):
    """How many signals about one city's day stopped at a step for one reason."""

    date: date
    mode: Mode
    city_code: str
    market_type: MarketType
    strategy_name: str
    step_no: int
    reason: str
    count: int


class LostReason(Row):
    """A reason code of the trader and how many it stopped."""

    reason: str | None = None
    count: int


class FunnelStep(Row):
    """How many prices about one climate date reached a step; ``lost`` of them went no further, for these
    reasons."""

    date: date
    mode: Mode
    step_no: int
    step: str
    count: int
    lost: int | None = None
    top_reasons: Annotated[tuple[LostReason, ...], BeforeValidator(_list)] = ()


class Health(Row):
    """One component; ``status`` is judged from age when the row is read, ``last_ok`` is to the minute."""

    component: Component
    status: Status
    last_ok: AwareDatetime | None = None
    message: str | None = None
    is_degraded: bool = False
    age_s: int | None = None
