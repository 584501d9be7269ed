"""What is new about markets and cells: changed terms are told and frozen, cells that moved are told."""

from collections.abc import Sequence

from trader.app.context import Trader
from trader.domain.markets import Contract
from trader.domain.risk import RiskEvent, StateChange
from trader.domain.types import ReasonCode, Severity, TradingState

HARMLESS = ("fee_type", "fee_multiplier", "tick")
"""A new fee or tick is priced as it is; anything else may mean another bet than the one we hold."""
COMPARED = ("rules_hash", "lo", "hi", "close_time", "settlement_source", "station", "climate_date", *HARMLESS)
CELL_MOVED = "GRID_CELL_MOVED"


def note_terms(trader: Trader, contracts: Sequence[Contract]) -> None:
    """Compare terms with those stored last; freeze a market whose meaning changed until a person resumes it.

    The store is asked only about markets that this process has not compared yet, or that differ.
    """
    fresh = [c for c in contracts if trader.terms.get(c.ticker) != c.terms_hash]
    trader.terms = {c.ticker: c.terms_hash for c in contracts}
    if not fresh:
        return
    stored = trader.store.markets.contracts([c.ticker for c in fresh])
    for contract in fresh:
        before = stored.get(contract.ticker)
        if before is not None and before.terms_hash != contract.terms_hash:
            _changed(trader, before, contract)


def _changed(trader: Trader, before: Contract, after: Contract) -> None:
    now = trader.clock.now()
    fields = [name for name in COMPARED if getattr(before, name) != getattr(after, name)]
    told = [f"{name} {getattr(before, name)} -> {getattr(after, name)}" for name in fields]
    note = f"{after.ticker}: {'; '.join(told) or 'sources of the event'}"[:300]
    is_harmless = bool(fields) and all(name in HARMLESS for name in fields)
    event = RiskEvent(
        event_type=str(ReasonCode.TERMS_CHANGED),
        severity=Severity.INFO if is_harmless else Severity.WARNING,
        message=note,
        occurred_at=now,
        payload={"ticker": after.ticker, "fields": fields},
    )
    with trader.store.transaction():
        trader.store.risk.save_event(event, at=now, mode=trader.mode, cycle_id=None)
        if not is_harmless:
            freeze = StateChange(
                scope=f"market:{after.ticker}",
                state=TradingState.HALTED,
                reason=ReasonCode.TERMS_CHANGED,
                note=note,
                set_by=f"rule:{ReasonCode.TERMS_CHANGED}",
                set_at=now,
            )
            trader.store.risk.save_state(freeze, mode=trader.mode, at=now)
    trader.log.warning("terms_changed", ticker=after.ticker, fields=fields, is_frozen=not is_harmless)


def note_cells(trader: Trader) -> None:
    """Store each new resolution of a grid cell; tell of a cell that is not the one known before."""
    if not trader.cells:
        trader.cells = {check.city_code: check for check in trader.store.cells.newest()}
    now = trader.clock.now()
    for check in trader.weather.cells():
        known, city = trader.cells.get(check.city_code), trader.cities[check.city_code]
        if known == check:
            continue
        where = (check.office, check.grid_x, check.grid_y)
        before = (
            (known.office, known.grid_x, known.grid_y)
            if known
            else (city.nws_office, city.nws_grid_x, city.nws_grid_y)
        )
        with trader.store.transaction():
            trader.store.cells.save(check, at=now)
            if where != before:
                old, new = ("{}/{},{}".format(*cell) for cell in (before, where))
                message = f"{city.code}: {old} -> {new}, {check.distance_km:g} km from the station"
                event = RiskEvent(
                    event_type=CELL_MOVED, severity=Severity.WARNING, message=message, occurred_at=now
                )
                trader.store.risk.save_event(event, at=now, mode=trader.mode, cycle_id=None)
                trader.log.warning("grid_cell_moved", city=city.code, before=old, now=new)
        trader.cells[check.city_code] = check
