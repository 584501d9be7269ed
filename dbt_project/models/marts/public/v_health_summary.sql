-- Status is computed from age when read, so a dead trader turns down by itself. Times are cut to
-- the minute and messages come from a closed vocabulary: nothing here can tell that something was
-- traded.
with

signs as (select * from {{ ref("int_health__signs_of_life") }}),

aged as (
    select
        *,
        date_trunc('minute', last_ok_at) as last_ok,
        cast(
            extract(epoch from {{ as_of() }} - date_trunc('minute', last_ok_at)) as integer
        ) as age_s,
        extract(epoch from {{ as_of() }} - date_trunc('minute', checked_at)) as check_age_s
    from signs
),

judged as (
    select
        *,
        case
            when checked_at is null then 'unknown'
            when component in ('trader', 'analytics') and check_age_s > limit_s then 'down'
            when check_age_s > limit_s then 'unknown'
            when said_status = 'ok' and age_s > limit_s then 'degraded'
            else said_status
        end as status
    from aged
)

select
    component,
    status,
    last_ok,
    case
        when checked_at is null then 'never seen'
        when status = 'ok' then 'working'
        when status = 'down' and component = 'trader' then 'no cycle in time'
        when status = 'down' and component = 'analytics' then 'no refresh in time'
        when status = 'down' then 'no answer'
        when status = 'unknown' then 'not checked lately'
        else 'working in part'
    end as message,
    status in ('degraded', 'down') as is_degraded,
    age_s
from judged
order by position
