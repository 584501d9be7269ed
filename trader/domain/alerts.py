"""What the watch sees, what it may raise, and what a person is to do about it."""

from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from trader.domain.risk import StateChange
from trader.domain.types import Frozen, Instant, Money, Quantity, Severity, TradingMode


class AlertCode(StrEnum):
    TRADER_DOWN = "TRADER_DOWN"
    DATABASE_DOWN = "DATABASE_DOWN"
    ROLLUP_LATE = "ROLLUP_LATE"
    PAGE_DOWN = "PAGE_DOWN"
    API_DOWN = "API_DOWN"
    PROXY_DOWN = "PROXY_DOWN"
    BOOK_HALTED = "BOOK_HALTED"
    PART_HALTED = "PART_HALTED"
    RISK_EVENT = "RISK_EVENT"
    ORDER_UNKNOWN = "ORDER_UNKNOWN"
    BACKUP_OLD = "BACKUP_OLD"
    DISK_FILLING = "DISK_FILLING"
    DISK_FULL = "DISK_FULL"
    CERTIFICATE_ENDS = "CERTIFICATE_ENDS"


class Rule(NamedTuple):
    """How loud an alert is, how many looks in a row it takes, what it means, and what to do."""

    severity: Severity
    looks: int
    meaning: str
    do: str


_C, _W = Severity.CRITICAL, Severity.WARNING
RULES: dict[AlertCode, Rule] = {
    AlertCode.TRADER_DOWN: Rule(
        _C, 2, "No cycle was completed within two intervals, or nothing answers.", "The trader does not run"
    ),
    AlertCode.DATABASE_DOWN: Rule(_C, 2, "Postgres does not answer a query.", "The database does not answer"),
    AlertCode.ROLLUP_LATE: Rule(
        _W, 2, "The warehouse was not refreshed when due: the page stands still.", "The page says stale"
    ),
    AlertCode.PAGE_DOWN: Rule(
        _W, 2, "A process of the public page does not answer.", "The page does not open"
    ),
    AlertCode.API_DOWN: Rule(_W, 2, "The internal API does not answer.", "The page does not open"),
    AlertCode.PROXY_DOWN: Rule(
        _W, 2, "nginx does not complete a TLS handshake.", "The page opens here but not outside"
    ),
    AlertCode.BOOK_HALTED: Rule(_C, 1, "No new risk is taken in the whole book.", "Trading is halted"),
    AlertCode.PART_HALTED: Rule(_W, 1, "A city or a market is not traded.", "Trading is halted"),
    AlertCode.RISK_EVENT: Rule(_C, 1, "The trader reported something critical.", "Trading is halted"),
    AlertCode.ORDER_UNKNOWN: Rule(
        _C, 1, "An order's fate has been unknown for ten minutes.", "An order's fate is unknown"
    ),
    AlertCode.BACKUP_OLD: Rule(
        _W, 1, "The newest good backup is older than 26 hours.", "A backup is missing"
    ),
    AlertCode.DISK_FILLING: Rule(_W, 2, "A disk is more than 85 % full.", "The disk is full"),
    AlertCode.DISK_FULL: Rule(_C, 1, "A disk is more than 95 % full.", "The disk is full"),
    AlertCode.CERTIFICATE_ENDS: Rule(
        _W, 1, "The page's certificate ends within 14 days.", "The page opens here but not outside"
    ),
}
"""``do`` names the section of docs/OPERATIONS_RUNBOOK.md; a test holds both together."""


class Probe(Frozen):
    """One service as it answered: ``detail`` is what was heard, without anything secret."""

    name: str
    is_ok: bool
    detail: str


class CriticalEvent(Frozen):
    event_type: str
    message: str


class Facts(Frozen):
    """One look. ``backup_age_h`` is None for a store without any good backup; ``disk_used`` is 0 to 1."""

    now: Instant
    probes: tuple[Probe, ...] = ()
    is_database_ok: bool = True
    mode: TradingMode | None = None
    states: tuple[StateChange, ...] = ()
    critical_events: tuple[CriticalEvent, ...] = ()
    unknown_orders: tuple[str, ...] = ()
    backup_age_h: dict[str, float | None] = {}
    disk_used: dict[str, float] = {}
    certificate_days: float | None = None


class Alert(Frozen):
    """Something a person should know. ``key`` makes it the same alert on the next look."""

    code: AlertCode
    key: str
    text: str


class OpenAlert(Frozen):
    """An alert over time: looks in a row with and without it, when it was told last, who has taken it on."""

    code: AlertCode
    text: str
    since: Instant
    looks: int = 1
    gone: int = 0
    told_at: Instant | None = None
    acknowledged_by: str | None = None


class Message(Frozen):
    """What goes out through every channel at once."""

    severity: Severity
    title: str
    body: str


class Evening(Frozen):
    """The day in numbers, of the mode that trades."""

    mode: TradingMode
    cycles: int
    cycles_failed: int
    orders: dict[str, int]
    fills: int
    contracts: Quantity
    fees_usd: Money
    equity_usd: Money | None
    equity_before_usd: Money | None
    reasons: tuple[tuple[str, int], ...]
    positions: int
    cost_usd: Money
    worst_usd: Money
    llm_cost_usd: Decimal
