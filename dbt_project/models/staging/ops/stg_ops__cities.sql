select
    city_code,
    position as city_position,
    name as city_name,
    timezone,
    std_utc_offset_hours,
    cluster,
    region,
    settlement_station
from {{ source('ops', 'cities') }}
