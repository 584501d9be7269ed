"""Halts that hold as long as their cause does: stored once when it begins, lifted when it is over."""

from collections.abc import Collection, Iterable
from typing import NamedTuple, Protocol

from structlog.stdlib import BoundLogger

from trader.core.breakers import REFUSAL_CONDITIONS
from trader.domain.errors import TransientError, VenueRejected
from trader.domain.plan import RefusedMarket
from trader.domain.risk import RiskEvent, StateChange
from trader.domain.types import ReasonCode, Severity, TradingMode, TradingState
from trader.domain.weather import WeatherSnapshot
from trader.ports.clock import Clock
from trader.ports.exchange import ExchangeStatus, clock_words
from trader.ports.ops_store import OpsStore

R = ReasonCode
MAX_SKEW_S = 5.0
SEVERITIES = {
    R.EXCHANGE_PAUSED: Severity.WARNING,
    R.CLOCK_SKEW_TOO_LARGE: Severity.CRITICAL,
    R.CASH_TOO_LOW: Severity.CRITICAL,
    R.WEATHER_STALE: Severity.WARNING,
    R.PAYLOAD_MALFORMED: Severity.WARNING,
}
"""The reasons that lift themselves, with the severity of their begin."""


class Teller(Protocol):
    """Who stores a condition: a trader, or what there is of one that cannot start."""

    @property
    def store(self) -> OpsStore: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def mode(self) -> TradingMode: ...
    @property
    def log(self) -> BoundLogger: ...


class Starting(NamedTuple):
    """A trader whose account is not proved yet."""

    store: OpsStore
    clock: Clock
    mode: TradingMode
    log: BoundLogger


def condition(trader: Teller, reason: ReasonCode, note: str, scope: str = "book") -> StateChange:
    """Return the halt of a self-lifting reason, beginning now."""
    return StateChange(
        scope=scope,
        state=TradingState.HALTED,
        reason=reason,
        note=note[:300],
        set_by=f"rule:{reason}",
        set_at=trader.clock.now(),
    )


def of_venue(trader: Teller, status: ExchangeStatus) -> list[StateChange]:
    """A pause of the exchange, and a clock that differs from ours. One that is not told halts nothing: an
    order with a wrong time is refused with proof.
    """
    found = []
    if not (status.exchange_active and status.trading_active):
        found.append(condition(trader, R.EXCHANGE_PAUSED, "the exchange says trading is paused"))
    if status.skew_s is not None and abs(status.skew_s) > MAX_SKEW_S:
        note = f"expected at most {MAX_SKEW_S} s, found {clock_words(status.skew_s)}"
        found.append(condition(trader, R.CLOCK_SKEW_TOO_LARGE, note))
    return found


def note_refusal(trader: Teller, problem: TransientError) -> None:
    """Begin the halt that the refusal of a signed question stands for, if it stands for one.

    With a wrong clock no cycle gets as far as comparing clocks, and a start not even to a cycle: without this
    all that is told is that the trader is down.
    """
    cause = problem.__cause__
    reason = REFUSAL_CONDITIONS.get(cause.code.lower()) if isinstance(cause, VenueRejected) else None
    states = trader.store.risk.states(trader.mode, trader.clock.now())
    if reason and not any(s.scope == "book" and s.reason is reason for s in states):
        begin(trader, condition(trader, reason, str(problem)))


def of_weather(trader: Teller, weather: Iterable[WeatherSnapshot]) -> list[StateChange]:
    """A city whose weather was not fetched in time."""
    note = "no weather was fetched within its limit"
    late = (w.city_code for w in weather if w.is_fetch_stale)
    return [condition(trader, R.WEATHER_STALE, note, f"city:{code}") for code in late]


def of_refused(trader: Teller, refused: Iterable[RefusedMarket]) -> list[StateChange]:
    """A market whose payload changed its form."""
    return [condition(trader, R.PAYLOAD_MALFORMED, r.detail, f"market:{r.ticker}") for r in refused]


def sync(
    trader: Teller, found: Iterable[StateChange], *, codes: Collection[str], series: Collection[str]
) -> None:
    """Store what began and lift what is over. ``codes`` and ``series`` are the cities and series looked at:
    of others nothing is known, so nothing of them is lifted.
    """
    risk, now, mode = trader.store.risk, trader.clock.now(), trader.mode
    holds = {(s.scope, s.reason): s for s in found}
    stored = {(s.scope, s.reason): s for s in risk.states(mode, now) if s.reason in SEVERITIES}
    for key, state in holds.items():
        if key not in stored:
            begin(trader, state)
    for key, state in stored.items():
        if key not in holds and _is_seen(state.scope, codes, series):
            over = {"state": TradingState.ACTIVE, "note": "over", "set_at": now, "until": None}
            with trader.store.transaction():
                risk.save_state(state.model_copy(update=over), mode=mode, at=now)
                _tell(trader, state, "ENDED", Severity.INFO, "over")


def _is_seen(scope: str, codes: Collection[str], series: Collection[str]) -> bool:
    kind, _, name = scope.partition(":")
    if kind == "market":
        return name.partition("-")[0] in series
    return kind == "book" or name in codes


def begin(trader: Teller, state: StateChange) -> None:
    """Store the begin of a condition with its event."""
    now = trader.clock.now()
    with trader.store.transaction():
        trader.store.risk.save_state(state, mode=trader.mode, at=now)
        _tell(trader, state, "BEGAN", SEVERITIES[state.reason], state.note)


def _tell(trader: Teller, state: StateChange, what: str, severity: Severity, note: str) -> None:
    now, message = trader.clock.now(), f"{state.scope}: {note}"
    event = RiskEvent(
        event_type=str(state.reason),
        severity=severity,
        message=message,
        occurred_at=now,
        payload={"scope": state.scope, "change": what},
    )
    trader.store.risk.save_event(event, at=now, mode=trader.mode, cycle_id=None)
    trader.log.warning("condition_changed", reason=state.reason, change=what, message=message)
