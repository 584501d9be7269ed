"""Alarms on what was noticed and on what did not arrive: each cycle, and every hour for slower things."""

from datetime import datetime, timedelta

from trader.app.alarms import judge
from trader.app.context import Trader
from trader.core.expectations import CYCLE_CODES, cycle_findings
from trader.core.settlement import climate_date
from trader.domain.alarms import AlarmCode, Finding
from trader.domain.cities import CityConfig
from trader.domain.climate_day import climate_day_bounds
from trader.domain.plan import CycleInputs, CyclePlan
from trader.domain.types import Decision, MarketType

A = AlarmCode
REPORT_DUE, RESULT_DUE = timedelta(hours=12), timedelta(hours=48)
UNPRICED_FOR, UNWANTED_FOR = timedelta(days=1), timedelta(days=7)
MISSED_FOR = timedelta(hours=1)
HOURLY_CODES = frozenset(
    {A.REPORT_MISSING, A.RESULT_MISSING, A.DECISION_SILENT, A.NO_EDGE_FOR_A_WEEK, A.RUNS_MISSED}
)


def notice_cycle(trader: Trader, inputs: CycleInputs, plan: CyclePlan) -> None:
    """Judge the alarms that one cycle can tell. A cycle over some cities only knows nothing of the others."""
    now, seen = inputs.now, trader.seen
    seen.priced_at |= {s.city_code: now for s in plan.signals if s.p_yes is not None}
    if any(s.decision is not Decision.HOLD for s in plan.signals):
        seen.wanted_at = now
    if {city.code for city in inputs.cities} != set(trader.cities):
        return
    notices = trader.last_view.notices if trader.last_view is not None else ()
    found = [Finding(code=A.VENUE_NOTICE, subject=n.key, message=n.text) for n in notices]
    judge(trader, {*CYCLE_CODES, A.VENUE_NOTICE}, [*cycle_findings(inputs, plan), *found])


def notice_hourly(trader: Trader) -> None:
    """Judge the alarms on what comes over hours and days."""
    now = trader.clock.now()
    found = [
        Finding(code=A.REPORT_MISSING, subject=f"CLI{location}", message=f"final report of {day}")
        for city in trader.cities.values()
        for location in city.report_locations
        if (day := _missing_report(trader, city, location, now))
    ]
    judge(trader, HOURLY_CODES, [*found, *_missing_results(trader, now), *_unpriced(trader, now)])


def _missing_report(trader: Trader, city: CityConfig, location: str, now: datetime) -> str | None:
    day = climate_date(now, city) - timedelta(days=1)
    is_due = now - climate_day_bounds(day, city.std_utc_offset_hours)[1] >= REPORT_DUE
    kind = MarketType.HIGH if location == city.cli_location else MarketType.RAIN
    if not is_due or trader.store.weather.first_final(f"CLI{location}", day, kind) is not None:
        return None
    return f"{day}"


def _missing_results(trader: Trader, now: datetime) -> list[Finding]:
    awaited = trader.store.markets.contracts(trader.store.markets.markets_awaiting_result(now))
    late = {c.event_ticker: c.close_time for c in awaited.values() if now - c.close_time >= RESULT_DUE}
    return [
        Finding(code=A.RESULT_MISSING, subject=event, message=f"closed {closed:%Y-%m-%d %H:%M UTC}")
        for event, closed in sorted(late.items())
    ]


def _unpriced(trader: Trader, now: datetime) -> list[Finding]:
    """Cities without a price for a day, a book without a wish for a week; earlier processes count."""
    seen = trader.seen
    if not seen.is_seeded:
        priced, wanted = trader.store.signals.last_seen(trader.mode, now - UNWANTED_FOR)
        seen.priced_at = {**priced, **seen.priced_at}
        seen.wanted_at = seen.wanted_at or wanted
        seen.is_seeded = True
    since = {code: seen.priced_at.get(code, trader.started_at) for code in trader.cities}
    found = [
        Finding(code=A.DECISION_SILENT, subject=code, message=f"no price since {at:%Y-%m-%d %H:%M UTC}")
        for code, at in since.items()
        if now - at >= UNPRICED_FOR
    ]
    wanted_at = seen.wanted_at or trader.started_at
    if now - wanted_at >= UNWANTED_FOR and len(found) < len(trader.cities):
        words = f"no order was worth it since {wanted_at:%Y-%m-%d %H:%M UTC}"
        found.append(Finding(code=A.NO_EDGE_FOR_A_WEEK, subject="book", message=words))
    seen.missed = {job: at for job, at in seen.missed.items() if now - at < MISSED_FOR}
    found += [
        Finding(code=A.RUNS_MISSED, subject=job, message=f"missed at {at:%Y-%m-%d %H:%M UTC}")
        for job, at in seen.missed.items()
    ]
    return found
