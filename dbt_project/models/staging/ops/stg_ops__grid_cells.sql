select
    grid_cell_id,
    city_code,
    office,
    grid_x,
    grid_y,
    holds_station,
    resolved_at,
    recorded_at,
    distance_km
from {{ source('ops', 'grid_cells') }}
