-- From every price looked at to every result, by climate date: eight rows each. A level counts the
-- signals that came at least so far; lost is what fell between it and the next, so that
-- count = next count + lost, and the reasons add up to lost. Written for the dates about which
-- anything came of age since the last finished run.
{{
    config(
        materialized="incremental",
        incremental_strategy="delete+insert",
        unique_key="climate_date",
        on_schema_change="fail",
        indexes=[{"columns": ["climate_date", "mode", "step_no"], "unique": true}],
    )
}}

with

touched as (
    select climate_date from {{ ref("int_signals__reached") }}
    where changed_at > {{ changed_since() }}
    union
    select climate_date from {{ ref("int_trades__disclosed_fills") }}
    where changed_at > {{ changed_since() }}
),

stopped as (
    select
        days.climate_date,
        days.mode,
        days.step_no,
        days.reason,
        sum(days.signal_count) as signal_count
    from touched
    inner join {{ ref("int_metrics__decision_days") }} as days
        on touched.climate_date = days.climate_date
    group by days.climate_date, days.mode, days.step_no, days.reason
),

dates as (
    select distinct
        climate_date,
        mode
    from stopped
),

steps as (
    select
        step.step_no,
        step.name as step
    from (
        values
        (1, 'seen'), (2, 'priced'), (3, 'edge'), (4, 'gates'),
        (5, 'risk'), (6, 'sent'), (7, 'filled'), (8, 'settled')
    ) as step (step_no, name)
)

select
    dates.climate_date,
    dates.mode,
    steps.step_no,
    steps.step,
    cast(coalesce(sum(stopped.signal_count), 0) as bigint) as signal_count,
    cast(
        coalesce(
            sum(stopped.signal_count) filter (
                where stopped.step_no = steps.step_no and steps.step_no < 8
            ), 0
        ) as bigint
    ) as lost_count,
    coalesce(
        jsonb_agg(
            jsonb_build_object(
                'reason', stopped.reason, 'count', cast(stopped.signal_count as bigint)
            )
            order by stopped.signal_count desc, stopped.reason asc
        ) filter (where stopped.step_no = steps.step_no and steps.step_no < 8),
        cast('[]' as jsonb)
    ) as top_reasons
from dates
cross join steps
left join stopped
    on
        dates.climate_date = stopped.climate_date
        and dates.mode = stopped.mode
        and steps.step_no <= stopped.step_no
group by dates.climate_date, dates.mode, steps.step_no, steps.step
order by dates.climate_date, dates.mode, steps.step_no
