-- No `with`: Postgres does not look through one, and would sort all rows to find the newest.
select
    {{ strategy_in_words("strategy_name") }} as strategy_name,
    strategy_version,
    climate_date as date,
    mode,
    signal_count as signals,
    trade_count as trades,
    {{ ratio("edge_sum", "judged_count") }} as edge_realized,
    {{ ratio("price_minus_p_yes_sum", "judged_count") }} as avg_fill_price_minus_p_yes,
    pnl
from {{ ref("int_metrics__strategy_days") }}
