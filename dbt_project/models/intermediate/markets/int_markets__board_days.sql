-- The events the board shows: every city's high and low of its running climate day and of the next.
with

cities as (select * from {{ ref("stg_ops__cities") }}),

kinds as (
    select
        kind.market_type,
        ahead.days
    from (values ('HIGH'), ('LOW')) as kind (market_type)
    cross join (values (0), (1)) as ahead (days)
)

select
    cities.city_code,
    cities.city_position,
    cities.city_name,
    cities.timezone,
    kinds.market_type,
    {{ climate_date(as_of(), "cities.std_utc_offset_hours") }} + kinds.days as climate_date,
    kinds.days = 0 as is_today
from cities
cross join kinds
