-- Money is neither made nor lost: what positions realised, less what open ones cost, is what the
-- exchange paid out (results, and one dollar for each pair of YES and NO) less what was paid and
-- the fees. A returned row is a mode where a dollar came from nowhere.
with

steps as (
    select
        *,
        coalesce(lag(qty) over (partition by mode, ticker order by step_no), 0) as qty_before
    from {{ ref("int_trades__position_steps") }}
),

fills as (select * from {{ ref("int_trades__disclosed_fills") }}),

settlements as (select * from {{ ref("stg_ops__settlements") }}),

books as (
    select
        steps.mode,
        sum(steps.realized_delta_usd)
        - coalesce(sum(steps.cost_usd) filter (where steps.valid_to = 'infinity'), 0) as booked_usd,
        coalesce(sum((steps.qty_before + fills.qty - steps.qty) / 2), 0) as pairs_usd,
        coalesce(sum(fills.qty * fills.bought_price + fills.fee), 0) as paid_usd,
        coalesce(sum(settlements.revenue_usd), 0) as payouts_usd
    from steps
    left join fills on steps.event_id = fills.fill_id
    left join settlements
        on
            steps.event_id like 'payout %'
            and steps.mode = settlements.mode
            and steps.ticker = settlements.ticker
    group by steps.mode
)

select
    mode,
    booked_usd,
    pairs_usd + payouts_usd - paid_usd as moved_usd
from books
where booked_usd <> pairs_usd + payouts_usd - paid_usd
