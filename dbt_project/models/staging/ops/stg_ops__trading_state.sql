select
    trading_state_id,
    cast(mode as text) as mode,
    scope,
    cast(state as text) as state,
    reason,
    note,
    set_by,
    set_at,
    until,
    recorded_at
from {{ source('ops', 'trading_state') }}
