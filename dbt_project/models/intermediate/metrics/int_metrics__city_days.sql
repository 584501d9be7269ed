-- Trades of a city's climate day. A position is a market held, so wins are counted by market. A
-- run writes the climate dates again of which a fill or a result came of age since the last
-- finished run.
{{
    config(
        materialized="incremental",
        incremental_strategy="delete+insert",
        unique_key="climate_date",
        on_schema_change="fail",
        indexes=[{"columns": ["climate_date", "city_code", "mode"], "unique": true}],
    )
}}

with

fills as not materialized (select * from {{ ref("int_trades__disclosed_fills") }}),

touched as (
    select distinct climate_date from fills
    where changed_at > {{ changed_since() }}
),

positions as (
    select
        fills.climate_date,
        fills.city_code,
        fills.mode,
        fills.ticker,
        count(*) as trade_count,
        sum(fills.qty) as qty,
        sum(fills.qty * fills.price) as volume_usd,
        sum(fills.fee) as fees,
        sum(fills.pnl) as pnl,
        sum(fills.qty * fills.bought_price + fills.fee) as paid_usd,
        bool_and(fills.outcome is not null) as is_settled
    from touched
    inner join fills on touched.climate_date = fills.climate_date
    group by fills.climate_date, fills.city_code, fills.mode, fills.ticker
)

select
    climate_date,
    city_code,
    mode,
    cast(sum(trade_count) as bigint) as trade_count,
    sum(qty) as qty,
    sum(volume_usd) as volume_usd,
    sum(fees) as fees,
    sum(pnl) filter (where is_settled) as pnl,
    count(*) filter (where is_settled and pnl > 0) as win_count,
    count(*) filter (where is_settled and pnl <= 0) as loss_count,
    sum(paid_usd) filter (where is_settled) as settled_paid_usd,
    sum(qty) filter (where is_settled) as settled_qty
from positions
group by climate_date, city_code, mode
order by climate_date, city_code, mode
