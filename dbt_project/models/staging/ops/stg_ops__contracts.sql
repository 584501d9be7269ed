select
    ticker,
    terms_hash,
    event_ticker,
    city_code,
    cast(market_type as text) as market_type,
    climate_date,
    label as bracket_label,
    lo,
    hi,
    close_time as close_at,
    first_seen_at
from {{ source('ops', 'contracts') }}
