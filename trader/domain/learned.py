"""What the past taught about forecasts: parameters by source, and how each source erred lately.

Temperatures are degrees Fahrenheit; an error is the settled value minus the forecast.
"""

import math
from datetime import date
from typing import Any

from pydantic import Field

from trader.domain.types import Frozen, MarketType

FIT_LEAD_H = 6.0
"""Lead that counts as zero lead days, hours: a morning forecast for the same afternoon."""


class Spread(Frozen):
    """How far a public forecast errs where nothing is known of its source.

    sd(lead, day, city) = (a + b x lead days) x (1 + c x cos(2 pi (day of year - phase_day) / 365.25)) x city
    factor x source factor. ``bias_sd_f`` is the unknown bias of a source's grid point at a station.
    """

    a: float = Field(gt=0)
    b: float = Field(ge=0)
    c: float = Field(ge=0, lt=1)
    phase_day: float
    df: float = Field(gt=2)
    bias_sd_f: float = Field(ge=0)
    max_lead_days: float = Field(gt=0)
    city_factor: dict[str, float]
    source_factor: dict[str, float] = {}

    def sd(self, lead_h: float, day: date, city_code: str, source: str = "") -> float:
        """Return the standard deviation of the error; leads are clipped to the fit."""
        lead_days = min(max(0.0, (lead_h - FIT_LEAD_H) / 24.0), self.max_lead_days)
        season = 1.0 + self.c * math.cos(2 * math.pi * (day.timetuple().tm_yday - self.phase_day) / 365.25)
        factor = self.city_factor.get(city_code, 1.0) * self.source_factor.get(source, 1.0)
        return (self.a + self.b * lead_days) * season * factor


class SourceFit(Frozen):
    """Coefficients of one source at one station and lead, in the order of ``predictors.WITHOUT_REPORT`` and
    of the scale's predictors there; a low's are those of minus the temperature.
    """

    city_code: str
    source: str
    variable: MarketType
    lead_days: int
    location: tuple[float, ...]
    log_scale: tuple[float, ...]
    pairs: int


class Normal(Frozen):
    """The calendar at one station: mean and standard deviation of the extreme as two waves a year.

    Coefficients of one, cosine and sine of the year, cosine and sine of half a year.
    """

    city_code: str
    variable: MarketType
    mean: tuple[float, float, float, float, float]
    sd: tuple[float, float, float, float, float]

    def at(self, day: date) -> tuple[float, float]:
        """Return (mean, standard deviation) of a calendar day."""
        angle = 2 * math.pi * day.timetuple().tm_yday / 365.25
        waves = (1.0, math.cos(angle), math.sin(angle), math.cos(2 * angle), math.sin(2 * angle))
        mean, sd = (math.fsum(w * c for w, c in zip(waves, row, strict=True)) for row in (self.mean, self.sd))
        return mean, max(sd, 1.0)


class WetDays(Frozen):
    """Wet days of one month of the year: chances after a dry and after a wet day, and the gamma of amounts,
    ``scale`` in units of the market type (hundredths of an inch of rain, tenths of snow).
    """

    after_dry: float = Field(gt=0, lt=1)
    after_wet: float = Field(gt=0, lt=1)
    shape: float = Field(gt=0)
    scale: float = Field(gt=0)


class Depths(Frozen):
    """Rain or snow of a station by month of the year, and on how many years of days that rests.

    ``station`` is the one of the record, which need not be the one that settles.
    """

    city_code: str
    variable: MarketType
    station: str
    years: float = Field(ge=0)
    months: tuple[WetDays, ...] = Field(min_length=12, max_length=12)


class Share(Frozen):
    """Weight of one source in the combination of a variable's sources."""

    variable: MarketType
    source: str
    share: float = Field(ge=0)


class ParameterSet(Frozen):
    """Everything a forecast needs that was fitted. ``provenance`` tells sources, window, counts, scores and
    the hash of the input.

    ``sharpening`` by variable is the beta parameter of the combination, ``exponents`` those of the pool with
    the market. Nothing is opened from local standard hour ``open_until_h`` of the climate day on, because no
    archive of later forecasts was there to fit.
    """

    name: str
    spreads: dict[MarketType, Spread]
    fits: tuple[SourceFit, ...] = ()
    normals: tuple[Normal, ...] = ()
    totals: tuple[Depths, ...] = ()
    shares: tuple[Share, ...] = ()
    sharpening: dict[MarketType, float] = {}
    exponents: tuple[float, float, float] = (1.0, 0.05, 0.15)
    open_until_h: dict[MarketType, float]
    provenance: dict[str, Any] = {}


class Residuals(Frozen):
    """How one source's forecasts of a city erred, by lead in whole days, beyond what a parameter set says.

    ``parameters`` is the set's hash. ``count`` pairs; the newest count most, and ``weight`` is the sum of
    their weights. ``bias_f`` is the weighted mean of the errors the set leaves, ``square`` the weighted mean
    of their squares about that mean in units of the set's own variance: 1 when its spread is right.
    """

    parameters: str
    city_code: str
    source: str
    variable: MarketType
    lead_days: int
    count: int = Field(ge=0)
    weight: float = Field(ge=0)
    bias_f: float
    square: float = Field(ge=0)


class Correlation(Frozen):
    """How alike the errors of two cities' forecasts are, -1 to 1, and on how many common days that rests."""

    city_a: str
    city_b: str
    rho: float = Field(ge=-1, le=1)
    days: int = Field(ge=0)


class Knowledge(Frozen):
    """What a cycle has learnt: the set it trades on, sets that run beside it and trade nothing, how every
    source erred lately, how cities err together. Changes a few times a day; stored by its hash.
    """

    current: ParameterSet
    candidates: tuple[ParameterSet, ...] = ()
    residuals: tuple[Residuals, ...] = ()
    correlations: tuple[Correlation, ...] = ()
