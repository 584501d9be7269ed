select
    cast(mode as text) as mode,
    ticker,
    event_ticker,
    city_code,
    cast(side as text) as side,
    qty,
    avg_entry,
    avg_exit,
    cost_usd,
    realized_pnl_usd,
    fees_usd,
    cast(status as text) as status,
    opened_at,
    closed_at,
    updated_at
from {{ source('ops', 'positions') }}
