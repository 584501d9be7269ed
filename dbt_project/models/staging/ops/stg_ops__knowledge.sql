select
    sha256,
    body,
    recorded_at
from {{ source('ops', 'knowledge') }}
