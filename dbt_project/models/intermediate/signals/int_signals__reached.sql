-- How far each signal of a cycle came on its way to an order, counted by the hour (UTC) in which
-- the cycle ended. Steps before 'filled' cannot change once the cycle is older than the delay. A
-- run counts again the hours in which a cycle came of age since the last finished run: one or two.
{{
    config(
        materialized="incremental",
        incremental_strategy="delete+insert",
        unique_key="hour_utc",
        on_schema_change="fail",
        indexes=[
            {"columns": ["hour_utc"]},
            {"columns": ["climate_date"]},
            {"columns": ["changed_at"]},
        ],
    )
}}

with

signals as (select * from {{ ref("stg_ops__signals") }}),

risk_decisions as (select * from {{ ref("stg_ops__risk_decisions") }}),

orders as (select * from {{ ref("stg_ops__orders") }}),

cycles as (
    select
        cycle_id,
        decided_at,
        ended_at,
        date_trunc('hour', ended_at at time zone 'UTC') as hour_utc
    from {{ ref("int_cycles__ended") }}
    where
        ended_at <= {{ run_disclosed_until() }}
        and started_at > {{ changed_since() }} - interval '1 day'
        and date_trunc('hour', ended_at at time zone 'UTC')
        >= date_trunc('hour', ({{ changed_since() }} - {{ public_delay() }}) at time zone 'UTC')
),

judged as (
    select
        signals.mode,
        signals.strategy_name,
        signals.strategy_version,
        signals.city_code,
        signals.market_type,
        signals.climate_date,
        cycles.hour_utc,
        cycles.ended_at + {{ public_delay() }} as disclosed_at,
        case
            when sent.is_sent then 6
            when risk.is_allowed then 5
            when signals.decision <> 'HOLD' then 4
            when signals.p_yes is null then 1
            when
                signals.edge is null
                or signals.reasons && array['EDGE_TOO_SMALL', 'EDGE_IMPLAUSIBLE']
                then 2
            else 3
        end as step_no,
        case
            when sent.is_sent then 'SENT'
            when risk.is_allowed then 'NOT_SENT'
            when signals.decision <> 'HOLD' then coalesce(risk.reason, 'NOT_CHOSEN')
            when signals.p_yes is not null and 'EDGE_TOO_SMALL' = any(signals.reasons)
                then 'EDGE_TOO_SMALL'
            when signals.p_yes is not null and 'EDGE_IMPLAUSIBLE' = any(signals.reasons)
                then 'EDGE_IMPLAUSIBLE'
            else signals.reasons[1]
        end as reason
    from cycles
    inner join signals
        on cycles.decided_at = signals.decided_at and cycles.cycle_id = signals.cycle_id
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
    hour_utc,
    mode,
    strategy_name,
    strategy_version,
    city_code,
    market_type,
    climate_date,
    step_no,
    reason,
    count(*) as signal_count,
    max(disclosed_at) as changed_at
from judged
group by
    hour_utc, mode, strategy_name, strategy_version, city_code, market_type, climate_date,
    step_no, reason
order by
    hour_utc, mode, strategy_name, strategy_version, city_code, market_type, climate_date,
    step_no, reason
