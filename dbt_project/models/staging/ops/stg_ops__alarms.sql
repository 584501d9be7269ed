select
    cast(mode as text) as mode,
    code,
    subject,
    cast(severity as text) as severity,
    message,
    opened_at,
    closed_at,
    recorded_at
from {{ source('ops', 'alarms') }}
