-- Equity after the last cycle that finished in each minute, in each mode, from first principles:
-- capital, plus realised changes up to then, plus what the open positions would bring at the side
-- they could be sold to, by the last quote recorded at that cycle. A market never quoted (in the
-- 35 days before) is valued at cost, for nothing was learnt; one with a quote but no bid for our
-- side at zero, as the ledger does.
--
-- A run goes on from the first minute that anything learnt or come of age since the last one can
-- touch, and carries realised profit and the peak over from the row before it. Both instants are
-- asked for first and stand in the SQL as literals. Cost: new cycles only.
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

{%- set modes = "(values ('SHADOW'), ('DEMO'), ('LIVE')) as modes (mode)" %}
{%- set from_at = "date_trunc('minute', " ~ first_changed_instant() ~ ")" %}
{%- set base_at = from_at %}
{%- if is_incremental() %}
    {%- set base_at = instant_from(
        "select min(coalesce(base.finished_at, '-infinity')) from " ~ modes
        ~ " left join lateral (select known.finished_at from " ~ this ~ " as known"
        ~ " where known.mode = modes.mode and known.minute_at < " ~ from_at
        ~ " order by known.minute_at desc limit 1) as base on true"
        ~ " where exists (select 1 from " ~ ref("int_trades__position_steps") ~ " as steps"
        ~ " where steps.mode = modes.mode)"
    ) %}
{%- endif %}

with

steps as not materialized (select * from {{ ref("int_trades__position_steps") }}),

snapshots as (select * from {{ ref("stg_ops__market_snapshots") }}),

capital_events as (select * from {{ ref("stg_ops__capital_events") }}),

cycles as (
    select distinct on (cycles.mode, date_trunc('minute', cycles.finished_at))
        cycles.cycle_id,
        cycles.mode,
        cycles.finished_at,
        date_trunc('minute', cycles.finished_at) as minute_at
    from {{ ref("stg_ops__cycles") }} as cycles
    where
        cycles.finished_at >= {{ from_at }}
        and cycles.finished_at <= {{ run_disclosed_until() }}
    order by
        cycles.mode asc, date_trunc('minute', cycles.finished_at) asc,
        cycles.finished_at desc, cycles.cycle_id desc
),

bases as (
    {% if is_incremental() %}
        select
            modes.mode,
            base.finished_at,
            base.realized_pnl_usd,
            base.peak_equity_usd
        from {{ modes }}
        cross join lateral (
            select
                known.finished_at,
                known.realized_pnl_usd,
                known.peak_equity_usd
            from {{ this }} as known
            where known.mode = modes.mode and known.minute_at < {{ from_at }}
            order by known.minute_at desc
            limit 1
        ) as base
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
    where
        steps.step_at > {{ base_at }}
        and steps.step_at > coalesce(bases.finished_at, '-infinity')
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

-- The cycles of a step are found by index; without the offset the planner lays every step of a
-- full build beside every cycle.
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
    from steps
    inner join lateral (
        select finished.cycle_id from {{ ref("stg_ops__cycles") }} as finished
        where
            finished.finished_at >= greatest(steps.step_at, {{ from_at }})
            and finished.finished_at < steps.valid_to
        order by finished.finished_at
        offset 0
    ) as during on true
    inner join cycles on during.cycle_id = cycles.cycle_id and steps.mode = cycles.mode
    left join lateral (
        select
            snapshots.captured_at,
            snapshots.yes_bid,
            snapshots.yes_ask
        from snapshots
        where
            snapshots.ticker = steps.ticker
            and snapshots.captured_at <= cycles.finished_at
            and (snapshots.yes_bid is not null or snapshots.yes_ask is not null)
        order by snapshots.captured_at desc, snapshots.market_snapshot_id desc
        limit 1
    ) as mark on mark.captured_at > cycles.finished_at - interval '35 days'
    where steps.valid_to > {{ from_at }}
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
    finished_at
from totals
window
    so_far as (
        partition by mode
        order by minute_at
        rows between unbounded preceding and current row
    )
order by mode, minute_at
