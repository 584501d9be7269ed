-- What the positions open an hour ago could lose, by cluster of cities. Of an event's brackets
-- exactly one wins, so its worst case is its cost less the smallest payout over all outcomes; a
-- month's rain or snow has nested markets, and all of them may lose together. Every mode that ever
-- traded has a row for each cluster; a run writes them all, from open positions only.
{{
    config(
        materialized="incremental",
        incremental_strategy="delete+insert",
        unique_key="mode",
        on_schema_change="fail",
        indexes=[{"columns": ["mode", "cluster"], "unique": true}],
    )
}}

with

steps as not materialized (select * from {{ ref("int_trades__position_steps") }}),

fills as (select * from {{ ref("int_trades__disclosed_fills") }}),

cities as not materialized (select * from {{ ref("stg_ops__cities") }}),

modes as (
    select known.mode
    from (values ('SHADOW'), ('DEMO'), ('LIVE')) as known (mode)
    inner join lateral (
        select steps.ticker from steps
        where steps.mode = known.mode
        order by steps.ticker
        limit 1
    ) as traded on true
),

clusters as (select distinct cluster from cities),

held as (
    select
        steps.mode,
        steps.ticker,
        steps.side,
        steps.qty,
        steps.cost_usd,
        terms.event_ticker,
        terms.market_type,
        cities.cluster
    from steps
    inner join lateral (
        select
            fills.event_ticker,
            fills.market_type,
            fills.city_code
        from fills
        where fills.mode = steps.mode and fills.ticker = steps.ticker
        order by fills.filled_at desc, fills.fill_id asc
        limit 1
    ) as terms on true
    inner join cities on terms.city_code = cities.city_code
    where steps.valid_to = 'infinity'
),

-- What each outcome of an event would pay: one for each bracket held, and one for all the others.
outcomes as (
    select
        event_ticker,
        mode,
        ticker as winner
    from held
    union all
    select distinct
        event_ticker,
        mode,
        'another' as winner
    from held
),

payouts as (
    select
        outcomes.mode,
        outcomes.event_ticker,
        outcomes.winner,
        sum(
            case
                when held.market_type in ('RAIN', 'SNOW') then 0
                when (held.side = 'YES') = (held.ticker = outcomes.winner) then held.qty
                else 0
            end
        ) as payout_usd
    from outcomes
    inner join held
        on outcomes.mode = held.mode and outcomes.event_ticker = held.event_ticker
    group by outcomes.mode, outcomes.event_ticker, outcomes.winner
),

events as (
    select
        held.mode,
        held.event_ticker,
        held.cluster,
        count(*) as market_count,
        sum(held.qty) as qty,
        sum(held.cost_usd) as cost_usd,
        (
            select min(payouts.payout_usd) from payouts
            where payouts.mode = held.mode and payouts.event_ticker = held.event_ticker
        ) as least_payout_usd
    from held
    group by held.mode, held.event_ticker, held.cluster
)

select
    modes.mode,
    clusters.cluster,
    cast(coalesce(sum(events.market_count), 0) as bigint) as market_count,
    coalesce(sum(events.qty), 0) as qty,
    coalesce(sum(events.cost_usd), 0) as cost_usd,
    coalesce(sum(events.cost_usd - events.least_payout_usd), 0) as worst_case_usd,
    date_trunc('minute', {{ run_disclosed_until() }}) as as_of_minute
from modes
cross join clusters
left join events on modes.mode = events.mode and clusters.cluster = events.cluster
group by modes.mode, clusters.cluster
order by modes.mode, clusters.cluster
