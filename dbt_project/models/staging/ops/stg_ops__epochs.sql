select
    epoch,
    cast(mode as text) as mode,
    account,
    command,
    version,
    started_at,
    reconciled_at
from {{ source('ops', 'epochs') }}
