select
    world,
    world_now,
    updated_at
from {{ source('ops', 'world_clock') }}
