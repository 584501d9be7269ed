select
    advisor_call_id,
    purpose,
    model,
    outcome,
    prompt_tokens,
    completion_tokens,
    cost_usd,
    called_at,
    recorded_at
from {{ source('ops', 'advisor_calls') }}
