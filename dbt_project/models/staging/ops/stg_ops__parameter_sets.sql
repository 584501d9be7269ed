select
    sha256,
    name,
    body,
    recorded_at
from {{ source('ops', 'parameter_sets') }}
