-- No `with`: Postgres does not look through one, and would sort all rows to find the newest.
-- A view on an incremental model, so that a query costs no more than reading its rows, the delay is
-- applied again when read, and no system column tells when a row was written.
{{ config(materialized="view") }}

select
    minute_at as timestamp,
    mode,
    starting_capital_usd as starting_capital,
    realized_pnl_usd as realized_pnl,
    unrealized_pnl_usd as unrealized_pnl,
    equity_usd as total_equity,
    case
        when peak_equity_usd > 0 then round(1 - equity_usd / peak_equity_usd, 6)
        else 0
    end as drawdown
from {{ ref("int_equity__by_minute") }}
where finished_at <= {{ disclosed_until() }}
