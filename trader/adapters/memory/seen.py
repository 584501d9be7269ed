"""Weather and markets as seen, in memory: the newest of each, every version of terms, every result."""

# ruff: noqa: ARG002 (the protocol names columns that only a database keeps)

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime

from trader.adapters.book_rules import aware
from trader.domain.cities import city_named
from trader.domain.climate_day import climate_date as climate_day_of
from trader.domain.errors import PersistenceError
from trader.domain.markets import Contract, MarketSnapshot
from trader.domain.orders import MarketResult
from trader.domain.plan import ForecastPairs
from trader.domain.types import MarketStatus, MarketType
from trader.domain.weather import WeatherSnapshot
from trader.ports.exchange import RawPayload

FINAL = ("final_first", "final_revised")
STATUSES = (*FINAL, "preliminary", "refused")


class MemoryWeatherRepository:
    """``ports.ops_store.WeatherRepository`` in memory; of snapshots only the newest per city is kept."""

    def __init__(self) -> None:
        self._count = 0
        self._latest: dict[str, WeatherSnapshot] = {}
        self._reports: set[tuple[str, datetime, str]] = set()
        self._finals: dict[tuple[str, date], tuple[datetime, int | None, int | None]] = {}
        self._forecasts: set[tuple[str, str, int, MarketType, date]] = set()

    def save_snapshot(self, snapshot: WeatherSnapshot, *, at: datetime, cycle_id: int | None = None) -> int:
        aware(at)
        self._count += 1
        known = self._latest.get(snapshot.city_code)
        if known is None or snapshot.captured_at >= known.captured_at:
            self._latest[snapshot.city_code] = snapshot
        offset = city_named(snapshot.city_code).std_utc_offset_hours
        for f in snapshot.forecasts:
            lead = (f.climate_date - climate_day_of(f.issued_at, offset)).days
            self._forecasts.add((snapshot.city_code, f.source, lead, f.variable, f.climate_date))
        return self._count

    def get_latest(self, city_code: str) -> WeatherSnapshot | None:
        return self._latest.get(city_code)

    def save_climate_report(
        self,
        *,
        pil: str,
        city_code: str | None,
        climate_date: date | None,
        issued_at: datetime,
        status: str,
        high_f: int | None,
        low_f: int | None,
        refusal: str | None,
        payload: RawPayload,
        at: datetime,
    ) -> bool:
        aware(at)
        if status not in STATUSES:
            raise PersistenceError(f"climate report {pil}: expected one of {STATUSES}, found {status!r}")
        key = (pil, aware(issued_at), payload.sha256)
        if key in self._reports:
            return False
        self._reports.add(key)
        if status in FINAL and city_code is not None and climate_date is not None:
            known = self._finals.get((city_code, climate_date))
            if known is None or issued_at < known[0]:
                self._finals[city_code, climate_date] = (issued_at, high_f, low_f)
        return True

    def first_final(self, city_code: str, climate_date: date) -> tuple[int | None, int | None] | None:
        found = self._finals.get((city_code, climate_date))
        return None if found is None else found[1:]

    def forecast_pairs(self) -> tuple[ForecastPairs, ...]:
        counts: Counter[tuple[str, str, int, MarketType]] = Counter()
        for city_code, source, lead, variable, day in self._forecasts:
            final = self._finals.get((city_code, day))
            values = {} if final is None else {MarketType.HIGH: final[1], MarketType.LOW: final[2]}
            if lead >= 0 and values.get(variable) is not None:
                counts[city_code, source, lead, variable] += 1
        fewest: dict[tuple[str, str, int], int] = {}
        for (city_code, source, lead, _), count in counts.items():
            key = (city_code, source, lead)
            fewest[key] = min(count, fewest.get(key, count))
        return tuple(
            ForecastPairs(city_code=city_code, source=source, lead_days=lead, count=count)
            for (city_code, source, lead), count in sorted(fewest.items())
        )


class MemoryMarketRepository:
    """``ports.ops_store.MarketRepository`` in memory; of snapshots only the newest per market is kept."""

    def __init__(self) -> None:
        self._count = 0
        self._contracts: dict[str, dict[str, Contract]] = {}
        self._latest: dict[str, MarketSnapshot] = {}
        self._marks: dict[str, MarketSnapshot] = {}
        self._looked_at: dict[str, datetime] = {}
        self._results: dict[str, MarketResult] = {}

    def save_contracts(self, contracts: Sequence[Contract], *, at: datetime) -> int:
        aware(at)
        new = 0
        for contract in contracts:
            versions = self._contracts.setdefault(contract.ticker, {})
            new += contract.terms_hash not in versions
            versions.setdefault(contract.terms_hash, contract)
        return new

    def save_snapshot(self, snapshot: MarketSnapshot, *, at: datetime, cycle_id: int | None = None) -> int:
        self.save_snapshots([snapshot], at=at, cycle_id=cycle_id)
        return self._count

    def save_snapshots(
        self, snapshots: Sequence[MarketSnapshot], *, at: datetime, cycle_id: int | None = None
    ) -> None:
        aware(at)
        for s in snapshots:
            if s.terms_hash not in self._contracts.get(s.ticker, {}):
                raise PersistenceError(
                    f"snapshot {s.ticker}: expected stored terms, found none; nothing was stored"
                )
        for s in snapshots:
            self._count += 1
            known = self._latest.get(s.ticker)
            if known is None or s.captured_at >= known.captured_at:
                self._latest[s.ticker] = s
            mark = self._marks.get(s.ticker)
            is_quoted = s.yes_bid is not None or s.yes_ask is not None
            if is_quoted and (mark is None or s.captured_at >= mark.captured_at):
                self._marks[s.ticker] = s
            last = self._looked_at.get(s.city_code, s.captured_at)
            self._looked_at[s.city_code] = max(last, s.captured_at)

    def get_active_markets(self, city_code: str) -> tuple[MarketSnapshot, ...]:
        looked_at = self._looked_at.get(city_code)
        return tuple(
            snapshot
            for ticker, snapshot in sorted(self._latest.items())
            if snapshot.city_code == city_code
            and snapshot.status is MarketStatus.ACTIVE
            and looked_at is not None
            and any(c.close_time > looked_at for c in self._contracts[ticker].values())
        )

    def save_result(
        self, result: MarketResult, *, our_value: int | None, our_result: str | None, at: datetime
    ) -> bool:
        aware(at)
        is_new = result.ticker not in self._results
        self._results.setdefault(result.ticker, result)
        return is_new

    def markets_awaiting_result(self, now: datetime) -> tuple[str, ...]:
        aware(now)
        waiting = {
            ticker
            for ticker, versions in self._contracts.items()
            if ticker not in self._results
            for contract in versions.values()
            if contract.close_time <= now
        }
        return tuple(sorted(waiting))

    def latest_marks(self, tickers: Sequence[str]) -> dict[str, MarketSnapshot]:
        return {ticker: self._marks[ticker] for ticker in sorted(set(tickers)) if ticker in self._marks}

    def contract(self, ticker: str) -> Contract | None:
        versions = self._contracts.get(ticker)
        return list(versions.values())[-1] if versions else None
