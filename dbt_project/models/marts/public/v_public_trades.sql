-- The delay is applied a second time here, when the page asks: two mistakes are needed for one
-- leak.
with

fills as (select * from {{ ref("int_trades__disclosed_fills") }})

select
    city_code as city,
    city_name,
    market_type,
    climate_date,
    bracket_label,
    side,
    action,
    qty,
    price,
    fee,
    date_trunc('minute', filled_at) as fill_time,
    mode,
    strategy_name,
    p_side,
    edge,
    outcome,
    pnl
from fills
where filled_at <= {{ disclosed_until() }}
