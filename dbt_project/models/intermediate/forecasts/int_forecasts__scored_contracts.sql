-- Each contract of a judged prediction: our probability, the market's at the instant of the
-- decision, climatology's, and whether it won. The market's is the mid price, made to sum to one
-- over brackets of which exactly one wins; it is there only where every bracket had a price not
-- older than ten minutes. Climatology's is the prediction of that name in the same cycle.
{{
    config(
        materialized="incremental",
        incremental_strategy="delete+insert",
        unique_key="event_ticker",
        on_schema_change="fail",
        indexes=[
            {"columns": ["event_ticker"]},
            {"columns": ["climate_date"]},
            {"columns": ["changed_at"]},
        ],
    )
}}

with

judged as (
    select * from {{ ref("int_forecasts__judged") }}
    where changed_at > {{ changed_since() }}
),

snapshots as (select * from {{ ref("stg_ops__market_snapshots") }}),

contracts as (
    select distinct on (contracts.ticker)
        contracts.ticker,
        contracts.event_ticker,
        contracts.lo,
        contracts.hi,
        result.result
    from (select distinct judged.event_ticker from judged) as events
    inner join {{ ref("stg_ops__contracts") }} as contracts
        on events.event_ticker = contracts.event_ticker
    inner join lateral {{ newest_result("contracts.ticker", run_as_of()) }} as result on true
    order by contracts.ticker asc, contracts.first_seen_at desc, contracts.terms_hash asc
),

degrees as (
    select
        judged.prediction_id,
        part.whole_value,
        part.ppm
    from judged
    inner join {{ ref("stg_ops__predictions") }} as predictions
        on
            judged.decided_at = predictions.decided_at
            and judged.prediction_id = predictions.prediction_id
    cross join lateral {{ distribution_rows("predictions.distribution") }} as part
),

believed as (
    select
        judged.prediction_id,
        contracts.ticker,
        round(sum(degrees.ppm) / 1000000, 6) as model_p
    from judged
    inner join contracts on judged.event_ticker = contracts.event_ticker
    inner join degrees
        on
            judged.prediction_id = degrees.prediction_id
            and degrees.whole_value >= coalesce(contracts.lo, degrees.whole_value)
            and degrees.whole_value <= coalesce(contracts.hi, degrees.whole_value)
    group by judged.prediction_id, contracts.ticker
),

priced as (
    select
        judged.event_ticker,
        judged.mode,
        judged.strategy_name,
        judged.strategy_version,
        judged.lead_no,
        judged.city_code,
        judged.market_type,
        judged.climate_date,
        judged.decided_at,
        judged.changed_at,
        contracts.ticker,
        contracts.result,
        coalesce(believed.model_p, 0) as model_p,
        {{ mid_price("quote.yes_bid", "quote.yes_ask") }} as mid
    from judged
    inner join contracts on judged.event_ticker = contracts.event_ticker
    left join believed
        on
            judged.prediction_id = believed.prediction_id
            and contracts.ticker = believed.ticker
    left join lateral (
        select
            snapshots.captured_at,
            snapshots.yes_bid,
            snapshots.yes_ask
        from snapshots
        where
            snapshots.ticker = contracts.ticker
            and snapshots.captured_at <= judged.decided_at
        order by snapshots.captured_at desc, snapshots.market_snapshot_id desc
        limit 1
    ) as quote on quote.captured_at > judged.decided_at - interval '10 minutes'
),

summed as (
    select
        *,
        count(*) over event - count(mid) over event as unpriced_count,
        case when market_type in ('RAIN', 'SNOW') then 1 else sum(mid) over event end as mid_total
    from priced
    window event as (
        partition by event_ticker, mode, strategy_name, strategy_version, lead_no
    )
),

climatology as (
    select distinct on (ticker, mode, decided_at)
        ticker,
        mode,
        decided_at,
        model_p
    from summed
    where strategy_name = 'climatology'
    order by ticker asc, mode asc, decided_at asc, strategy_version desc
)

select
    ours.event_ticker,
    ours.ticker,
    ours.mode,
    ours.strategy_name,
    ours.strategy_version,
    ours.lead_no,
    ours.city_code,
    ours.market_type,
    ours.climate_date,
    ours.model_p,
    case
        when ours.unpriced_count = 0 and ours.mid_total > 0
            then round(ours.mid / ours.mid_total, 6)
    end as market_p,
    climatology.model_p as climatology_p,
    cast(ours.result = 'yes' as integer) as is_won,
    ours.changed_at
from summed as ours
left join climatology
    on
        ours.ticker = climatology.ticker
        and ours.mode = climatology.mode
        and ours.decided_at = climatology.decided_at
order by
    ours.event_ticker, ours.ticker, ours.mode, ours.strategy_name, ours.strategy_version,
    ours.lead_no
