select
    health_status_id,
    cast(component as text) as component,
    component as component_code,  -- as it is indexed: the newest probe is found, not searched for
    cast(status as text) as status,
    last_ok as last_ok_at,
    checked_at
from {{ source('ops', 'health_status') }}
