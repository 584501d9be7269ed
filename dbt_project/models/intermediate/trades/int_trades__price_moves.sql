-- Whether the price moved our way after a fill: the mid price of what was bought an hour later,
-- and at the market's close. Only quotes with both sides count. A run looks at fills disclosed,
-- and at markets closed, since the last finished run.
{{
    config(
        materialized="incremental",
        incremental_strategy="delete+insert",
        unique_key="fill_id",
        on_schema_change="fail",
        indexes=[
            {"columns": ["fill_id"], "unique": true},
            {"columns": ["climate_date"]},
            {"columns": ["changed_at"]},
        ],
    )
}}

with

fills as not materialized (select * from {{ ref("int_trades__disclosed_fills") }}),

contracts as not materialized (select * from {{ ref("stg_ops__contracts") }}),

-- Looked up by index for each fill: written out once it would be read whole twice a fill, for it is
-- used twice.
quotes as not materialized (
    select
        *,
        {{ mid_price("yes_bid", "yes_ask") }} as mid
    from {{ ref("stg_ops__market_snapshots") }}
    where yes_bid is not null and yes_ask is not null
),

due as (
    select fill_id from fills
    where changed_at > {{ changed_since() }}
    {% if is_incremental() %}
        union
        select fills.fill_id
        from contracts
        inner join fills on contracts.ticker = fills.ticker
        where
            contracts.close_at > {{ changed_since() }}
            and contracts.close_at <= {{ run_as_of() }}
    {% endif %}
),

closing as (
    select
        fills.fill_id,
        fills.mode,
        fills.ticker,
        fills.climate_date,
        fills.strategy_name,
        fills.bought_side,
        fills.qty,
        fills.bought_price,
        fills.fee,
        fills.filled_at,
        fills.changed_at,
        case when terms.close_at <= {{ run_as_of() }} then terms.close_at end as closed_at
    from due
    inner join fills on due.fill_id = fills.fill_id
    left join lateral (
        select contracts.close_at from contracts
        where contracts.ticker = fills.ticker
        order by contracts.first_seen_at desc, contracts.terms_hash asc
        limit 1
    ) as terms on true
)

select
    closing.fill_id,
    closing.mode,
    closing.climate_date,
    closing.strategy_name,
    closing.qty,
    closing.bought_price,
    closing.fee,
    case closing.bought_side when 'YES' then soon.mid else 1 - soon.mid end as price_in_an_hour,
    case closing.bought_side when 'YES' then late.mid else 1 - late.mid end as price_at_close,
    greatest(closing.changed_at, closing.closed_at) as changed_at
from closing
left join lateral (
    select
        quotes.captured_at,
        quotes.mid
    from quotes
    where
        quotes.ticker = closing.ticker
        and quotes.captured_at <= closing.filled_at + interval '1 hour'
    order by quotes.captured_at desc, quotes.market_snapshot_id desc
    limit 1
) as soon on closing.filled_at < soon.captured_at
left join lateral (
    select
        quotes.captured_at,
        quotes.mid
    from quotes
    where
        quotes.ticker = closing.ticker
        and quotes.captured_at < closing.closed_at
    order by quotes.captured_at desc, quotes.market_snapshot_id desc
    limit 1
) as late on late.captured_at > closing.closed_at - interval '35 days'
order by closing.filled_at, closing.fill_id
