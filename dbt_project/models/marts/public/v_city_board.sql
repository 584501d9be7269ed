-- Market and weather are live; the model's side is at least as old as the public delay, because a
-- fresh forecast beside a fresh price would tell what we are about to trade.
with

-- A column, for some engines take no subquery in the condition of a lateral join.
clock as (
    select
        {{ as_of() }} as now_at,
        {{ disclosed_until() }} as ours_until
),

days as (select * from {{ ref("int_markets__board_days") }}),

contracts as (select * from {{ ref("int_markets__latest_snapshot") }}),

weather as (select * from {{ ref("stg_ops__weather_snapshots") }}),

-- Of a cycle's predictions of an event the first is what was traded on; benchmarks follow it.
predictions as (select * from {{ ref("stg_ops__predictions") }}),

-- An absent bid is a bid of nothing, an absent offer one of a full dollar; without either, no
-- price.
priced as (
    select
        *,
        case
            when yes_bid is not null or yes_ask is not null
                then round((coalesce(yes_bid, 0) + coalesce(yes_ask, 1)) * 0.5, 6)
        end as mid,
        case when result is not null then result = 'yes' end as is_winner
    from contracts
),

ranked as (
    select
        *,
        mid is not null
        and row_number() over (
            partition by city_code, market_type, climate_date
            order by mid desc nulls last, lo asc nulls first, ticker asc
        ) = 1 as is_leading
    from priced
),

forecasts as (
    select
        events.event_ticker,
        latest.*
    from (select distinct contracts.event_ticker from contracts) as events
    cross join clock
    inner join lateral (
        select
            -- taken out once: read again for each degree they were two thirds of this view's time
            cast(predictions.distribution ->> 'start' as integer) as start_at,
            predictions.distribution -> 'ppm' as ppm,
            predictions.mean_f,
            predictions.sd_f,
            predictions.p10_f,
            predictions.p50_f,
            predictions.p90_f,
            predictions.decided_at
        from predictions
        where
            predictions.event_ticker = events.event_ticker
            and predictions.decided_at <= {{ disclosed_until() }}
        order by predictions.decided_at desc, predictions.prediction_id asc
        limit 1
    ) as latest on latest.decided_at > clock.ours_until - interval '5 days'
),

believed as (
    select
        ranked.*,
        (
            select round(sum(cast(part.value as numeric)) * 0.000001, 6)
            from {{ json_elements("forecasts.ppm", as_text=true) }} as part
            where
                forecasts.start_at + part.place - 1
                between coalesce(ranked.lo, -1000) and coalesce(ranked.hi, 1000)
        ) as in_range_p,
        forecasts.event_ticker is not null as is_forecast
    from ranked
    left join forecasts on ranked.event_ticker = forecasts.event_ticker
),

events as (
    select
        city_code,
        market_type,
        climate_date,
        min(event_ticker) as event_ticker,
        max(close_at) as close_time,
        bool_or(result is not null) as is_settled,
        bool_or(coalesce(status, 'active') = 'active') as is_active,
        max(official_value) as official_value,
        sum(volume) as volume,
        sum(coalesce(bid_size, 0) + coalesce(ask_size, 0)) filter (where mid is not null) as depth,
        max(captured_at) as quotes_as_of,
        max(bracket_label) filter (where is_leading) as leading_label,
        max(yes_bid) filter (where is_leading) as leading_bid,
        max(yes_ask) filter (where is_leading) as leading_ask,
        {{
            json_list(
                json_object([
                    ("label", "bracket_label"),
                    ("lo", "lo"),
                    ("hi", "hi"),
                    ("yes_bid", "yes_bid"),
                    ("yes_ask", "yes_ask"),
                    ("mid", "mid"),
                    ("bid_size", "bid_size"),
                    ("ask_size", "ask_size"),
                    ("model_p", "case when is_forecast then coalesce(in_range_p, 0) end"),
                    ("is_leading", "is_leading"),
                    ("is_winner", "is_winner"),
                ]),
                "lo asc nulls first, hi asc nulls last",
            )
        }} as ladder
    from believed
    group by city_code, market_type, climate_date
)

select
    days.city_position,
    days.city_code,
    days.city_name,
    days.timezone,
    days.market_type,
    days.climate_date,
    days.is_today,
    case
        when events.event_ticker is null then 'none'
        when events.is_settled then 'settled'
        when events.is_active and events.close_time > {{ as_of() }} then 'open'
        else 'closed'
    end as event_status,
    events.close_time,
    {{ as_numeric("seen.temp_f") }} as temp_f,
    seen.observed_at,
    case
        when seen.climate_date <> days.climate_date then null
        when days.market_type = 'HIGH' then {{ as_numeric("seen.high_so_far_f") }}
        else {{ as_numeric("seen.low_so_far_f") }}
    end as extreme_so_far_f,
    case
        when seen.climate_date <> days.climate_date then null
        when days.market_type = 'HIGH' then seen.high_so_far_at
        else seen.low_so_far_at
    end as extreme_so_far_at,
    events.official_value,
    round({{ as_numeric("forecasts.mean_f") }}, 2) as forecast_f,
    round({{ as_numeric("forecasts.sd_f") }}, 2) as forecast_sd_f,
    forecasts.p10_f,
    forecasts.p50_f,
    forecasts.p90_f,
    date_trunc('minute', forecasts.decided_at) as forecast_as_of,
    coalesce(events.ladder, {{ empty_json_list() }}) as ladder,
    events.leading_label,
    events.leading_bid,
    events.leading_ask,
    events.leading_ask - events.leading_bid as spread,
    events.volume,
    events.depth,
    events.quotes_as_of,
    seen.captured_at as weather_as_of,
    coalesce(events.quotes_as_of < {{ as_of() }} - interval '15 minutes', false) as is_quote_stale
from days
cross join clock
left join events
    on
        days.city_code = events.city_code
        and days.market_type = events.market_type
        and days.climate_date = events.climate_date
left join forecasts on events.event_ticker = forecasts.event_ticker
left join lateral (
    select
        weather.climate_date,
        weather.temp_f,
        weather.observed_at,
        weather.high_so_far_f,
        weather.high_so_far_at,
        weather.low_so_far_f,
        weather.low_so_far_at,
        weather.captured_at
    from weather
    where
        weather.city_code = days.city_code
        and weather.captured_at <= {{ as_of() }}
    order by weather.captured_at desc, weather.weather_snapshot_id desc
    limit 1
) as seen on seen.captured_at > clock.now_at - interval '2 days'
