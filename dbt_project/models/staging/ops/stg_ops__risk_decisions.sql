select
    risk_decision_id,
    cycle_id,
    decided_at,
    ticker,
    cast(side as text) as side,
    asked_qty,
    allowed_qty,
    reasons
from {{ source('ops', 'risk_decisions') }}
