-- How far each signal of a finished cycle came on its way to an order, counted. Steps before
-- 'filled' cannot change once the cycle is older than the delay, so a cycle is counted once and
-- never again. A cycle that was killed halfway has no end; the instant of its decision stands in.
{{
    config(
        materialized="incremental",
        incremental_strategy="append",
        on_schema_change="fail",
        indexes=[{"columns": ["cycle_id"]}, {"columns": ["ended_at"]}, {"columns": ["climate_date"]}],
    )
}}

with

signals as (select * from {{ ref("stg_ops__signals") }}),

risk_decisions as (select * from {{ ref("stg_ops__risk_decisions") }}),

orders as (select * from {{ ref("stg_ops__orders") }}),

cycles as (
    select
        cycles.cycle_id,
        coalesce(cycles.finished_at, cycles.decided_at) as ended_at
    from {{ ref("stg_ops__cycles") }} as cycles
    where
        coalesce(cycles.finished_at, cycles.decided_at) <= {{ disclosed_until() }}
        {% if is_incremental() %}
            and cycles.started_at > (
                select coalesce(max(known.ended_at), '-infinity') - interval '1 day'
                from {{ this }} as known
            )
            and not exists (
                select 1 from {{ this }} as known
                where known.cycle_id = cycles.cycle_id
            )
        {% endif %}
),

judged as (
    select
        signals.cycle_id,
        signals.mode,
        signals.strategy_name,
        signals.strategy_version,
        signals.climate_date,
        cycles.ended_at,
        case
            when sent.is_sent then 6
            when risk.is_allowed then 5
            when signals.decision <> 'HOLD' then 4
            when signals.p_yes is null then 1
            when
                signals.edge is null
                or array['EDGE_TOO_SMALL', 'EDGE_IMPLAUSIBLE'] && signals.reasons
                then 2
            else 3
        end as step_no,
        case
            when sent.is_sent then 'NOT_FILLED'
            when risk.is_allowed then 'NOT_SENT'
            when signals.decision <> 'HOLD' then coalesce(risk.reason, 'NOT_CHOSEN')
            when signals.p_yes is not null and 'EDGE_TOO_SMALL' = any(signals.reasons)
                then 'EDGE_TOO_SMALL'
            when signals.p_yes is not null and 'EDGE_IMPLAUSIBLE' = any(signals.reasons)
                then 'EDGE_IMPLAUSIBLE'
            else signals.reasons[1]
        end as reason
    from cycles
    inner join signals on cycles.cycle_id = signals.cycle_id
    left join lateral (
        select
            bool_or(risk_decisions.allowed_qty > 0) as is_allowed,
            min(risk_decisions.reasons[1]) as reason
        from risk_decisions
        where
            risk_decisions.cycle_id = signals.cycle_id
            and risk_decisions.ticker = signals.ticker
            and signals.decision <> 'HOLD'
    ) as risk on true
    left join lateral (
        select bool_or(orders.sent_at is not null) as is_sent
        from orders
        where orders.ticker = signals.ticker and orders.signal_id = signals.signal_id
    ) as sent on true
)

select
    cycle_id,
    mode,
    strategy_name,
    strategy_version,
    climate_date,
    cast(ended_at at time zone 'America/New_York' as date) as decision_date,
    step_no,
    reason,
    count(*) as signal_count,
    ended_at
from judged
group by
    cycle_id, mode, strategy_name, strategy_version, climate_date, step_no, reason, ended_at
