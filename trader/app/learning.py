"""What a cycle has learnt: parameter sets in force, how sources erred lately, older issues of a forecast."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta

import numpy as np

from trader.core.forecasting.archive import Archive, Floats, Ints, Issues, Settled
from trader.core.forecasting.lately import WINDOW_DAYS, Errors, correlations, residuals
from trader.core.forecasting.predictors import OLDER_S, lags
from trader.core.forecasting.voice import sign_of
from trader.core.strategies.extreme import shipped_parameters
from trader.domain.canonical import content_hash
from trader.domain.cities import CityConfig
from trader.domain.learned import Knowledge, Residuals
from trader.domain.types import EXCLUSIVE_TYPES, MarketType
from trader.domain.weather import Forecast, WeatherSnapshot
from trader.ports.ops_store import IssuedForecast, LearnedRepository, Outcome

KEPT = timedelta(seconds=OLDER_S[1])
IssueKey = tuple[str, str, MarketType, date]


def archive_of(
    issues: Iterable[IssuedForecast], outcomes: Iterable[Outcome], variable: MarketType
) -> Archive:
    """Return stored issues and outcomes of one variable as an archive, lows negated."""
    sign = sign_of(variable)
    said: dict[tuple[str, str], list[tuple[int, int, float]]] = {}
    for i in issues:
        if i.variable is variable:
            row = (i.climate_date.toordinal(), int(i.issued_at.timestamp()), sign * i.value_f)
            said.setdefault((i.city_code, i.source), []).append(row)
    settled: dict[str, list[tuple[int, int, float]]] = {}
    for o in outcomes:
        if o.variable is variable:
            row = (o.climate_date.toordinal(), int(o.issued_at.timestamp()), sign * o.value)
            settled.setdefault(o.city_code, []).append(row)
    return Archive(
        issues={key: Issues(*_columns(rows)) for key, rows in said.items()},
        settled={code: Settled(*_columns(rows)) for code, rows in settled.items()},
    )


def _columns(
    rows: list[tuple[int, int, float]],
) -> tuple[Ints, Ints, Floats]:
    day, known, value = zip(*sorted(rows), strict=True)
    return np.array(day, dtype=np.int64), np.array(known, dtype=np.int64), np.array(value, dtype=np.float64)


class Learner:
    """Learns anew only when a final report or a role of a set was stored; keeps recent issues at hand."""

    def __init__(self, repository: LearnedRepository, cities: Mapping[str, CityConfig]) -> None:
        self._repository, self._cities = repository, cities
        self._learnt: tuple[tuple[int, int], Knowledge] | None = None
        self._recent: dict[IssueKey, dict[datetime, tuple[datetime, float]]] | None = None

    def knowledge(self, now: datetime) -> Knowledge:
        """Return what is known at ``now``."""
        marker = self._repository.marker()
        if self._learnt is None or self._learnt[0] != marker:
            self._learnt = marker, self._learn(now)
        return self._learnt[1]

    def _learn(self, now: datetime) -> Knowledge:
        sets = self._repository.sets()
        current = next((s.parameters for s in sets if s.role == "CURRENT"), shipped_parameters())
        candidates = tuple(s.parameters for s in sets if s.role == "CANDIDATE")
        since = now.date() - timedelta(days=WINDOW_DAYS + 1)
        issues, outcomes = self._repository.issues(climate_date=since), self._repository.outcomes(since)
        archives = {kind: archive_of(issues, outcomes, kind) for kind in sorted(EXCLUSIVE_TYPES)}
        today, errors = now.date().toordinal(), Errors()
        found: list[Residuals] = []
        for parameters in (current, *candidates):
            sha256 = content_hash(parameters)
            collected = errors if parameters is current else None
            for kind, archive in archives.items():
                found += residuals(archive, kind, parameters, sha256, self._cities, today, collected)
        return Knowledge(
            current=current,
            candidates=candidates,
            residuals=tuple(found),
            correlations=correlations(errors, self._cities),
        )

    def with_lags(self, snapshot: WeatherSnapshot) -> WeatherSnapshot:
        """Return the snapshot with what older issues of each of its forecasts say."""
        if self._recent is None:
            self._recent = self._load(snapshot.captured_at)
        recent, said = self._recent, []
        for f in snapshot.forecasts:
            blocks = recent.setdefault((snapshot.city_code, f.source, f.variable, f.climate_date), {})
            older, spread = _lags(f, blocks.values())
            said.append(f.model_copy(update={"older_f": older, "spread_f": spread}))
            blocks.setdefault(f.block, (f.issued_at, f.anchor_f))
        over = [k for k in recent if k[0] == snapshot.city_code and k[3] < snapshot.climate_date]
        for key in over:  # nobody asks for a day that has ended
            del recent[key]
        return snapshot.model_copy(update={"forecasts": tuple(said)})

    def _load(self, now: datetime) -> dict[IssueKey, dict[datetime, tuple[datetime, float]]]:
        """Read what was issued within reach of the lags, after a restart too."""
        recent: dict[IssueKey, dict[datetime, tuple[datetime, float]]] = {}
        for i in self._repository.issues(issued_at=now - 2 * KEPT):
            at = i.issued_at
            block = Forecast(
                source=i.source,
                variable=i.variable,
                climate_date=i.climate_date,
                issued_at=at,
                value_f=i.value_f,
            ).block
            blocks = recent.setdefault((i.city_code, i.source, i.variable, i.climate_date), {})
            blocks.setdefault(block, (at, i.value_f))
        return recent


def _lags(forecast: Forecast, issued: Iterable[tuple[datetime, float]]) -> tuple[float | None, float | None]:
    known = sorted((at, value) for at, value in issued if at < forecast.issued_at)
    seconds = [int(at.timestamp()) for at, _ in known] + [int(forecast.issued_at.timestamp())]
    values = [value for _, value in known] + [forecast.anchor_f]
    older, spread = lags(np.array(seconds, dtype=np.int64), np.array(values, dtype=np.float64))
    return (
        None if older is None else round(older, 6),
        None if spread is None else round(spread, 6),
    )
