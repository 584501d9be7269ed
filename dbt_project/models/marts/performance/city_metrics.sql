-- depends_on: {{ ref("stg_ops__world_clock") }}
-- Recomputed for the climate dates inside the look-back; older dates stand as they are.
{{
    config(
        incremental_strategy="delete+insert",
        unique_key=["city_code", "date", "mode"],
        indexes=[{"columns": ["city_code", "date", "mode"], "unique": true}, {"columns": ["date"]}],
    )
}}

with

fills as (select * from {{ ref("int_trades__disclosed_fills") }}),

positions as (
    select
        city_code,
        climate_date,
        mode,
        ticker,
        count(*) as trade_count,
        sum(qty) as qty,
        sum(qty * price) as volume_usd,
        sum(fee) as fees,
        sum(pnl) as pnl,
        sum(qty * bought_price + fee) as paid_usd,
        bool_and(outcome is not null) as is_settled
    from fills
    {% if is_incremental() %}
        where climate_date >= {{ lookback_date() }}
    {% endif %}
    group by city_code, climate_date, mode, ticker
),

summed as (
    select
        city_code,
        climate_date,
        mode,
        sum(trade_count) as trades,
        sum(qty) as qty,
        sum(volume_usd) as volume_usd,
        sum(fees) as fees,
        sum(pnl) filter (where is_settled) as pnl,
        count(*) filter (where is_settled and pnl > 0) as wins,
        count(*) filter (where is_settled and pnl <= 0) as losses,
        sum(paid_usd) filter (where is_settled) as settled_paid_usd,
        sum(qty) filter (where is_settled) as settled_qty
    from positions
    group by city_code, climate_date, mode
)

select
    city_code,
    climate_date as date,
    mode,
    cast(trades as bigint) as trades,
    qty,
    volume_usd,
    fees,
    pnl,
    wins,
    losses,
    round(cast(wins as numeric) / nullif(wins + losses, 0), 6) as win_rate,
    round(settled_paid_usd / settled_qty, 6) as break_even_win_rate
from summed
