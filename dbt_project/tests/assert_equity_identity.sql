-- Equity is starting capital plus realised plus unrealised, to the last digit. A returned row
-- breaks it.
select
    timestamp,
    mode
from {{ ref("equity_curve") }}
where total_equity <> starting_capital + realized_pnl + unrealized_pnl
