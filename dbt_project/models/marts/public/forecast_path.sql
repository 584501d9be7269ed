-- How our forecast, the market and the measured extreme of a day moved, hour by hour. Prices and
-- reports are live, our side is at least as old as the public delay. Each value is found through an
-- index, hour by hour, so a reader should ask for one event.
with

days as (select * from {{ ref("int_markets__board_days") }}),

contracts as (select * from {{ ref("stg_ops__contracts") }}),

snapshots as (select * from {{ ref("stg_ops__market_snapshots") }}),

weather as (select * from {{ ref("stg_ops__weather_snapshots") }}),

-- Of a cycle's predictions of an event the first is what was traded on; benchmarks follow it.
predictions as (select * from {{ ref("stg_ops__predictions") }}),

-- An open end counts as two degrees, as on the cards.
brackets as (
    select distinct
        days.city_code,
        days.market_type,
        days.climate_date,
        contracts.event_ticker,
        contracts.ticker,
        coalesce(contracts.lo, contracts.hi - 1) - 0.5 as low_edge,
        coalesce(contracts.hi, contracts.lo + 1) + 0.5 as high_edge
    from days
    inner join contracts
        on
            days.city_code = contracts.city_code
            and days.market_type = contracts.market_type
            and days.climate_date = contracts.climate_date
    where days.market_type in ('HIGH', 'LOW')
),

hours as (
    select
        brackets.city_code,
        brackets.market_type,
        brackets.climate_date,
        brackets.event_ticker,
        grid.hour_at
    from brackets
    cross join
        {{
            steps_between(
                "date_trunc('hour', " ~ as_of() ~ ") - interval '36 hours'", as_of(), "interval '1 hour'"
            )
        }} as grid (hour_at)
    group by
        brackets.city_code, brackets.market_type, brackets.climate_date, brackets.event_ticker,
        grid.hour_at
)

select
    hours.city_code,
    hours.market_type,
    hours.climate_date,
    hours.hour_at,
    ours.p10_f,
    quartiles.p25_f,
    ours.p50_f,
    quartiles.p75_f,
    ours.p90_f,
    market.median_f as market_median_f,
    case hours.market_type
        when 'HIGH' then {{ as_numeric("seen.high_so_far_f") }}
        else {{ as_numeric("seen.low_so_far_f") }}
    end as extreme_so_far_f
from hours
left join lateral (
    select
        predictions.decided_at,
        predictions.distribution,
        predictions.p10_f,
        predictions.p50_f,
        predictions.p90_f
    from predictions
    where
        predictions.event_ticker = hours.event_ticker
        and predictions.decided_at <= hours.hour_at
        and hours.hour_at <= {{ disclosed_until() }}
    order by predictions.decided_at desc, predictions.prediction_id asc
    limit 1
) as ours on ours.decided_at > hours.hour_at - interval '6 hours'
left join lateral ( -- noqa: ST05
    with degrees as (
        select
            part.whole_value as degree,
            sum(part.ppm) over (order by part.whole_value) as below
        from {{ distribution_rows("ours.distribution") }} as part
    )

    select
        min(degree) filter (where below >= 250000) as p25_f,
        min(degree) filter (where below >= 750000) as p75_f
    from degrees
) as quartiles on true
left join lateral ( -- noqa: ST05
    with ladder as (
        select
            brackets.low_edge,
            brackets.high_edge,
            quote.mid,
            sum(quote.mid) over (order by brackets.low_edge) as below,
            sum(quote.mid) over () as total
        from brackets
        inner join lateral (
            select
                -- times a half: an exact number on every engine
                (coalesce(snapshots.yes_bid, 0) + coalesce(snapshots.yes_ask, 1)) * 0.5 as mid,
                snapshots.captured_at > hours.hour_at - interval '3 hours'
                and (snapshots.yes_bid is not null or snapshots.yes_ask is not null) as is_priced
            from snapshots
            where
                snapshots.ticker = brackets.ticker
                and snapshots.captured_at <= hours.hour_at
            order by snapshots.captured_at desc, snapshots.market_snapshot_id desc
            limit 1
        ) as quote on quote.is_priced
        where brackets.event_ticker = hours.event_ticker
    )

    select round(high_edge - (below - total * 0.5) / mid * (high_edge - low_edge), 1) as median_f
    from ladder
    where below >= total * 0.5 and below - mid < total * 0.5
) as market on true
left join lateral (
    select
        weather.high_so_far_f,
        weather.low_so_far_f
    from weather
    where
        weather.city_code = hours.city_code
        and weather.climate_date = hours.climate_date
        and weather.captured_at <= hours.hour_at
        and weather.captured_at > hours.hour_at - interval '3 hours'
    order by weather.captured_at desc, weather.weather_snapshot_id desc
    limit 1
) as seen on true
order by hours.climate_date, hours.market_type, hours.city_code, hours.hour_at
