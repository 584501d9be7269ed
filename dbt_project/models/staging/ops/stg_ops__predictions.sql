select
    prediction_id,
    decided_at,
    cycle_id,
    event_ticker,
    city_code,
    cast(market_type as text) as market_type,
    climate_date,
    strategy_name,
    strategy_version,
    distribution,
    mean_f,
    sd_f,
    p10_f,
    p50_f,
    p90_f
from {{ source('ops', 'predictions') }}
