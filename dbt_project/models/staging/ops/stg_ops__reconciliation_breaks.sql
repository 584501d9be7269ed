select
    break_id,
    cast(mode as text) as mode,
    kind,
    key,
    found_at,
    recorded_at
from {{ source('ops', 'reconciliation_breaks') }}
