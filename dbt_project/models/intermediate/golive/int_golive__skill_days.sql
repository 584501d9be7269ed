-- By how much our probabilities beat the market's on each climate date, the evening before: mean
-- over contracts of the market's squared error less ours, of strategies that traded or could have.
-- One day is one observation, because one weather decides all its contracts. Written for the dates
-- about which a result became known since the last finished run; a date whose contracts lost their
-- price with a later result stays, with none, for an increment cannot take a date away.
{{
    config(
        materialized="incremental",
        incremental_strategy="delete+insert",
        unique_key="climate_date",
        on_schema_change="fail",
        indexes=[{"columns": ["mode", "climate_date"], "unique": true}],
    )
}}

with

contracts as not materialized (select * from {{ ref("int_forecasts__scored_contracts") }}),

strategies as (select * from {{ ref("int_metrics__strategy_days") }}),

touched as (
    select distinct climate_date from contracts
    where changed_at > {{ changed_since() }}
),

compared as (
    select
        contracts.climate_date,
        contracts.mode,
        (contracts.market_p - contracts.is_won) * (contracts.market_p - contracts.is_won)
        - (contracts.model_p - contracts.is_won) * (contracts.model_p - contracts.is_won)
            as advantage
    from touched
    inner join contracts on touched.climate_date = contracts.climate_date
    inner join strategies
        on
            contracts.climate_date = strategies.climate_date
            and contracts.mode = strategies.mode
            and contracts.strategy_name = strategies.strategy_name
            and contracts.strategy_version = strategies.strategy_version
    where contracts.lead_no = 2
)

select
    climate_date,
    mode,
    count(advantage) as contract_count,
    avg(advantage) as advantage
from compared
group by climate_date, mode
order by climate_date, mode
