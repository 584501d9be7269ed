select
    capital_event_id,
    cast(mode as text) as mode,
    kind,
    amount_usd,
    occurred_at,
    recorded_at
from {{ source('ops', 'capital_events') }}
