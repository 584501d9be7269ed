-- The contracts of the board's events, each with its newest terms and its newest quote as of now.
-- Both are found through an index, contract by contract: the cost does not grow with history.
with

days as (select * from {{ ref("int_markets__board_days") }}),

contracts as (select * from {{ ref("stg_ops__contracts") }}),

snapshots as (select * from {{ ref("stg_ops__market_snapshots") }}),

terms as (
    select distinct on (contracts.ticker)
        days.city_code,
        days.market_type,
        days.climate_date,
        contracts.ticker,
        contracts.event_ticker,
        contracts.bracket_label,
        contracts.lo,
        contracts.hi,
        contracts.close_at
    from days
    inner join contracts
        on
            days.city_code = contracts.city_code
            and days.market_type = contracts.market_type
            and days.climate_date = contracts.climate_date
    order by contracts.ticker asc, contracts.first_seen_at desc
)

select
    terms.city_code,
    terms.market_type,
    terms.climate_date,
    terms.ticker,
    terms.event_ticker,
    terms.bracket_label,
    terms.lo,
    terms.hi,
    result.result,
    result.official_value,
    quote.status,
    quote.yes_bid,
    quote.yes_ask,
    quote.volume,
    cast(quote.book -> 'yes_bids' -> 0 ->> 1 as numeric) as bid_size,
    cast(quote.book -> 'no_bids' -> 0 ->> 1 as numeric) as ask_size,
    terms.close_at,
    quote.captured_at
from terms
left join lateral {{ newest_result("terms.ticker", as_of()) }} as result on true
left join lateral (
    select
        snapshots.status,
        snapshots.yes_bid,
        snapshots.yes_ask,
        snapshots.volume,
        snapshots.book,
        snapshots.captured_at
    from snapshots
    where
        snapshots.ticker = terms.ticker
        and snapshots.captured_at <= {{ as_of() }}
    order by snapshots.captured_at desc, snapshots.market_snapshot_id desc
    limit 1
) as quote on quote.captured_at > {{ as_of() }} - interval '5 days'
