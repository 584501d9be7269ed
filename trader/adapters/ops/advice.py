"""The advisor's rows: what waits for words, what was said, what it cost. For the advisor's role."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from trader.adapters.book_rules import aware
from trader.adapters.ops.pool import Database
from trader.adapters.ops.rows import fetch_models, fetch_value
from trader.domain.advice import AnomalyClass, AnomalyKind, Finding, MarketFacts, SignalFacts
from trader.domain.canonical import canonical_json

_UNEXPLAINED = """
select
    s.signal_id, s.decided_at, s.ticker, c.name as city, s.market_type, s.climate_date,
    coalesce(k.label, s.ticker) as label, s.strategy_name, s.p_yes, s.decision, s.side, s.price, s.fee,
    s.edge, s.qty, r.allowed_qty, m.yes_bid, m.yes_ask, p.mean_f, p.sd_f, p.lead_h, p.observed_extreme_f
from ops.signals as s
inner join ops.cities as c on c.city_code = s.city_code
left join lateral (
    select label from ops.contracts where ticker = s.ticker order by first_seen_at desc limit 1
) as k on true
left join lateral (
    select yes_bid, yes_ask from ops.market_snapshots
    where cycle_id = s.cycle_id and ticker = s.ticker limit 1
) as m on true
left join lateral (
    select mean_f, sd_f, lead_h, observed_extreme_f from ops.predictions
    where cycle_id = s.cycle_id and event_ticker = s.event_ticker
        and (strategy_name, strategy_version) = (s.strategy_name, s.strategy_version) limit 1
) as p on true
left join lateral (
    select allowed_qty from ops.risk_decisions where cycle_id = s.cycle_id and ticker = s.ticker limit 1
) as r on true
where s.decided_at > %(since)s and s.decided_at <= %(now)s and s.decision <> 'HOLD'
    and not exists (
        select 1 from ops.signal_explanations as e
        where e.signal_at = s.decided_at and e.signal_id = s.signal_id
    )
order by s.decided_at desc, s.signal_id desc limit %(limit)s
"""
# the newest cycle that saw markets; the thinner side's best size, 0 where a side is empty
_MARKETS = """
with newest as (
    select cycle_id from ops.market_snapshots where captured_at > %(since)s and captured_at <= %(now)s
    order by captured_at desc, market_snapshot_id desc limit 1
)
select
    m.ticker, m.event_ticker, m.city_code, m.yes_bid, m.yes_ask,
    case when m.book is null then null else least(
        coalesce(cast(m.book -> 'yes_bids' -> 0 ->> 1 as numeric), 0),
        coalesce(cast(m.book -> 'no_bids' -> 0 ->> 1 as numeric), 0)
    ) end as top_size,
    s.p_yes, coalesce(p.means, '{}') as mean_f
from newest
inner join ops.market_snapshots as m on m.cycle_id = newest.cycle_id
left join lateral (
    select p_yes from ops.signals where cycle_id = m.cycle_id and ticker = m.ticker and p_yes is not null
    order by signal_id limit 1
) as s on true
left join lateral (
    select array_agg(mean_f order by prediction_id) as means from ops.predictions
    where cycle_id = m.cycle_id and event_ticker = m.event_ticker and market_type in ('HIGH', 'LOW')
        and strategy_name <> 'climatology'
) as p on true
where m.status = 'active'
"""
_NEWEST_CLASS = """
select class from ops.anomalies where event_ticker = %(event_ticker)s and kind = %(kind)s
order by anomaly_id desc limit 1
"""
_INSERT_EXPLANATION = """
insert into ops.signal_explanations (signal_id, signal_at, text, author, created_at, recorded_at)
values (%(signal_id)s, %(signal_at)s, %(text)s, %(author)s, %(at)s, %(at)s)
"""
_INSERT_ANOMALY = """
insert into ops.anomalies (
    city_code, ticker, event_ticker, class, kind, reason, figures, model_class, author, occurred_at,
    recorded_at
) values (
    %(city_code)s, %(ticker)s, %(event_ticker)s, %(anomaly_class)s, %(kind)s, %(reason)s, %(figures)s,
    %(model_class)s, %(author)s, %(at)s, %(at)s
)
"""
_INSERT_CALL = """
insert into ops.advisor_calls (
    purpose, model, outcome, prompt_tokens, completion_tokens, cost_usd, called_at, recorded_at
) values (
    %(purpose)s, %(model)s, %(outcome)s, %(prompt_tokens)s, %(completion_tokens)s, %(cost_usd)s, %(at)s,
    %(at)s
)
"""
_SPENT = "select coalesce(sum(cost_usd), 0) from ops.advisor_calls where called_at >= %(since)s"
# a running world may be ahead of its row: its newest decision is not later than its now
_WORLD_NOW = """
select greatest(world_now, (select max(decided_at) from ops.cycles)) from ops.world_clock
"""


class AdviceRepository:
    """``ports.advisor.AdviceStore`` on Postgres, plus the recorded world's time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def world_now(self) -> datetime | None:
        with self._database.connection() as connection:
            found: datetime | None = fetch_value(connection, _WORLD_NOW, {})
        return None if found is None else found.astimezone(UTC)

    def unexplained(self, *, since: datetime, now: datetime, limit: int) -> tuple[SignalFacts, ...]:
        params = {"since": aware(since), "now": aware(now), "limit": limit}
        with self._database.connection() as connection:
            return fetch_models(connection, SignalFacts, _UNEXPLAINED, params)

    def markets(self, *, since: datetime, now: datetime) -> tuple[MarketFacts, ...]:
        with self._database.connection() as connection:
            return fetch_models(connection, MarketFacts, _MARKETS, {"since": aware(since), "now": aware(now)})

    def newest_class(self, event_ticker: str, kind: AnomalyKind) -> AnomalyClass | None:
        params = {"event_ticker": event_ticker, "kind": kind}
        with self._database.connection() as connection:
            found = fetch_value(connection, _NEWEST_CLASS, params)
        return None if found is None else AnomalyClass(found)

    def save_explanation(self, facts: SignalFacts, text: str, *, author: str, at: datetime) -> None:
        row = {"signal_id": facts.signal_id, "signal_at": facts.decided_at, "text": text, "author": author}
        with self._database.connection() as connection:
            connection.execute(_INSERT_EXPLANATION, row | {"at": aware(at)})

    def save_anomaly(
        self,
        finding: Finding,
        reason: str,
        *,
        model_class: AnomalyClass | None,
        author: str,
        at: datetime,
    ) -> None:
        row = finding.model_dump() | {"figures": canonical_json(finding.figures), "reason": reason}
        with self._database.connection() as connection:
            more = {"model_class": model_class, "author": author, "at": aware(at)}
            connection.execute(_INSERT_ANOMALY, row | more)

    def save_call(self, call: Mapping[str, Any], *, at: datetime) -> None:
        with self._database.connection() as connection:
            connection.execute(_INSERT_CALL, dict(call) | {"at": aware(at)})

    def spent_usd(self, since: datetime) -> Decimal:
        with self._database.connection() as connection:
            return Decimal(fetch_value(connection, _SPENT, {"since": aware(since)}))
