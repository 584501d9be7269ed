select
    weather_snapshot_id,
    captured_at,
    city_code,
    fetched_at,
    climate_date,
    observed_at,
    temp_f,
    high_so_far_f,
    high_so_far_at,
    low_so_far_f,
    low_so_far_at
from {{ source('ops', 'weather_snapshots') }}
