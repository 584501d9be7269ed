-- The warehouse's equity beside the trader's own figures of the same cycle: two computations that
-- share no code. Comparable when the trader knew, at the end of that cycle, everything that had
-- happened by then: what was learnt later the warehouse books by its own time, the trader when
-- told.
with

equity as (select * from {{ ref("int_equity__by_minute") }}),

cycles as (select * from {{ ref("stg_ops__cycles") }}),

learnt_late as (
    select
        mode,
        filled_at as happened_at,
        recorded_at
    from {{ ref("stg_ops__fills") }}
    union all
    select
        mode,
        settled_at as happened_at,
        recorded_at
    from {{ ref("stg_ops__settlements") }}
    union all
    select
        mode,
        occurred_at as happened_at,
        recorded_at
    from {{ ref("stg_ops__capital_events") }}
)

select
    equity.cycle_id,
    equity.mode,
    equity.finished_at,
    equity.equity_usd as warehouse_equity_usd,
    cycles.equity_usd as trader_equity_usd,
    equity.realized_pnl_usd - cycles.realized_pnl_usd as realized_difference_usd,
    equity.unrealized_pnl_usd - cycles.unrealized_pnl_usd as unrealized_difference_usd,
    equity.equity_usd - cycles.equity_usd as equity_difference_usd,
    cycles.equity_usd is not null
    and not exists (
        select 1 from learnt_late
        where
            learnt_late.mode = equity.mode
            and learnt_late.happened_at <= equity.finished_at
            and learnt_late.recorded_at > equity.finished_at
    ) as is_comparable
from equity
inner join cycles on equity.cycle_id = cycles.cycle_id
