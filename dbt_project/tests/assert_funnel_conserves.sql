-- Each level of the funnel is the next level plus what was lost, and the reasons add up to what was
-- lost. A returned row is a level where signals vanished or appeared.
with

levels as (
    select
        funnel.*,
        lead(funnel.count) over (partition by funnel.date, funnel.mode order by funnel.step_no)
            as next_count,
        (
            select coalesce(sum(cast(part.value ->> 'count' as bigint)), 0)
            from jsonb_array_elements(funnel.top_reasons) as part (value)
        ) as explained
    from {{ ref("decision_funnel") }} as funnel
)

select
    date,
    mode,
    step
from levels
where (next_count is not null and count <> next_count + lost) or lost <> explained
