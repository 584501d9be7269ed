-- What each component last showed of itself, as of now, from facts that no trade can change: the
-- trader by the start of its last cycle (not its end, which orders delay), the outside services
-- and the page by their probes, the warehouse by its last refresh, the database by answering this
-- very query.
with

cycles as (select * from {{ ref("stg_ops__cycles") }}),

probes as (select * from {{ ref("stg_ops__health_status") }}),

components as (
    select
        component.name as component,
        component.position,
        component.limit_s
    from (
        values
        ('trader', 1, 2 * {{ var("cycle_interval_s") }}),
        ('kalshi_api', 2, 2 * {{ var("cycle_interval_s") }}),
        ('nws_api', 3, 3 * {{ var("cycle_interval_s") }}),
        ('database', 4, 60),
        ('analytics', 5, 3 * {{ var("cycle_interval_s") }}),
        ('dashboard', 6, 3 * {{ var("cycle_interval_s") }})
    ) as component (name, position, limit_s)
),

last_cycle as (
    select max(cycles.started_at) as last_ok_at from cycles
    where cycles.started_at <= {{ as_of() }}
),

last_probe as (
    select
        components.component,
        probe.status,
        probe.last_ok_at,
        probe.checked_at
    from components
    inner join lateral (
        select
            probes.status,
            probes.checked_at,
            case when probes.status = 'ok' then probes.checked_at else probes.last_ok_at end
                as last_ok_at
        from probes
        where
            probes.component_code = cast(components.component as ops.component)
            and probes.checked_at <= {{ as_of() }}
        order by probes.checked_at desc, probes.health_status_id desc
        limit 1
    ) as probe on true
    where components.component in ('kalshi_api', 'nws_api', 'dashboard')
)

select
    components.component,
    components.position,
    components.limit_s,
    case
        when components.component in ('kalshi_api', 'nws_api', 'dashboard') then last_probe.status
        else 'ok'
    end as said_status,
    case components.component
        when 'trader' then last_cycle.last_ok_at
        when 'database' then {{ as_of() }}
        when 'analytics' then rollups.last_ok_at
        else last_probe.last_ok_at
    end as last_ok_at,
    case components.component
        when 'trader' then last_cycle.last_ok_at
        when 'database' then {{ as_of() }}
        when 'analytics' then rollups.last_ok_at
        else last_probe.checked_at
    end as checked_at
from components
cross join last_cycle
left join {{ ref("int_rollups__finished") }} as rollups on components.component = rollups.component
left join last_probe on components.component = last_probe.component
