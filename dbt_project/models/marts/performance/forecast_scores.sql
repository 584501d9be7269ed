-- Mean score by addition over months. The interval takes whole days as blocks: with S and n a
-- day's sums, var = D/(D-1) * sum((S - mean n)^2) / (sum n)^2. Below thirty days there is none.
with

months as (select * from {{ ref("int_forecasts__score_months") }}),

summed as (
    select
        mode,
        market_type,
        city_code,
        lead_no,
        strategy_name,
        strategy_version,
        measure,
        cast(sum(day_count) as bigint) as days,
        cast(sum(weight_sum) as bigint) as count,
        sum(score_sum) as score_sum,
        sum(weight_sum) as weight_sum,
        sum(score_score_sum) as score_score_sum,
        sum(score_weight_sum) as score_weight_sum,
        sum(weight_weight_sum) as weight_weight_sum
    from months
    group by
        mode, market_type, city_code, lead_no, strategy_name, strategy_version, measure
),

averaged as (
    select
        *,
        {{ ratio("score_sum", "weight_sum") }} as value,
        case
            when days >= {{ var("least_days") }}
                then
                    1.96 * sqrt(
                        greatest(
                            0,
                            days * (
                                score_score_sum
                                - 2 * score_sum / weight_sum * score_weight_sum
                                + score_sum * score_sum / (weight_sum * weight_sum)
                                * weight_weight_sum
                            ) / (days - 1)
                        )
                    ) / weight_sum
        end as half_width
    from summed
)

select
    mode,
    market_type,
    city_code,
    lead_no,
    {{ lead_name("lead_no") }} as lead,
    strategy_name,
    strategy_version,
    measure,
    value,
    round(value - half_width, 6) as value_lo,
    round(value + half_width, 6) as value_hi,
    count,
    days,
    days >= {{ var("least_days") }} as is_enough
from averaged
