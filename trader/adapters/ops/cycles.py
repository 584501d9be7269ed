"""Cycles: what went into each decision and what came out, rebuilt from rows alone."""

import hashlib
from datetime import datetime, timedelta
from typing import Any

from trader.adapters.book_rules import aware
from trader.adapters.ops import markets, signals, weather
from trader.adapters.ops.pool import Database
from trader.adapters.ops.rows import Connection, fetch_model, fetch_models, fetch_rows, fetch_value
from trader.domain.canonical import canonical_json, content_hash
from trader.domain.errors import InvariantViolation
from trader.domain.learned import Knowledge
from trader.domain.markets import Contract
from trader.domain.plan import CycleInputs, CyclePlan, CycleSummary
from trader.domain.types import TradingMode
from trader.domain.weather import WeatherSnapshot
from trader.ports.ops_store import CycleRow, EquityPoint, EquityRow, LastCycle

_BEGIN = """
insert into ops.cycles (epoch, mode, slot, started_at)
values (%(epoch)s, %(mode)s, %(slot)s, %(at)s) returning cycle_id
"""
_SAVE_INPUTS = """
update ops.cycles set decided_at = %(decided_at)s, inputs_hash = %(inputs_hash)s, context = %(context)s
where cycle_id = %(cycle_id)s and inputs_hash is null returning cycle_id
"""
_DECIDED = "select mode, decided_at, inputs_hash from ops.cycles where cycle_id = %(cycle_id)s for update"
_SAVE_PLAN = """
update ops.cycles set plan_hash = %(plan_hash)s, plan_rest = %(plan_rest)s
where cycle_id = %(cycle_id)s and plan_hash is null returning cycle_id
"""
_FINISH = """
update ops.cycles set
    finished_at = %(at)s, summary = %(summary)s, error = %(error)s,
    starting_capital_usd = %(starting_capital_usd)s, cash_usd = %(cash_usd)s,
    realized_pnl_usd = %(realized_pnl_usd)s, unrealized_pnl_usd = %(unrealized_pnl_usd)s,
    equity_usd = %(equity_usd)s, peak_profit_usd = %(peak_profit_usd)s
where cycle_id = %(cycle_id)s and finished_at is null returning cycle_id
"""
_LIST = """
select cycle_id, slot, mode, started_at, inputs_hash, plan_hash from ops.cycles
where started_at >= coalesce(%(since)s, cast('-infinity' as timestamptz)) order by cycle_id
"""
_NEWEST = """
select cycle_id, slot, mode, started_at, finished_at, summary from ops.cycles
where mode = coalesce(cast(%(mode)s as ops.trading_mode), mode) order by cycle_id desc limit 1
"""
_CONTEXT = "select context from ops.cycles where cycle_id = %(cycle_id)s"
_REST = (
    "select inputs_hash, plan_rest from ops.cycles where cycle_id = %(cycle_id)s and plan_hash is not null"
)
_WEATHER = """
select cast(snapshot as text) as snapshot from ops.weather_snapshots
where cycle_id = %(cycle_id)s order by weather_snapshot_id
"""
_LAST_EQUITY = """
select finished_at, starting_capital_usd, equity_usd, peak_profit_usd from ops.cycles
where mode = %(mode)s and equity_usd is not null
    and finished_at < coalesce(%(before)s, cast('infinity' as timestamptz))
order by finished_at desc, cycle_id desc limit 1
"""
_EQUITY = """
select finished_at, starting_capital_usd, equity_usd, peak_profit_usd from ops.cycles
where mode = %(mode)s and equity_usd is not null order by finished_at, cycle_id
"""
_INSERT_KNOWLEDGE = """
insert into ops.knowledge (sha256, body, recorded_at) values (%(sha256)s, %(body)s, %(at)s)
on conflict (sha256) do nothing
"""
_KNOWLEDGE = "select cast(body as text) from ops.knowledge where sha256 = %(sha256)s"
_TABLED = {"contracts", "snapshots", "weather", "knowledge"}  # inputs that have tables of their own
_DAY = timedelta(days=1)
_REST_OF_PLAN = ("intents", "new_states")


class PostgresCycleRepository:
    """``ports.ops_store.CycleRepository`` on Postgres."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._stored: dict[tuple[str, str], Contract] = {}  # versions known to be committed
        self._knowledge: tuple[str, Knowledge] | None = None  # the same: the newest, by its hash
        self._issues: set[weather.IssueKey] = set()

    def begin(self, *, epoch: int, mode: TradingMode, slot: str, at: datetime) -> int:
        row = {"epoch": epoch, "mode": mode, "slot": slot, "at": aware(at)}
        with self._database.connection() as connection:
            return int(fetch_value(connection, _BEGIN, row))

    def save_inputs(self, cycle_id: int, inputs: CycleInputs, *, at: datetime) -> str:
        inputs_hash = content_hash(inputs)
        with self._database.connection() as connection:
            stored = self._store_contracts(connection, inputs, at=at)
            knowledge = self._store_knowledge(connection, inputs.knowledge, at=at)
            issues = weather.insert_issues(connection, inputs.weather, self._issues, at=at)
            markets.copy_snapshots(connection, inputs.snapshots, at=at, cycle_id=cycle_id)
            with connection.cursor() as cursor:
                rows = [weather.snapshot_row(w, at=at, cycle_id=cycle_id) for w in inputs.weather]
                cursor.executemany(weather.INSERT_SNAPSHOT, rows)
            row = {
                "cycle_id": cycle_id,
                "decided_at": inputs.now,
                "inputs_hash": inputs_hash,
                "context": canonical_json(_context(inputs, stored, knowledge[0])),
            }
            _expect(fetch_value(connection, _SAVE_INPUTS, row), cycle_id, "a begun cycle without inputs")
        self._stored, self._knowledge = stored, knowledge  # only now they are committed
        self._issues = {key for key in self._issues if key[3] >= inputs.now.date() - _DAY} | issues
        return inputs_hash

    def _store_knowledge(
        self, connection: Connection, knowledge: Knowledge, *, at: datetime
    ) -> tuple[str, Knowledge]:
        """Make sure that what was learnt has a row; return its hash."""
        if self._knowledge is not None and self._knowledge[1] is knowledge:
            return self._knowledge
        body = canonical_json(knowledge)
        sha256 = hashlib.sha256(body.encode()).hexdigest()
        connection.execute(_INSERT_KNOWLEDGE, {"sha256": sha256, "body": body, "at": aware(at)})
        return sha256, knowledge

    def _store_contracts(
        self, connection: Connection, inputs: CycleInputs, *, at: datetime
    ) -> dict[tuple[str, str], Contract]:
        """Make sure every version has a row; return the rows of these versions as they stand."""
        wanted = {(c.ticker, c.terms_hash): c for c in inputs.contracts}
        known = {key: self._stored[key] for key in wanted if key in self._stored}
        if missing := [contract for key, contract in wanted.items() if key not in known]:
            markets.insert_contracts(connection, missing, at=at)
            known |= _contracts(connection, [(c.ticker, c.terms_hash) for c in missing])
        return known

    def save_plan(self, cycle_id: int, plan: CyclePlan, *, at: datetime) -> None:
        with self._database.connection() as connection:
            rows = fetch_rows(connection, _DECIDED, {"cycle_id": cycle_id})
            cycle = _expect(rows[0] if rows else None, cycle_id, "a begun cycle")
            if cycle["inputs_hash"] != plan.inputs_hash:
                raise InvariantViolation(
                    f"cycle {cycle_id}: expected a plan of inputs {cycle['inputs_hash']}, found one of "
                    f"{plan.inputs_hash}; the plan was not stored"
                )
            decided_at = cycle["decided_at"]
            signals.insert_predictions(
                connection, plan.predictions, cycle_id=cycle_id, decided_at=decided_at, at=aware(at)
            )
            signals.insert_signals(
                connection, plan.signals, cycle_id=cycle_id, mode=cycle["mode"], decided_at=decided_at, at=at
            )
            signals.insert_risk_decisions(
                connection, plan.risk_decisions, cycle_id=cycle_id, decided_at=decided_at, at=at
            )
            row = {
                "cycle_id": cycle_id,
                "plan_hash": content_hash(plan),
                "plan_rest": canonical_json({name: getattr(plan, name) for name in _REST_OF_PLAN}),
            }
            _expect(fetch_value(connection, _SAVE_PLAN, row), cycle_id, "a cycle without a plan")

    def finish(self, cycle_id: int, summary: CycleSummary, equity: EquityRow | None, *, at: datetime) -> None:
        money = equity.model_dump() if equity else dict.fromkeys(EquityRow.model_fields)
        row = money | {
            "cycle_id": cycle_id,
            "summary": canonical_json(summary),
            "error": summary.error,
            "at": aware(at),
        }
        with self._database.connection() as connection:
            _expect(fetch_value(connection, _FINISH, row), cycle_id, "a begun, unfinished cycle")

    def list(self, since: datetime | None = None) -> tuple[CycleRow, ...]:
        params = {"since": None if since is None else aware(since)}
        with self._database.connection() as connection:
            return fetch_models(connection, CycleRow, _LIST, params)

    def newest(self, mode: TradingMode | None = None) -> LastCycle | None:
        with self._database.connection() as connection:
            return fetch_model(connection, LastCycle, _NEWEST, {"mode": mode})

    def load_inputs(self, cycle_id: int) -> CycleInputs:
        params = {"cycle_id": cycle_id}
        with self._database.connection() as connection:
            context = _expect(fetch_value(connection, _CONTEXT, params), cycle_id, "stored inputs")
            named, sha256 = context.pop("contracts"), context.pop("knowledge")
            stored = _contracts(connection, [(key[0], key[1]) for key in named if len(key) == 2])
            snapshots = fetch_rows(connection, markets.SNAPSHOTS_OF_CYCLE, params)
            cities = fetch_rows(connection, _WEATHER, params)
            knowledge = self._load_knowledge(connection, cycle_id, sha256)
        return CycleInputs.model_validate(
            context
            | {
                "contracts": [stored[key[0], key[1]] if len(key) == 2 else key for key in named],
                "snapshots": [markets.snapshot_from(row) for row in snapshots],
                "weather": [WeatherSnapshot.model_validate_json(row["snapshot"]) for row in cities],
                "knowledge": knowledge,
            },
            strict=False,
        )

    def _load_knowledge(self, connection: Connection, cycle_id: int, sha256: str) -> Knowledge:
        if self._knowledge is None or self._knowledge[0] != sha256:
            body = _expect(
                fetch_value(connection, _KNOWLEDGE, {"sha256": sha256}), cycle_id, f"knowledge {sha256}"
            )
            self._knowledge = sha256, Knowledge.model_validate_json(body)
        return self._knowledge[1]

    def load_plan(self, cycle_id: int) -> CyclePlan:
        with self._database.connection() as connection:
            rows = fetch_rows(connection, _REST, {"cycle_id": cycle_id})
            cycle = _expect(rows[0] if rows else None, cycle_id, "a stored plan")
            return CyclePlan.model_validate(
                cycle["plan_rest"]
                | {
                    "inputs_hash": cycle["inputs_hash"],
                    "predictions": signals.predictions_of(connection, cycle_id),
                    "signals": signals.signals_of(connection, cycle_id),
                    "risk_decisions": signals.risk_decisions_of(connection, cycle_id),
                },
                strict=False,
            )

    def last_equity(self, mode: TradingMode, before: datetime | None = None) -> EquityPoint | None:
        params = {"mode": mode, "before": None if before is None else aware(before)}
        with self._database.connection() as connection:
            return fetch_model(connection, EquityPoint, _LAST_EQUITY, params)

    def equity_history(self, mode: TradingMode) -> tuple[EquityPoint, ...]:
        with self._database.connection() as connection:
            return fetch_models(connection, EquityPoint, _EQUITY, {"mode": mode})


def _context(inputs: CycleInputs, stored: dict[tuple[str, str], Contract], knowledge: str) -> dict[str, Any]:
    """What has no table. A contract is named by its version, or written out where the stored row differs: our
    reading of the same terms may improve, and this decision used the reading of its day."""
    rest = {name: getattr(inputs, name) for name in CycleInputs.model_fields if name not in _TABLED}
    named = [[c.ticker, c.terms_hash] if stored[c.ticker, c.terms_hash] == c else c for c in inputs.contracts]
    return rest | {"contracts": named, "knowledge": knowledge}


def _contracts(connection: Connection, keys: list[tuple[str, str]]) -> dict[tuple[str, str], Contract]:
    params = {"tickers": [ticker for ticker, _ in keys], "hashes": [terms for _, terms in keys]}
    found = fetch_models(connection, Contract, markets.CONTRACTS_BY_KEY, params) if keys else ()
    return {(c.ticker, c.terms_hash): c for c in found}


def _expect(found: Any, cycle_id: int, what: str) -> Any:
    if found is None:
        raise InvariantViolation(
            f"cycle {cycle_id}: expected {what}, found none; nothing was stored or loaded"
        )
    return found
