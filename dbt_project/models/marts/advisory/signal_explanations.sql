-- No `with`: Postgres does not look through one, and would sort all rows to find the newest.
select
    climate_date as date,
    mode,
    city_code,
    market_type,
    bracket_label,
    {{ strategy_in_words("strategy_name") }} as strategy_name,
    decision,
    text,
    author,
    decided_minute_at as decided_at
from {{ ref("int_advice__explanations") }}
where decided_minute_at <= {{ disclosed_until() }}
