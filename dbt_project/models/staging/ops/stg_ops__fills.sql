select
    fill_id,
    order_id,
    cast(mode as text) as mode,
    ticker,
    cast(side as text) as side,
    cast(action as text) as action,
    qty,
    price,
    fee,
    filled_at,
    recorded_at
from {{ source('ops', 'fills') }}
