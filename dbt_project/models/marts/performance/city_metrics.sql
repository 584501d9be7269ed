with

days as (select * from {{ ref("int_metrics__city_days") }})

select
    city_code,
    climate_date as date,
    mode,
    trade_count as trades,
    qty,
    volume_usd,
    fees,
    pnl,
    win_count as wins,
    loss_count as losses,
    {{ ratio("win_count", "win_count + loss_count") }} as win_rate,
    {{ ratio("settled_paid_usd", "settled_qty") }} as break_even_win_rate
from days
