"""Weather and markets as seen, in memory: the newest of each, every version of terms, every result."""

# ruff: noqa: ARG002 (the protocol names columns that only a database keeps)

from collections.abc import Sequence
from datetime import date, datetime

from trader.adapters.book_rules import aware
from trader.adapters.memory.learned import MemoryLearnedRepository
from trader.domain.errors import PersistenceError
from trader.domain.markets import Contract, MarketSnapshot
from trader.domain.orders import MarketResult
from trader.domain.types import MarketStatus, MarketType
from trader.domain.weather import MonthToDate, WeatherSnapshot
from trader.ports.weather import ClimateReport

FINAL = ("final_first", "final_revised")


class MemoryWeatherRepository:
    """``ports.ops_store.WeatherRepository`` in memory; of snapshots only the newest per city is kept."""

    def __init__(self, learned: MemoryLearnedRepository) -> None:
        self._learned = learned
        self._count = 0
        self._latest: dict[str, WeatherSnapshot] = {}
        self._keys: set[tuple[str, datetime, str]] = set()
        self._reports: dict[tuple[str, date], list[ClimateReport]] = {}

    def save_snapshot(self, snapshot: WeatherSnapshot, *, at: datetime, cycle_id: int | None = None) -> int:
        aware(at)
        self._count += 1
        known = self._latest.get(snapshot.city_code)
        if known is None or snapshot.captured_at >= known.captured_at:
            self._latest[snapshot.city_code] = snapshot
        self._learned.note_snapshot(snapshot)
        return self._count

    def get_latest(self, city_code: str) -> WeatherSnapshot | None:
        return self._latest.get(city_code)

    def save_climate_report(self, report: ClimateReport, *, at: datetime) -> bool:
        aware(at)
        key = (report.pil, report.issued_at, report.payload.sha256)
        if key in self._keys:
            return False
        self._keys.add(key)
        self._learned.note_report(report)
        if report.climate_date is not None and report.status != "refused":
            self._reports.setdefault((report.pil, report.climate_date), []).append(report)
        return True

    def first_final(self, pil: str, climate_date: date, market_type: MarketType) -> int | None:
        finals = [
            report
            for report in self._reports.get((pil, climate_date), ())
            if report.status in FINAL and report.value(market_type) is not None
        ]
        return min(finals, key=lambda r: r.issued_at).value(market_type) if finals else None

    def months(self, since: date) -> tuple[MonthToDate, ...]:
        newest: dict[tuple[str, MarketType], MonthToDate] = {}
        told = (r for (_, day), reports in self._reports.items() if day >= since for r in reports)
        for report in sorted(told, key=lambda r: (r.climate_date or since, r.issued_at)):
            for kind, month, day in (
                (MarketType.RAIN, report.rain_month, report.rain),
                (MarketType.SNOW, report.snow_month, report.snow),
            ):
                if month is not None and report.climate_date is not None:
                    newest[report.pil, kind] = MonthToDate(
                        location=report.pil.removeprefix("CLI"),
                        market_type=kind,
                        climate_date=report.climate_date,
                        is_final=report.status in FINAL,
                        amount=month,
                        day=day,
                        issued_at=report.issued_at,
                    )
        return tuple(newest[key] for key in sorted(newest))


class MemoryMarketRepository:
    """``ports.ops_store.MarketRepository`` in memory; of snapshots only the newest per market is kept."""

    def __init__(self) -> None:
        self._count = 0
        self._contracts: dict[str, dict[str, Contract]] = {}
        self._latest: dict[str, MarketSnapshot] = {}
        self._marks: dict[str, MarketSnapshot] = {}
        self._looked_at: dict[str, datetime] = {}
        self._results: dict[str, MarketResult] = {}
        self._awaiting: dict[str, datetime] = {}
        """First close of each market without a result."""

    def save_contracts(self, contracts: Sequence[Contract], *, at: datetime) -> int:
        aware(at)
        new = 0
        for contract in contracts:
            versions = self._contracts.setdefault(contract.ticker, {})
            new += contract.terms_hash not in versions
            versions.setdefault(contract.terms_hash, contract)
            if contract.ticker not in self._results:
                known = self._awaiting.setdefault(contract.ticker, contract.close_time)
                self._awaiting[contract.ticker] = min(known, contract.close_time)
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
        known = self._results.get(result.ticker)
        if known is not None and (known.result, known.value) == (result.result, result.value):
            return False
        self._results[result.ticker] = result
        self._awaiting.pop(result.ticker, None)
        return True

    def results(self, since: datetime) -> tuple[MarketResult, ...]:
        found = (r for r in self._results.values() if r.determined_at >= aware(since))
        return tuple(sorted(found, key=lambda r: r.ticker))

    def markets_awaiting_result(self, now: datetime) -> tuple[str, ...]:
        aware(now)
        return tuple(sorted(ticker for ticker, closed in self._awaiting.items() if closed <= now))

    def latest_marks(self, tickers: Sequence[str]) -> dict[str, MarketSnapshot]:
        return {ticker: self._marks[ticker] for ticker in sorted(set(tickers)) if ticker in self._marks}

    def contract(self, ticker: str) -> Contract | None:
        versions = self._contracts.get(ticker)
        return list(versions.values())[-1] if versions else None

    def contracts(self, tickers: Sequence[str]) -> dict[str, Contract]:
        return {ticker: found for ticker in sorted(set(tickers)) if (found := self.contract(ticker))}
