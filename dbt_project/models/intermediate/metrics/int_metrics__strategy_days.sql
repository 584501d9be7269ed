-- Signals and trades of a strategy's version about a climate date. Written for the dates about
-- which anything came of age since the last finished run.
{{
    config(
        materialized="incremental",
        incremental_strategy="delete+insert",
        unique_key="climate_date",
        on_schema_change="fail",
        indexes=[
            {
                "columns": ["climate_date", "strategy_name", "strategy_version", "mode"],
                "unique": true,
            },
        ],
    )
}}

with

reached as not materialized (select * from {{ ref("int_signals__reached") }}),

fills as not materialized (select * from {{ ref("int_trades__disclosed_fills") }}),

touched as (
    select climate_date from reached
    where changed_at > {{ changed_since() }}
    union
    select climate_date from fills
    where changed_at > {{ changed_since() }}
),

signals as (
    select
        reached.strategy_name,
        reached.strategy_version,
        reached.climate_date,
        reached.mode,
        sum(reached.signal_count) as signal_count
    from touched
    inner join reached on touched.climate_date = reached.climate_date
    group by
        reached.strategy_name, reached.strategy_version, reached.climate_date, reached.mode
),

trades as (
    select
        fills.strategy_name,
        fills.strategy_version,
        fills.climate_date,
        fills.mode,
        count(*) as trade_count,
        sum(fills.edge) as edge_sum,
        sum(fills.price - fills.p_yes) as price_minus_p_yes_sum,
        count(fills.p_yes) as judged_count,
        sum(fills.pnl) as pnl
    from touched
    inner join fills on touched.climate_date = fills.climate_date
    where fills.strategy_name is not null and fills.strategy_version is not null
    group by fills.strategy_name, fills.strategy_version, fills.climate_date, fills.mode
)

select
    coalesce(signals.climate_date, trades.climate_date) as climate_date,
    coalesce(signals.strategy_name, trades.strategy_name) as strategy_name,
    coalesce(signals.strategy_version, trades.strategy_version) as strategy_version,
    coalesce(signals.mode, trades.mode) as mode,
    cast(coalesce(signals.signal_count, 0) as bigint) as signal_count,
    coalesce(trades.trade_count, 0) as trade_count,
    trades.edge_sum,
    trades.price_minus_p_yes_sum,
    coalesce(trades.judged_count, 0) as judged_count,
    trades.pnl
from signals
full outer join trades
    on
        signals.strategy_name = trades.strategy_name
        and signals.strategy_version = trades.strategy_version
        and signals.climate_date = trades.climate_date
        and signals.mode = trades.mode
order by climate_date, strategy_name, strategy_version, mode
