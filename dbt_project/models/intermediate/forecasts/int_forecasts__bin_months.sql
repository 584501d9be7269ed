-- How often contracts won that we, or the market, gave a probability in each tenth: sums by month.
-- Written for the months in which a result became known since the last finished run.
{{
    config(
        materialized="incremental",
        incremental_strategy="delete+insert",
        unique_key="month",
        on_schema_change="fail",
        indexes=[
            {
                "columns": [
                    "month", "mode", "market_type", "lead_no", "strategy_name",
                    "strategy_version", "forecaster", "bin_no"
                ],
                "unique": true,
            },
        ],
    )
}}

with

contracts as not materialized (select * from {{ ref("int_forecasts__scored_contracts") }}),

touched as (
    select distinct cast(date_trunc('month', climate_date) as date) as month
    from contracts
    where changed_at > {{ changed_since() }}
),

given as (
    select
        touched.month,
        contracts.mode,
        contracts.market_type,
        contracts.lead_no,
        contracts.strategy_name,
        contracts.strategy_version,
        contracts.is_won,
        probability.forecaster,
        probability.p,
        least(9, cast(floor(probability.p * 10) as integer)) as bin_no
    from touched
    inner join contracts
        on
            touched.month <= contracts.climate_date
            and contracts.climate_date < touched.month + interval '1 month'
    cross join
        lateral (
            values ('model', contracts.model_p), ('market', contracts.market_p)
        ) as probability (forecaster, p)
    where probability.p is not null
)

select
    month,
    mode,
    market_type,
    lead_no,
    strategy_name,
    strategy_version,
    forecaster,
    bin_no,
    count(*) as contract_count,
    cast(sum(is_won) as bigint) as won_count,
    sum(p) as p_sum
from given
group by
    month, mode, market_type, lead_no, strategy_name, strategy_version, forecaster, bin_no
order by
    month, mode, market_type, lead_no, strategy_name, strategy_version, forecaster, bin_no
