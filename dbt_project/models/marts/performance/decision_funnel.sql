-- depends_on: {{ ref("stg_ops__world_clock") }}
-- From everything looked at to what was filled, by day of decision in New York. A level counts the
-- signals that came at least so far; lost is what fell between it and the next, so that
-- count = next count + lost, and the reasons add up to lost.
{{
    config(
        incremental_strategy="delete+insert",
        unique_key=["date", "mode", "step_no"],
        indexes=[{"columns": ["date", "mode", "step_no"], "unique": true}],
    )
}}

with

reached as (
    select * from {{ ref("int_signals__reached") }}
    {% if is_incremental() %}
        where decision_date >= {{ lookback_date() }}
    {% endif %}
),

fills as (select * from {{ ref("int_trades__disclosed_fills") }}),

cycles as (
    select
        cycle_id,
        mode,
        decision_date
    from reached
    group by cycle_id, mode, decision_date
),

-- A fill proves that its order was sent, so a filled signal is one of those that stopped at 6.
filled as (
    select
        cycles.decision_date,
        cycles.mode,
        count(distinct fills.signal_id) as signal_count
    from cycles
    inner join fills on cycles.cycle_id = fills.cycle_id
    group by cycles.decision_date, cycles.mode
),

stopped as (
    select
        reached.decision_date,
        reached.mode,
        reached.step_no,
        reached.reason,
        sum(reached.signal_count) as signal_count
    from reached
    where reached.step_no < 6
    group by reached.decision_date, reached.mode, reached.step_no, reached.reason
    union all
    select
        sent.decision_date,
        sent.mode,
        outcome.step_no,
        outcome.reason,
        outcome.signal_count
    from (
        select
            reached.decision_date,
            reached.mode,
            sum(reached.signal_count) as signal_count
        from reached
        where reached.step_no = 6
        group by reached.decision_date, reached.mode
    ) as sent
    left join filled on sent.decision_date = filled.decision_date and sent.mode = filled.mode
    inner join lateral (
        values
        (6, 'NOT_FILLED', sent.signal_count - coalesce(filled.signal_count, 0)),
        (7, null, coalesce(filled.signal_count, 0))
    ) as outcome (step_no, reason, signal_count) on true
    where outcome.signal_count > 0
),

days as (
    select
        decision_date,
        mode
    from reached
    group by decision_date, mode
),

steps as (
    select
        step.step_no,
        step.name as step
    from (
        values
        (1, 'seen'), (2, 'priced'), (3, 'edge'), (4, 'gates'),
        (5, 'risk'), (6, 'sent'), (7, 'filled')
    ) as step (step_no, name)
)

select
    days.decision_date as date,
    days.mode,
    steps.step_no,
    steps.step,
    cast(coalesce(sum(stopped.signal_count), 0) as bigint) as count,
    cast(
        coalesce(
            sum(stopped.signal_count) filter (
                where stopped.step_no = steps.step_no and steps.step_no < 7
            ), 0
        ) as bigint
    ) as lost,
    coalesce(
        jsonb_agg(
            jsonb_build_object('reason', stopped.reason, 'count', stopped.signal_count)
            order by stopped.signal_count desc, stopped.reason asc
        ) filter (where stopped.step_no = steps.step_no and steps.step_no < 7),
        cast('[]' as jsonb)
    ) as top_reasons
from days
cross join steps
left join stopped
    on
        days.decision_date = stopped.decision_date
        and days.mode = stopped.mode
        and steps.step_no <= stopped.step_no
group by days.decision_date, days.mode, steps.step_no, steps.step
