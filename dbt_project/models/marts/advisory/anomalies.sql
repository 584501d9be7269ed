-- No `with`: Postgres does not look through one, and would sort all rows to find the newest.
select
    climate_date as date,
    city_code,
    market_type,
    bracket_label,
    class,
    kind,
    reason,
    author,
    occurred_minute_at as occurred_at
from {{ ref("int_advice__anomalies") }}
where occurred_minute_at <= {{ disclosed_until() }}
