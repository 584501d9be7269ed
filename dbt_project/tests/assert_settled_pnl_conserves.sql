-- For a market that was paid out and whose fills are all disclosed, the P&L of its fills is the
-- realised profit of its position: two ways to the same dollars. A returned row is a market where
-- they differ.
with

fills as (
    select
        mode,
        ticker,
        sum(pnl) as pnl
    from {{ ref("int_trades__disclosed_fills") }}
    where outcome is not null
    group by mode, ticker
),

steps as (
    select
        mode,
        ticker,
        sum(realized_delta_usd) as realized_usd
    from {{ ref("int_trades__position_steps") }}
    group by mode, ticker
    having bool_or(event_id like 'payout %')
)

select
    fills.mode,
    fills.ticker,
    fills.pnl,
    steps.realized_usd
from fills
inner join steps on fills.mode = steps.mode and fills.ticker = steps.ticker
where fills.pnl <> steps.realized_usd
