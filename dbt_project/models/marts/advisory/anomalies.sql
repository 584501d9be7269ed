with

anomalies as (select * from {{ ref("int_advice__anomalies") }})

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
from anomalies
where occurred_minute_at <= {{ disclosed_until() }}
