-- One row for the page's ribbon.
with

world as (select * from {{ ref("stg_ops__world_clock") }}),

cycles as (select * from {{ ref("stg_ops__cycles") }}),

cities as (select * from {{ ref("stg_ops__cities") }}),

weather as (select * from {{ ref("stg_ops__weather_snapshots") }}),

clock as (select {{ as_of() }} as now_at),

last_cycle as (
    select
        cycles.mode,
        cycles.started_at
    from cycles
    inner join clock on cycles.started_at <= clock.now_at
    order by cycles.started_at desc, cycles.cycle_id desc
    limit 1
),

reporting as (
    select count(*) as city_count
    from cities
    cross join clock
    inner join lateral (
        select
            weather.observed_at,
            weather.captured_at
        from weather
        where
            weather.city_code = cities.city_code
            and weather.captured_at <= clock.now_at
        order by weather.captured_at desc
        limit 1
    ) as latest on latest.captured_at > clock.now_at - interval '1 day'
    where latest.observed_at > clock.now_at - interval '75 minutes'
)

select
    clock.now_at as as_of,
    world.world,
    last_cycle.mode,
    date_trunc('minute', last_cycle.started_at) as last_cycle_at,
    cast(reporting.city_count as integer) as cities_ok
from clock
cross join reporting
left join world on true
left join last_cycle on true
