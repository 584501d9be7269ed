with

exposure as (select * from {{ ref("int_exposure__by_cluster") }})

select
    mode,
    cluster,
    market_count as markets,
    qty,
    cost_usd,
    worst_case_usd,
    as_of_minute as as_of
from exposure
