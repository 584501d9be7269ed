-- The delay is applied a second time here, when the page asks: two mistakes are needed for one
-- leak.
with

fills as (select * from {{ ref("int_trades__disclosed_fills") }}),

cities as (select * from {{ ref("stg_ops__cities") }})

select
    fills.city_code as city,
    cities.city_name,
    fills.market_type,
    fills.climate_date,
    fills.bracket_label,
    fills.side,
    fills.action,
    fills.qty,
    fills.price,
    fills.fee,
    fills.fill_minute_at as fill_time,
    fills.mode,
    fills.strategy_name,
    fills.p_side,
    fills.edge,
    fills.outcome,
    fills.pnl
from fills
inner join cities on fills.city_code = cities.city_code
where fills.filled_at <= {{ disclosed_until() }}
