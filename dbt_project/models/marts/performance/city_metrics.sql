-- No `with`: Postgres does not look through one, and would sort all rows to find the newest.
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
from {{ ref("int_metrics__city_days") }}
