select
    risk_event_id,
    event_type,
    cast(severity as text) as severity,
    message,
    payload,
    cast(mode as text) as mode,
    cycle_id,
    occurred_at,
    recorded_at
from {{ source('ops', 'risk_events') }}
