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

payouts as (
    select
        settlements.mode,
        sum(settlements.revenue_usd) as revenue_usd
    from {{ ref("stg_ops__settlements") }} as settlements
    where
        settlements.settled_at
        <= (select runs.as_of from {{ ref("int_rollups__started") }} as runs) - {{ public_delay() }}
    group by settlements.mode
),

books as (
    select
        steps.mode,
        sum(steps.realized_delta_usd)
        - coalesce(sum(steps.cost_usd) filter (where steps.valid_to = 'infinity'), 0) as booked_usd,
        coalesce(sum((steps.qty_before + fills.qty - steps.qty) / 2), 0) as pairs_usd,
        coalesce(sum(fills.qty * fills.bought_price + fills.fee), 0) as paid_usd
    from steps
    left join fills on steps.event_id = fills.fill_id
    group by steps.mode
)

select
    books.mode,
    books.booked_usd,
    books.pairs_usd + coalesce(payouts.revenue_usd, 0) - books.paid_usd as moved_usd
from books
left join payouts on books.mode = payouts.mode
where books.booked_usd <> books.pairs_usd + coalesce(payouts.revenue_usd, 0) - books.paid_usd
