"""One live source's word on one event: the same predictors and formulas as the evaluated experts, from a
parameter set instead of an archive.

Inside, a low is the high of minus the temperature, so that one set of formulas serves both.
"""

import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np

from trader.core.forecasting import emos
from trader.core.forecasting.climatology import season
from trader.core.forecasting.expert import BIAS_PRIOR_PAIRS
from trader.core.forecasting.predictors import (
    ANOMALY_UNIT_F,
    DISAGREEMENT_UNIT_F,
    LOCATION,
    SPREAD_FLOOR_F,
    UNKNOWN_SPREAD_F,
    WITHOUT_REPORT,
)
from trader.domain.learned import Normal, ParameterSet, Residuals, SourceFit, Spread
from trader.domain.types import MarketType
from trader.domain.weather import Forecast

SPREAD_PRIOR_PAIRS = 20.0
"""The set's own variance counts like so many pairs; valid 5 to 100: fewer and a calm fortnight narrows."""


def sign_of(variable: MarketType) -> float:
    """Return what temperatures are multiplied with: minus one for lows."""
    return -1.0 if variable is MarketType.LOW else 1.0


@dataclass(frozen=True, slots=True)
class Known:
    """A parameter set made ready for questions. Fits by city, source, variable and lead."""

    spreads: Mapping[MarketType, Spread]
    fits: Mapping[tuple[str, str, MarketType, int], SourceFit]
    normals: Mapping[tuple[str, MarketType], Normal]
    shares: Mapping[tuple[MarketType, str], float]

    @classmethod
    def of(cls, parameters: ParameterSet) -> "Known":
        return cls(
            spreads=parameters.spreads,
            fits={(f.city_code, f.source, f.variable, f.lead_days): f for f in parameters.fits},
            normals={(n.city_code, n.variable): n for n in parameters.normals},
            shares={(s.variable, s.source): s.share for s in parameters.shares},
        )


@dataclass(frozen=True, slots=True)
class Voice:
    """``anchor`` is what the source said, ``location`` and ``sd`` what we make of it, in signed degrees, and
    ``df`` of the t; ``bias_sd`` is how well the location itself is known, ``pairs`` how many
    forecast-outcome pairs stand behind it, ``evidence`` how many with what the set knows already.
    """

    source: str
    anchor: float
    location: float
    sd: float
    bias_sd: float
    df: float
    pairs: int
    evidence: float
    share: float


@dataclass(frozen=True, slots=True)
class Said:
    """A forecast as the formulas want it: signed ``anchor``, and ``member_sd`` None below two members."""

    source: str
    anchor: float
    member_sd: float | None
    older: float | None
    spread: float | None


def said(forecast: Forecast) -> Said:
    """Return a forecast in signed degrees."""
    sign, members = sign_of(forecast.variable), forecast.members_f
    older = None if forecast.older_f is None else sign * forecast.older_f
    sd = statistics.stdev(members) if len(members) > 1 else None
    return Said(forecast.source, sign * forecast.anchor_f, sd, older, forecast.spread_f)


def voice(
    said: Said,
    others: tuple[float, ...],
    *,
    city_code: str,
    variable: MarketType,
    day: date,
    lead_h: float,
    lead_days: int,
    known: Known,
    lately: Mapping[tuple[str, str, MarketType, int], Residuals],
) -> Voice:
    """Return the source's location and spread: its own fit where there is one, else the general spread.

    What it erred lately moves the location by a shrunk mean and scales the spread; the error of that mean is
    part of the spread. Without pairs the whole unknown bias is.
    """
    spread = known.spreads[variable]
    key = (city_code, said.source, variable, lead_days)
    fit, past = known.fits.get(key), lately.get(key)
    if fit is None:
        location, own, df = 0.0, spread.sd(lead_h, day, city_code, said.source), spread.df
        prior_sd = spread.bias_sd_f
    else:
        location, own = _fitted(fit, said, others, day, known)
        df, prior_sd = emos.DEGREES_OF_FREEDOM, own / math.sqrt(BIAS_PRIOR_PAIRS)
    own = max(own, said.member_sd or 0.0)
    weight, count = (0.0, 0) if past is None else (past.weight, past.count)
    prior_pairs = (own / prior_sd) ** 2 if prior_sd > 0 else math.inf
    if past is not None:
        own *= math.sqrt((SPREAD_PRIOR_PAIRS + weight * past.square) / (SPREAD_PRIOR_PAIRS + weight))
        location += past.bias_f * weight / (weight + prior_pairs)
    bias_sd = own / math.sqrt(weight + prior_pairs)
    return Voice(
        source=said.source,
        anchor=said.anchor,
        location=said.anchor + location,
        sd=math.hypot(own, bias_sd),
        bias_sd=bias_sd,
        df=df,
        pairs=count,
        evidence=SPREAD_PRIOR_PAIRS + max(count, 0 if fit is None else fit.pairs),
        share=known.shares.get((variable, said.source), 1.0),
    )


def _fitted(
    fit: SourceFit, said: Said, others: tuple[float, ...], day: date, known: Known
) -> tuple[float, float]:
    """Return (location less the anchor, standard deviation) by the source's own coefficients."""
    cosine, sine = season(day.toordinal())
    normal = known.normals.get((fit.city_code, fit.variable))
    usual = None if normal is None else sign_of(fit.variable) * normal.at(day)[0]
    anomaly = 0.0 if usual is None else (said.anchor - usual) / ANOMALY_UNIT_F
    gap = sum(others) / len(others) - said.anchor if others else 0.0
    values = {
        "one": 1.0,
        "cosine": cosine,
        "sine": sine,
        "older": 0.0 if said.older is None else said.older - said.anchor,
        "others": gap,
        "anomaly": anomaly,
        "anomaly_cosine": anomaly * cosine,
        "anomaly_sine": anomaly * sine,
    }
    x = np.array([values.get(LOCATION[i], 0.0) for i in WITHOUT_REPORT])
    width = UNKNOWN_SPREAD_F if said.spread is None else said.spread
    z = np.array([1.0, cosine, sine, math.log(width + SPREAD_FLOOR_F), abs(gap) / DISAGREEMENT_UNIT_F])
    return emos.Fit(fit.location, fit.log_scale, fit.pairs).at(x, z)
