"""Forecast issues, outcomes, parameter sets and their roles, in memory."""

from collections.abc import Callable, Iterable
from datetime import date, datetime

from trader.adapters.book_rules import aware
from trader.domain.canonical import content_hash
from trader.domain.cities import city_named, load_cities
from trader.domain.climate_day import climate_day_bounds
from trader.domain.learned import ParameterSet
from trader.domain.signals import Distribution, Prediction
from trader.domain.types import EXCLUSIVE_TYPES, MarketType
from trader.domain.weather import WeatherSnapshot
from trader.ports.ops_store import IssuedForecast, Outcome, StoredSet
from trader.ports.weather import ClimateReport

Decided = Iterable[tuple[datetime, tuple[Prediction, ...]]]
FINAL = ("final_first", "final_revised")


class MemoryLearnedRepository:
    """``ports.ops_store.LearnedRepository`` in memory. ``decided`` gives when what was predicted."""

    decided: Callable[[], Decided]

    def __init__(self) -> None:
        self._issues: dict[tuple[str, str, MarketType, date, datetime], IssuedForecast] = {}
        self._outcomes: dict[tuple[str, MarketType, date], Outcome] = {}
        self._finals = 0
        self._sets: dict[str, ParameterSet] = {}
        self._roles: list[StoredSet] = []

    def note_snapshot(self, snapshot: WeatherSnapshot) -> None:
        """Keep the first forecast of each block."""
        for f in sorted(snapshot.forecasts, key=lambda f: f.issued_at):
            key = (snapshot.city_code, f.source, f.variable, f.climate_date, f.block)
            issue = IssuedForecast(*key[:4], f.issued_at, f.anchor_f)
            self._issues.setdefault(key, issue)

    def note_report(self, report: ClimateReport) -> None:
        """Keep the first final report of the city's temperatures."""
        if report.status not in FINAL:
            return
        self._finals += 1
        city = load_cities().get(report.city_code)
        if city is None or report.climate_date is None or report.pil != f"CLI{city.cli_location}":
            return
        for variable in EXCLUSIVE_TYPES:
            value, key = report.value(variable), (city.code, variable, report.climate_date)
            if value is not None and (
                key not in self._outcomes or report.issued_at < self._outcomes[key].issued_at
            ):
                self._outcomes[key] = Outcome(*key, report.issued_at, value)

    def marker(self) -> tuple[int, int]:
        return self._finals, len(self._roles)

    def issues(
        self, *, climate_date: date | None = None, issued_at: datetime | None = None
    ) -> tuple[IssuedForecast, ...]:
        found = (
            i
            for i in self._issues.values()
            if (climate_date is None or i.climate_date >= climate_date)
            and (issued_at is None or i.issued_at >= aware(issued_at))
        )
        return tuple(sorted(found, key=lambda i: (*i[:4], i.issued_at)))

    def outcomes(self, climate_date: date) -> tuple[Outcome, ...]:
        found = (o for o in self._outcomes.values() if o.climate_date >= climate_date)
        return tuple(sorted(found, key=lambda o: o[:3]))

    def save_set(self, parameters: ParameterSet, *, role: str, set_by: str, note: str, at: datetime) -> str:
        sha256 = content_hash(parameters)
        parameters = self._sets.setdefault(sha256, parameters)
        self._roles.append(StoredSet(sha256, parameters, role, set_by, note, aware(at)))  # type: ignore[arg-type]
        return sha256

    def sets(self) -> tuple[StoredSet, ...]:
        newest = {stored.sha256: stored for stored in self._roles}
        return tuple(s for s in reversed(self._roles) if newest[s.sha256] is s)

    def current_before(self) -> str | None:
        newest = {stored.sha256: stored.role for stored in self._roles}
        current = [s.sha256 for s in self._roles if s.role == "CURRENT" and newest[s.sha256] != "WITHDRAWN"]
        before = [sha256 for sha256 in current if sha256 != current[-1]]
        return before[-1] if before else None

    def predictions(
        self, climate_date: date, version_end: str
    ) -> tuple[tuple[str, MarketType, date, Distribution], ...]:
        newest: dict[tuple[str, MarketType, date], Distribution] = {}
        for at, predicted in self.decided():
            for p in predicted:
                day_start, _ = climate_day_bounds(
                    p.climate_date, city_named(p.city_code).std_utc_offset_hours
                )
                is_wanted = p.climate_date >= climate_date and p.strategy_version.endswith(f"-{version_end}")
                if is_wanted and at < day_start:
                    newest[p.city_code, p.market_type, p.climate_date] = p.distribution
        return tuple((*key, newest[key]) for key in sorted(newest))
