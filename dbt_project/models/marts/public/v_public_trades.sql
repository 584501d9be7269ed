-- No `with`: Postgres does not look through one, and would sort all rows to find the newest.
-- The delay is applied a second time here, when the page asks: two mistakes are needed for one
-- leak.
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
from {{ ref("int_trades__disclosed_fills") }} as fills
inner join {{ ref("stg_ops__cities") }} as cities on fills.city_code = cities.city_code
where fills.filled_at <= {{ disclosed_until() }}
