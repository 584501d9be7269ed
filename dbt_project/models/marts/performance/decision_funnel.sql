-- No `with`: Postgres does not look through one, and would sort all rows to find the newest.
select
    climate_date as date,
    mode,
    step_no,
    step,
    signal_count as count,
    lost_count as lost,
    top_reasons
from {{ ref("int_metrics__funnel_days") }}
