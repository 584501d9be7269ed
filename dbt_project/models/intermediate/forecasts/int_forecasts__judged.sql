-- Predictions that can be judged: of each settled event, mode, strategy, version and lead the last
-- one. Predictions of every cycle would count the same weather three hundred times. A run looks
-- at the events whose result became known since the last finished run.
{{
    config(
        materialized="incremental",
        incremental_strategy="delete+insert",
        unique_key="event_ticker",
        on_schema_change="fail",
        indexes=[
            {
                "columns": [
                    "event_ticker", "mode", "strategy_name", "strategy_version", "lead_no"
                ],
                "unique": true,
            },
            {"columns": ["changed_at"]},
        ],
    )
}}

with

changed as (
    select distinct event_ticker
    from {{ ref("stg_ops__market_results") }}
    where recorded_at > {{ changed_since() }} or determined_at > {{ changed_since() }}
),

results as (
    select distinct on (versions.ticker) versions.*
    from changed
    inner join {{ ref("stg_ops__market_results") }} as versions
        on changed.event_ticker = versions.event_ticker
    where versions.determined_at <= {{ run_as_of() }}
    order by versions.ticker asc, versions.determined_at desc, versions.recorded_at desc
),

events as (
    select
        event_ticker,
        max(official_value) as official_value,
        greatest(max(determined_at), max(recorded_at)) as changed_at
    from results
    group by event_ticker
),

candidates as (
    select
        predictions.event_ticker,
        cycles.mode,
        predictions.strategy_name,
        predictions.strategy_version,
        predictions.city_code,
        predictions.market_type,
        predictions.climate_date,
        predictions.prediction_id,
        predictions.decided_at,
        predictions.distribution,
        events.official_value,
        events.changed_at,
        {{
            hours_between(
                "predictions.decided_at",
                climate_day_end("predictions.climate_date", "cities.std_utc_offset_hours"),
            )
        }} as lead_h
    from events
    inner join {{ ref("stg_ops__predictions") }} as predictions
        on events.event_ticker = predictions.event_ticker
    inner join {{ ref("stg_ops__cycles") }} as cycles on predictions.cycle_id = cycles.cycle_id
    inner join {{ ref("stg_ops__cities") }} as cities
        on predictions.city_code = cities.city_code
    where predictions.decided_at <= {{ run_disclosed_until() }}
),

leads as (
    select
        *,
        {{ lead_no("lead_h") }} as lead_no
    from candidates
    where lead_h >= 0
),

chosen as (
    select distinct on (event_ticker, mode, strategy_name, strategy_version, lead_no) *
    from leads
    order by
        event_ticker asc, mode asc, strategy_name asc, strategy_version asc, lead_no asc,
        decided_at desc, prediction_id desc
),

cumulated as (
    select
        chosen.prediction_id,
        chosen.official_value,
        degrees.whole_value,
        sum(degrees.ppm) over (
            partition by chosen.prediction_id order by degrees.whole_value
        ) / 1000000 as share_up_to
    from chosen
    cross join lateral {{ distribution_rows("chosen.distribution") }} as degrees
    where chosen.official_value is not null
),

-- The integral of (F - step)^2, for whole values a sum; a degree beyond the stored range counts
-- one. Source: Hersbach, Weather and Forecasting 15 (2000).
scored as (
    select
        prediction_id,
        round(
            sum(
                case
                    when whole_value >= official_value then (share_up_to - 1) * (share_up_to - 1)
                    else share_up_to * share_up_to
                end
            )
            + greatest(0, official_value - 1 - max(whole_value))
            + greatest(0, min(whole_value) - official_value),
            6
        ) as crps
    from cumulated
    group by prediction_id, official_value
)

select
    chosen.event_ticker,
    chosen.mode,
    chosen.strategy_name,
    chosen.strategy_version,
    chosen.lead_no,
    chosen.city_code,
    chosen.market_type,
    chosen.climate_date,
    chosen.prediction_id,
    chosen.official_value,
    scored.crps,
    chosen.decided_at,
    chosen.changed_at
from chosen
left join scored on chosen.prediction_id = scored.prediction_id
order by
    chosen.event_ticker, chosen.mode, chosen.strategy_name, chosen.strategy_version,
    chosen.lead_no
