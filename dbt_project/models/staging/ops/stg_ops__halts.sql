select
    cast(mode as text) as mode,
    scope,
    reason,
    trading_state_id,
    cast(state as text) as state,
    note,
    set_by,
    set_at,
    until,
    lifted_at
from {{ source('ops', 'halts') }}
