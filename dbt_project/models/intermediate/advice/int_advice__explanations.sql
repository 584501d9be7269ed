-- Words about signals whose cycle ended, and which were written, at least 60 minutes ago. A run
-- adds those that came of age, or were learnt, since the last finished run.
{{
    config(
        materialized="incremental",
        incremental_strategy="delete+insert",
        unique_key="signal_explanation_id",
        on_schema_change="fail",
        indexes=[
            {"columns": ["signal_explanation_id"], "unique": true},
            {"columns": ["decided_minute_at"]},
        ],
    )
}}

with

explanations as (
    select * from {{ ref("stg_ops__signal_explanations") }}
    where
        created_at <= {{ run_disclosed_until() }}
        and (
            created_at > {{ changed_since() }} - interval '1 day'
            or recorded_at > {{ changed_since() }}
        )
),

signals as (select * from {{ ref("stg_ops__signals") }}),

contracts as (select * from {{ ref("stg_ops__contracts") }}),

cycles as (
    select * from {{ ref("int_cycles__ended") }}
    where ended_at <= {{ run_disclosed_until() }}
)

select
    explanations.signal_explanation_id,
    signals.mode,
    signals.city_code,
    signals.market_type,
    signals.climate_date,
    terms.bracket_label,
    signals.strategy_name,
    signals.decision,
    explanations.text,
    explanations.author,
    date_trunc('minute', signals.decided_at) as decided_minute_at
from explanations
inner join signals
    on
        explanations.signal_at = signals.decided_at
        and explanations.signal_id = signals.signal_id
inner join cycles on signals.cycle_id = cycles.cycle_id
left join lateral (
    select contracts.bracket_label from contracts
    where contracts.ticker = signals.ticker and contracts.first_seen_at <= signals.decided_at
    order by contracts.first_seen_at desc, contracts.terms_hash asc
    limit 1
) as terms on true
order by explanations.signal_explanation_id
