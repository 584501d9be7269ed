"""Daily high and daily low: every source's calibrated word, combined, given what is already certain.

The formulas are those of ``core/forecasting`` that ``milkbot evaluate`` scores; docs/forecasting.md tells
what they are worth. Inside, a low is the high of minus the temperature.
"""

import math
from datetime import timedelta
from functools import cache
from importlib.resources import files

import numpy as np

from trader.core import probability as pr
from trader.core.forecasting import combine, remaining
from trader.core.forecasting.combine import Shape
from trader.core.forecasting.expert import NORMAL_DF
from trader.core.forecasting.forecaster import CLIMATOLOGY_SHARE
from trader.core.forecasting.voice import Known, Voice, said, sign_of, voice
from trader.core.gates import check_freshness
from trader.core.settlement import climate_date, climate_day_bounds, settled_value
from trader.core.sizing import evidence
from trader.core.strategies.base import EventInputs, Outlook, Strategy
from trader.domain.canonical import content_hash
from trader.domain.learned import ParameterSet
from trader.domain.signals import Distribution, Prediction
from trader.domain.types import MarketType, ReasonCode
from trader.domain.weather import Forecast

R = ReasonCode


@cache
def shipped_parameters() -> ParameterSet:
    """Return the set that ships with Milkbot. Source: core/params/shipped.json, made by ``milkbot fit``."""
    text = files("trader.core").joinpath("params/shipped.json").read_text(encoding="utf-8")
    return ParameterSet.model_validate_json(text)


class DailyExtreme(Strategy):
    """The highest or lowest temperature of a climate day at the settlement station."""

    def __init__(self, market_type: MarketType, parameters: ParameterSet | None = None) -> None:
        self.parameters = parameters or shipped_parameters()
        self.market_type = market_type
        self.name = "daily_low" if market_type is MarketType.LOW else "daily_high"
        self.version = f"2-{content_hash(self.parameters)[:8]}"
        self._known = Known.of(self.parameters)
        self._sign = sign_of(market_type)

    def predict(self, event: EventInputs) -> Outlook:
        forecasts, reasons = _newest_forecasts(event)
        if not forecasts:
            return Outlook(None, reasons)
        voices = _proven(self._voices(event, forecasts), event.min_forecast_pairs)
        observed = _observed(event)
        shape = self._combined(event, voices, None if observed is None else self._signed(observed))
        newest = max(forecasts, key=lambda f: (f.issued_at, f.source))
        distribution = self._ladder(shape)
        shares = sum(v.share for v in voices)
        known = evidence(min(v.evidence for v in voices), distribution.sd_f, event.gates.max_uncertainty_f)
        prediction = Prediction(
            event_ticker=event.event_ticker,
            city_code=event.city.code,
            market_type=event.market_type,
            climate_date=event.climate_date,
            strategy_name=self.name,
            strategy_version=self.version,
            distribution=distribution,
            source="+".join(v.source for v in voices),
            issued_at=newest.issued_at,
            lead_h=_lead_h(event, newest),
            observed_extreme_f=observed,
            features={
                "location_sd_f": round(math.fsum(v.share * v.bias_sd for v in voices) / shares, 6),
                "pairs": float(min(v.pairs for v in voices)),
                "evidence": float(known),
                **{f"location_{v.source}_f": round(self._sign * v.location, 6) for v in voices},
                **{f"sd_{v.source}_f": round(v.sd, 6) for v in voices},
            },
        )
        return Outlook(prediction, (*reasons, *self._refusals(event, newest, voices, distribution)), known)

    def _signed(self, value_f: float) -> int:
        return int(self._sign) * settled_value(value_f)

    def _voices(self, event: EventInputs, known: tuple[Forecast, ...]) -> tuple[Voice, ...]:
        words = [said(f) for f in known]
        return tuple(
            voice(
                word,
                tuple(other.anchor for other in words if other is not word),
                city_code=event.city.code,
                variable=event.market_type,
                day=event.climate_date,
                lead_h=_lead_h(event, forecast),
                lead_days=_lead_days(event, forecast),
                known=self._known,
                lately=event.lately,
            )
            for word, forecast in zip(words, known, strict=True)
        )

    def _combined(self, event: EventInputs, voices: tuple[Voice, ...], observed: int | None) -> Shape:
        """Return the weighted sum of what each source leaves possible, sharpened, on the calendar's floor."""
        day_start, _ = climate_day_bounds(event.climate_date, event.city)
        now_h, is_low = (event.now - day_start).total_seconds() / 3600, self.market_type is MarketType.LOW
        current = self._current(event)
        shapes = []
        for v in voices:
            path = self._path(event, v.source)
            left = remaining.chances(v, path, now_h=now_h, current=current, is_low=is_low)
            whole = remaining.is_whole_day(path, now_h=now_h, is_low=is_low)
            shapes.append((remaining.extreme(left, observed, whole_day=whole), v.share))
        total = math.fsum(share for _, share in shapes)
        shape = combine.mixture([(s, share / total) for s, share in shapes])
        sharpening = self.parameters.sharpening.get(self.market_type, 1.0)
        if len(shapes) > 1 and sharpening != 1.0:
            shape = combine.transform(shape, sharpening)
        normal = self._known.normals.get((event.city.code, self.market_type))
        if normal is None:
            return shape
        mean, sd = normal.at(event.climate_date)
        calendar = pr.student(self._sign * mean, sd, NORMAL_DF)
        if observed is not None:
            calendar = pr.condition_at_least(*calendar, observed)
        return combine.mixture([(shape, 1 - CLIMATOLOGY_SHARE), (calendar, CLIMATOLOGY_SHARE)])

    def _ladder(self, shape: Shape) -> Distribution:
        """Return the quantised distribution in degrees as they are reported."""
        start, weights = shape
        if self._sign < 0:
            start, weights = -(start + len(weights) - 1), weights[::-1]
        values = np.arange(start, start + len(weights), dtype=np.float64)
        share = weights / weights.sum()
        mean = float((share * values).sum())
        sd = math.sqrt(max(0.0, float((share * (values - mean) ** 2).sum())))
        return pr.quantise(start, weights, mean_f=round(mean, 6), sd_f=round(sd, 6))

    def _path(self, event: EventInputs, source: str) -> remaining.Path | None:
        """The hourly forecast of the source itself, from now to the end of the climate day."""
        hourly = event.weather.hourly if event.weather is not None else None
        if hourly is None or hourly.source != source or hourly.issued_at > event.now:
            return None
        day_start, day_end = climate_day_bounds(event.climate_date, event.city)
        hours, temps = [], []
        for n, temp_f in enumerate(hourly.temps_f):
            at = hourly.starts_at + timedelta(hours=n)
            if temp_f is not None and max(day_start, event.now - timedelta(hours=1)) <= at < day_end:
                hours.append((at - day_start).total_seconds() / 3600)
                temps.append(self._sign * temp_f)
        return remaining.Path(tuple(hours), tuple(temps)) if hours else None

    def _current(self, event: EventInputs) -> float | None:
        weather = event.weather
        if weather is None or weather.latest is None or weather.is_observation_stale:
            return None
        return self._sign * weather.latest.temp_f

    def _refusals(
        self, event: EventInputs, newest: Forecast, voices: tuple[Voice, ...], distribution: Distribution
    ) -> tuple[ReasonCode, ...]:
        """Return why nothing may be opened on a prediction that could be made."""
        is_today = event.climate_date == climate_date(event.now, event.city)
        day_start, _ = climate_day_bounds(event.climate_date, event.city)
        closes = day_start + timedelta(hours=self.parameters.open_until_h[self.market_type])
        age = event.now - newest.issued_at
        found = {
            R.FORECAST_STALE: age > timedelta(seconds=event.gates.max_forecast_age_s),
            R.FORECAST_PAIRS_TOO_FEW: min(v.pairs for v in voices) < event.min_forecast_pairs,
            R.UNCERTAINTY_TOO_HIGH: distribution.sd_f > event.gates.max_uncertainty_f,
            R.DAY_TOO_ADVANCED: event.now >= closes,
        }
        fresh = check_freshness(event.weather, event.now, event.gates, needs_observation=is_today)
        return (*fresh.reasons, *(reason for reason, is_so in found.items() if is_so))


class Climatology(Strategy):
    """What the calendar alone says: the benchmark every forecast must beat. Never traded."""

    def __init__(self, market_type: MarketType, parameters: ParameterSet | None = None) -> None:
        parameters = parameters or shipped_parameters()
        self.market_type = market_type
        self.name = "climatology"
        self.version = f"1-{content_hash(parameters)[:8]}"
        self._normals = Known.of(parameters).normals

    def predict(self, event: EventInputs) -> Outlook:
        normal = self._normals.get((event.city.code, event.market_type))
        if normal is None:
            return Outlook(None, (R.NO_FORECAST,))
        mean, sd = (round(v, 6) for v in normal.at(event.climate_date))
        day_start, _ = climate_day_bounds(event.climate_date, event.city)
        prediction = Prediction(
            event_ticker=event.event_ticker,
            city_code=event.city.code,
            market_type=event.market_type,
            climate_date=event.climate_date,
            strategy_name=self.name,
            strategy_version=self.version,
            distribution=pr.quantise(*pr.student(mean, sd, NORMAL_DF), mean_f=mean, sd_f=sd),
            source="calendar",
            issued_at=event.now,
            lead_h=round((day_start - event.now).total_seconds() / 3600, 6),
            observed_extreme_f=None,
            features={},
        )
        return Outlook(prediction, (R.BENCHMARK_ONLY,))


def _newest_forecasts(event: EventInputs) -> tuple[tuple[Forecast, ...], tuple[ReasonCode, ...]]:
    """Return each source's newest forecast that could have been known, by name, and what is wrong with what
    there is. A source whose word is too old is left out while another speaks."""
    offered = [
        f
        for f in (event.weather.forecasts if event.weather is not None else ())
        if f.variable is event.market_type and f.climate_date == event.climate_date
    ]
    newest: dict[str, Forecast] = {}
    for f in offered:
        if f.issued_at <= event.now and (f.source not in newest or f.issued_at > newest[f.source].issued_at):
            newest[f.source] = f
    if not newest:
        return (), (R.WEATHER_FROM_FUTURE,) if offered else (R.NO_FORECAST,)
    limit = timedelta(seconds=event.gates.max_forecast_age_s)
    fresh = [s for s in sorted(newest) if event.now - newest[s].issued_at <= limit]
    return tuple(newest[s] for s in fresh or sorted(newest)), ()


def _proven(voices: tuple[Voice, ...], needed: int) -> tuple[Voice, ...]:
    """Return the sources with enough pairs; all where none has them, and then nothing is opened."""
    return tuple(v for v in voices if v.pairs >= needed) or voices


def _lead_h(event: EventInputs, forecast: Forecast) -> float:
    """Hours from the issue to the hour at which the extreme usually falls."""
    day_start, _ = climate_day_bounds(event.climate_date, event.city)
    is_low = event.market_type is MarketType.LOW
    usual = remaining.USUAL_LOW_H if is_low else remaining.USUAL_HIGH_H
    return round((day_start + timedelta(hours=usual) - forecast.issued_at).total_seconds() / 3600, 6)


def _lead_days(event: EventInputs, forecast: Forecast) -> int:
    return (event.climate_date - climate_date(forecast.issued_at, event.city)).days


def _observed(event: EventInputs) -> float | None:
    """Return the extreme reported inside this very climate day, None before the first and for other days."""
    weather = event.weather
    if weather is None or weather.climate_date != event.climate_date:
        return None
    if climate_date(event.now, event.city) != event.climate_date:
        return None
    return weather.low_so_far_f if event.market_type is MarketType.LOW else weather.high_so_far_f


__all__ = ["Climatology", "DailyExtreme", "shipped_parameters"]
