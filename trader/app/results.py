"""Published outcomes: the exchange's results, whether they agree with climate reports, and corrections."""

from datetime import timedelta

from trader.app.books import reconcile
from trader.app.context import FIRST_WAIT, Trader
from trader.app.reports import collect_reports
from trader.core.settlement import result_of
from trader.domain.errors import TransientError
from trader.domain.orders import MarketResult
from trader.domain.risk import RiskEvent, StateChange
from trader.domain.types import MarketType, ReasonCode, Severity, TradingState

LONGEST_WAIT = timedelta(hours=6)
REPORT_WAIT = timedelta(hours=24)
"""How long a published result waits for its value to be named and for the report it is compared with."""
CHECK_EVERY, CHECKED_FOR = timedelta(hours=24), timedelta(days=7)
"""How often results that stand are read again, and for how long after they were determined: the exchange may
correct one until its latest expiration."""


def settle(trader: Trader) -> int:
    """Store climate reports that are due and newly published results; return how many results were new.

    Asked half an hour after a market closed, then at doubled waits up to six hours while nothing new is
    published. A source that does not answer is asked again next time; nothing is concluded.
    """
    now, poll = trader.clock.now(), trader.results_poll
    collect_reports(trader)
    awaited = set(trader.store.markets.markets_awaiting_result(now))
    if awaited - poll.awaited:
        poll.wait = FIRST_WAIT
    poll.awaited = awaited
    if not awaited or (poll.polled_at is not None and now - poll.polled_at < poll.wait):
        return 0
    poll.polled_at = now
    poll.wait = min(2 * poll.wait, LONGEST_WAIT)
    is_check_due = poll.checked_at is None or now - poll.checked_at >= CHECK_EVERY
    standing = trader.store.markets.results(now - CHECKED_FOR) if is_check_due else ()
    try:
        results = trader.market_data.results(sorted(awaited | {result.ticker for result in standing}))
    except TransientError as error:
        trader.log.warning("results_unavailable", error=str(error))
        return 0
    poll.checked_at = now if is_check_due else poll.checked_at
    published = tuple(result for result in results if result.ticker in awaited)
    pay_out = getattr(trader.exchange, "settle", None)
    if pay_out is not None and pay_out(published):
        reconcile(trader)  # pretend money is booked first: a stored result is not asked for, or paid, again
    new = sum(_save(trader, result) for result in published)
    known = {result.ticker: result for result in standing}
    for result in results:
        if result.ticker in known:
            _check(trader, known[result.ticker], result)
    if new:
        poll.wait = FIRST_WAIT
    return new


def _save(trader: Trader, result: MarketResult) -> bool:
    """Store a first result beside ours; a difference halts the city."""
    now = trader.clock.now()
    contract = trader.store.markets.contract(result.ticker)
    value = None if contract is None else _our_value(trader, result)
    is_early = now - result.determined_at < REPORT_WAIT
    if contract is not None and is_early and (value is None or result.value is None):
        return False  # asked for again: a result stored before its report or value would never be compared
    ours = result_of(contract, value) if contract is not None and value is not None else None
    is_new = trader.store.markets.save_result(result, our_value=value, our_result=ours, at=now)
    if is_new and contract is not None and ours is not None and ours != result.result:
        note = f"{result.ticker}: expected {ours} from the climate report's {value}, found {result.result}"
        _mismatch(trader, contract.city_code, note)
    elif is_new and contract is not None and _is_other_value(contract.market_type, value, result.value):
        note = f"{result.ticker}: expected the climate report's {value}, found {result.value}"
        _tell(trader, "SETTLEMENT_VALUE_DIFFERS", Severity.WARNING, note)
    return is_new


def _is_other_value(kind: MarketType, ours: int | None, theirs: int | None) -> bool:
    """The exchange has published totals of rain rounded to a tenth of an inch."""
    rounding = 5 if kind is MarketType.RAIN else 0
    return ours is not None and theirs is not None and abs(ours - theirs) > rounding


def _our_value(trader: Trader, result: MarketResult) -> int | None:
    """What the first final report of the market's station says, in the market's units."""
    contract = trader.store.markets.contract(result.ticker)
    city = trader.cities.get(contract.city_code) if contract is not None else None
    if contract is None or city is None:
        return None
    pil = f"CLI{city.report_location(contract.market_type)}"
    return trader.store.weather.first_final(pil, contract.climate_date, contract.market_type)


def _check(trader: Trader, standing: MarketResult, published: MarketResult) -> None:
    """A result that was corrected is a further row; the payouts follow the exchange's own settlements."""
    is_same_value = standing.value is None or standing.value == published.value
    if standing.result == published.result and is_same_value:
        return
    contract = trader.store.markets.contract(published.ticker)
    value = _our_value(trader, published)
    ours = result_of(contract, value) if contract is not None and value is not None else None
    is_new = trader.store.markets.save_result(
        published, our_value=value, our_result=ours, at=trader.clock.now()
    )
    if is_new and contract is not None:
        was, now = (f"{r.result} at {r.value}" for r in (standing, published))
        _mismatch(trader, contract.city_code, f"{published.ticker}: expected the result {was}, found {now}")


def _mismatch(trader: Trader, city_code: str, note: str) -> None:
    now = trader.clock.now()
    _tell(trader, "SETTLEMENT_MISMATCH", Severity.CRITICAL, note)
    change = StateChange(
        scope=f"city:{city_code}",
        state=TradingState.HALTED,
        reason=ReasonCode.SETTLEMENT_MISMATCH,
        note=note,
        set_by=f"rule:{ReasonCode.SETTLEMENT_MISMATCH}",
        set_at=now,
    )
    trader.store.risk.save_state(change, mode=trader.mode, at=now)


def _tell(trader: Trader, event_type: str, severity: Severity, message: str) -> None:
    now = trader.clock.now()
    event = RiskEvent(event_type=event_type, severity=severity, message=message, occurred_at=now)
    trader.store.risk.save_event(event, at=now, mode=trader.mode, cycle_id=None)
