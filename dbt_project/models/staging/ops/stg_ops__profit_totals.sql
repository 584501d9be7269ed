select
    cast(mode as text) as mode,
    realized_pnl_usd,
    updated_at
from {{ source('ops', 'profit_totals') }}
