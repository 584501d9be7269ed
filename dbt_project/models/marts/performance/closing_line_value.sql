with

days as (select * from {{ ref("int_metrics__closing_days") }})

select
    climate_date as date,
    mode,
    strategy_name,
    trade_count as trades,
    qty,
    {{ ratio("paid_usd", "qty") }} as avg_price,
    {{ ratio("fees", "qty") }} as avg_fee,
    hour_qty,
    {{ ratio("hour_move_usd", "hour_qty") }} as move_in_an_hour,
    close_qty,
    {{ ratio("close_move_usd", "close_qty") }} as closing_line_value
from days
