-- Sums of each score by month, of each city and of all cities together (ALL), from which a mean
-- and its interval follow by addition over months. One day is one block: one temperature decides
-- all its contracts, so days and not contracts are counted as independent. For the interval:
-- squares and products of the days' sums of scores and of counts. Written for the months in which
-- a result became known since the last finished run.
{{
    config(
        materialized="incremental",
        incremental_strategy="delete+insert",
        unique_key="month",
        on_schema_change="fail",
        indexes=[
            {
                "columns": [
                    "month", "mode", "market_type", "city_code", "lead_no", "strategy_name",
                    "strategy_version", "measure"
                ],
                "unique": true,
            },
        ],
    )
}}

with

contracts as not materialized (select * from {{ ref("int_forecasts__scored_contracts") }}),

touched as (
    select distinct cast(date_trunc('month', climate_date) as date) as month
    from contracts
    where changed_at > {{ changed_since() }}
),

of_month as (
    select
        touched.month,
        contracts.*
    from touched
    inner join contracts
        on
            touched.month <= contracts.climate_date
            and contracts.climate_date < touched.month + interval '1 month'
),

events as (
    select
        of_month.month,
        of_month.mode,
        of_month.market_type,
        of_month.city_code,
        of_month.lead_no,
        of_month.strategy_name,
        of_month.strategy_version,
        of_month.climate_date,
        of_month.event_ticker,
        count(*) as contract_count,
        count(of_month.market_p) as market_count,
        count(of_month.climatology_p) as climatology_count,
        sum(of_month.is_won) as won_count,
        sum((of_month.model_p - of_month.is_won) * (of_month.model_p - of_month.is_won))
            as model_squares,
        sum((of_month.market_p - of_month.is_won) * (of_month.market_p - of_month.is_won))
            as market_squares,
        sum(
            (of_month.climatology_p - of_month.is_won) * (of_month.climatology_p - of_month.is_won)
        ) as climatology_squares,
        max(case when of_month.is_won = 1 then of_month.model_p end) as model_won_p,
        max(case when of_month.is_won = 1 then of_month.market_p end) as market_won_p
    from of_month
    group by
        of_month.month, of_month.mode, of_month.market_type, of_month.city_code,
        of_month.lead_no, of_month.strategy_name, of_month.strategy_version,
        of_month.climate_date, of_month.event_ticker
),

logged as (
    select
        events.*,
        judged.crps,
        case
            when events.won_count = 1 then round(-ln(greatest(events.model_won_p, 0.000001)), 6)
        end as model_log,
        case
            when events.won_count = 1 and events.market_won_p is not null
                then round(-ln(greatest(events.market_won_p, 0.000001)), 6)
        end as market_log
    from events
    inner join {{ ref("int_forecasts__judged") }} as judged
        on
            events.event_ticker = judged.event_ticker
            and events.mode = judged.mode
            and events.strategy_name = judged.strategy_name
            and events.strategy_version = judged.strategy_version
            and events.lead_no = judged.lead_no
),

measured as (
    select
        logged.month,
        logged.mode,
        logged.market_type,
        logged.city_code,
        logged.lead_no,
        logged.strategy_name,
        logged.strategy_version,
        logged.climate_date,
        measure.name as measure,
        measure.score,
        measure.weight
    from logged
    cross join
        lateral (
            values
            ('brier', logged.model_squares, logged.contract_count),
            ('log_loss', logged.model_log, 1),
            ('crps', logged.crps, 1),
            ('market_brier', logged.market_squares, logged.market_count),
            ('market_log_loss', logged.market_log, 1),
            ('climatology_brier', logged.climatology_squares, logged.climatology_count),
            (
                'brier_minus_market',
                case
                    when logged.market_count = logged.contract_count
                        then logged.model_squares - logged.market_squares
                end,
                logged.market_count
            ),
            ('log_loss_minus_market', logged.model_log - logged.market_log, 1),
            (
                'brier_minus_climatology',
                case
                    when logged.climatology_count = logged.contract_count
                        then logged.model_squares - logged.climatology_squares
                end,
                logged.climatology_count
            )
        ) as measure (name, score, weight)
    where measure.score is not null
),

days as (
    select
        measured.month,
        measured.mode,
        measured.market_type,
        place.city_code,
        measured.lead_no,
        measured.strategy_name,
        measured.strategy_version,
        measured.measure,
        measured.climate_date,
        sum(measured.score) as score,
        sum(measured.weight) as weight
    from measured
    cross join lateral (values (measured.city_code), ('ALL')) as place (city_code)
    group by
        measured.month, measured.mode, measured.market_type, place.city_code,
        measured.lead_no, measured.strategy_name, measured.strategy_version,
        measured.measure, measured.climate_date
)

select
    month,
    mode,
    market_type,
    city_code,
    lead_no,
    strategy_name,
    strategy_version,
    measure,
    count(*) as day_count,
    sum(score) as score_sum,
    sum(weight) as weight_sum,
    sum(score * score) as score_score_sum,
    sum(score * weight) as score_weight_sum,
    sum(weight * weight) as weight_weight_sum
from days
group by
    month, mode, market_type, city_code, lead_no, strategy_name, strategy_version, measure
order by
    month, mode, market_type, city_code, lead_no, strategy_name, strategy_version, measure
