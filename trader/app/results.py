"""Published outcomes: climate reports in every version, the exchange's results, whether they agree."""

from datetime import timedelta

from trader.app.context import FIRST_WAIT, Trader
from trader.core.settlement import result_of
from trader.domain.cities import CityConfig
from trader.domain.errors import TransientError
from trader.domain.orders import MarketResult
from trader.domain.risk import RiskEvent, StateChange
from trader.domain.types import MarketType, ReasonCode, Severity, TradingState

LONGEST_WAIT = timedelta(hours=6)
REPORT_WAIT = timedelta(hours=24)
"""How long a published result waits for the climate report that it is compared with."""


def settle(trader: Trader) -> int:
    """Store new climate reports and published results; return how many results were new.

    Asked half an hour after a market closed, then at doubled waits up to six hours while nothing new is
    published. A source that does not answer is asked again next time; nothing is concluded.
    """
    now, poll = trader.clock.now(), trader.results_poll
    awaited = set(trader.store.markets.markets_awaiting_result(now))
    if awaited - poll.awaited:
        poll.wait = FIRST_WAIT
    poll.awaited = awaited
    if not awaited or (poll.polled_at is not None and now - poll.polled_at < poll.wait):
        return 0
    poll.polled_at = now
    poll.wait = min(2 * poll.wait, LONGEST_WAIT)
    for city in trader.cities.values():
        _save_reports(trader, city)
    try:
        results = trader.market_data.results(sorted(awaited))
    except TransientError as error:
        trader.log.warning("results_unavailable", error=str(error))
        return 0
    pay_out = getattr(trader.exchange, "settle", None)
    if pay_out is not None:  # pretend money: paid first, or a crash before the payout would leave it unpaid
        pay_out(results)
    new = sum(_save(trader, result) for result in results)
    if new:
        poll.wait = FIRST_WAIT
    return new


def _save_reports(trader: Trader, city: CityConfig) -> None:
    known = trader.results_poll.reports
    try:
        for report in trader.weather.climate_reports(city):
            if (version := (report.pil, report.payload.sha256)) not in known:
                facts = {name: getattr(report, name) for name in type(report).model_fields}
                trader.store.weather.save_climate_report(**facts, at=trader.clock.now())
                known.add(version)
    except TransientError as error:
        trader.log.warning("climate_reports_unavailable", city=city.code, error=str(error))


def _save(trader: Trader, result: MarketResult) -> bool:
    now = trader.clock.now()
    contract = trader.store.markets.contract(result.ticker)
    value = None
    if contract is not None and (
        final := trader.store.weather.first_final(contract.city_code, contract.climate_date)
    ):
        value = final[0] if contract.market_type is MarketType.HIGH else final[1]
    if contract is not None and value is None and now - result.determined_at < REPORT_WAIT:
        return False  # asked for again: a result stored before its report would never be compared with it
    ours = result_of(contract, value) if contract is not None and value is not None else None
    is_new = trader.store.markets.save_result(result, our_value=value, our_result=ours, at=now)
    if is_new and ours is not None and ours != result.result:
        note = f"{result.ticker}: expected {ours} from the climate report's {value}, found {result.result}"
        event = RiskEvent(
            event_type="SETTLEMENT_MISMATCH", severity=Severity.CRITICAL, message=note, occurred_at=now
        )
        trader.store.risk.save_event(event, at=now, mode=trader.mode, cycle_id=None)
        change = StateChange(
            scope=f"city:{contract.city_code}" if contract else "book",
            state=TradingState.HALTED,
            reason=ReasonCode.SETTLEMENT_MISMATCH,
            note=note,
            set_by=f"rule:{ReasonCode.SETTLEMENT_MISMATCH}",
            set_at=now,
        )
        trader.store.risk.save_state(change, mode=trader.mode, at=now)
    return is_new
