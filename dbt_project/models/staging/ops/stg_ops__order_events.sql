select
    order_event_id,
    order_id,
    epoch,
    cast(from_status as text) as from_status,
    cast(to_status as text) as to_status,
    evidence,
    detail,
    occurred_at,
    recorded_at
from {{ source('ops', 'order_events') }}
