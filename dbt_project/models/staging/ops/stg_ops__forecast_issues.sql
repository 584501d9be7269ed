select
    city_code,
    source,
    cast(variable as text) as variable,
    climate_date,
    block,
    issued_at,
    value_f,
    recorded_at
from {{ source('ops', 'forecast_issues') }}
