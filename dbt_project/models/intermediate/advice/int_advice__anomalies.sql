-- Unusual conditions of at least 60 minutes ago. A run adds those that came of age, or were
-- learnt, since the last finished run.
{{
    config(
        materialized="incremental",
        incremental_strategy="delete+insert",
        unique_key="anomaly_id",
        on_schema_change="fail",
        indexes=[
            {"columns": ["anomaly_id"], "unique": true},
            {"columns": ["occurred_minute_at"]},
        ],
    )
}}

with

anomalies as (
    select * from {{ ref("stg_ops__anomalies") }}
    where
        occurred_at <= {{ run_disclosed_until() }}
        and (
            occurred_at > {{ changed_since() }} - {{ public_delay() }}
            or recorded_at > {{ changed_since() }}
        )
),

contracts as (select * from {{ ref("stg_ops__contracts") }})

select
    anomalies.anomaly_id,
    anomalies.city_code,
    terms.market_type,
    terms.climate_date,
    terms.bracket_label,
    anomalies.class,
    anomalies.kind,
    anomalies.reason,
    anomalies.author,
    date_trunc('minute', anomalies.occurred_at) as occurred_minute_at
from anomalies
left join lateral (
    select
        contracts.market_type,
        contracts.climate_date,
        contracts.bracket_label
    from contracts
    where contracts.ticker = anomalies.ticker and contracts.first_seen_at <= anomalies.occurred_at
    order by contracts.first_seen_at desc, contracts.terms_hash asc
    limit 1
) as terms on true
order by anomalies.anomaly_id
