select
    ticker,
    event_ticker,
    climate_date,
    result,
    value as official_value,
    determined_at,
    recorded_at
from {{ source('ops', 'market_results') }}
