select
    cast(mode as text) as mode,
    ticker,
    event_ticker,
    result,
    value_usd,
    yes_qty,
    no_qty,
    revenue_usd,
    settled_at,
    recorded_at
from {{ source('ops', 'settlements') }}
