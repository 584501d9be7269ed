with

days as (select * from {{ ref("int_metrics__funnel_days") }})

select
    climate_date as date,
    mode,
    step_no,
    step,
    signal_count as count,
    lost_count as lost,
    top_reasons
from days
