select
    cycle_id,
    epoch,
    cast(mode as text) as mode,
    slot,
    started_at,
    decided_at,
    finished_at,
    error,
    starting_capital_usd,
    cash_usd,
    realized_pnl_usd,
    unrealized_pnl_usd,
    equity_usd
from {{ source('ops', 'cycles') }}
