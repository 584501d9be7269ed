select
    market_snapshot_id,
    captured_at,
    ticker,
    event_ticker,
    city_code,
    cast(market_type as text) as market_type,
    climate_date,
    status,
    yes_bid,
    yes_ask,
    volume,
    open_interest,
    close_time as close_at,
    book
from {{ source('ops', 'market_snapshots') }}
