select
    anomaly_id,
    city_code,
    event_ticker,
    ticker,
    class,
    kind,
    reason,
    author,
    model_class,
    figures,
    occurred_at,
    recorded_at
from {{ source('ops', 'anomalies') }}
