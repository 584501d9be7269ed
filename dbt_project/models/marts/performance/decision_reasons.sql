with

days as (select * from {{ ref("int_metrics__decision_days") }})

select
    climate_date as date,
    mode,
    city_code,
    market_type,
    {{ strategy_in_words("strategy_name") }} as strategy_name,
    step_no,
    reason,
    signal_count as count
from days
