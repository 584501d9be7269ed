"""What one cycle should have seen and decided, against what it did: silence has to be looked for."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta

from trader.core.settlement import climate_date
from trader.domain.alarms import AlarmCode, Finding
from trader.domain.cities import CityConfig
from trader.domain.climate_day import climate_day_bounds
from trader.domain.plan import CycleInputs, CyclePlan
from trader.domain.types import MarketStatus, MarketType, ReasonCode
from trader.domain.weather import WeatherSnapshot

DAILY = (MarketType.HIGH, MarketType.LOW)
OPENED_BY = time(17)
"""UTC. Markets of a day open at 14:00 on the day before; three hours later they are missed. The hour in
winter is not known yet; by the wall clock it would be 15:00.
"""

CLOSING = timedelta(minutes=30)
_BY_REASON = {
    ReasonCode.RULES_NOT_PROVEN: AlarmCode.RULES_NOT_PROVEN,
    ReasonCode.BRACKETS_NOT_PARTITION: AlarmCode.BRACKETS_NOT_PARTITION,
    ReasonCode.FEE_TYPE_UNKNOWN: AlarmCode.FEE_TYPE_UNKNOWN,
}
_REFUSED = (
    ReasonCode.WEATHER_IMPLAUSIBLE,
    ReasonCode.WEATHER_FROM_FUTURE,
    ReasonCode.PAYLOAD_MALFORMED,
)
CYCLE_CODES = frozenset(
    {
        AlarmCode.SERIES_EMPTY,
        AlarmCode.EVENT_MISSING,
        AlarmCode.OBSERVATION_SILENT,
        AlarmCode.FORECAST_SILENT,
        AlarmCode.GRID_CELL_MISPLACED,
        AlarmCode.WEATHER_REFUSED,
        AlarmCode.MARKET_PAUSED,
        *_BY_REASON.values(),
    }
)


def cycle_findings(inputs: CycleInputs, plan: CyclePlan) -> tuple[Finding, ...]:
    """Return what a person should look at after one whole cycle: missing markets, silent stations and
    offices, events that are not traded for what they are.
    """
    found = [finding for city in inputs.cities for finding in _missing_markets(inputs, city)]
    found += [finding for weather in inputs.weather for finding in _weather(weather)]
    found += _unsound_events(plan)
    found += _paused_events(inputs)
    return tuple(found)


def _missing_markets(inputs: CycleInputs, city: CityConfig) -> Iterable[Finding]:
    for kind in DAILY:
        series = city.series(kind)
        if series is None:
            continue
        listed = {
            c.climate_date for c in inputs.contracts if c.city_code == city.code and c.market_type is kind
        }
        refused = {r.event_ticker for r in inputs.refused if r.event_ticker.partition("-")[0] == series}
        if not listed and not refused:
            words = f"{city.code} {kind}: the exchange lists no open market of {series}"
            yield Finding(code=AlarmCode.SERIES_EMPTY, subject=series, message=words)
            continue
        for day in _expected_days(inputs.now, city):
            event = f"{series}-{day:%y%b%d}".upper()
            if day not in listed and event not in refused:
                words = f"{city.code} {kind} of {day}: expected open markets, found none"
                yield Finding(code=AlarmCode.EVENT_MISSING, subject=event, message=words)


def _expected_days(now: datetime, city: CityConfig) -> Iterable[date]:
    today = climate_date(now, city)
    if climate_day_bounds(today, city.std_utc_offset_hours)[1] - now > CLOSING:
        yield today
    if now >= datetime.combine(today, OPENED_BY, UTC):
        yield today + timedelta(days=1)


def _weather(weather: WeatherSnapshot) -> Iterable[Finding]:
    city, latest = weather.city_code, weather.latest
    if weather.is_observation_stale:
        words = f"last report at {latest.observed_at:%Y-%m-%d %H:%M UTC}" if latest else "no report"
        if ReasonCode.OBSERVATION_STALE in weather.problems:
            words += ", the same value for hours"
        yield Finding(code=AlarmCode.OBSERVATION_SILENT, subject=city, message=words)
    if weather.is_forecast_stale:
        issued = max((f.issued_at for f in weather.forecasts), default=None)
        words = f"last issue at {issued:%Y-%m-%d %H:%M UTC}" if issued else "no forecast"
        yield Finding(code=AlarmCode.FORECAST_SILENT, subject=city, message=words)
    if ReasonCode.GRID_CELL_MISPLACED in weather.problems:
        words = "its forecast was not used"
        yield Finding(code=AlarmCode.GRID_CELL_MISPLACED, subject=city, message=words)
    if refused := [str(reason) for reason in _REFUSED if reason in weather.problems]:
        yield Finding(code=AlarmCode.WEATHER_REFUSED, subject=city, message=", ".join(refused))


def _unsound_events(plan: CyclePlan) -> Iterable[Finding]:
    count: Counter[tuple[AlarmCode, str]] = Counter()
    markets = Counter(signal.event_ticker for signal in plan.signals)
    for signal in plan.signals:
        for reason in signal.reasons:
            if reason in _BY_REASON:
                count[_BY_REASON[reason], signal.event_ticker] += 1
    for (code, event), number in sorted(count.items()):
        yield Finding(code=code, subject=event, message=f"{number} of {markets[event]} markets")


def _paused_events(inputs: CycleInputs) -> Iterable[Finding]:
    event_of = {c.ticker: c.event_ticker for c in inputs.contracts}
    paused = Counter(
        event_of[s.ticker]
        for s in inputs.snapshots
        if s.status is MarketStatus.INACTIVE and s.ticker in event_of and inputs.now < s.close_time
    )
    markets = Counter(event_of.values())
    for event, number in sorted(paused.items()):
        words = f"{number} of {markets[event]} markets"
        yield Finding(code=AlarmCode.MARKET_PAUSED, subject=event, message=words)
