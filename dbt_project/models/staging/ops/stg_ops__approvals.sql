select
    approval_id,
    kind,
    verdict,
    evidence,
    given_by,
    given_at
from {{ source('ops', 'approvals') }}
