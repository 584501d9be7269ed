-- depends_on: {{ ref("int_trades__disclosed_fills") }}
-- depends_on: {{ ref("stg_ops__settlements") }}
-- Equity after the last cycle that finished in each minute, in each mode, from first principles:
-- capital, plus realised changes up to then, plus what the open positions would bring at the side
-- they could be sold to, by the last quote recorded at that cycle. A market never quoted is
-- valued at cost (nothing was learnt), one with a quote but no bid for our side at zero, as the
-- ledger does.
--
-- A run goes on from the last minute it knows, or from an earlier fill or payout learnt since the
-- run before, and carries realised profit and the peak over from the row before that. Cost: new
-- cycles only.
{{
    config(
        materialized="incremental",
        incremental_strategy="delete+insert",
        unique_key=["mode", "minute_at"],
        on_schema_change="fail",
        indexes=[
            {"columns": ["mode", "minute_at"], "unique": true},
            {"columns": ["finished_at"]},
        ],
    )
}}

with

steps as (select * from {{ ref("int_trades__position_steps") }}),

snapshots as (select * from {{ ref("stg_ops__market_snapshots") }}),

capital_events as (select * from {{ ref("stg_ops__capital_events") }}),

{% if is_incremental() %}
    seen as (
        select
            coalesce(max(finished_at), '-infinity') as last_at,
            coalesce(max(computed_at), '-infinity') as computed_at
        from {{ this }}
    ),

    learnt as (
        select late.filled_at as happened_at
        from {{ ref("int_trades__disclosed_fills") }} as late
        inner join seen on late.disclosed_at >= seen.computed_at
        union all
        select late.settled_at as happened_at
        from {{ ref("stg_ops__settlements") }} as late
        inner join seen on late.recorded_at >= seen.computed_at
    ),

    bounds as (
        select
            date_trunc(
                'minute', least(seen.last_at, (select min(learnt.happened_at) from learnt))
            ) as from_at
        from seen
    ),
{% else %}
    bounds as (select cast('-infinity' as timestamptz) as from_at),
{% endif %}

cycles as (
    select distinct on (cycles.mode, date_trunc('minute', cycles.finished_at))
        cycles.cycle_id,
        cycles.mode,
        cycles.finished_at,
        date_trunc('minute', cycles.finished_at) as minute_at
    from {{ ref("stg_ops__cycles") }} as cycles
    cross join bounds
    where cycles.finished_at >= bounds.from_at and cycles.finished_at <= {{ disclosed_until() }}
    order by
        cycles.mode asc, date_trunc('minute', cycles.finished_at) asc,
        cycles.finished_at desc, cycles.cycle_id desc
),

bases as (
    {% if is_incremental() %}
        select distinct on (known.mode)
            known.mode,
            known.finished_at,
            known.realized_pnl_usd,
            known.peak_equity_usd
        from {{ this }} as known
        cross join bounds
        where known.finished_at < bounds.from_at
        order by known.mode asc, known.minute_at desc
    {% else %}
        select
            cast(null as text) as mode,
            cast(null as timestamptz) as finished_at,
            cast(null as numeric) as realized_pnl_usd,
            cast(null as numeric) as peak_equity_usd
        where false
    {% endif %}
),

timeline as (
    select
        steps.mode,
        steps.step_at as happened_at,
        0 as is_cycle,
        null as cycle_id,
        steps.realized_delta_usd
    from steps
    left join bases on steps.mode = bases.mode
    where steps.step_at > coalesce(bases.finished_at, '-infinity')
    union all
    select
        cycles.mode,
        cycles.finished_at as happened_at,
        1 as is_cycle,
        cycles.cycle_id,
        0 as realized_delta_usd
    from cycles
),

realized as (
    select
        *,
        sum(realized_delta_usd) over (
            partition by mode
            order by happened_at, is_cycle, cycle_id
            rows between unbounded preceding and current row
        ) as realized_since_base_usd
    from timeline
),

marked as (
    select
        cycles.cycle_id,
        sum(
            case
                when mark.yes_bid is null and mark.yes_ask is null then steps.cost_usd
                when steps.side = 'YES' then steps.qty * coalesce(mark.yes_bid, 0)
                else steps.qty * coalesce(1 - mark.yes_ask, 0)
            end
            - steps.cost_usd
        ) as unrealized_pnl_usd
    from cycles
    inner join steps
        on
            cycles.mode = steps.mode
            and cycles.finished_at >= steps.step_at
            and cycles.finished_at < steps.valid_to
            and steps.qty > 0
    left join lateral (
        select
            snapshots.yes_bid,
            snapshots.yes_ask
        from snapshots
        where
            snapshots.ticker = steps.ticker
            and snapshots.captured_at <= cycles.finished_at
            and (snapshots.yes_bid is not null or snapshots.yes_ask is not null)
        order by snapshots.captured_at desc, snapshots.market_snapshot_id desc
        limit 1
    ) as mark on true
    group by cycles.cycle_id
),

summed as (
    select
        cycles.mode,
        cycles.minute_at,
        cycles.cycle_id,
        cycles.finished_at,
        bases.peak_equity_usd as peak_before_usd,
        coalesce((
            select sum(capital_events.amount_usd) from capital_events
            where
                capital_events.mode = cycles.mode
                and capital_events.occurred_at <= cycles.finished_at
        ), 0) as starting_capital_usd,
        coalesce(bases.realized_pnl_usd, 0) + realized.realized_since_base_usd as realized_pnl_usd,
        coalesce(marked.unrealized_pnl_usd, 0) as unrealized_pnl_usd
    from cycles
    inner join realized on cycles.cycle_id = realized.cycle_id
    left join marked on cycles.cycle_id = marked.cycle_id
    left join bases on cycles.mode = bases.mode
),

totals as (
    select
        *,
        starting_capital_usd + realized_pnl_usd + unrealized_pnl_usd as equity_usd
    from summed
)

select
    mode,
    minute_at,
    cycle_id,
    starting_capital_usd,
    realized_pnl_usd,
    unrealized_pnl_usd,
    equity_usd,
    greatest(
        coalesce(peak_before_usd, first_value(starting_capital_usd) over so_far),
        max(equity_usd) over so_far
    ) as peak_equity_usd,
    finished_at,
    {{ as_of() }} as computed_at
from totals
window so_far as (
    partition by mode
    order by minute_at
    rows between unbounded preceding and current row
)
