with

days as (select * from {{ ref("int_metrics__pnl_days") }})

select
    climate_date as date,
    mode,
    dimension,
    bucket_no,
    bucket,
    trade_count as trades,
    qty,
    paid_usd,
    fees,
    expected_pnl,
    pnl,
    settled_count as settled_trades,
    won_count as won_trades,
    {{ ratio("won_count", "settled_count") }} as win_rate,
    {{ ratio("settled_paid_usd", "settled_qty") }} as break_even_win_rate
from days
