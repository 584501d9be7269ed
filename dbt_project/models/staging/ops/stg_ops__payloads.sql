select
    month,
    sha256,
    content_type,
    body_json,
    body_text,
    received_at
from {{ source('ops', 'payloads') }}
