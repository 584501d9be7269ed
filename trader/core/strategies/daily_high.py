"""Daily high temperature: a Student t around the forecast, conditioned on the highest report so far.

Location: mean of the ensemble's members, else the forecast's value. Spread: by lead, season and city, fitted
on the errors of the National Weather Service's forecasts of 2014 to 2016 (params/daily_high.json says on what
and how), never on a period that is traded; a wider ensemble widens it. Source: docs/settlement.md, section 4.
"""

import json
import math
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from typing import Any

from pydantic import Field

from trader.core import probability as pr
from trader.core.gates import check_freshness
from trader.core.settlement import climate_date, climate_day_bounds, settled_value
from trader.core.strategies.base import EventInputs, Outlook, Strategy
from trader.domain.canonical import content_hash
from trader.domain.signals import Prediction
from trader.domain.types import Frozen, MarketType, ReasonCode
from trader.domain.weather import Forecast

R = ReasonCode

OPEN_UNTIL_H = 10
"""Local standard hour of the climate day from which nothing is opened: the forecast error was fitted for
forecasts made in the morning, no archive of later hours was; valid 0 to 24, later means trading on a prior.
"""
LOCK_FROM_H, LOCK_UNTIL_H = 9.0, 19.0
"""Local standard hours between which the weight moves from the forecast to the extreme observed. A prior, so
that the evening ladder is sensible; nothing is opened on it.
"""
PEAK_H = 15.0
"""Local standard hour at which the high usually falls; leads are counted to it."""
FIT_LEAD_H = 6.0
"""Lead of the fit's lead day 0, hours: a morning forecast for the same afternoon."""


class HighParameters(Frozen):
    """Fitted numbers of the daily high, degrees Fahrenheit.

    sd(lead, day, city) = (a + b x lead days) x (1 + c x cos(2 pi (day of year - phase_day) / 365.25)) x city
    factor; ``df`` of the t. ``bias_sd_f`` is the unknown bias, at a station, of a source without stored pairs
    there; it is added as variance. ``provenance`` tells sources, window, counts and hash of the input.
    """

    a: float = Field(gt=0)
    bias_sd_f: float = Field(ge=0)
    b: float = Field(ge=0)
    c: float = Field(ge=0, lt=1)
    phase_day: float
    df: float = Field(gt=2)
    max_lead_days: float = Field(gt=0)
    city_factor: dict[str, float]
    provenance: dict[str, Any]

    def sd(self, lead_h: float, day: date, city_code: str) -> float:
        """Return the standard deviation of the forecast error, degrees Fahrenheit; leads are clipped to the
        fit.
        """
        lead_days = min(max(0.0, (lead_h - FIT_LEAD_H) / 24.0), self.max_lead_days)
        season = 1.0 + self.c * math.cos(2 * math.pi * (day.timetuple().tm_yday - self.phase_day) / 365.25)
        return (self.a + self.b * lead_days) * season * self.city_factor.get(city_code, 1.0)


@cache
def shipped_parameters() -> HighParameters:
    """Return the fitted parameters that ship with Milkbot. Source: core/params/daily_high.json, made by the
    fit.
    """
    text = files("trader.core").joinpath("params/daily_high.json").read_text(encoding="utf-8")
    return HighParameters.model_validate(json.loads(text))


class DailyHigh(Strategy):
    """The highest temperature of a climate day at the settlement station."""

    name = "daily_high"
    market_type = MarketType.HIGH

    def __init__(self, parameters: HighParameters | None = None) -> None:
        self.parameters = parameters or shipped_parameters()
        self.version = f"1-{content_hash(self.parameters)[:8]}"

    def predict(self, event: EventInputs) -> Outlook:
        forecast, reasons = _newest_forecast(event)
        if forecast is None:
            return Outlook(None, reasons)
        day_start, _ = climate_day_bounds(event.climate_date, event.city)
        lead_h = (day_start + timedelta(hours=PEAK_H) - forecast.issued_at).total_seconds() / 3600
        fitted = self.parameters.sd(lead_h, event.climate_date, event.city.code)
        location, member_sd = _location(forecast)
        sd = math.hypot(max(fitted, member_sd or 0.0), self.parameters.bias_sd_f)
        spread = pr.student(location, sd, self.parameters.df)
        observed = _observed_high(event)
        weight = 1.0
        if observed is not None:
            hour = (event.now - day_start).total_seconds() / 3600
            weight = min(1.0, max(0.0, (LOCK_UNTIL_H - hour) / (LOCK_UNTIL_H - LOCK_FROM_H)))
            spread = pr.condition_at_least(*spread, settled_value(observed))
            if weight < 1.0:
                spread = pr.mix(spread, pr.locked(settled_value(observed)), weight)
        prediction = Prediction(
            event_ticker=event.event_ticker,
            city_code=event.city.code,
            market_type=event.market_type,
            climate_date=event.climate_date,
            strategy_name=self.name,
            strategy_version=self.version,
            distribution=pr.quantise(*spread, mean_f=round(location, 6), sd_f=round(sd, 6)),
            source=forecast.source,
            issued_at=forecast.issued_at,
            lead_h=round(lead_h, 6),
            observed_extreme_f=observed,
            features={
                "members": float(len(forecast.members_f)),
                "member_sd_f": None if member_sd is None else round(member_sd, 6),
                "fitted_sd_f": round(fitted, 6),
                "forecast_weight": round(weight, 6),
            },
        )
        return Outlook(prediction, (*reasons, *_refusals(event, forecast, sd)))


def _newest_forecast(event: EventInputs) -> tuple[Forecast | None, tuple[ReasonCode, ...]]:
    """Return the newest forecast that could have been known, and what is wrong with what there is."""
    offered = [
        f
        for f in (event.weather.forecasts if event.weather is not None else ())
        if f.variable is event.market_type and f.climate_date == event.climate_date
    ]
    known = [f for f in offered if f.issued_at <= event.now]
    if not known:
        return None, (R.WEATHER_FROM_FUTURE,) if offered else (R.NO_FORECAST,)
    return max(known, key=lambda f: (f.issued_at, f.source)), ()


def _refusals(event: EventInputs, forecast: Forecast, sd: float) -> tuple[ReasonCode, ...]:
    """Return why nothing may be opened on a prediction that could be made."""
    today = climate_date(event.now, event.city)
    is_today = event.climate_date == today
    day_start, _ = climate_day_bounds(event.climate_date, event.city)
    lead_days = (event.climate_date - climate_date(forecast.issued_at, event.city)).days
    pairs = sum(
        p.count
        for p in event.pairs
        if (p.city_code, p.source, p.lead_days) == (event.city.code, forecast.source, lead_days)
    )
    found = {
        R.FORECAST_STALE: event.now - forecast.issued_at > timedelta(seconds=event.gates.max_forecast_age_s),
        R.FORECAST_PAIRS_TOO_FEW: pairs < event.min_forecast_pairs,
        R.UNCERTAINTY_TOO_HIGH: sd > event.gates.max_uncertainty_f,
        R.DAY_TOO_ADVANCED: event.now >= day_start + timedelta(hours=OPEN_UNTIL_H),
    }
    fresh = check_freshness(event.weather, needs_observation=is_today)
    return (*fresh.reasons, *(reason for reason, is_so in found.items() if is_so))


def _location(forecast: Forecast) -> tuple[float, float | None]:
    """Return mean and standard deviation of the members (None below two), else the forecast's value."""
    members = forecast.members_f
    if len(members) < 2:
        return (members[0] if members else forecast.value_f), None
    mean = math.fsum(members) / len(members)
    return mean, math.sqrt(math.fsum((m - mean) ** 2 for m in members) / (len(members) - 1))


def _observed_high(event: EventInputs) -> float | None:
    """Return the highest report inside this very climate day, None before the first and for other days."""
    weather = event.weather
    if weather is None or weather.climate_date != event.climate_date or weather.high_so_far_f is None:
        return None
    if climate_date(event.now, event.city) != event.climate_date:
        return None
    return weather.high_so_far_f
