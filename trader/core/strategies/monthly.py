"""Rain and snow of a month: what has fallen by the newest climate report, the next days half by the
forecast, the rest from the record.

Values are whole units of the market type: hundredths of an inch of rain, tenths of snow. Off by default
(``TRADE_MONTHLY``): no price of such a market was ever recorded, so nothing says that it beats one. Nor was
any forecast of amounts by the live source; docs/forecasting.md has the scores of another.
"""

import math
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from trader.core import probability as pr
from trader.core.forecasting.archive import Floats
from trader.core.forecasting.totals import SAID_DAYS, Said, rest_as_said, rest_of_month
from trader.core.gates import check_freshness
from trader.core.settlement import climate_date, climate_day_bounds
from trader.core.sizing import evidence
from trader.core.strategies.base import EventInputs, Outlook, Strategy
from trader.domain.canonical import content_hash
from trader.domain.learned import ParameterSet, WetDays
from trader.domain.signals import Distribution, Prediction
from trader.domain.types import MarketType, ReasonCode
from trader.domain.weather import DepthForecast, MonthToDate

R = ReasonCode
REPORT_DELAY_DAYS = 2
"""The report of a day comes on the next; beyond two days one is missing and the month is not known."""


@dataclass(frozen=True, slots=True)
class Fallen:
    """Units fallen for sure, units at the start of the days that are left, how many those are, and whether
    the last of the others was wet.
    """

    least: int
    base: int
    days_left: int
    was_wet: bool | None


class MonthlyTotal(Strategy):
    """Total rain or snow of a calendar month at the station its rules name.

    ``is_benchmark``: without the forecast, so that what it is worth can be scored; never traded.
    """

    def __init__(
        self, market_type: MarketType, parameters: ParameterSet, *, is_benchmark: bool = False
    ) -> None:
        self.market_type = market_type
        self._is_benchmark = is_benchmark
        named = "monthly_snow" if market_type is MarketType.SNOW else "monthly_rain"
        self.name = "climatology" if is_benchmark else named
        self.version = f"2-{content_hash(parameters)[:8]}"
        self._depths = {d.city_code: d for d in parameters.totals if d.variable is market_type}

    def predict(self, event: EventInputs) -> Outlook:
        """Return the distribution of the month's total; HOLD where no report told what has fallen.

        A city without a record of its own has no prediction; one with fewer years than
        ``MIN_FORECAST_PAIRS`` is predicted and not traded.
        """
        depths = self._depths.get(event.city.code)
        today, last = climate_date(event.now, event.city), event.climate_date
        if depths is None:
            return Outlook(None, (R.NO_FORECAST,))
        if today > last:
            return Outlook(None, (R.DAY_TOO_ADVANCED,))
        told = self._told(event)
        fallen = _fallen(told, today, last)
        if fallen is None:
            return Outlook(None, (R.OBSERVATION_STALE,))
        forecast = None if self._is_benchmark else self._forecast(event)
        said = None if forecast is None else _said(forecast, fallen, today, last)
        distribution = total(fallen, depths.months[last.month - 1], said)
        prediction = Prediction(
            event_ticker=event.event_ticker,
            city_code=event.city.code,
            market_type=event.market_type,
            climate_date=last,
            strategy_name=self.name,
            strategy_version=self.version,
            distribution=distribution,
            source=f"record of {depths.station}"
            + ("" if said is None or forecast is None else f"+{forecast.source}"),
            issued_at=event.now if told is None else told.issued_at,
            lead_h=round((climate_day_bounds(last, event.city)[1] - event.now).total_seconds() / 3600, 6),
            observed_extreme_f=None,
            features={
                "fallen": float(fallen.least),
                "days_left": float(fallen.days_left),
                "years": depths.years,
                "said_days": float(said.days if said is not None else 0),
                "said": said.units if said is not None else 0.0,
            },
        )
        reasons = list(
            check_freshness(event.weather, event.now, event.gates, needs_observation=False).reasons
        )
        if depths.years < event.min_forecast_pairs:
            reasons.append(R.FORECAST_PAIRS_TOO_FEW)
        if self._is_benchmark:
            reasons.append(R.BENCHMARK_ONLY)
        return Outlook(prediction, tuple(reasons), evidence(depths.years, 0.0, 1.0))

    def _forecast(self, event: EventInputs) -> DepthForecast | None:
        """Return the newest forecast of amounts that could have been known and is not stale."""
        limit = timedelta(seconds=event.gates.max_forecast_age_s)
        known = [
            f
            for f in (event.weather.depths if event.weather is not None else ())
            if f.variable is self.market_type and timedelta(0) <= event.now - f.issued_at <= limit
        ]
        return max(known, key=lambda f: (f.issued_at, f.source), default=None)

    def _told(self, event: EventInputs) -> MonthToDate | None:
        """Return the newest report of the market's own station and month that could have been known."""
        location = event.city.report_location(self.market_type)
        first = event.climate_date.replace(day=1)
        known = [
            m
            for m in (event.weather.months if event.weather is not None else ())
            if (m.location, m.market_type) == (location, self.market_type)
            and first <= m.climate_date <= event.climate_date
            and m.issued_at <= event.now
        ]
        return max(known, key=lambda m: (m.climate_date, m.issued_at), default=None)


def _fallen(told: MonthToDate | None, today: date, last: date) -> Fallen | None:
    """Return what has fallen and what is left; None where a report is missing.

    A report that is not final counts a part of its day: what that day had is taken out again and stays as
    the least, so the whole day is left. Without the day's own amount it may count twice.
    """
    first = last.replace(day=1)
    if told is None:
        is_known = today < first + timedelta(days=REPORT_DELAY_DAYS)
        return Fallen(0, 0, last.day, None) if is_known else None
    if (today - told.climate_date).days > REPORT_DELAY_DAYS:
        return None
    units, day = told.amount.units, told.day
    if told.is_final:
        was_wet = None if day is None else day.units > 0
        return Fallen(units, units, (last - told.climate_date).days, was_wet)
    base = units if day is None else max(0, units - day.units)
    return Fallen(units, base, (last - told.climate_date).days + 1, None)


def _said(forecast: DepthForecast, fallen: Fallen, today: date, last: date) -> Said | None:
    """Return what the forecast says of the month's days after today, SAID_DAYS of them at most; None where it
    says nothing of them.
    """
    begins = max(today + timedelta(days=1), last.replace(day=1), forecast.first)
    ends = min(
        last, today + timedelta(days=SAID_DAYS), forecast.first + timedelta(days=len(forecast.units) - 1)
    )
    count, skipped = (ends - begins).days + 1, (begins - forecast.first).days
    if count <= 0:
        return None
    units = math.fsum(forecast.units[skipped : skipped + count])
    return Said(fallen.days_left - (last - begins).days - 1, count, round(units, 2))


def total(fallen: Fallen, wet: WetDays, said: Said | None = None) -> Distribution:
    """Return the distribution of a month's total, in units, by what the record says of its wet days and a
    forecast of some of them.
    """
    if said is None:
        rest = rest_of_month(wet, fallen.days_left, fallen.was_wet)
    else:
        rest = rest_as_said(wet, fallen.days_left, fallen.was_wet, said)
    start, weights = pr.overruled(*_at_least(fallen.base, rest, fallen.least))
    values = np.arange(start, start + len(weights), dtype=np.float64)
    mean = math.fsum((weights * values).tolist())
    sd = math.sqrt(max(0.0, math.fsum((weights * (values - mean) ** 2).tolist())))
    return pr.quantise(start, weights, mean_f=round(mean, 6), sd_f=round(sd, 6))


def _at_least(start: int, weights: Floats, least: int) -> tuple[int, Floats]:
    """Return the distribution from ``least`` up: what has fallen stays."""
    cut = least - start
    if cut <= 0:
        return start, weights
    left = weights[cut:]
    total = float(left.sum())
    return (least, left / total) if total > 1e-9 else (least, np.ones(1))
