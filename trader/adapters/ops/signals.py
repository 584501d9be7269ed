"""What strategies and the risk engine said."""

from collections.abc import Sequence
from datetime import UTC, datetime

from trader.adapters.book_rules import aware
from trader.adapters.ops.pool import Database
from trader.adapters.ops.rows import Connection, fetch_models, fetch_rows
from trader.domain.canonical import canonical_json
from trader.domain.signals import Prediction, RiskDecision, Signal
from trader.domain.types import Decision, Instant, ReasonCode, TradingMode
from trader.ports.ops_store import FoundSignal

_COPY_PREDICTIONS = """
copy ops.predictions (
    decided_at, cycle_id, event_ticker, city_code, market_type, climate_date, strategy_name, strategy_version,
    distribution, mean_f, sd_f, p10_f, p50_f, p90_f, source, issued_at, lead_h, observed_extreme_f, features,
    recorded_at
) from stdin
"""
_PREDICTIONS = """
select event_ticker, city_code, market_type, climate_date, strategy_name, strategy_version, distribution,
    source, issued_at, lead_h, observed_extreme_f, features
from ops.predictions where cycle_id = %(cycle_id)s order by prediction_id
"""
_COPY_SIGNALS = """
copy ops.signals (
    decided_at, cycle_id, mode, ticker, event_ticker, city_code, market_type, climate_date, strategy_name,
    strategy_version, p_yes, uncertainty, decision, side, price, limit_price, fee, edge, qty, reasons,
    recorded_at
) from stdin
"""
_SIGNALS = """
select ticker, event_ticker, city_code, market_type, climate_date, strategy_name, strategy_version, p_yes,
    uncertainty, decision, side, price, limit_price, fee, edge, qty, reasons
from ops.signals where cycle_id = %(cycle_id)s order by signal_id
"""
_RECENT = """
select signal_id, decided_at, ticker, event_ticker, city_code, market_type, climate_date, strategy_name,
    strategy_version, p_yes, uncertainty, decision, side, price, limit_price, fee, edge, qty, reasons
from ops.signals where ticker = %(ticker)s order by decided_at desc, signal_id desc limit %(limit)s
"""
_BY_NUMBER = """
select signal_id, cycle_id, decided_at, ticker, event_ticker, city_code, market_type, climate_date,
    strategy_name, strategy_version, p_yes, uncertainty, decision, side, price, limit_price, fee, edge, qty,
    reasons
from ops.signals where signal_id = %(signal_id)s
"""
_COPY_RISK_DECISIONS = """
copy ops.risk_decisions (
    cycle_id, decided_at, ticker, side, asked_qty, allowed_qty, reasons, caps, recorded_at
) from stdin
"""
_TALLY = """
select decision, reasons[1] as reason, count(*) as number
from ops.signals where mode = %(mode)s group by decision, reasons[1]
"""
_RISK_DECISIONS = """
select ticker, side, asked_qty, allowed_qty, reasons, caps
from ops.risk_decisions where cycle_id = %(cycle_id)s order by risk_decision_id
"""
_LAST_SEEN = """
select
    city_code,
    max(decided_at) filter (where p_yes is not null) as priced_at,
    max(decided_at) filter (where decision <> 'HOLD') as wanted_at
from ops.signals where mode = %(mode)s and decided_at >= %(since)s
group by city_code order by city_code
"""


def insert_predictions(
    connection: Connection, found: Sequence[Prediction], *, cycle_id: int, decided_at: datetime, at: datetime
) -> None:
    with connection.cursor() as cursor, cursor.copy(_COPY_PREDICTIONS) as copy:
        for p in found:
            spread = p.distribution
            tenths = (spread.quantile(tenth) for tenth in (0.1, 0.5, 0.9))
            copy.write_row(
                (
                    *(decided_at, cycle_id, p.event_ticker, p.city_code, p.market_type, p.climate_date),
                    *(p.strategy_name, p.strategy_version, canonical_json(spread)),
                    *(spread.mean_f, spread.sd_f, *tenths, p.source, p.issued_at, p.lead_h),
                    *(p.observed_extreme_f, canonical_json(p.features), at),
                )
            )


def insert_signals(
    connection: Connection,
    found: Sequence[Signal],
    *,
    cycle_id: int,
    mode: TradingMode,
    decided_at: datetime,
    at: datetime,
) -> None:
    with connection.cursor() as cursor, cursor.copy(_COPY_SIGNALS) as copy:
        for s in found:
            copy.write_row(
                (
                    *(decided_at, cycle_id, mode, s.ticker, s.event_ticker, s.city_code, s.market_type),
                    *(
                        s.climate_date,
                        s.strategy_name,
                        s.strategy_version,
                        s.p_yes,
                        s.uncertainty,
                        s.decision,
                    ),
                    *(s.side, s.price, s.limit_price, s.fee, s.edge, s.qty, [str(r) for r in s.reasons], at),
                )
            )


def insert_risk_decisions(
    connection: Connection,
    found: Sequence[RiskDecision],
    *,
    cycle_id: int,
    decided_at: datetime,
    at: datetime,
) -> None:
    with connection.cursor() as cursor, cursor.copy(_COPY_RISK_DECISIONS) as copy:
        for d in found:
            reasons = [str(reason) for reason in d.reasons]
            copy.write_row(
                (
                    *(cycle_id, decided_at, d.ticker, d.side, d.asked_qty, d.allowed_qty),
                    *(reasons, canonical_json(d.caps), at),
                )
            )


def predictions_of(connection: Connection, cycle_id: int) -> tuple[Prediction, ...]:
    return fetch_models(connection, Prediction, _PREDICTIONS, {"cycle_id": cycle_id})


def signals_of(connection: Connection, cycle_id: int) -> tuple[Signal, ...]:
    return fetch_models(connection, Signal, _SIGNALS, {"cycle_id": cycle_id})


def risk_decisions_of(connection: Connection, cycle_id: int) -> tuple[RiskDecision, ...]:
    return fetch_models(connection, RiskDecision, _RISK_DECISIONS, {"cycle_id": cycle_id})


class PostgresSignalRepository:
    """``ports.ops_store.SignalRepository`` on Postgres."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get_for_cycle(self, cycle_id: int) -> tuple[Signal, ...]:
        with self._database.connection() as connection:
            return signals_of(connection, cycle_id)

    def find(self, signal_id: int) -> FoundSignal | None:
        with self._database.connection() as connection:
            rows = fetch_rows(connection, _BY_NUMBER, {"signal_id": signal_id})
        if not rows:
            return None
        row = rows[0]
        named = {name: row.pop(name) for name in ("signal_id", "cycle_id", "decided_at")}
        return FoundSignal(**named, signal=Signal.model_validate(row, strict=False))

    def last_seen(self, mode: TradingMode, since: datetime) -> tuple[dict[str, Instant], Instant | None]:
        with self._database.connection() as connection:
            rows = fetch_rows(connection, _LAST_SEEN, {"mode": mode, "since": aware(since)})
        priced = {r["city_code"]: r["priced_at"].astimezone(UTC) for r in rows if r["priced_at"] is not None}
        wanted = [r["wanted_at"].astimezone(UTC) for r in rows if r["wanted_at"] is not None]
        return priced, max(wanted, default=None)

    def tally(self, mode: TradingMode) -> dict[tuple[Decision, ReasonCode], int]:
        with self._database.connection() as connection:
            rows = fetch_rows(connection, _TALLY, {"mode": mode})
        return {(Decision(row["decision"]), ReasonCode(row["reason"])): row["number"] for row in rows}

    def recent(self, ticker: str, limit: int = 20) -> tuple[tuple[int, Instant, Signal], ...]:
        with self._database.connection() as connection:
            rows = fetch_rows(connection, _RECENT, {"ticker": ticker, "limit": limit})
        return tuple(
            (
                row.pop("signal_id"),
                row.pop("decided_at").astimezone(UTC),
                Signal.model_validate(row, strict=False),
            )
            for row in rows
        )
