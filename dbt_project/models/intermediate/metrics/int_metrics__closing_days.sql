-- Price moves after the fills of a climate date, weighted by contracts. Written for the dates of
-- which anything came of age, or a market closed, since the last finished run.
{{
    config(
        materialized="incremental",
        incremental_strategy="delete+insert",
        unique_key="climate_date",
        on_schema_change="fail",
        indexes=[{"columns": ["climate_date", "mode", "strategy_name"], "unique": true}],
    )
}}

with

moves as not materialized (
    select
        *,
        coalesce(strategy_name, 'by hand') as strategy_in_words
    from {{ ref("int_trades__price_moves") }}
),

touched as (
    select distinct climate_date from moves
    where changed_at > {{ changed_since() }}
)

select
    moves.climate_date,
    moves.mode,
    moves.strategy_in_words as strategy_name,
    count(*) as trade_count,
    sum(moves.qty) as qty,
    sum(moves.fee) as fees,
    sum(moves.qty * moves.bought_price) as paid_usd,
    sum(moves.qty) filter (where moves.price_in_an_hour is not null) as hour_qty,
    sum(moves.qty * (moves.price_in_an_hour - moves.bought_price)) as hour_move_usd,
    sum(moves.qty) filter (where moves.price_at_close is not null) as close_qty,
    sum(moves.qty * (moves.price_at_close - moves.bought_price)) as close_move_usd
from touched
inner join moves on touched.climate_date = moves.climate_date
group by moves.climate_date, moves.mode, moves.strategy_in_words
order by moves.climate_date, moves.mode, moves.strategy_in_words
