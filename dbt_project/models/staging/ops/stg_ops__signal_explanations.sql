select
    signal_explanation_id,
    signal_id,
    signal_at,
    text,
    author,
    created_at,
    recorded_at
from {{ source('ops', 'signal_explanations') }}
