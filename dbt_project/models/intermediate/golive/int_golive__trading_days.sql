-- What going live asks about each UTC day of a mode: cycles completed, what fills cost beyond the
-- price at the decision, orders refused, differences of the books, deepest fall. Sums, so that any
-- number of days is judged by addition. A run writes the days again from the first one of which
-- anything was learnt, or came of age, since the last finished run.
{{
    config(
        materialized="incremental",
        incremental_strategy="delete+insert",
        unique_key="day",
        on_schema_change="fail",
        indexes=[{"columns": ["mode", "day"], "unique": true}],
    )
}}

{%- set from_at %}
    least(
        date_trunc('day', {{ first_changed_instant() }} at time zone 'UTC') at time zone 'UTC',
        date_trunc('day', ({{ changed_since() }} - interval '1 day') at time zone 'UTC')
        at time zone 'UTC'
    )
{% endset %}

with

cycles as (
    select
        mode,
        cast(started_at at time zone 'UTC' as date) as day,
        count(*) filter (where finished_at is not null and error is null) as cycles_completed
    from {{ ref("stg_ops__cycles") }}
    where started_at >= {{ from_at }} and started_at <= {{ run_disclosed_until() }}
    group by mode, cast(started_at at time zone 'UTC' as date)
),

gaps as (
    select
        fills.mode,
        cast(fills.filled_at at time zone 'UTC' as date) as day,
        fills.bought_price - signals.price as gap
    from {{ ref("int_trades__disclosed_fills") }} as fills
    inner join {{ ref("stg_ops__orders") }} as orders on fills.order_id = orders.order_id
    inner join {{ ref("stg_ops__signals") }} as signals
        on orders.signal_at = signals.decided_at and orders.signal_id = signals.signal_id
    where
        fills.filled_at >= {{ from_at }}
        and fills.action = 'OPEN'
        and signals.price is not null
),

fills as (
    select
        mode,
        day,
        count(*) as fill_count,
        sum(gap) as gap_sum,
        sum(gap * gap) as gap_square_sum
    from gaps
    group by mode, day
),

orders as (
    select
        mode,
        cast(created_at at time zone 'UTC' as date) as day,
        count(*) as sent_count,
        count(*) filter (where status = 'REJECTED') as refused_count
    from {{ ref("stg_ops__orders") }}
    where
        created_at >= {{ from_at }}
        and created_at <= {{ run_disclosed_until() }}
        and sent_at is not null
    group by mode, cast(created_at at time zone 'UTC' as date)
),

breaks as (
    select
        mode,
        cast(found_at at time zone 'UTC' as date) as day,
        count(*) as break_count
    from {{ ref("stg_ops__reconciliation_breaks") }}
    where found_at >= {{ from_at }} and found_at <= {{ run_disclosed_until() }}
    group by mode, cast(found_at at time zone 'UTC' as date)
),

falls as (
    select
        mode,
        cast(finished_at at time zone 'UTC' as date) as day,
        max(1 - equity_usd / peak_equity_usd) as drawdown
    from {{ ref("int_equity__by_minute") }}
    where
        finished_at >= {{ from_at }}
        and finished_at <= {{ run_disclosed_until() }}
        and peak_equity_usd > 0
    group by mode, cast(finished_at at time zone 'UTC' as date)
)

-- Every fact of a mode has a day with cycles: nothing happens without one.
select
    cycles.mode,
    cycles.day,
    cycles.cycles_completed,
    coalesce(fills.fill_count, 0) as fill_count,
    coalesce(fills.gap_sum, 0) as gap_sum,
    coalesce(fills.gap_square_sum, 0) as gap_square_sum,
    coalesce(orders.sent_count, 0) as sent_count,
    coalesce(orders.refused_count, 0) as refused_count,
    coalesce(breaks.break_count, 0) as break_count,
    coalesce(falls.drawdown, 0) as drawdown
from cycles
left join fills on cycles.mode = fills.mode and cycles.day = fills.day
left join orders on cycles.mode = orders.mode and cycles.day = orders.day
left join breaks on cycles.mode = breaks.mode and cycles.day = breaks.day
left join falls on cycles.mode = falls.mode and cycles.day = falls.day
order by cycles.mode, cycles.day
